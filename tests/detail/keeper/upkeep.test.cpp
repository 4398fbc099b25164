// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/keeper/upkeep.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using tests::error_of, tests::world;
using tokenkeep::errc, tokenkeep::refresh_due_report, tokenkeep::secret, tokenkeep::sweep_report, tokenkeep::token;
using tokenkeep::testing::fault;
using namespace std::chrono_literals;

namespace {

void log_in(world<>& w, int users) {
    for (int n = 0; n < users; ++n) w.login("user-" + std::to_string(n));
}

} // namespace

TEST_CASE("refresh_due: what ends soon is refreshed, what lasts is not, and the report says when to come again",
          "[refresh_due]") {
    world w;
    w.login();
    auto keep = w.keeper();
    const secret first = w.row().access_token;
    refresh_due_report report = keep.refresh_due(10min);
    CHECK(report.total == 1);
    CHECK(report.not_due == 1);
    CHECK(report.refreshed == 0);
    CHECK(report.next_in == 5min); // a login may come meanwhile
    w.clock.advance(49min);
    report = keep.refresh_due(10min);
    CHECK(report.not_due == 1);
    CHECK(report.next_in >= 1min);
    CHECK(report.next_in <= 5min);
    w.clock.advance(6min);
    report = keep.refresh_due(10min);
    CHECK(report.refreshed == 1);
    CHECK(w.row().access_token != first);
    CHECK(report.next_in == 5min);
    CHECK(keep.refresh_due(10min).refreshed == 0);
}

TEST_CASE("refresh_due: called when it says so, it keeps every session fresh, and spreads those of one minute",
          "[refresh_due]") {
    world w;
    log_in(w, 200);
    auto keep = w.keeper();
    const auto end = w.clock.now() + 1h;
    std::size_t most_in_a_second = 0, refreshed = 0;
    while (refreshed < 200) {
        const refresh_due_report report = keep.refresh_due(10min);
        refreshed += report.refreshed;
        most_in_a_second = (std::max)(most_in_a_second, report.refreshed);
        REQUIRE(report.failed == 0);
        REQUIRE(w.clock.now() < end);
        w.clock.advance(report.next_in);
    }
    CHECK(most_in_a_second < 15); // 0.7 on average: 200 in 5 minutes
    CHECK(w.server.log().refreshes == 200);
}

TEST_CASE("refresh_due: a refresh token that is about to end is used, but not at every call", "[refresh_due]") {
    world w({.token_life = 24h, .members = {{"refresh_token_expires_in", "7200"}}});
    w.login();
    auto keep = w.keeper();
    CHECK(keep.refresh_due(1h).not_due == 1);
    w.clock.advance(90min);
    CHECK(keep.refresh_due(1h).refreshed == 1);
    w.server.set_options({.token_life = 24h, .members = {{"refresh_token_expires_in", "60"}}});
    w.clock.advance(90min);
    CHECK(keep.refresh_due(1h).refreshed == 1);
    CHECK(keep.refresh_due(1h).not_due == 1); // the server does not make it live longer
    w.clock.advance(29min);
    CHECK(keep.refresh_due(1h).not_due == 1);
    w.clock.advance(1min);
    CHECK(keep.refresh_due(1h).refreshed == 1);
}

TEST_CASE("refresh_due: a short life is not refreshed all the time", "[refresh_due]") {
    world w({.token_life = 10min});
    w.login();
    auto keep = w.keeper();
    CHECK(keep.refresh_due(24h).refreshed == 0);
    w.clock.advance(4min);
    CHECK(keep.refresh_due(24h).refreshed == 0);
    w.clock.advance(4min);
    CHECK(keep.refresh_due(24h).refreshed == 1);
}

TEST_CASE("refresh_due: rows that are no session to refresh are left alone", "[refresh_due]") {
    world w;
    const token ada = w.login();
    auto keep = w.keeper({.session_idle = 2h});
    token changed = ada;
    SECTION("no refresh token") { changed.refresh_token.clear(); }
    SECTION("refused") {
        changed.status =
            tokenkeep::to_status({.kind = tokenkeep::status_kind::refused,
                                  .fingerprint = tokenkeep::token_status::fingerprint_of(ada.refresh_token)});
    }
    SECTION("in doubt: the old token is used up first") { changed.status = w.marker_for(ada.refresh_token); }
    SECTION("idle") { changed.used_at = w.clock.now() - 90min; }
    REQUIRE(w.store.inner.replace_token(ada, changed));
    w.clock.advance(59min);
    CHECK(keep.refresh_due(10min).skipped == 1);
    CHECK(w.row() == changed);
    CHECK(w.server.log().refreshes == 0);
}

