// SPDX-License-Identifier: MIT
// Every allocation of a login (by a grant token, by a device code), a refresh, a seeding, a revocation and a request
// for a token of the client itself fails: it alone, or all from then on. Whatever the call says, no session is lost:
// the next calls bring a token, no token is sent twice, and no lock stays.
// databases: SQLite
#include <tokenkeep/testing/fake_server.hpp>
#include <tokenkeep/testing/virtual_clock.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include "support/searched_memory.hpp"
#include "support/temporary.hpp"

#include <tokenkeep/sqlite.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace {

using namespace tokenkeep;
using namespace std::chrono_literals;

enum class step { login, refresh, seeding, revocation, device, client };
constexpr step all_steps[] = {step::login, step::refresh, step::seeding, step::revocation, step::device, step::client};
constexpr const char* names[] = {"login", "refresh", "seeding", "revocation", "device login", "client credentials"};

const token ada{.user_name = "ada"};

int passed = 0, failed = 0;

void check(bool holds, const std::string& what) {
    ++(holds ? passed : failed);
    if (!holds) std::printf("%s\n", what.c_str());
}

/// What the call that lacked memory has thrown; empty if it threw nothing, "?" if it is neither of the library's errors
/// nor std::bad_alloc.
template <class Act>
std::string thrown_by(Act act) {
    try {
        act();
        return {};
    } catch (const error& failure) {
        const tests::unwatched by_the_test;
        return failure.code().message();
    } catch (const std::bad_alloc&) {
        const tests::unwatched by_the_test;
        return "no memory";
    } catch (const std::exception&) {
        return "?";
    }
}

/// One step in a session of its own, of which the allocation `n` fails. False if it has not so many.
template <class OpenStore>
bool take(const std::string& kind, step what, long n, bool goes_on, OpenStore open) {
    testing::virtual_clock clock;
    testing::fake_server server({}, clock);
    const auto transport = [&](const http_request& request) {
        const tests::unwatched by_the_test;
        return server(request);
    };
    auto store = open();
    oauth2_provider provider = server.provider();
    provider.client_credentials = what == step::client;
    keeper keep{*store, transport, provider, {}, ignore_events{}, clock};
    token probe = what == step::client ? token() : ada;
    if (what == step::device || what == step::client) { // there is nothing before
    } else if (what == step::login) {
        probe.grant_token = server.grant("ada");
    } else if (what == step::seeding) {
        memory_store elsewhere;
        keeper first{elsewhere, transport, server.provider(), {}, ignore_events{}, clock};
        probe.refresh_token = first.record({.user_name = "ada", .grant_token = server.grant("ada")}).refresh_token;
    } else {
        keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
    }
    if (what == step::refresh) clock.advance(2h);
    const auto approve = [&](const device_prompt& prompt) {
        const tests::unwatched by_the_test;
        server.approve(prompt.user_code, "ada");
    };
    const auto act = [&] {
        if (what == step::revocation)
            keep.revoke(probe);
        else if (what == step::device)
            keep.log_in_with_device(probe, approve);
        else
            keep.access_token(probe);
    };

    tests::goes_on_failing = goes_on;
    tests::until_failure = n;
    const std::string thrown = thrown_by(act);
    const bool has_failed =
        tests::until_failure <= 0 && (goes_on ? tests::until_failure == 0 : tests::until_failure < 0);
    tests::until_failure = -1;

    const std::string where = kind + ", " + names[static_cast<int>(what)] + ", allocation " + std::to_string(n) +
                              (goes_on ? " and all later ones" : "") + ": " + thrown;
    check(thrown != "?", where + " is no error of the library's");
    if (what == step::revocation) {
        std::string last = thrown;
        for (int tries = 0; tries < 3 && last != "token not found"; ++tries) last = thrown_by(act);
        check(last == "token not found", where + "; then " + last);
        check(store->get_tokens().empty(), where + "; the row stays");
    } else {
        std::string last = "not called";
        for (int tries = 0; tries < 3 && !last.empty(); ++tries) {
            last = thrown_by(act);
            if (!last.empty()) clock.advance(1min);
        }
        check(last.empty(), where + "; then " + last);
    }
    check(server.log().reused == 0, where + "; a token was sent twice");

    // Another program has the session too, and is not locked out.
    auto other_store = open();
    keeper other{*other_store, transport, provider, {}, ignore_events{}, clock};
    clock.advance(2h);
    const std::string others = thrown_by([&] { other.access_token(what == step::client ? token() : ada); });
    check(others == (what == step::revocation ? "token not found" : ""), where + "; for others: " + others);
    check(server.log().reused == 0, where + "; others sent a token twice");
    return has_failed;
}

template <class OpenStore>
void sweep(const std::string& kind, OpenStore open_new) {
    for (const step what : all_steps)
        for (const bool goes_on : {false, true})
            for (long n = 0; take(kind, what, n, goes_on, open_new()); ++n) {
            }
}

/// How many allocations `act` makes; `act` itself may keep what it makes.
template <class Act>
long allocations_of(Act act) {
    constexpr long many = 1'000'000;
    tests::until_failure = many;
    act();
    return many - std::exchange(tests::until_failure, -1);
}

void check_allocations(const char* what, long made, long bound) {
    std::printf("%s: %ld allocations\n", what, made);
    check(made <= bound, std::string(what) + " makes more than " + std::to_string(bound) + " allocations");
}

/// A session takes no memory while its token is fresh, and a call of the keeper that of the secret that it gives.
void count_allocations() {
    testing::virtual_clock clock;
    testing::fake_server server({}, clock);
    memory_store store;
    keeper keep{store, server, server.provider(), {}, ignore_events{}, clock};
    keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
    tokenkeep::session session = keep.session(ada);
    session.access_token();
    secret given;
    check_allocations("session::access_token", allocations_of([&] { session.access_token(); }), 0);
    check_allocations("keeper::access_token", allocations_of([&] { given = keep.access_token(ada); }), 1);
    check_allocations("keeper::fresh_token", allocations_of([&] { given = *keep.fresh_token(ada); }), 1);
    clock.advance(2h);
    check_allocations("a refresh, with what the server of this test takes",
                      allocations_of([&] { given = keep.access_token(ada); }), 150);
}

} // namespace

int main() {
    count_allocations();
    if (std::getenv("TMPDIR") == nullptr && std::filesystem::is_directory("/dev/shm"))
        ::setenv("TMPDIR", "/dev/shm", 1); // flushing is quick there; what is durable is not the question
    sweep("memory", [] {
        auto one = std::make_shared<memory_store>();
        return [one] { return one; };
    });
    sweep("file", [] {
        auto where = std::make_shared<temporary_directory>();
        return [where] { return std::make_unique<file_store>(*where / "tokens"); };
    });
    sweep("SQLite", [] {
        auto where = std::make_shared<temporary_directory>();
        return [where] { return std::make_unique<sqlite_store>(*where / "tokens"); };
    });
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
