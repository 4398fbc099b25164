// SPDX-License-Identifier: MIT
// How long the keeper lets its store take: until the caller's deadline; for what comes after a request, save_timeout.
#include <tokenkeep/file_store.hpp>
#include <tokenkeep/keeper.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"
#include "support/processes.hpp"
#include "support/temporary.hpp"

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace tokenkeep;
using namespace tests;

/// A store that notes how much time each call gets.
struct timed_store : hooked_store {
    struct call {
        std::string operation;
        std::chrono::milliseconds time;
    };

    class limited {
      public:
        limited(timed_store& of, deadline end) : of_(of), left_(end - std::chrono::steady_clock::now()) {}

        std::optional<token> find_token(const token& probe) { return note("find"), of_.find_token(probe); }
        void save_token(const token& record) { note("save"), of_.save_token(record); }
        void delete_token(const std::string& id) { note("delete"), of_.delete_token(id); }
        std::vector<token> get_tokens() { return note("all"), of_.get_tokens(); }
        void delete_tokens() { of_.delete_tokens(); }
        std::optional<token> find_token_by_id(const std::string& id) { return note("find"), of_.find_token_by_id(id); }
        auto lock_token(const std::string& key, deadline until) { return note("lock"), of_.lock_token(key, until); }
        bool replace_token(const token& expected, const token& record) {
            return note("replace"), of_.replace_token(expected, record);
        }
        bool remove_token(const token& expected) { return note("remove"), of_.remove_token(expected); }

      private:
        void note(const char* operation) {
            of_.calls.push_back({operation, std::chrono::ceil<std::chrono::milliseconds>(left_)});
        }

        timed_store& of_;
        std::chrono::steady_clock::duration left_;
    };

    limited until(deadline end) { return {*this, end}; }

    std::vector<call> calls{};

    /// "find 2 s, replace 20 s": the calls since the last time, with their time in seconds.
    std::string told() {
        std::string text;
        for (const call& each : std::exchange(calls, {})) {
            const auto seconds = std::chrono::ceil<std::chrono::seconds>(each.time).count(); // little time has passed
            const std::string one = each.operation + " " + std::to_string(seconds) + " s";
            if (!text.ends_with(one)) text += (text.empty() ? "" : ", ") + one;
        }
        return text;
    }
};
static_assert(deadline_store<timed_store>);

const keeper_options twenty{.save_timeout = 20s};

} // namespace

TEST_CASE("deadlines: a look-up, a refresh and a login get the caller's time until the request, then save_timeout",
          "[keeper][deadlines]") {
    world<timed_store> here;
    auto keep = here.keeper(twenty);
    const auto in_two_seconds = [&] { return here.clock.steady_now() + 2s; };
    keep.access_token({.user_name = "ada", .grant_token = here.server.grant("ada")}, in_two_seconds());
    CHECK(here.store.told() == "find 2 s, lock 2 s, find 2 s, save 2 s, find 2 s, lock 2 s, find 2 s, replace 20 s");
    keep.access_token({.user_name = "ada"}, in_two_seconds());
    CHECK(here.store.told() == "find 2 s");
    keep.refresh({.user_name = "ada"}, here.row().access_token, in_two_seconds());
    CHECK(here.store.told() == "find 2 s, lock 2 s, find 2 s, replace 2 s, replace 20 s");
    keep.revoke({.user_name = "ada"}, in_two_seconds());
    CHECK(here.store.told() == "find 2 s, lock 2 s, find 2 s, replace 2 s, remove 20 s");
}

TEST_CASE("deadlines: a call without a deadline gives its store lock_timeout", "[keeper][deadlines]") {
    world<timed_store> here;
    here.login();
    here.store.told();
    here.keeper({.lock_timeout = 7s}).access_token({.user_name = "ada"});
    CHECK(here.store.told() == "find 7 s");
}

TEST_CASE("deadlines: what an answer says of the old token is saved in save_timeout too", "[keeper][deadlines]") {
    world<timed_store> here;
    here.login();
    here.server.revoke(here.row().refresh_token);
    here.clock.advance(2h);
    auto keep = here.keeper(twenty);
    here.store.told();
    CHECK_THROWS_AS(keep.access_token({.user_name = "ada"}, here.clock.steady_now() + 2s), error);
    CHECK(here.store.told() == "find 2 s, lock 2 s, find 2 s, replace 2 s, find 20 s, replace 20 s");
}

