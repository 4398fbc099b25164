// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/keeper/refresh.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"

using tests::error_of, tests::world;
using tokenkeep::errc, tokenkeep::event_kind, tokenkeep::secret, tokenkeep::token;
using tokenkeep::testing::fault;
using namespace std::chrono_literals;

namespace {

const token ada{.user_name = "ada"};

tokenkeep::http_response json(int status, std::string body, std::vector<tokenkeep::http_header> headers = {}) {
    headers.push_back({"Content-Type", "application/json"});
    return {.status = status, .headers = headers, .body = std::move(body)};
}

} // namespace

TEST_CASE("refresh: a fresh token is handed out without a lock and without a request", "[refresh]") {
    world w;
    w.login();
    auto keep = w.keeper();
    w.store.before = [](std::string_view operation) {
        if (operation != "find") throw std::runtime_error("only a look-up was expected");
    };
    CHECK(w.is_stored(keep.access_token(ada)));
    CHECK(w.server.log().refreshes == 0);
}

TEST_CASE("refresh: an expired token is refreshed by one spend, and the new pair is stored before it is given",
          "[refresh]") {
    world w({.latency = 200ms});
    const token before = w.login();
    auto keep = w.keeper();
    w.clock.advance(1h);
    const auto sent = w.clock.now();
    const secret given = keep.access_token(ada);
    const token after = w.row();
    CHECK(given == after.access_token);
    CHECK(after.access_token != before.access_token);
    CHECK(after.refresh_token != before.refresh_token);
    CHECK(w.server.is_live(after.refresh_token));
    CHECK(after.status.empty());
    CHECK(after.id == before.id);
    CHECK(after.issued_at == sent);
    CHECK(after.expires_at == sent + 1h);
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("refresh: the margin is at most a fifth of the token's life", "[refresh]") {
    world w({.token_life = 60s});
    w.login();
    auto keep = w.keeper({.refresh_margin = 60s});
    w.clock.advance(47s);
    keep.access_token(ada);
    CHECK(w.server.log().refreshes == 0);
    w.clock.advance(1s);
    keep.access_token(ada);
    CHECK(w.server.log().refreshes == 1);
    keep.access_token(ada);
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("refresh: what a sibling refreshed meanwhile is adopted under the lock", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    auto keep = w.keeper();
    auto sibling = w.keeper();
    bool once = false;
    w.store.before = [&](std::string_view operation) {
        if (operation == "lock" && !std::exchange(once, true)) sibling.access_token(ada);
    };
    CHECK(w.is_stored(keep.access_token(ada)));
    CHECK(w.server.log().token_requests == 2); // the login, and the sibling's
    CHECK(w.seen.count(event_kind::adopted) == 1);
}

TEST_CASE("refresh: the marker is stored before anything is sent, and names what is being spent", "[refresh]") {
    world w;
    const token before = w.login();
    w.clock.advance(2h);
    bool looked = false;
    const auto transport = [&](const tokenkeep::http_request& request) {
        const auto status = tokenkeep::read_status(w.row().status);
        CHECK(status.kind == tokenkeep::status_kind::spend);
        CHECK(status.is_about(before.refresh_token));
        CHECK(status.first_sent == w.clock.now());
        looked = true;
        return w.server(request);
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    keep.access_token(ada);
    CHECK(looked);
    CHECK(w.row().status.empty());
}

TEST_CASE("refresh: where the marker cannot be stored, nothing is sent", "[refresh]") {
    world w;
    const token before = w.login();
    auto keep = w.keeper();
    w.store.before = [](std::string_view operation) {
        if (operation == "replace") throw std::runtime_error("disk full");
    };
    SECTION("an expired token: the error") {
        w.clock.advance(2h);
        CHECK(error_of([&] { keep.access_token(ada); }) == errc::storage_failure);
    }
    SECTION("a token that is due and still lives: that token") {
        w.clock.advance(1h - 30s);
        CHECK(keep.access_token(ada) == before.access_token);
        CHECK(w.seen.count(event_kind::served_old) == 1);
    }
    CHECK(w.server.log().token_requests == 1);
    CHECK(w.row() == before);
}

TEST_CASE("refresh: a request that was not sent leaves no trace, and the next call succeeds", "[refresh]") {
    world w;
    const token before = w.login();
    auto keep = w.keeper();
    w.clock.advance(2h);
    w.server.next(fault::kind::unreachable);
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::transport_failure);
    CHECK(w.row() == before);
    const auto failed_at = w.clock.now();
    keep.access_token(ada);
    CHECK(w.server.log().refreshes == 1);
    CHECK(w.clock.now() > failed_at); // it kept to the backoff
}

TEST_CASE("refresh: a failure for a passing reason serves the old token while it lives", "[refresh]") {
    world w;
    const token before = w.login();
    auto keep = w.keeper();
    w.clock.advance(1h - 30s);
    w.server.next(fault::kind::unreachable);
    CHECK(keep.access_token(ada) == before.access_token);
    CHECK(keep.access_token(ada) == before.access_token); // and does not ask again at once
    CHECK(w.server.log().token_requests == 1);
}

TEST_CASE("refresh: a lost answer on a strict server is never sent again blindly", "[refresh]") {
    world w;
    const token before = w.login();
    auto keep = w.keeper();
    w.clock.advance(1h - 30s);
    w.server.next(fault::kind::lost_answer);
    CHECK(keep.access_token(ada) == before.access_token);
    CHECK(tokenkeep::read_status(w.row().status).kind == tokenkeep::status_kind::spend);
    for (int i = 0; i < 5; ++i) {
        w.clock.advance(5s);
        CHECK(keep.access_token(ada) == before.access_token);
    }
    CHECK(w.server.log().token_requests == 2);
    CHECK(w.server.log().reused == 0);

    // Once the old token has ended the doubt is settled by one spend, which tells that the session was lost.
    w.clock.advance(1min);
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::reauthorization_required);
    CHECK(w.server.log().token_requests == 3);
    CHECK(tokenkeep::read_status(w.row().status).kind == tokenkeep::status_kind::refused);
    CHECK(w.row().refresh_token == before.refresh_token);
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::reauthorization_required);
    CHECK(w.server.log().token_requests == 3);
}

