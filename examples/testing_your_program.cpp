// SPDX-License-Identifier: MIT
//
// A program's own test, without a network and without waiting: what do callers see while the server is down?
#include <tokenkeep/testing.hpp>
#include <tokenkeep/tokenkeep.hpp>

#undef NDEBUG // assert in release builds too
#include <cassert>
#include <cstdio>

using namespace std::chrono_literals;
using namespace tokenkeep;

int main() {
    testing::virtual_clock clock; // time passes when the test says so
    testing::fake_server server{{.token_life = 10min}, clock};
    memory_store store;
    keeper keep{store, server, server.provider(), {}, ignore_events{}, clock};
    const token ada{.user_name = "ada"};
    const secret first = keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});

    server.next(testing::fault::http(503)); // the next two requests for tokens fail
    server.next(testing::fault::http(503));

    clock.advance(9min);                     // the keeper refreshes a token one minute before it expires
    assert(keep.access_token(ada) == first); // the refresh fails, but the old token still lives

    clock.advance(1min); // it has expired
    try {
        keep.access_token(ada);
        assert(false);
    } catch (const error& failure) {
        assert(failure.code() == errc::outcome_unknown); // this caller gets no token
    }

    clock.advance(5s);                       // longer than the keeper's pause after a failure
    assert(keep.access_token(ada) != first); // the server is back, and the session goes on
    assert(server.log().refreshes == 1);
    assert(server.log().token_requests == 4); // the login, two failures, the refresh
    std::puts("Ada's session has outlived two failures of the server.");
}

// prints:
// Ada's session has outlived two failures of the server.