TEST_CASE("deadlines: after new tokens that do not belong there any more, the caller's time counts again",
          "[keeper][deadlines]") {
    world<timed_store> here;
    here.login();
    here.clock.advance(2h);
    auto keep = here.keeper(twenty);
    here.store.told();
    int replacements = 0;
    here.store.before = [&](std::string_view operation) {
        if (operation == "replace" && ++replacements == 2) here.take_over("another grant");
    };
    CHECK(keep.access_token({.user_name = "ada"}, here.clock.steady_now() + 2s).reveal() == "at-theirs");
    CHECK(here.store.told() == "find 2 s, lock 2 s, find 2 s, replace 2 s, replace 20 s, find 20 s, find 2 s");
}

TEST_CASE("deadlines: whether the old token can be served is looked up in the caller's time", "[keeper][deadlines]") {
    world<timed_store> here({.token_life = 1h});
    here.login();
    here.clock.advance(59min + 30s); // due, and still valid
    auto keep = here.keeper(twenty);
    here.server.next(testing::fault::http(429));
    here.store.told();
    CHECK(here.is_stored(keep.access_token({.user_name = "ada"}, here.clock.steady_now() + 2s)));
    CHECK(here.store.told() == "find 2 s, lock 2 s, find 2 s, replace 2 s, replace 20 s, find 2 s");
}

TEST_CASE("deadlines: tokens that a later caller saves get that caller's time", "[keeper][deadlines]") {
    world<timed_store> here;
    here.login();
    here.clock.advance(2h);
    {
        auto keep = here.keeper(twenty);
        int replacements = 0;
        here.store.before = [&](std::string_view operation) {
            if (operation == "replace" && ++replacements != 1) throw error(errc::not_saved, "the disk is full");
        };
        CHECK_THROWS_AS(keep.access_token({.user_name = "ada"}), rotation_not_saved_error);
        here.store.told();
        CHECK_THROWS_AS(keep.access_token({.user_name = "ada"}, here.clock.steady_now() + 2s),
                        rotation_not_saved_error);
        CHECK(here.store.told() == "find 2 s, replace 2 s");
        here.store.before = [](std::string_view) {};
    }
    CHECK(here.store.told() == "find 20 s, replace 20 s"); // the destructor saves them
    CHECK(here.store.inner.find_token({.user_name = "ada"})->status.empty());
}

namespace {

/// A store that stops working just after a marker was written: from then on every call fails.
void stop_after_a_marker(timed_store& store) {
    const auto stop = [&] {
        store.before = [](std::string_view) { throw error(errc::indeterminate, "it has stopped"); };
        store.before("");
    };
    store.after_saving = store.after_replacing = stop;
}
void go_on(timed_store& store) {
    store.before = [](std::string_view) {};
    store.after_saving = store.after_replacing = [] {};
}

} // namespace

TEST_CASE("deadlines: a login that sent nothing is undone in the caller's time; if that fails, it goes on later",
          "[keeper][deadlines]") {
    for (const bool has_row : {false, true}) {
        world<timed_store> here;
        auto keep = here.keeper(twenty);
        if (has_row) here.login();
        const unsigned requests = here.server.log().token_requests;
        const token probe{.user_name = "ada", .grant_token = here.server.grant("ada")};
        here.store.told();
        for (int times = 0; times < 3; ++times) { // the row has the marker of the last time, or of the one before
            if (times == 1)
                here.store.before = [](std::string_view operation) {
                    if (operation == "replace") throw error(errc::not_saved, "the disk is full");
                };
            else
                stop_after_a_marker(here.store);
            CHECK_THROWS_AS(keep.access_token(probe, here.clock.steady_now() + 2s), error);
            CHECK(here.store.told().find("20 s") == std::string::npos);
            go_on(here.store);
            CHECK(read_status(here.row().status).kind == status_kind::spend);
        }
        auto other = here.keeper(twenty); // it cannot know that the token was not sent
        CHECK_THROWS_AS(other.access_token(probe), error);
        CHECK(here.server.log().token_requests == requests);
        CHECK(here.is_stored(keep.access_token(probe)));
        CHECK(here.server.log().token_requests == requests + 1);
        CHECK(here.row().status.empty());
    }
}

TEST_CASE("deadlines: a login that a program has stored goes on later too, with its verifier", "[keeper][deadlines]") {
    world<timed_store> here;
    std::string body;
    const auto transport = [&](const http_request& request) {
        body = request.body;
        return here.server(request);
    };
    keeper keep{here.store, transport, here.server.provider(), twenty, here.seen, here.clock};
    here.store.save_token({.user_name = "ada",
                           .client_id = here.server.provider().client_id,
                           .grant_token = here.server.grant("ada"),
                           .code_verifier = "a-verifier"});
    stop_after_a_marker(here.store);
    CHECK_THROWS_AS(keep.access_token({.user_name = "ada"}), error);
    go_on(here.store);
    CHECK(here.row().code_verifier.empty());
    CHECK(here.is_stored(keep.access_token({.user_name = "ada"})));
    CHECK(body.find("code_verifier=a-verifier") != std::string::npos);
}