TEST_CASE("refresh: a doubt is settled only when the lost request can no longer be under way", "[refresh]") {
    world w;
    w.login();
    auto keep = w.keeper({.request_timeout = 30s});
    w.clock.advance(2h);
    w.server.next(fault::kind::lost_request);
    const auto sent = w.clock.now();
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::outcome_unknown);
    keep.access_token(ada); // waits until the doubt is old, and finds that the session lives
    CHECK(w.clock.now() - sent >= 30s);
    CHECK(w.clock.now() - sent < 32s);
    CHECK(w.server.log().refreshes == 1);
    CHECK(w.row().status.empty());
    CHECK(w.seen.count(event_kind::settled) == 1);
}

TEST_CASE("refresh: a marker from the future is aged from when it was first seen", "[refresh]") {
    world w;
    token row = w.login();
    const token before = row;
    w.clock.advance(2h);
    row.status = tokenkeep::to_status({.kind = tokenkeep::status_kind::spend,
                                       .fingerprint = tokenkeep::token_status::fingerprint_of(row.refresh_token),
                                       .first_sent = w.clock.now() + 24h,
                                       .last_sent = w.clock.now() + 24h,
                                       .nonce = "0123456789abcdef"});
    REQUIRE(w.store.inner.replace_token(before, row));
    auto keep = w.keeper({.request_timeout = 10s});
    const auto start = w.clock.now();
    keep.access_token(ada);
    CHECK(w.server.log().refreshes == 1);
    CHECK(w.clock.now() - start >= 10s);
    CHECK(w.clock.now() - start < 12s);
}

TEST_CASE("refresh: within a declared grace a lost answer is asked for again at once, once", "[refresh]") {
    world w({.grace = 60s});
    w.login();
    auto keep = w.keeper({.request_timeout = 10s});
    w.clock.advance(2h);
    w.server.next(fault::kind::lost_answer);
    CHECK(w.is_stored(keep.access_token(ada)));
    CHECK(w.server.is_live(w.row().refresh_token));
    CHECK(w.server.log().token_requests == 3);
    CHECK(w.seen.count(event_kind::replayed) == 1);

    w.clock.advance(2h);
    w.server.next(fault::kind::lost_answer);
    w.server.next(fault::kind::lost_answer);
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::outcome_unknown);
    CHECK(w.server.log().token_requests == 5);
}