TEST_CASE("refresh_due: a session without an access token that another refuses meanwhile is not sent again",
          "[refresh_due]") {
    world w({.members = {{"refresh_token_expires_in", "600"}}});
    const token ada = w.login();
    token bare = ada;
    bare.access_token.clear();
    bare.expires_at.reset();
    bare.issued_at.reset();
    REQUIRE(w.store.inner.replace_token(ada, bare));
    auto keep = w.keeper();
    w.clock.advance(9min);
    w.store.before = [&, has_run = false](std::string_view operation) mutable {
        if (operation != "lock" || std::exchange(has_run, true)) return;
        token refused = bare;
        refused.status =
            tokenkeep::to_status({.kind = tokenkeep::status_kind::refused,
                                  .fingerprint = tokenkeep::token_status::fingerprint_of(ada.refresh_token)});
        REQUIRE(w.store.inner.replace_token(bare, refused));
    };
    CHECK(keep.refresh_due(10min).failed == 1);
    CHECK(w.server.log().token_requests == 1);
}

TEST_CASE("refresh_due: times that cannot be are no harm", "[refresh_due]") {
    world w;
    const token ada = w.login();
    auto keep = w.keeper();
    constexpr auto first = (tokenkeep::timestamp::min)(), last = (tokenkeep::timestamp::max)();
    for (const auto [issued, expires, refresh] : {std::array{last, last, last}, std::array{first, last, first},
                                                  std::array{last, first, last}, std::array{first, first, first}}) {
        token odd = w.row();
        odd.issued_at = issued;
        odd.expires_at = expires;
        odd.refresh_expires_at = refresh;
        REQUIRE(w.store.inner.replace_token(w.row(), odd));
        const refresh_due_report report = keep.refresh_due((std::chrono::milliseconds::max)());
        CHECK(report.done() == 1);
        CHECK(report.next_in >= 1s);
    }
}

TEST_CASE("refresh_due: it is no use of the session", "[refresh_due]") {
    world w;
    const auto login = w.clock.now();
    w.login();
    auto keep = w.keeper({.session_idle = 2h});
    w.clock.advance(59min);
    CHECK(keep.refresh_due(10min).refreshed == 1);
    CHECK(w.row().used_at == login);
    w.clock.advance(61min);
    CHECK(keep.refresh_due(10min).skipped == 1);
}

TEST_CASE("refresh_due: two keepers that both do it spend each refresh token once", "[refresh_due]") {
    world w;
    log_in(w, 50);
    w.clock.advance(59min);
    auto one = w.keeper(), two = w.keeper();
    bool has_run = false;
    w.store.before = [&](std::string_view operation) { // the other one comes in the middle of it
        if (operation == "lock" && !std::exchange(has_run, true)) two.refresh_due(10min);
    };
    one.refresh_due(10min);
    CHECK(w.server.log().refreshes == 50);
    CHECK(w.server.log().reused == 0);
    w.clock.advance(59min);
    w.store.before = [](std::string_view) {};
    std::thread other([&] { two.refresh_due(10min); });
    one.refresh_due(10min);
    other.join();
    CHECK(w.server.log().refreshes == 100);
    CHECK(w.server.log().reused == 0);
}

