// SPDX-License-Identifier: MIT
#include <tokenkeep/session.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"

using tests::error_of, tests::world;
using tokenkeep::errc, tokenkeep::secret, tokenkeep::token;
using namespace std::chrono_literals;

namespace {
const token ada{.user_name = "ada"};
}

TEST_CASE("session: while the token is fresh, no store is asked and nothing is copied", "[session]") {
    world w;
    w.login();
    auto keep = w.keeper();
    tokenkeep::session session = keep.session(ada);
    const secret* first = &session.access_token();
    CHECK(*first == w.row().access_token);
    w.store.before = [](std::string_view) { throw std::runtime_error("the store was asked"); };
    CHECK(&session.access_token() == first);
    w.clock.advance(58min);
    CHECK(&session.access_token() == first);
    w.clock.advance(1min);
    CHECK_THROWS_AS(session.access_token(), std::runtime_error);
}

TEST_CASE("session: a clock with coarse_now is asked for nothing else while the token is fresh", "[session]") {
    struct two_grains : tokenkeep::testing::virtual_clock {
        int precise = 0, coarse = 0;
        auto steady_now() {
            ++precise;
            return virtual_clock::steady_now();
        }
        auto coarse_now() {
            ++coarse;
            return virtual_clock::steady_now();
        }
    } clock;
    tokenkeep::testing::fake_server server({}, clock);
    tokenkeep::memory_store store;
    tokenkeep::keeper keep{store, server, server.provider(), {}, tokenkeep::ignore_events{}, clock};
    const secret first = keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
    tokenkeep::session session = keep.session(ada);
    CHECK(session.access_token() == first);
    clock.precise = clock.coarse = 0;
    CHECK(session.access_token() == first);
    CHECK(clock.precise == 0);
    CHECK(clock.coarse == 1);
    clock.advance(2h);
    CHECK(session.access_token() != first);
}

TEST_CASE("session: a clock that hides the steady_now of its base does not use the base's coarse_now", "[session]") {
    struct own_time : tokenkeep::system_clock {
        tokenkeep::deadline time = std::chrono::steady_clock::now();
        tokenkeep::deadline steady_now() const { return time; }
    } clock;
    using tokenkeep::detail::has_coarse_now;
    STATIC_REQUIRE(!has_coarse_now<own_time> && !has_coarse_now<tokenkeep::testing::virtual_clock>);
    STATIC_REQUIRE(has_coarse_now<tokenkeep::system_clock> ==
                   requires(tokenkeep::system_clock own) { own.coarse_now(); });
    tokenkeep::memory_store store;
    store.save_token(
        {.user_name = "ada", .access_token = "at", .expires_at = clock.now() + 10h, .issued_at = clock.now()});
    const auto transport = [](const tokenkeep::http_request&) -> tokenkeep::http_response {
        throw std::runtime_error("asked");
    };
    tokenkeep::keeper keep{store, transport, tokenkeep::oauth2_provider{}, {}, tokenkeep::ignore_events{}, clock};
    tokenkeep::session session = keep.session(ada);
    CHECK(session.access_token() == secret("at"));
    clock.time += 11h; // the wall clock stands still
    CHECK(error_of([&] { session.access_token(); }) == errc::reauthorization_required);
}

TEST_CASE("session: a token that is due is refreshed", "[session]") {
    world w;
    w.login();
    auto keep = w.keeper();
    auto session = keep.session(ada);
    const secret before = session.access_token();
    w.clock.advance(2h);
    CHECK(session.access_token() != before);
    CHECK(w.is_stored(session.access_token()));
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("session: a jump of the wall clock does not make it give an ended token", "[session]") {
    world w;
    w.login();
    auto keep = w.keeper();
    auto session = keep.session(ada);
    const secret before = session.access_token();
    w.clock.jump(-24h);
    w.clock.advance(2h);
    CHECK(session.access_token() != before);
    CHECK(keep.access_token({.user_name = "ada"}) == session.access_token());
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("session: a token that lives for a second costs one request for each later use", "[session]") {
    world w({.members = {{"expires_in", "1"}}});
    w.login();
    auto keep = w.keeper();
    auto session = keep.session({.user_name = "ada"});
    const unsigned before = w.server.log().token_requests;
    for (unsigned uses = 1; uses <= 3; ++uses) {
        w.clock.advance(2s);
        session.access_token();
        CHECK(w.server.log().token_requests - before == uses);
    }
}

TEST_CASE("session: after a 401 refresh gives another token, and other sessions see it at once", "[session]") {
    world w;
    w.login();
    auto keep = w.keeper();
    auto session = keep.session(ada);
    auto other = keep.session({.id = w.row().id});
    auto copy = session;
    const secret before = session.access_token();
    CHECK(other.access_token() == before);
    CHECK(copy.access_token() == before);
    const secret after = session.refresh();
    CHECK(after != before);
    CHECK(other.access_token() == after);
    CHECK(copy.access_token() == after);
    CHECK(other.refresh() != after);
    CHECK(w.server.log().refreshes == 2);
}

TEST_CASE("session: a session that still has the refused token adopts the one that another has fetched", "[session]") {
    world w;
    w.login();
    auto keep = w.keeper();
    auto neighbour = w.keeper(); // another process, which this session's keeper does not hear of
    auto session = keep.session(ada);
    const secret before = session.access_token();
    const secret after = neighbour.refresh(ada, before);
    CHECK(session.access_token() == before);
    CHECK(session.refresh() == after);
    CHECK(w.server.log().refreshes == 1);
}

TEST_CASE("session: it goes on giving what it has when its keeper is gone", "[session]") {
    world w;
    w.login();
    std::optional<tokenkeep::session> used, unused;
    {
        auto keep = w.keeper();
        used = keep.session(ada);
        unused = keep.session(ada);
        used->access_token();
    }
    w.clock.advance(24h);
    CHECK(w.is_stored(used->access_token()));
    CHECK(error_of([&] { used->refresh(); }) == errc::token_not_found);
    CHECK(error_of([&] { unused->access_token(); }) == errc::token_not_found);
}

TEST_CASE("session: a revoked identity is not served from memory", "[session]") {
    world w;
    w.login();
    auto keep = w.keeper();
    auto session = keep.session(ada);
    session.access_token();
    keep.revoke(ada);
    CHECK(error_of([&] { session.access_token(); }) == errc::token_not_found);
}

TEST_CASE("session: one that was found by its access token outlives that token", "[session]") {
    world w;
    const token row = w.login();
    auto keep = w.keeper();
    auto session = keep.session({.access_token = row.access_token});
    w.clock.advance(2h);
    CHECK(w.is_stored(session.access_token()));
    w.clock.advance(2h);
    CHECK(w.is_stored(session.access_token()));
    CHECK(w.server.log().refreshes == 2);
}