namespace {

/// A keeper whose transport loses the answers to so many token requests, each after a time of its own, and remembers
/// the timeouts that it was given.
struct lossy_world : world<> {
    using world::world;

    std::vector<std::chrono::milliseconds> losses{}, timeouts{};

    auto lossy_keeper(tokenkeep::keeper_options options = {}) {
        auto transport = [this](const tokenkeep::http_request& request) {
            timeouts.push_back(request.timeout);
            tokenkeep::http_response answer = server(request);
            if (timeouts.size() > losses.size()) return answer;
            clock.advance(losses[timeouts.size() - 1]);
            throw tokenkeep::transport_error("no answer");
        };
        return tokenkeep::keeper{store, std::move(transport), server.provider(), options, seen, clock};
    }
};
using timeouts = std::vector<std::chrono::milliseconds>;

} // namespace

TEST_CASE("refresh: a replay ends with the grace, and is not made in the last half second of it", "[refresh]") {
    const auto lost_after = GENERATE(0ms, 1ms, 1'000ms, 1'499ms, 1'500ms, 1'501ms, 1'999ms, 2'000ms, 2'001ms);
    CAPTURE(lost_after.count());
    lossy_world w({.grace = 2s});
    w.login();
    w.clock.advance(2h);
    w.losses = {lost_after};
    auto keep = w.lossy_keeper();
    if (lost_after <= 1'500ms) {
        CHECK(w.is_stored(keep.access_token(ada)));
        CHECK(w.timeouts == timeouts{5s, 2s - lost_after});
        CHECK(w.server.is_live(w.row().refresh_token));
    } else {
        CHECK(error_of([&] { keep.access_token(ada); }) == errc::outcome_unknown);
        CHECK(w.timeouts == timeouts{5s});
    }
}

TEST_CASE("refresh: with a grace, the first request leaves time for another", "[refresh]") {
    struct row {
        std::chrono::milliseconds grace, option, first;
    };
    const row table[] = {{0s, 30s, 30s},   {2s, 30s, 5s}, {10s, 30s, 5s}, {20s, 30s, 10s},
                         {2min, 30s, 30s}, {2s, 3s, 3s},  {20s, 7s, 7s}};
    for (const row& one : table) {
        CAPTURE(one.grace.count(), one.option.count());
        lossy_world w({.grace = one.grace});
        w.login();
        w.clock.advance(2h);
        w.lossy_keeper({.request_timeout = one.option}).access_token(ada);
        CHECK(w.timeouts == timeouts{one.first});
    }
}

TEST_CASE("refresh: a token is sent again once in a call, and again in the next call, but never after the grace",
          "[refresh]") {
    lossy_world w({.grace = 10s});
    w.login();
    w.clock.advance(2h);
    w.losses = {3s, 1s, 2s, 1s, 1s, 1s};
    auto keep = w.lossy_keeper();
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::outcome_unknown);
    CHECK(w.timeouts == timeouts{5s, 7s});
    const auto first_sent = tokenkeep::read_status(w.row().status).first_sent;
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::outcome_unknown); // the pause does not delay it
    CHECK(w.timeouts == timeouts{5s, 7s, 6s});
    CHECK(tokenkeep::read_status(w.row().status).first_sent == first_sent);
    CHECK(error_of([&] { w.lossy_keeper().access_token(ada); }) == errc::outcome_unknown);
    CHECK(w.timeouts == timeouts{5s, 7s, 6s, 4s});
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::outcome_unknown);
    CHECK(w.timeouts == timeouts{5s, 7s, 6s, 4s, 3s});
    w.clock.advance(1'600ms);
    const auto sent = w.timeouts.size();
    CHECK(error_of([&] { keep.access_token(ada, w.clock.steady_now() + 1s); }).has_value());
    CHECK(w.timeouts.size() == sent); // less than half a second is left
}