TEST_CASE("deadlines: what others have written into the row of such a login meanwhile stays", "[keeper][deadlines]") {
    world<timed_store> here;
    here.login();
    auto keep = here.keeper(twenty);
    const token probe{.user_name = "ada", .grant_token = here.server.grant("ada")};
    stop_after_a_marker(here.store);
    CHECK_THROWS_AS(keep.access_token(probe), error);
    go_on(here.store);
    token changed = here.row();
    changed.api_domain = "https://api.example.test";
    CHECK(here.store.inner.replace_token(here.row(), changed));
    CHECK(here.is_stored(keep.access_token(probe)));
    CHECK(here.row().api_domain == "https://api.example.test");
}

TEST_CASE("deadlines: a refresh that sent nothing goes on at once, and elsewhere when its marker is old",
          "[keeper][deadlines]") {
    world<timed_store> here;
    here.login();
    here.clock.advance(2h);
    auto keep = here.keeper(twenty);
    stop_after_a_marker(here.store);
    CHECK_THROWS_AS(keep.access_token({.user_name = "ada"}, here.clock.steady_now() + 2s), error);
    go_on(here.store);
    CHECK(read_status(here.row().status).kind == status_kind::spend);
    const deadline soon = here.clock.steady_now() + 2s;
    CHECK_THROWS_AS(here.keeper(twenty).access_token({.user_name = "ada"}, soon), error);
    const timestamp before = here.clock.now();
    CHECK(here.is_stored(keep.access_token({.user_name = "ada"}, here.clock.steady_now() + 2s)));
    CHECK(here.clock.now() == before);
    CHECK(here.server.log().reused == 0);
}

TEST_CASE("deadlines: a marker that replaced an older doubt leaves that doubt", "[keeper][deadlines]") {
    world<timed_store> here;
    here.login();
    here.clock.advance(2h);
    token row = here.row();
    row.status = here.marker_for(row.refresh_token); // another program may have sent it, a minute ago
    here.store.inner.replace_token(here.row(), row);
    here.clock.advance(1min);
    auto keep = here.keeper(twenty);
    stop_after_a_marker(here.store);
    CHECK_THROWS_AS(keep.access_token({.user_name = "ada"}), error);
    go_on(here.store);
    const timestamp before = here.clock.now();
    CHECK(here.is_stored(keep.access_token({.user_name = "ada"})));
    CHECK(here.clock.now() - before >= 20s); // it waits until the last marker is old
}

TEST_CASE("deadlines: a marker that is not written by the deadline is lock_timeout, and nothing is sent",
          "[keeper][deadlines]") {
    world<timed_store> here;
    here.login();
    here.clock.advance(2h);
    auto keep = here.keeper(twenty);
    here.store.before = [&](std::string_view operation) {
        if (operation != "replace") return;
        here.clock.advance(3s);
        throw error(errc::not_saved, "the disk is full");
    };
    const auto requests = here.server.log().token_requests;
    try {
        keep.access_token({.user_name = "ada"}, here.clock.steady_now() + 2s);
        FAIL("it took its time");
    } catch (const error& late) {
        CHECK(late.code() == errc::lock_timeout);
    }
    CHECK(here.server.log().token_requests == requests);
}

TEST_CASE("deadlines: callers end by theirs while another process is stopped with the store's file",
          "[keeper][deadlines]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    testing::fake_server server;
    file_store store(path);
    keeper keep{store, server, server.provider()};
    keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
    const secret rejected = keep.access_token({.user_name = "ada"});
    holding_process writer([&] {
        tokenkeep::detail::lock_file lock(path + ".lock");
        expect(lock.try_lock(0), "the store lock is free");
        return lock;
    });
    const unsigned requests = server.log().token_requests;
    std::atomic<int> right = 0;
    std::vector<std::thread> threads;
    for (int n = 0; n < 16; ++n)
        threads.emplace_back([&, n] {
            const deadline end = std::chrono::steady_clock::now() + 200ms;
            try {
                if (n % 2 == 0)
                    keep.refresh({.user_name = "ada"}, rejected, end);
                else
                    keep.access_token({.user_name = "user " + std::to_string(n), .grant_token = "code"}, end);
            } catch (const error& late) {
                const bool is_in_time = std::chrono::steady_clock::now() < end + 5s; // the machine may be busy
                right += late.code() == errc::lock_timeout && is_in_time ? 1 : 0;
            }
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(right == 16);
    CHECK(server.log().token_requests == requests);
    writer.kill();
    CHECK(keep.refresh({.user_name = "ada"}, rejected) != rejected);
}