TEST_CASE("refresh_due: one session that fails does not stop the others; a server that fails does", "[refresh_due]") {
    world w;
    log_in(w, 10);
    w.clock.advance(59min);
    auto keep = w.keeper();
    SECTION("one is refused") {
        w.server.next({fault::kind::answer, {.status = 400, .body = R"({"error":"invalid_grant"})"}});
        const refresh_due_report report = keep.refresh_due(10min);
        CHECK(report.failed == 1);
        CHECK(report.refreshed == 9);
        CHECK(keep.refresh_due(10min).skipped == 1);
    }
    SECTION("one is throttled: it is not asked for before the pause is over, and nothing waits for it") {
        w.server.next(fault::http(429, 120s));
        const auto before = w.clock.now();
        CHECK(keep.refresh_due(10min).failed == 1);
        const refresh_due_report report = keep.refresh_due(10min);
        CHECK(report.failed == 1);
        CHECK(report.next_in > 100s);
        CHECK(report.next_in <= 120s);
        CHECK(w.clock.now() - before < 1s);
        CHECK(w.server.log().token_requests == 20);
        w.clock.advance(report.next_in);
        CHECK(keep.refresh_due(10min).refreshed == 1);
    }
    SECTION("one has no answer: it is in doubt, and settled when its token has ended") {
        w.server.next(fault::http(503));
        refresh_due_report report = keep.refresh_due(10min);
        CHECK(report.failed == 1);
        CHECK(report.refreshed == 9);
        report = keep.refresh_due(10min);
        CHECK(report.skipped == 1);
        w.clock.advance(2min);
        report = keep.refresh_due(10min);
        CHECK(report.refreshed == 1);
        CHECK(report.skipped == 0);
    }
    SECTION("one has a client secret that is wrong: the rows behind it are reached") {
        token wrong = w.row("user-3");
        wrong.client_secret = "old";
        REQUIRE(w.store.inner.replace_token(w.row("user-3"), wrong));
        const refresh_due_report report = keep.refresh_due(10min);
        CHECK(report.failed == 1);
        CHECK(report.refreshed == 9);
    }
    SECTION("some fail here and there: it goes on") {
        for (int n = 0; n < 5; ++n) {
            w.server.next(fault::http(503));
            w.server.next(fault::kind::none);
        }
        const refresh_due_report report = keep.refresh_due(10min);
        CHECK(report.failed == 5);
        CHECK(report.refreshed == 5);
    }
    SECTION("the server fails: three are enough to see it") {
        const auto kind = GENERATE(fault{fault::kind::unreachable}, fault::http(503), fault{fault::kind::lost_request});
        for (int n = 0; n < 10; ++n) w.server.next(kind);
        const auto failure = error_of([&] { keep.refresh_due(10min); });
        CHECK((failure == errc::transport_failure || failure == errc::outcome_unknown));
        CHECK(w.server.log().token_requests <= 13);
        CHECK(w.server.log().refreshes == 0);
    }
    SECTION("the store fails") {
        w.store.before = [](std::string_view operation) {
            if (operation == "replace") throw tokenkeep::error(errc::storage_failure, "no disk");
        };
        CHECK(error_of([&] { keep.refresh_due(10min); }) == errc::storage_failure);
        CHECK(w.server.log().token_requests == 10);
    }
    SECTION("the progress throws") {
        std::size_t last = 0;
        CHECK_THROWS_AS(keep.refresh_due(10min,
                                         [&](const refresh_due_report& so_far) {
                                             CHECK(so_far.done() == ++last);
                                             if (last == 4) throw std::runtime_error("enough");
                                         }),
                        std::runtime_error);
        CHECK(w.server.log().refreshes == 4);
        CHECK(keep.refresh_due(10min).refreshed == 6);
    }
}

TEST_CASE("keeper sweep: sessions past their time are revoked at the server, and then deleted", "[sweep]") {
    world w;
    const token old = w.login("old");
    w.clock.advance(2h);
    const token young = w.login("young");
    auto keep = w.keeper({.session_idle = 1h});
    const auto policy = GENERATE(tokenkeep::sweep_policy{.lifetime = 1h}, tokenkeep::sweep_policy{.idle = 1h});
    const sweep_report report = keep.sweep(policy);
    CHECK(report.total == 2);
    CHECK(report.deleted() == 1);
    CHECK(report.kept == 1);
    CHECK(!w.server.is_live(old.refresh_token));
    CHECK(w.server.is_live(young.refresh_token));
    CHECK(w.server.log().revocations == 1);
    CHECK(w.store.get_tokens().size() == 1);
}

TEST_CASE("keeper sweep: what is dead at the server is only deleted", "[sweep]") {
    world w;
    w.login();
    w.server.revoke(w.row().refresh_token);
    w.clock.advance(2h);
    int requests = 0;
    const auto transport = [&](const tokenkeep::http_request& request) { return ++requests, w.server(request); };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    CHECK(error_of([&] { keep.access_token({.user_name = "ada"}); }) == errc::reauthorization_required);
    CHECK(keep.sweep({.dead_for = 1h}).deleted() == 0);
    w.clock.advance(1h); // the keeper has noted since when
    CHECK(keep.sweep({.dead_for = 1h}).dead == 1);
    CHECK(requests == 1);
    CHECK(w.store.get_tokens().empty());
}

