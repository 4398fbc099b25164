// SPDX-License-Identifier: MIT
#include <tokenkeep/document_store.hpp>
#include <tokenkeep/keeper.hpp>
#include <tokenkeep/zoho/csv.hpp>
#include <tokenkeep/zoho/schema.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"

#include <optional>
#include <string>

using tests::error_of, tests::world;
using tokenkeep::errc, tokenkeep::event_kind, tokenkeep::secret, tokenkeep::token;
using namespace std::chrono_literals;

namespace {

const token ada{.user_name = "ada"};

struct document {
    std::optional<std::string> bytes{};
    std::optional<std::string> load() { return bytes; }
    void save(std::string_view saved) { bytes = saved; }
};

} // namespace

TEST_CASE("session limits: past its lifetime a session is over, whatever its tokens could still do",
          "[session_limits]") {
    world w;
    const auto start = w.clock.now();
    w.login();
    auto keep = w.keeper({.session_lifetime = 90min});
    auto session = keep.session(ada);
    w.clock.advance(89min);
    CHECK(w.is_stored(keep.access_token(ada))); // refreshed at 89 min: the token lives an hour from there
    CHECK(w.is_stored(session.access_token()));
    const unsigned refreshes = w.server.log().refreshes;
    w.clock.advance(1min);
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::reauthorization_required);
    CHECK(error_of([&] { session.access_token(); }) == errc::reauthorization_required);
    CHECK(error_of([&] { keep.record({.id = w.row().id}); }) == errc::reauthorization_required);
    CHECK(error_of([&] { keep.refresh(ada, {}); }) == errc::reauthorization_required);
    CHECK(error_of([&] { keep.access_token({.refresh_token = w.row().refresh_token}); }) ==
          errc::reauthorization_required);
    CHECK(w.server.log().refreshes == refreshes);
    CHECK(w.row().logged_in_at == start);

    keep.access_token({.user_name = "ada", .grant_token = w.server.grant("ada")}); // a new login
    w.clock.advance(89min);
    CHECK(w.is_stored(keep.access_token(ada)));
    CHECK(w.store.get_tokens().size() == 1);
}

TEST_CASE("session limits: revoke ends a session that is over", "[session_limits]") {
    world w;
    w.login();
    auto keep = w.keeper({.session_lifetime = 1h});
    w.clock.advance(2h);
    keep.revoke(ada);
    CHECK(w.store.get_tokens().empty());
    CHECK(w.server.log().revocations == 1);
}

TEST_CASE("session limits: a session that nobody uses ends, one that is used goes on", "[session_limits]") {
    world w({.token_life = 24h});
    w.login();
    auto keep = w.keeper({.session_idle = 60min});
    for (int n = 0; n < 10; ++n) {
        w.clock.advance(40min);
        CHECK(w.is_stored(keep.access_token(ada)));
        CHECK(w.row().used_at == w.clock.now());
    }
    w.clock.advance(60min);
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::reauthorization_required);
    CHECK(w.server.log().refreshes == 0);
}

TEST_CASE("session limits: a session value counts as use, and writes once in a quarter of the idle time",
          "[session_limits]") {
    world w({.token_life = 24h});
    w.login();
    auto keep = w.keeper({.session_idle = 60min});
    int writes = 0;
    w.store.before = [&](std::string_view operation) { writes += operation == "replace" ? 1 : 0; };
    auto session = keep.session(ada);
    for (int minute = 0; minute < 180; ++minute) {
        w.clock.advance(1min);
        CHECK(w.is_stored(session.access_token()));
    }
    CHECK(writes == 12);
    w.clock.advance(59min);
    CHECK(w.is_stored(session.access_token())); // the last use was noted within the last quarter
    w.clock.advance(60min);
    CHECK(error_of([&] { session.access_token(); }) == errc::reauthorization_required);
}

TEST_CASE("session limits: if the use cannot be written, the token is handed out all the same", "[session_limits]") {
    world w({.token_life = 24h});
    w.login();
    auto keep = w.keeper({.session_idle = 60min});
    w.store.before = [&](std::string_view operation) {
        if (operation == "replace") throw tokenkeep::error(errc::storage_failure, "no disk");
    };
    w.clock.advance(59min);
    CHECK(w.is_stored(keep.access_token(ada)));
}

TEST_CASE("session limits: a row that says neither is not over, and the next refresh begins its time",
          "[session_limits]") {
    world w;
    token row = w.login();
    token older = row;
    older.logged_in_at.reset();
    older.used_at.reset();
    REQUIRE(w.store.inner.replace_token(row, older));
    w.clock.advance(24h);
    auto keep = w.keeper({.session_lifetime = 3h, .session_idle = 2h});
    CHECK(w.is_stored(keep.access_token(ada)));
    CHECK(w.row().logged_in_at == w.clock.now());
    CHECK(w.row().used_at == w.clock.now());
    w.clock.advance(119min);
    CHECK(w.is_stored(keep.access_token(ada)));
    w.clock.advance(61min);
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::reauthorization_required);
}

TEST_CASE("session limits: a row that is being refreshed is not written to, so that the marker can be taken back",
          "[session_limits]") {
    world w({.token_life = 24h});
    w.login();
    auto keep = w.keeper({.session_idle = 60min}), other = w.keeper({.session_idle = 60min});
    w.clock.advance(30min);
    const auto transport = [&](const tokenkeep::http_request&) {
        CHECK(w.is_stored(other.access_token(ada))); // another caller, while the refresh token is sent
        return tokenkeep::http_response{.status = 429};
    };
    tokenkeep::keeper busy{w.store, transport, w.server.provider(), {.session_idle = 60min}, w.seen, w.clock};
    CHECK(error_of([&] { busy.refresh(ada, w.row().access_token); }) == errc::throttled);
    CHECK(w.row().status.empty());
}

TEST_CASE("session limits: without limits nothing is written at a look-up, and nothing ends", "[session_limits]") {
    world w({.token_life = 24h});
    w.login();
    auto keep = w.keeper();
    int writes = 0;
    w.store.before = [&](std::string_view operation) { writes += operation == "replace" ? 1 : 0; };
    w.clock.advance(23h);
    CHECK(w.is_stored(keep.access_token(ada)));
    CHECK(writes == 0);
}

TEST_CASE("session limits: the largest limits are no limits", "[session_limits]") {
    world w;
    w.login();
    auto keep =
        w.keeper({.session_lifetime = (std::chrono::seconds::max)(), .session_idle = (std::chrono::seconds::max)()});
    w.clock.advance(240h);
    CHECK(w.is_stored(keep.access_token(ada)));
    int writes = 0;
    w.store.before = [&](std::string_view operation) { writes += operation == "replace" ? 1 : 0; };
    auto session = keep.session(ada);
    CHECK(w.is_stored(session.access_token()));
    CHECK(w.is_stored(keep.access_token(ada)));
    CHECK(writes == 0);
}

TEST_CASE("session limits: over Zoho's ten columns the observer learns that they cannot be kept", "[session_limits]") {
    world<> w;
    tokenkeep::basic_document_store<document, tokenkeep::zoho::csv, tokenkeep::zoho::policy> store{document{}};
    tests::recorder seen;
    tokenkeep::keeper keep{store, w.server, w.server.provider(), {.session_lifetime = 1h}, seen, w.clock};
    keep.access_token({.user_name = "ada", .grant_token = w.server.grant("ada")});
    CHECK(seen.count(event_kind::warning) == 1);
    CHECK(seen.texts.back().find("session_lifetime") != std::string::npos);
    w.clock.advance(2h);
    CHECK(!keep.access_token(ada).empty());
}
