// SPDX-License-Identifier: MIT
// What has gone wrong in the refreshes of other programs, one test for each.
#include <tokenkeep/detail/keeper/refresh.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using tests::error_of, tests::world;
using tokenkeep::errc, tokenkeep::event_kind, tokenkeep::keeper_options, tokenkeep::secret, tokenkeep::token;
using tokenkeep::testing::fault;
using namespace std::chrono_literals;

namespace {

const token ada{.user_name = "ada"};

/// Waits until the row has a spend marker: whoever wrote it is sending.
void wait_for_marker(world<>& w) {
    for (int tries = 0; tries < 10'000; ++tries) {
        if (tokenkeep::read_status(w.row().status).kind == tokenkeep::status_kind::spend) return;
        std::this_thread::sleep_for(1ms);
    }
    FAIL("nobody has written a marker");
}

/// Another process spends the row's refresh token, as it should, and is killed before it can save what comes back.
void spend_and_die(world<>& w) {
    token marked = w.row();
    marked.status = w.marker_for(marked.refresh_token);
    REQUIRE(w.store.inner.replace_token(w.row(), marked));
    REQUIRE(w.server(w.server.provider().refresh_request(marked)).status == 200);
}

} // namespace

TEST_CASE("mishap: tokens that others have overtaken are dropped, and what the row holds is not revoked with them",
          "[refresh]") {
    world w;
    const token before = w.login();
    w.clock.advance(2h);
    const secret grant = GENERATE_COPY(values<secret>({before.grant_token, "of another login"}));
    const auto transport = [&](const tokenkeep::http_request& request) {
        auto response = w.server(request);
        w.take_over(grant);
        return response;
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    CHECK(keep.access_token(ada) == secret("at-theirs"));
    CHECK(w.seen.count(event_kind::dropped) == 1);
    CHECK(w.server.log().revocations == 0);
}

TEST_CASE("mishap: where refresh tokens stay, none is revoked because its row has gone", "[refresh]") {
    world w({.rotate = false});
    const token before = w.login();
    w.clock.advance(2h);
    const auto transport = [&](const tokenkeep::http_request& request) {
        w.store.inner.delete_tokens(); // it is in another store now
        return w.server(request);
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::token_not_found);
    CHECK(w.server.is_live(before.refresh_token));
}

TEST_CASE("mishap: who waits does not give up before the slowest request has ended", "[refresh]") {
    constexpr keeper_options defaults, slow{.request_timeout = 5min};
    static_assert(defaults.effective_lock_timeout(0s) > defaults.request_timeout);
    static_assert(slow.effective_lock_timeout(0s) > slow.request_timeout);
    static_assert(defaults.effective_lock_timeout(1h) > 2 * defaults.request_timeout);
    static_assert(defaults.effective_doubt_expires_after(true) < defaults.effective_lock_timeout(0s));
    static_assert(defaults.effective_doubt_expires_after(false) < defaults.effective_lock_timeout(0s));

    world w;
    w.login();
    w.clock.advance(2h);
    std::promise<void> others_are_waiting;
    const auto transport = [&](const tokenkeep::http_request& request) {
        others_are_waiting.get_future().wait();
        w.clock.advance(29s);
        std::this_thread::sleep_for(20ms); // time for them to give up, if they do
        return w.server(request);
    };
    tokenkeep::keeper first{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    auto second = w.keeper();
    auto sender = std::async(std::launch::async, [&] { return first.access_token(ada); });
    wait_for_marker(w);
    auto same_keeper = std::async(std::launch::async, [&] { return first.access_token(ada); });
    auto other_keeper = std::async(std::launch::async, [&] { return second.access_token(ada); });
    std::this_thread::sleep_for(20ms);
    others_are_waiting.set_value();
    const secret given = sender.get();
    CHECK(same_keeper.get() == given);
    CHECK(other_keeper.get() == given);
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("mishap: a machine that sleeps, or loses its network, in the midst of a refresh keeps its session",
          "[refresh]") {
    world w;
    const token before = w.login();
    w.clock.advance(2h);
    bool asleep = true;
    const auto transport = [&](const tokenkeep::http_request& request) {
        if (asleep) {
            w.clock.advance(8h);
            throw tokenkeep::transport_error("the connection is gone");
        }
        return w.server(request);
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::outcome_unknown);
    CHECK(w.row().refresh_token == before.refresh_token);
    asleep = false;
    w.clock.advance(1h);
    CHECK(w.is_stored(keep.access_token(ada)));
    CHECK(w.server.is_live(w.row().refresh_token));
}

TEST_CASE("mishap: a refresh that is refused before it was needed drops no token that lives", "[refresh]") {
    world w;
    const token before = w.login();
    w.clock.advance(1h - 30s);
    SECTION("because the session has ended: said when the token has ended too, and asked no more") {
        w.server.next({fault::kind::answer, {.status = 400, .body = R"({"error":"invalid_grant"})"}});
        auto keep = w.keeper();
        CHECK(keep.access_token(ada) == before.access_token);
        CHECK(keep.access_token(ada) == before.access_token);
        w.clock.advance(30s);
        CHECK(error_of([&] { keep.access_token(ada); }) == errc::reauthorization_required);
        CHECK(w.row().access_token == before.access_token);
        CHECK(w.server.log().token_requests == 2);
    }
    SECTION("because the client is not configured well") {
        w.server.next({fault::kind::answer, {.status = 401, .body = R"({"error":"invalid_client"})"}});
        CHECK(w.keeper().access_token(ada) == before.access_token);
        CHECK(w.row() == before);
    }
}

TEST_CASE("mishap: a sibling's token that lives for seconds is used with a margin of its own", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    bool sibling_refreshes = true;
    w.store.before = [&](std::string_view operation) { // while this keeper waits for the lock
        if (operation != "lock" || !sibling_refreshes) return;
        sibling_refreshes = false;
        token theirs = w.row();
        theirs.access_token = "at-theirs";
        theirs.issued_at = w.clock.now();
        theirs.expires_at = w.clock.now() + 10s;
        w.store.inner.replace_token(w.row(), theirs);
    };
    auto keep = w.keeper({.refresh_margin = 60s});
    CHECK(keep.access_token(ada) == secret("at-theirs"));
    w.clock.advance(7s);
    CHECK(keep.access_token(ada) == secret("at-theirs"));
    CHECK(w.server.log().refreshes == 0);
    w.clock.advance(2s); // a fifth of its life is left
    CHECK(w.is_stored(keep.access_token(ada)));
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("mishap: a clock that jumps costs a request, not the session, and makes no loop", "[refresh]") {
    const auto jump = GENERATE(as<std::chrono::milliseconds>{}, 24h, -24h, 24h * 365 * 60, -24h * 365 * 60);
    CAPTURE(jump.count());
    world w; // the server's clock is right
    w.login();
    tokenkeep::testing::virtual_clock mine(w.clock.now());
    tokenkeep::keeper keep{w.store, w.server, w.server.provider(), {}, w.seen, mine};
    const auto call = [&] { return keep.send({.method = "GET", .url = w.server.resource()}, ada).status; };
    auto session = keep.session(ada);
    const auto is_accepted = [&](const secret& access) {
        const std::string credentials = "Bearer " + std::string(access.reveal());
        return w.server({.method = "GET", .url = w.server.resource(), .headers = {{"Authorization", credentials}}})
                   .status == 200;
    };
    const auto pass = [&](std::chrono::milliseconds time) {
        w.clock.advance(time);
        mine.advance(time);
    };
    CHECK(is_accepted(keep.access_token(ada))); // seen while the clock was right
    for (const bool is_wrong : {true, false}) {
        mine.jump(is_wrong ? jump : -jump);
        for (int minutes = 0; minutes < 180; minutes += 5) {
            CHECK(is_accepted(session.access_token()));
            CHECK(is_accepted(keep.access_token(ada)));
            CHECK(call() == 200);
            pass(5min);
        }
    }
    CHECK(w.server.log().refreshes <= 10); // six hours need six, and each of the jumps may cost one or two
    CHECK(w.server.log().reused == 0);
    CHECK(w.server.is_live(w.row().refresh_token));
}

TEST_CASE("mishap: killed after the server took the token, a strict server is not asked again blindly", "[refresh]") {
    world w;
    const token before = w.login();
    w.clock.advance(1h - 30s);
    spend_and_die(w);
    auto next = w.keeper();
    CHECK(next.access_token(ada) == before.access_token); // lives
    w.clock.advance(31s);
    CHECK(error_of([&] { next.access_token(ada, w.clock.steady_now()); }) == errc::lock_timeout);
    CHECK(w.server.log().refreshes == 1);
    CHECK(w.server.log().reused == 0);
    // Nothing is left to lose now: one spend tells how it is, and nobody asks again until the next login.
    CHECK(error_of([&] { next.access_token(ada); }) == errc::reauthorization_required);
    CHECK(error_of([&] { w.keeper().access_token(ada); }) == errc::reauthorization_required);
    CHECK(w.server.log().reused == 1);
    CHECK(w.server.log().token_requests == 3);
    const token again = w.login();
    CHECK(w.keeper().access_token(ada) == again.access_token);
}

TEST_CASE("mishap: killed after the server took the token, the next start asks again where there is a grace",
          "[refresh]") {
    world w({.grace = 60s});
    w.login();
    w.clock.advance(2h);
    spend_and_die(w);
    w.clock.advance(10s);
    const auto start = w.clock.now();
    CHECK(w.is_stored(w.keeper().access_token(ada)));
    CHECK(w.clock.now() == start);
    CHECK(w.seen.count(event_kind::replayed) == 1);
    CHECK(w.server.is_live(w.row().refresh_token));
}

TEST_CASE("mishap: with a grace no session is lost, though every third answer is", "[refresh]") {
    world w({.grace = 60s});
    w.login();
    auto keep = w.keeper();
    for (int n = 0; n < 60; ++n) {
        w.clock.advance(2h);
        if (n % 3 == 0) w.server.next(n % 2 == 0 ? fault::kind::lost_answer : fault::kind::truncated);
        CHECK(w.is_stored(keep.access_token(ada)));
    }
    CHECK(w.server.log().replayed == 20);
    CHECK(w.server.log().refused == 0);
}

TEST_CASE("mishap: an observer may call back, and is not waited for when it is the same identity", "[refresh]") {
    world w;
    w.login();
    const token grace = w.login("grace");
    w.clock.advance(1h - 30s);
    std::function<void(const tokenkeep::event&)> observe = [](auto&) {};
    tokenkeep::keeper keep{w.store, w.server, w.server.provider(), {}, observe, w.clock};
    std::optional<errc> inner;
    bool called_back = false;
    observe = [&](const tokenkeep::event& e) {
        if (e.kind != event_kind::spent || called_back) return;
        called_back = true;
        w.clock.advance(1min);
        inner = error_of([&] { keep.access_token(ada); });
        CHECK(keep.access_token({.user_name = "grace"}) != grace.access_token);
    };
    CHECK(w.is_stored(keep.access_token(ada)));
    CHECK(called_back);
    CHECK(inner == errc::lock_timeout);
    CHECK(w.server.log().refreshes == 2);
}

TEST_CASE("mishap: a deadline that passes after the token was spent loses nothing", "[refresh]") {
    world w;
    const token before = w.login();
    w.clock.advance(2h);
    const auto transport = [&](const tokenkeep::http_request& request) {
        w.clock.advance(25s);
        return w.server(request);
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    CHECK(w.is_stored(keep.access_token(ada, w.clock.steady_now() + 1s)));
    CHECK(w.server.is_live(w.row().refresh_token));
    CHECK(w.row().refresh_token != before.refresh_token);
}

TEST_CASE("mishap: during an outage a caller asks ever more seldom", "[refresh]") {
    world w;
    const token before = w.login();
    auto keep = w.keeper();
    w.clock.advance(1h - 59s);
    for (int n = 0; n < 100; ++n) w.server.next(fault::http(429));
    for (int n = 0; n < 500; ++n) {
        CHECK(keep.access_token(ada) == before.access_token);
        w.clock.advance(100ms);
    }
    CHECK(w.server.log().token_requests - 1 < 12); // in fifty seconds: after 250 ms, and then ever more seldom
    CHECK(w.server.log().token_requests - 1 > 5);
}

TEST_CASE("mishap: a refusal that will not pass by itself is not asked for at every call either", "[refresh]") {
    const std::string refusal = GENERATE(as<std::string>{}, "invalid_client", "unauthorized_client", "Access denied");
    CAPTURE(refusal);
    world w;
    const token before = w.login();
    auto keep = w.keeper();
    w.clock.advance(1h - 59s);
    for (int n = 0; n < 500; ++n)
        w.server.next({fault::kind::answer, {.status = 400, .body = R"({"error":")" + refusal + R"("})"}});
    for (int n = 0; n < 500; ++n) {
        CHECK(keep.access_token(ada) == before.access_token);
        w.clock.advance(100ms);
    }
    CHECK(w.server.log().token_requests - 1 < 12);
}

TEST_CASE("mishap: who comes out of one pause does not send within the next", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    auto keep = w.keeper();
    w.server.next(fault::http(429));
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::throttled);
    bool others_come = true;
    w.store.before = [&](std::string_view operation) { // after the first pause, before anything is sent
        if (operation != "find_by_id" || !std::exchange(others_come, false)) return;
        w.server.next(fault::http(429, 600s));
        std::async(std::launch::async, [&] {
            CHECK(error_of([&] { keep.access_token(ada); }) == errc::throttled);
        }).wait();
    };
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::throttled);
    CHECK(w.server.log().token_requests == 3); // the login, and one before each pause
}

TEST_CASE("mishap: without locks a doubt is not settled while the slowest sender may be about to save", "[refresh]") {
    world<tests::plain_store> w;
    w.login();
    w.clock.advance(2h);
    token marked = w.row();
    marked.status = w.marker_for(marked.refresh_token);
    w.store.save_token(marked);
    auto keep = w.keeper();
    w.clock.advance(34s); // half a minute for the request, and time to pause, send and save
    CHECK(error_of([&] { keep.access_token(ada, w.clock.steady_now()); }) == errc::lock_timeout);
    CHECK(w.server.log().refreshes == 0);
    w.clock.advance(2s);
    CHECK(w.is_stored(keep.access_token(ada)));
}

TEST_CASE("mishap: who waits where there is a grace waits for both requests", "[refresh]") {
    const auto grace = GENERATE(0s, 60s);
    world w({.grace = grace});
    w.login();
    auto keep = w.keeper();
    w.clock.advance(2h);
    w.store.before = [](std::string_view operation) { // somebody else has it all the time
        if (operation == "lock") throw tokenkeep::error(errc::lock_timeout, "the lock was not obtained");
    };
    const auto start = w.clock.now();
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::lock_timeout);
    CHECK(w.clock.now() - start == (grace == 0s ? 45s : 75s));
}

TEST_CASE("mishap: a record read long ago means its row, and is no login", "[refresh]") {
    world w;
    token row = w.login();
    w.store.inner.delete_tokens();
    row.grant_token.clear(); // as another program has stored it
    row.id.clear();
    w.store.inner.save_token(row);
    auto keep = w.keeper();
    token handle = keep.record(ada);
    handle.id.clear();
    for (int n = 0; n < 3; ++n) {
        w.clock.advance(2h);
        CHECK(w.is_stored(keep.access_token(handle)));
    }
    CHECK(w.server.log().refreshes == 3);
    CHECK(w.server.log().reused == 0);
}

TEST_CASE("mishap: a resource that refuses every token does not cost one at every call", "[refresh]") {
    world w;
    w.login();
    const auto transport = [&](const tokenkeep::http_request& request) {
        return request.url.ends_with("/admin") ? tokenkeep::http_response{.status = 401} : w.server(request);
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    const auto call = [&](const std::string& url) { return keep.send({.method = "GET", .url = url}, ada).status; };
    for (int n = 0; n < 60; ++n) {
        CHECK(call("https://auth.example.test/admin") == 401);
        CHECK(call(w.server.resource()) == 200);
        w.clock.advance(1s);
    }
    CHECK(w.server.log().refreshes == 1);
    w.server.expire_access_tokens(); // a 401 of the same token that means something, within those two minutes
    w.clock.advance(1min);
    CHECK(call(w.server.resource()) == 200);
    CHECK(w.server.log().refreshes == 2);
}

TEST_CASE("mishap: a 503 is answered within the grace, whatever time it names: later the session could be lost",
          "[refresh]") {
    world w({.grace = 10s});
    w.login();
    auto keep = w.keeper();
    w.clock.advance(2h);
    SECTION("one is sent again at once") {
        w.server.next(fault::http(503, 120s));
        CHECK(w.is_stored(keep.access_token(ada)));
        CHECK(w.server.log().token_requests == 3);
    }
    SECTION("after a second, the next call sends again, as long as the grace lasts; then the pause holds") {
        for (int times = 0; times < 3; ++times) w.server.next(fault::http(503, 120s));
        try {
            keep.access_token(ada);
            FAIL("a failure was expected");
        } catch (const tokenkeep::error& failure) {
            CHECK(failure.retry_after() == 120s);
        }
        CHECK(w.server.log().token_requests == 3);
        CHECK(error_of([&] { keep.access_token(ada); }).has_value());
        CHECK(w.server.log().token_requests == 4);
        w.clock.advance(10s);
        CHECK(error_of([&] { keep.access_token(ada, w.clock.steady_now() + 1s); }).has_value());
        CHECK(w.server.log().token_requests == 4);
        w.clock.advance(120s);
        CHECK(w.is_stored(keep.access_token(ada)));
    }
}

TEST_CASE("mishap: a process that stood still after its marker looks again before it sends", "[refresh]") {
    const auto pause = GENERATE(2'000ms, 2'001ms, 40'000ms);
    CAPTURE(pause.count());
    world w;
    w.login();
    w.clock.advance(2h);
    int replacements = 0;
    auto keep = w.keeper();
    SECTION("somebody else has taken its marker for an old one: nothing is sent") {
        w.store.after_replacing = [&] {
            if (++replacements != 1) return;
            w.clock.advance(pause);
            w.take_over(w.row().grant_token);
        };
        const secret given = keep.access_token(ada);
        if (pause > 2s) {
            CHECK(given == secret("at-theirs"));
            CHECK(w.server.log().refreshes == 0);
        }
    }
    SECTION("it is as it was: the marker gets the time of the sending") {
        std::vector<std::string> statuses;
        const auto marked_at = w.clock.now();
        w.store.after_replacing = [&] {
            statuses.push_back(w.row().status);
            if (++replacements == 1) w.clock.advance(pause);
        };
        CHECK(w.is_stored(keep.access_token(ada)));
        CHECK(w.server.log().refreshes == 1);
        REQUIRE(statuses.size() == (pause > 2s ? 3 : 2));
        const auto sent_at = tokenkeep::read_status(statuses[statuses.size() - 2]).last_sent;
        CHECK(sent_at == (pause > 2s ? marked_at + pause : marked_at));
        CHECK(tokenkeep::read_status(statuses[statuses.size() - 2]).first_sent == marked_at);
    }
}

TEST_CASE("mishap: a store that is slow at each write does not keep the keeper from sending", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    w.store.after_replacing = [&] { w.clock.advance(5s); };
    CHECK(w.is_stored(w.keeper().access_token(ada)));
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("mishap: an observer is not called between the marker and the request", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    std::vector<std::string> order;
    w.store.after_replacing = [&] { order.emplace_back("row written"); };
    const auto transport = [&](const tokenkeep::http_request& request) {
        order.emplace_back("sent");
        return w.server(request);
    };
    const auto observer = [&](const tokenkeep::event&) { order.emplace_back("told"); };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, observer, w.clock};
    keep.access_token(ada);
    const auto sent = std::find(order.begin(), order.end(), "sent");
    REQUIRE(sent != order.end());
    CHECK(*(sent - 1) == "row written");
    CHECK(std::count(order.begin(), sent, "told") >= 1);
    CHECK(std::count(sent, order.end(), "told") >= 2);
}

namespace {

/// A table with columns of a fixed length, as Zoho's.
struct narrow_store : tests::hooked_store {
    std::size_t longest = SIZE_MAX;

    bool replace_token(const token& expected, const token& record) {
        if (record.access_token.reveal().size() > longest)
            throw tokenkeep::error(errc::invalid_record, "tokenkeep: the column access_token is too short");
        return hooked_store::replace_token(expected, record);
    }
};

} // namespace

TEST_CASE("mishap: an access token that the store cannot hold does not take the refresh token with it", "[refresh]") {
    world<narrow_store> w;
    const token before = w.login();
    auto keep = w.keeper();
    w.clock.advance(2h);
    w.store.longest = before.access_token.reveal().size();
    w.server.next(
        {.what = fault::kind::none, .members = {{"access_token", '"' + std::string(w.store.longest + 1, 'a') + '"'}}});
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::invalid_record);
    CHECK(w.row().refresh_token != before.refresh_token);
    CHECK(w.row().access_token == before.access_token);
    CHECK(w.row().status.empty());
    CHECK(w.server.is_live(w.row().refresh_token));
    const auto asked = w.server.log().token_requests; // there is a pause, as there is nothing to be had
    CHECK(error_of([&] { keep.access_token(ada, w.clock.steady_now() + 1s); }) == errc::invalid_record);
    CHECK(w.server.log().token_requests == asked);
    w.clock.advance(1min);
    CHECK(w.is_stored(keep.access_token(ada)));
}

TEST_CASE("mishap: a wall clock that is ahead by a year at a refresh costs no more than the life of one token",
          "[refresh]") {
    world w; // the server's clock is right
    w.login();
    tokenkeep::testing::virtual_clock mine(w.clock.now());
    const auto pass = [&](std::chrono::milliseconds time) {
        w.clock.advance(time);
        mine.advance(time);
    };
    const auto is_accepted = [&](const secret& access) {
        const std::string credentials = "Bearer " + std::string(access.reveal());
        return w.server({.method = "GET", .url = w.server.resource(), .headers = {{"Authorization", credentials}}})
                   .status == 200;
    };
    const auto open = [&] { return tokenkeep::keeper{w.store, w.server, w.server.provider(), {}, w.seen, mine}; };
    pass(2h);
    mine.jump(24h * 365);
    auto keep = open();
    CHECK(is_accepted(keep.access_token(ada)));
    mine.jump(-24h * 365);
    SECTION("in the process that made it") {
        auto session = keep.session(ada);
        for (int minutes = 0; minutes < 240; minutes += 5) {
            pass(5min);
            CAPTURE(minutes);
            CHECK(is_accepted(keep.access_token(ada)));
            CHECK(is_accepted(session.access_token()));
        }
    }
    SECTION("in another process, from its first sight on") {
        auto other = open();
        CHECK(is_accepted(other.access_token(ada)));
        pass(61min);
        CHECK(is_accepted(other.access_token(ada)));
    }
    CHECK(w.row().expires_at.value() < w.clock.now() + 2h);
    CHECK(w.server.log().reused == 0);
}

TEST_CASE("mishap: a lock that cannot be had is no permission, whatever the reason", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    SECTION("the store throws") {
        w.store.before = [](std::string_view operation) {
            if (operation == "lock") throw tokenkeep::error(errc::storage_failure, "no locks on this file system");
        };
        CHECK(error_of([&] { w.keeper().access_token(ada); }) == errc::storage_failure);
    }
    SECTION("the guard converts to false") {
        struct no_lock {
            explicit operator bool() const { return false; }
        };
        struct : tests::plain_store {
            no_lock lock_token(const std::string&, std::chrono::steady_clock::time_point) { return {}; }
        } store;
        store.save_token(w.row());
        tokenkeep::keeper keep{store, w.server, w.server.provider(), {}, w.seen, w.clock};
        CHECK(error_of([&] { keep.access_token(ada); }) == errc::lock_timeout);
    }
    CHECK(w.server.log().token_requests == 1);
}

TEST_CASE("mishap: an observer that throws changes nothing", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    const auto observe = [](const tokenkeep::event&) { throw 1; };
    tokenkeep::keeper keep{w.store, w.server, w.server.provider(), {}, observe, w.clock};
    CHECK(w.is_stored(keep.access_token(ada)));
    CHECK(w.server.is_live(w.row().refresh_token));
}

TEST_CASE("mishap: a transport that calls another keeper for the same identity is told to wait, and no more",
          "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    auto other = w.keeper();
    std::optional<errc> inner;
    const auto transport = [&](const tokenkeep::http_request& request) {
        inner = error_of([&] { other.access_token(ada, w.clock.steady_now() + 1s); });
        return w.server(request);
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    CHECK(w.is_stored(keep.access_token(ada)));
    CHECK(inner == errc::lock_timeout);
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("mishap: a caller's deadline ends its wait for a caller of the same keeper", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    std::promise<void> answers;
    const auto transport = [&](const tokenkeep::http_request& request) {
        answers.get_future().wait();
        return w.server(request);
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    auto sender = std::async(std::launch::async, [&] { return keep.access_token(ada); });
    wait_for_marker(w);
    auto waiter = std::async(std::launch::async,
                             [&] { return error_of([&] { keep.access_token(ada, w.clock.steady_now() + 50ms); }); });
    while (waiter.wait_for(10ms) != std::future_status::ready) w.clock.advance(50ms);
    CHECK(waiter.get() == errc::lock_timeout);
    answers.set_value();
    CHECK(w.is_stored(sender.get()));
}

TEST_CASE("mishap: many who were refused the same token make one request", "[refresh]") {
    tokenkeep::testing::fake_server server({.latency = 50ms});
    tokenkeep::memory_store store;
    tokenkeep::keeper keep{store, server, server.provider()};
    const secret rejected = keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
    std::vector<std::future<secret>> threads;
    for (int n = 0; n < 16; ++n)
        threads.push_back(std::async(std::launch::async, [&] { return keep.refresh(ada, rejected); }));
    for (auto& each : threads) CHECK(each.get() != rejected);
    CHECK(server.log().refreshes == 1);
}

TEST_CASE("mishap: a refresh saves twice, the marker and then all that came in one", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    std::vector<std::string> writes;
    w.store.before = [&](std::string_view operation) {
        if (operation == "save" || operation == "replace" || operation == "remove" || operation == "delete")
            writes.emplace_back(operation);
    };
    w.keeper().access_token(ada);
    CHECK(writes == std::vector<std::string>{"replace", "replace"});
}