TEST_CASE("keeper sweep: a session that is used just before it is marked stays, and is not revoked", "[sweep]") {
    world w({.token_life = 24h});
    w.login();
    w.clock.advance(61min);
    auto keep = w.keeper({.session_idle = 1h}), other = w.keeper({.session_idle = 3h});
    bool has_run = false;
    w.store.before = [&](std::string_view operation) {
        if (operation == "lock" && !std::exchange(has_run, true)) other.access_token({.user_name = "ada"});
    };
    CHECK(keep.sweep({.idle = 1h}).kept == 1);
    CHECK(w.server.log().revocations == 0);
    CHECK(w.server.is_live(w.row().refresh_token));
}

TEST_CASE("keeper sweep: a row that the server will not revoke goes when it has been dead for so long", "[sweep]") {
    world w;
    w.login();
    w.clock.advance(2h);
    const auto transport = [&](const tokenkeep::http_request&) {
        return tokenkeep::http_response{.status = 400, .body = R"({"error":"invalid_request"})"};
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    CHECK(keep.sweep({.lifetime = 1h, .dead_for = 1h}).not_revoked == 1);
    w.clock.advance(30min);
    CHECK(keep.sweep({.lifetime = 1h, .dead_for = 1h}).not_revoked == 1); // its time still counts from the first
    w.clock.advance(30min);
    CHECK(keep.sweep({.lifetime = 1h, .dead_for = 1h}).dead == 1);
}

TEST_CASE("keeper sweep: a row that another sweep has removed, or that another process works on, is passed over",
          "[sweep]") {
    world w;
    log_in(w, 2);
    w.clock.advance(2h);
    auto keep = w.keeper({.lock_timeout = 200ms});
    SECTION("removed") {
        w.store.before = [&](std::string_view operation) {
            if (operation == "lock") w.store.inner.delete_tokens();
        };
        const sweep_report report = keep.sweep({.lifetime = 1h});
        CHECK(report.kept == 2);
        CHECK(report.not_revoked == 0);
    }
    SECTION("locked") {
        const auto held =
            w.store.inner.lock_token(identity_key(w.row("user-0")), std::chrono::steady_clock::now() + 5s);
        const sweep_report report = keep.sweep({.lifetime = 1h});
        CHECK(report.kept == 1);
        CHECK(report.lifetime == 1);
    }
}

TEST_CASE("keeper sweep: a client that the server does not accept ends it at the first row", "[sweep]") {
    world w;
    log_in(w, 3);
    w.clock.advance(2h);
    auto provider = w.server.provider();
    provider.client_secret = "wrong";
    tokenkeep::keeper keep = w.keeper_with(provider);
    CHECK(error_of([&] { keep.sweep({.lifetime = 1h}); }) == errc::client_rejected);
    int marked = 0;
    for (const token& row : w.store.get_tokens()) marked += row.status.empty() ? 0 : 1;
    CHECK(marked == 1);
}

TEST_CASE("keeper sweep: failures of the server end it, a refusal of one session does not", "[sweep]") {
    world w;
    log_in(w, 3);
    w.clock.advance(2h);
    int requests = 0, failing = 0, status = 503;
    const auto transport = [&](const tokenkeep::http_request& request) {
        return ++requests == failing
                   ? tokenkeep::http_response{.status = status, .body = R"({"error":"invalid_request"})"}
                   : w.server(request);
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    failing = 2;
    SECTION("the server fails") {
        CHECK(error_of([&] { keep.sweep({.lifetime = 1h}); }) == errc::server_unavailable);
        CHECK(w.store.get_tokens().size() == 2);
    }
    SECTION("the server refuses one") {
        status = 400;
        const sweep_report report = keep.sweep({.lifetime = 1h});
        CHECK(report.lifetime == 2);
        CHECK(report.not_revoked == 1);
        CHECK(report.done() == 3);
    }
    const std::size_t deleted = keep.sweep({.lifetime = 1h}).deleted();
    CHECK(deleted == (status == 400 ? 1 : 2));
    CHECK(w.store.get_tokens().empty());
    CHECK(w.server.log().revocations == 3);
}

TEST_CASE("keeper sweep: an idle time without, or shorter than, the keeper's own is refused", "[sweep]") {
    world w;
    w.login();
    w.clock.advance(2h);
    CHECK(error_of([&] { w.keeper().sweep({.idle = 1h}); }) == errc::request_rejected);
    CHECK(error_of([&] { w.keeper({.session_idle = 90min}).sweep({.idle = 1h}); }) == errc::request_rejected);
    CHECK(w.store.get_tokens().size() == 1);
}