TEST_CASE("refresh: a transport that overruns its timeout is told of, and nothing is sent again in that call",
          "[refresh]") {
    const auto lost_after = GENERATE(5'250ms, 5'251ms);
    lossy_world w({.grace = 10s});
    w.login();
    w.clock.advance(2h);
    w.losses = {lost_after};
    auto keep = w.lossy_keeper();
    if (lost_after == 5'250ms) {
        CHECK(w.is_stored(keep.access_token(ada)));
        CHECK(w.seen.count(event_kind::warning) == 0);
    } else {
        CHECK(error_of([&] { keep.access_token(ada); }) == errc::outcome_unknown);
        CHECK(w.timeouts == timeouts{5s});
        CHECK(w.seen.count(event_kind::warning) == 1);
        CHECK(w.is_stored(keep.access_token(ada))); // the next call
    }
}

TEST_CASE("refresh: a 5xx may come after the commit, so the doubt stays, but nothing is under way", "[refresh]") {
    world w;
    w.login();
    auto keep = w.keeper();
    w.clock.advance(2h);
    SECTION("it came before: the next call finds the session alive") {
        w.server.next({fault::kind::answer, json(500, "{\"error\":\"help\"}")});
        CHECK(error_of([&] { keep.access_token(ada); }) == errc::outcome_unknown);
        const auto status = tokenkeep::read_status(w.row().status);
        CHECK(status.kind == tokenkeep::status_kind::spend);
        CHECK(!status.last_sent.has_value());
        const auto failed_at = w.clock.now();
        keep.access_token(ada);
        CHECK(w.clock.now() - failed_at < 2s);
        CHECK(w.server.log().refreshes == 1);
    }
    SECTION("it came after: the session is lost, and is reported so") {
        w.server.next({fault::kind::answer_after, {.status = 502, .body = "<html>bad gateway</html>"}});
        CHECK(error_of([&] { keep.access_token(ada); }) == errc::outcome_unknown);
        CHECK(error_of([&] { keep.access_token(ada); }) == errc::reauthorization_required);
    }
    SECTION("half an answer is a doubt too") {
        w.server.next(fault::kind::truncated);
        CHECK(error_of([&] { keep.access_token(ada); }) == errc::outcome_unknown);
    }
}

