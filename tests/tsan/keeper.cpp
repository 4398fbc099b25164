// SPDX-License-Identifier: MIT
// Eight threads use two keepers over one store and one server in every way, for the thread sanitizer.
#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/keeper.hpp>
#include <tokenkeep/testing/fake_server.hpp>

#include <chrono>
#include <cstdio>
#include <latch>
#include <string>
#include <thread>
#include <vector>

using namespace tokenkeep;
using namespace std::chrono_literals;

namespace {

/// Refreshes are refused, or unknown to have been made, at times; then the user logs in again.
template <class Keeper>
void use(Keeper& keep, testing::fake_server& server, unsigned thread) {
    const std::string user = "user " + std::to_string(thread % 2);
    auto session = keep.session({.user_name = user});
    for (int n = 0; n < 2000; ++n) {
        try {
            if (n % 300 == 7) server.next(testing::fault::kind::lost_answer);
            if (n % 250 == 3) server.next(testing::fault::http(429));
            if (n % 500 == 499) keep.revoke({.user_name = user});
            const secret access = keep.access_token({.user_name = user});
            (void)session.access_token();
            (void)keep.fresh_token({.user_name = user});
            if (n % 20 == 0) (void)keep.refresh({.user_name = user}, access);
            (void)keep.send({.method = "GET", .url = server.resource()}, {.user_name = user});
        } catch (const error&) {
            try {
                keep.access_token({.user_name = user, .grant_token = server.grant(user)});
            } catch (const error&) { // this login met a fault too
            }
        }
    }
}

} // namespace

int main() {
    testing::fake_server server;
    memory_store store;
    const keeper_options options{.doubt_expires_after = 5ms, .first_backoff = 1ms, .longest_backoff = 2ms};
    keeper first{store, server, server.provider(), options};
    keeper second{store, server, server.provider(), options};
    for (const char* user : {"user 0", "user 1"})
        first.access_token({.user_name = user, .grant_token = server.grant(user)});
    std::latch all_are_here(8);
    std::vector<std::thread> threads;
    for (unsigned n = 0; n < 8; ++n)
        threads.emplace_back([&, n] {
            all_are_here.arrive_and_wait();
            use(n % 4 < 2 ? first : second, server, n);
        });
    for (std::thread& each : threads) each.join();
    std::printf("%u refreshes, %u logins\n", server.log().refreshes, server.log().logins);
    return server.log().refreshes > 100 ? 0 : 1;
}