TEST_CASE("refresh: a throttled client makes no request before the time that the server named", "[refresh]") {
    world w;
    const token before = w.login();
    auto keep = w.keeper();
    w.clock.advance(1h - 50s);
    w.server.next({fault::kind::answer, json(429, "", {{"Retry-After", "120"}})});
    for (int i = 0; i < 4; ++i) {
        CHECK(keep.access_token(ada) == before.access_token);
        w.clock.advance(10s);
    }
    CHECK(w.row() == before);
    CHECK(w.server.log().token_requests == 2);
    w.clock.advance(20s); // the token has ended; 60 of 120 seconds are over, more than a caller waits
    try {
        keep.access_token(ada);
        FAIL("throttled was expected");
    } catch (const tokenkeep::error& failure) {
        CHECK(failure.code() == errc::throttled);
        CHECK(failure.retry_after() == 60s);
    }
    CHECK(w.server.log().token_requests == 2);
    w.clock.advance(60s);
    keep.access_token(ada);
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("refresh: a refused client is a matter of configuration and touches no session", "[refresh]") {
    world w;
    const token before = w.login();
    auto wrong = w.server.provider();
    wrong.client_secret = "another";
    w.clock.advance(2h);
    {
        auto keep = w.keeper_with(wrong);
        CHECK(error_of([&] { keep.access_token(ada); }) == errc::client_rejected);
    }
    CHECK(w.row() == before);
    auto keep = w.keeper();
    keep.access_token(ada);
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("refresh: invalid_grant ends the session for everybody, and the row stays", "[refresh]") {
    world w;
    const token before = w.login();
    w.server.revoke(before.refresh_token);
    w.clock.advance(2h);
    auto keep = w.keeper();
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::reauthorization_required);
    token after = w.row();
    CHECK(tokenkeep::read_status(after.status).kind == tokenkeep::status_kind::refused);
    after.status = before.status;
    CHECK(after == before);
    auto another = w.keeper();
    CHECK(error_of([&] { another.access_token(ada); }) == errc::reauthorization_required);
    CHECK(w.server.log().token_requests == 2);
    const token again = w.login(); // a new login is not the refused token any more
    CHECK(w.keeper().access_token(ada) == again.access_token);
}

TEST_CASE("refresh: invalid_grant for a token that was replaced meanwhile is not this session's end", "[refresh]") {
    world w;
    const token before = w.login();
    w.server.revoke(before.refresh_token);
    w.clock.advance(2h);
    token relogin{};
    const auto transport = [&](const tokenkeep::http_request& request) {
        auto response = w.server(request);
        if (relogin.id.empty()) { // somebody logs in again, past the keeper, while the refusal travels
            relogin = before;
            relogin.status.clear();
            relogin.refresh_token = "rt-new";
            relogin.access_token = "at-new";
            relogin.issued_at = w.clock.now();
            relogin.expires_at = w.clock.now() + 1h;
            w.store.inner.replace_token(w.row(), relogin);
        }
        return response;
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    CHECK(keep.access_token(ada) == secret("at-new"));
    CHECK(w.row() == relogin);
}

TEST_CASE("refresh: new tokens that cannot be saved are kept with the lock, and saved before anything else",
          "[refresh]") {
    world w;
    const token before = w.login();
    w.clock.advance(2h);
    int replacements = 0;
    bool broken = true;
    w.store.before = [&](std::string_view operation) {
        if (operation == "replace" && ++replacements > 1 && broken) throw std::runtime_error("disk full");
    };
    token kept;
    {
        auto keep = w.keeper();
        try {
            keep.access_token(ada);
            FAIL("rotation_not_saved was expected");
        } catch (const tokenkeep::rotation_not_saved_error& failure) {
            CHECK(failure.code() == errc::rotation_not_saved);
            kept = failure.record();
        }
        CHECK(w.server.is_live(kept.refresh_token));
        CHECK(w.row().refresh_token == before.refresh_token);

        // Another process sees the old token and cannot get at it.
        w.store.before = [](std::string_view) {};
        auto other = w.keeper();
        CHECK(error_of([&] { other.access_token(ada, w.clock.steady_now() + 1s); }) == errc::lock_timeout);
        CHECK(w.server.log().token_requests == 2);

        SECTION("the store still fails: the same error again, and nothing is spent") {
            w.store.before = [](std::string_view operation) {
                if (operation == "replace") throw std::runtime_error("disk full");
            };
            CHECK(error_of([&] { keep.access_token(ada); }) == errc::rotation_not_saved);
            w.store.before = [](std::string_view) {};
        }
        SECTION("the store works again: the next caller saves and gets it") {
            CHECK(keep.access_token(ada) == kept.access_token);
        }
        SECTION("nobody calls any more: the keeper's end saves it") {}
    }
    CHECK(w.row().refresh_token == kept.refresh_token);
    CHECK(w.row().status.empty());
    CHECK(w.keeper().access_token(ada) == kept.access_token);
    CHECK(w.server.log().token_requests == 2);
    CHECK(w.server.log().reused == 0);
}

TEST_CASE("refresh: a change to the row while the request is under way is kept", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    const auto transport = [&](const tokenkeep::http_request& request) {
        auto response = w.server(request);
        w.store.inner.save_token({.redirect_url = "https://changed.example", .id = w.row().id});
        return response;
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    keep.access_token(ada);
    CHECK(w.row().redirect_url == "https://changed.example");
    CHECK(w.server.is_live(w.row().refresh_token));
    CHECK(w.row().status.empty());
}

TEST_CASE("refresh: a row that was deleted while the request was under way is not made again", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    const auto transport = [&](const tokenkeep::http_request& request) {
        auto response = w.server(request);
        w.store.inner.delete_tokens();
        return response;
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::token_not_found);
    CHECK(w.store.get_tokens().empty());
    CHECK(w.server.log().revocations == 1); // the tokens that nobody will use
}

TEST_CASE("refresh: a login made while the request was under way wins", "[refresh]") {
    world w;
    const token before = w.login();
    w.clock.advance(2h);
    const auto transport = [&](const tokenkeep::http_request& request) {
        auto response = w.server(request);
        w.take_over(before.grant_token);
        return response;
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    CHECK(keep.access_token(ada) == secret("at-theirs"));
    CHECK(w.row().refresh_token == secret("rt-theirs"));
    CHECK(w.seen.count(event_kind::dropped) == 1);
}

TEST_CASE("refresh: odd lifetimes lose no token and make no loop", "[refresh]") {
    const auto answer = [](const std::string& expires_in) {
        return json(200, "{\"access_token\":\"at-odd\",\"refresh_token\":\"rt-odd\",\"token_type\":\"Bearer\"" +
                             expires_in + "}");
    };
    world w;
    auto keep = w.keeper();
    SECTION("unknown") {
        const std::string odd = GENERATE(as<std::string>{}, "", ",\"expires_in\":0", ",\"expires_in\":-1",
                                         ",\"expires_in\":null", ",\"expires_in\":\"zzz\"");
        CAPTURE(odd);
        SECTION("at a login: used until a 401") {
            w.server.next({fault::kind::answer, answer(odd)});
            w.login();
            CHECK(!w.row().expires_at.has_value());
            w.clock.advance(24h * 365);
            CHECK(keep.access_token(ada) == secret("at-odd"));
            CHECK(w.server.log().token_requests == 1);
        }
        SECTION("at a refresh: as long as the token before") {
            w.login();
            w.clock.advance(2h);
            w.server.next({fault::kind::answer, answer(odd)});
            CHECK(keep.access_token(ada) == secret("at-odd"));
            CHECK(w.row().expires_at == w.clock.now() + 1h);
            CHECK(w.row().refresh_token == secret("rt-odd"));
            w.clock.advance(30min);
            CHECK(keep.access_token(ada) == secret("at-odd"));
            CHECK(w.server.log().token_requests == 2);
        }
        return;
    }
    w.login();
    w.clock.advance(2h);
    SECTION("huge: ten years at the most") {
        w.server.next({fault::kind::answer, answer(",\"expires_in\":9223372036854775807")});
        CHECK(keep.access_token(ada) == secret("at-odd"));
        CHECK(w.row().expires_at.value() > w.clock.now() + 24h * 365 * 9);
        CHECK(w.row().expires_at.value() < w.clock.now() + 24h * 365 * 11);
    }
}

TEST_CASE("refresh: a refresh that brings no refresh token keeps the old one", "[refresh]") {
    world w({.rotate = false});
    const token before = w.login();
    w.clock.advance(2h);
    auto keep = w.keeper();
    w.server.next({fault::kind::answer,
                   json(200, "{\"access_token\":\"at-2\",\"token_type\":\"Bearer\",\"refresh_token\":\"\"}")});
    CHECK(keep.access_token(ada) == secret("at-2"));
    CHECK(w.row().refresh_token == before.refresh_token);
}

TEST_CASE("refresh: a caller's deadline ends its wait, not the work of others", "[refresh]") {
    world w;
    const token before = w.login();
    auto keep = w.keeper();
    const auto held = w.store.inner.lock_token(tokenkeep::identity_key(before), std::chrono::steady_clock::now() + 1s);
    SECTION("expired: lock_timeout, and never without the lock") {
        w.clock.advance(2h);
        CHECK(error_of([&] { keep.access_token(ada, w.clock.steady_now() + 500ms); }) == errc::lock_timeout);
    }
    SECTION("due: the old token") {
        w.clock.advance(1h - 30s);
        CHECK(keep.access_token(ada, w.clock.steady_now() + 500ms) == before.access_token);
    }
    CHECK(w.server.log().token_requests == 1);
}

TEST_CASE("refresh: a transport that calls back for the same identity gets an error, not a deadlock", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    std::function<void()> call_back;
    const auto transport = [&](const tokenkeep::http_request& request) {
        call_back();
        return w.server(request);
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    std::optional<errc> inner;
    call_back = [&] { inner = error_of([&] { keep.access_token(ada); }); };
    keep.access_token(ada);
    CHECK(inner == errc::lock_timeout);
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("refresh: an exception of another kind from a transport leaves the doubt standing", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    const auto transport = [](const tokenkeep::http_request&) -> tokenkeep::http_response {
        throw std::runtime_error("boom");
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::outcome_unknown);
    CHECK(tokenkeep::read_status(w.row().status).last_sent.has_value());
}

TEST_CASE("refresh: a token without end and without refresh token is used as it is", "[refresh]") {
    world w;
    w.store.inner.save_token({.user_name = "ada", .client_id = "app", .access_token = "at"});
    auto keep = w.keeper();
    CHECK(keep.access_token(ada) == secret("at"));
    CHECK(error_of([&] { keep.refresh(ada, "at"); }) == errc::reauthorization_required);
    CHECK(w.server.log().token_requests == 0);
}

TEST_CASE("refresh: over a plain store the one whose marker stands after the pause spends, the other waits",
          "[refresh]") {
    /// A plain store in which another process writes its own marker right after ours, and its new tokens later.
    struct raced_store : tests::plain_store {
        std::string others_marker{};
        token others_tokens{};
        int looks = 0;
        void save_token(const token& record) {
            inner.save_token(record);
            if (!others_marker.empty() && record.status.starts_with("spend"))
                inner.save_token({.status = others_marker, .id = record.id});
        }
        std::optional<token> find_token_by_id(const std::string& id) {
            if (!others_tokens.id.empty() && ++looks == 10) inner.save_token(others_tokens);
            return inner.find_token_by_id(id);
        }
    };
    world<raced_store> w;
    const token before = w.login();
    w.clock.advance(2h);
    w.store.others_marker =
        tokenkeep::to_status({.kind = tokenkeep::status_kind::spend,
                              .fingerprint = tokenkeep::token_status::fingerprint_of(before.refresh_token),
                              .first_sent = w.clock.now(),
                              .last_sent = w.clock.now(),
                              .nonce = "another"});
    w.store.others_tokens = {.refresh_token = "rt-other",
                             .access_token = "at-other",
                             .expires_at = w.clock.now() + 24h,
                             .issued_at = w.clock.now(),
                             .id = before.id};
    auto keep = w.keeper();
    CHECK(keep.access_token(ada) == secret("at-other"));
    CHECK(w.server.log().token_requests == 1);
    CHECK(w.row().refresh_token == secret("rt-other"));
}

TEST_CASE("refresh: no event carries a secret", "[refresh]") {
    world w;
    w.login();
    auto keep = w.keeper();
    w.clock.advance(2h);
    w.server.next(fault::kind::lost_answer);
    error_of([&] { keep.access_token(ada); });
    error_of([&] { keep.access_token(ada); });
    for (const std::string& text : w.seen.texts)
        for (const std::string sort : {"at-", "rt-", "code-", "app-secret"})
            CHECK(text.find(sort) == std::string::npos);
    CHECK(w.seen.texts.size() > 5);
}

TEST_CASE("refresh: whatever else a transport throws, the request may still be under way", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    int sent = 0;
    const auto transport = [&](const tokenkeep::http_request& request) {
        if (++sent == 1) throw tokenkeep::error(errc::transport_failure, "reset");
        return w.server(request);
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {.request_timeout = 30s}, w.seen, w.clock};
    const auto first = w.clock.now();
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::outcome_unknown);
    CHECK(tokenkeep::read_status(w.row().status).last_sent == first);
    keep.access_token(ada);
    CHECK(w.clock.now() - first >= 30s);
}

TEST_CASE("refresh: what is handed out in place of a failure is read once more", "[refresh]") {
    world w;
    const token before = w.login();
    auto keep = w.keeper();
    w.clock.advance(1h - 30s);
    const auto held = w.store.inner.lock_token(tokenkeep::identity_key(before), std::chrono::steady_clock::now() + 1s);
    const auto ask = [&] { return keep.access_token(ada, w.clock.steady_now() + 200ms); };
    std::function<void()> meanwhile = [] {};
    w.store.before = [&](std::string_view operation) {
        if (operation == "lock") std::exchange(meanwhile, [] {})();
    };
    SECTION("deleted: no session") {
        meanwhile = [&] { w.store.inner.delete_tokens(); };
        CHECK(error_of(ask).has_value());
    }
    SECTION("being revoked: nothing") {
        meanwhile = [&] {
            token row = before;
            row.status =
                tokenkeep::to_status({.kind = tokenkeep::status_kind::revoking,
                                      .fingerprint = tokenkeep::token_status::fingerprint_of(before.refresh_token)});
            w.store.inner.replace_token(before, row);
        };
        CHECK(error_of(ask) == errc::lock_timeout);
    }
    SECTION("another login: its token") {
        meanwhile = [&] {
            w.store.inner.save_token({.refresh_token = "rt-2", .access_token = "at-2", .id = before.id});
        };
        CHECK(ask() == secret("at-2"));
    }
}

TEST_CASE("refresh: a row that went while a slow request was under way is not served", "[refresh]") {
    world w;
    const token before = w.login();
    w.clock.advance(1h - 30s);
    bool deleted = true;
    const auto transport = [&](const tokenkeep::http_request& request) {
        auto response = w.server(request);
        w.clock.advance(6s);
        if (request.url.ends_with("/token")) {
            if (deleted)
                w.store.inner.delete_tokens();
            else
                w.store.inner.save_token({.refresh_token = "rt-2", .access_token = "at-2", .id = before.id});
        }
        return response;
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    const auto ask = [&] { return keep.access_token(ada, w.clock.steady_now() + 5s); };
    SECTION("deleted") { CHECK(error_of(ask) == errc::token_not_found); }
    SECTION("another login") {
        deleted = false;
        CHECK(ask() == secret("at-2"));
    }
}

TEST_CASE("refresh: a revocation that is under way is not undone by new tokens", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    const auto transport = [&](const tokenkeep::http_request& request) {
        auto response = w.server(request);
        if (request.url.ends_with("/token")) {
            const token row = w.row();
            token revoking = row;
            revoking.status =
                tokenkeep::to_status({.kind = tokenkeep::status_kind::revoking,
                                      .fingerprint = tokenkeep::token_status::fingerprint_of(row.refresh_token)});
            w.store.inner.replace_token(row, revoking);
        }
        return response;
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::reauthorization_required);
    CHECK(tokenkeep::read_status(w.row().status).kind == tokenkeep::status_kind::revoking);
    CHECK(w.server.log().revocations == 1); // the new tokens, which nobody will use
}

TEST_CASE("refresh: a session that is over is reported without waiting for its lock", "[refresh]") {
    world w;
    const token before = w.login();
    w.server.revoke(before.refresh_token);
    w.clock.advance(2h);
    auto keep = w.keeper();
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::reauthorization_required);
    const auto held = w.store.inner.lock_token(tokenkeep::identity_key(before), std::chrono::steady_clock::now() + 1s);
    CHECK(error_of([&] { keep.access_token(ada, w.clock.steady_now() + 200ms); }) == errc::reauthorization_required);
}

TEST_CASE("refresh: a damaged marker of the far past is never replayed on a strict server", "[refresh]") {
    world w;
    const token before = w.login();
    token row = before;
    row.status = tokenkeep::to_status({.kind = tokenkeep::status_kind::spend,
                                       .fingerprint = tokenkeep::token_status::fingerprint_of(row.refresh_token),
                                       .first_sent = tokenkeep::timestamp::min(),
                                       .last_sent = w.clock.now() + 1h,
                                       .nonce = "n"});
    REQUIRE(w.store.inner.replace_token(before, row));
    w.clock.advance(1h - 30s);
    CHECK(w.keeper().access_token(ada) == before.access_token);
    CHECK(w.server.log().token_requests == 1);
}

TEST_CASE("refresh: a store that keeps no status is used all the same", "[refresh]") {
    struct forgetful_store : tests::plain_store {
        void save_token(token record) {
            record.status.clear();
            inner.save_token(record);
        }
    };
    world<forgetful_store> w;
    w.login();
    w.clock.advance(2h);
    CHECK(w.is_stored(w.keeper().access_token(ada)));
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("refresh: a patience without end is no overflow", "[refresh]") {
    world w;
    w.login();
    w.clock.advance(2h);
    auto keep = w.keeper({.lock_timeout = std::chrono::milliseconds::max()});
    CHECK(w.is_stored(keep.access_token(ada)));
}
