// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/keeper/login.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using tests::error_of, tests::world;
using tokenkeep::errc, tokenkeep::event_kind, tokenkeep::secret, tokenkeep::token;
using tokenkeep::testing::fault;
using namespace std::chrono_literals;

TEST_CASE("login: a grant token is exchanged once, however often the program brings it", "[login]") {
    world w;
    auto keep = w.keeper();
    const token probe{.user_name = "ada", .grant_token = w.server.grant("ada")};
    const secret first = keep.access_token(probe);
    CHECK(keep.access_token(probe) == first);
    w.clock.advance(2h);
    CHECK(w.is_stored(keep.access_token(probe)));
    CHECK(w.server.log().logins == 1);
    CHECK(w.server.log().refreshes == 1);
    CHECK(w.row().client_id == "app");
    CHECK(w.row().client_secret.empty()); // the provider's secret is not stored
    CHECK(w.row().status.empty());
    CHECK(w.store.get_tokens().size() == 1);
}

TEST_CASE("login: a grant token without a user is found again by itself", "[login]") {
    world w;
    auto keep = w.keeper();
    const token probe{.grant_token = w.server.grant("ada")};
    const secret first = keep.access_token(probe);
    CHECK(keep.access_token(probe) == first);
    CHECK(w.server.log().logins == 1);
    CHECK(w.store.get_tokens().size() == 1);
}

TEST_CASE("login: a new grant token for a known user is exchanged and replaces what the row held", "[login]") {
    world w;
    const token before = w.login();
    auto keep = w.keeper();
    const secret grant = w.server.grant("ada");
    const secret given = keep.access_token({.user_name = "ada", .grant_token = grant});
    const token after = w.row();
    CHECK(given == after.access_token);
    CHECK(after.id == before.id);
    CHECK(after.access_token != before.access_token);
    CHECK(after.refresh_token != before.refresh_token);
    CHECK(after.grant_token == grant);
    CHECK(w.server.is_live(after.refresh_token));
    CHECK(w.server.log().logins == 2);
}

TEST_CASE("login: a login without refresh token empties the one of the old consent", "[login]") {
    world w;
    w.login();
    auto keep = w.keeper();
    w.server.next(
        {fault::kind::answer,
         {.status = 200, .body = "{\"access_token\":\"at-only\",\"token_type\":\"Bearer\",\"expires_in\":60}"}});
    CHECK(keep.access_token({.user_name = "ada", .grant_token = "code-2"}) == secret("at-only"));
    CHECK(w.row().refresh_token.empty());
    w.clock.advance(2min);
    CHECK(error_of([&] { keep.access_token({.user_name = "ada"}); }) == errc::reauthorization_required);
    CHECK(w.server.log().token_requests == 2);
}

TEST_CASE("login: a refused grant leaves everything as it was", "[login]") {
    world w;
    auto keep = w.keeper();
    SECTION("no row before: none after") {
        CHECK(error_of([&] { keep.access_token({.user_name = "ada", .grant_token = "code-wrong"}); }) ==
              errc::reauthorization_required);
        CHECK(w.store.get_tokens().empty());
    }
    SECTION("a row before: the same row after") {
        const token before = w.login();
        CHECK(error_of([&] { keep.access_token({.user_name = "ada", .grant_token = "code-wrong"}); }) ==
              errc::reauthorization_required);
        CHECK(w.row() == before);
        CHECK(keep.access_token({.user_name = "ada"}) == before.access_token);
    }
}

TEST_CASE("login: a grant that was not sent may be sent again", "[login]") {
    world w;
    auto keep = w.keeper();
    const token probe{.user_name = "ada", .grant_token = w.server.grant("ada")};
    w.server.next(fault::kind::unreachable);
    CHECK(error_of([&] { keep.access_token(probe); }) == errc::transport_failure);
    CHECK(w.store.get_tokens().empty());
    CHECK(w.is_stored(keep.access_token(probe)));
}

TEST_CASE("login: a grant that may have been spent is never sent again", "[login]") {
    world w;
    auto keep = w.keeper();
    const auto kind = GENERATE(fault::kind::lost_answer, fault::kind::lost_request, fault::kind::truncated);
    SECTION("a first login") {
        const token probe{.user_name = "ada", .grant_token = w.server.grant("ada")};
        w.server.next(kind);
        CHECK(error_of([&] { keep.access_token(probe); }) == errc::outcome_unknown);
        CHECK(error_of([&] { keep.access_token(probe); }) == errc::outcome_unknown);
        CHECK(error_of([&] { keep.access_token({.user_name = "ada"}); }) == errc::outcome_unknown);
        CHECK(w.server.log().token_requests == 1);
        w.clock.advance(24h);
        CHECK(error_of([&] { w.keeper().access_token(probe); }) == errc::outcome_unknown);
        const token again{.user_name = "ada", .grant_token = w.server.grant("ada")};
        CHECK(w.is_stored(keep.access_token(again)));
    }
    SECTION("a user with a session: it goes on") {
        const token before = w.login();
        const token probe{.user_name = "ada", .grant_token = w.server.grant("ada")};
        w.server.next(kind);
        CHECK(error_of([&] { keep.access_token(probe); }) == errc::outcome_unknown);
        CHECK(error_of([&] { keep.access_token(probe); }) == errc::outcome_unknown);
        CHECK(w.server.log().token_requests == 2);
        CHECK(keep.access_token({.user_name = "ada"}) == before.access_token);
        w.clock.advance(2h);
        CHECK(w.is_stored(keep.access_token({.user_name = "ada"})));
        CHECK(w.server.is_live(w.row().refresh_token));
        const unsigned before_again = w.server.log().token_requests; // the refresh has not made the login good
        CHECK(error_of([&] { keep.access_token(probe); }) == errc::outcome_unknown);
        CHECK(w.server.log().token_requests == before_again);
    }
}

TEST_CASE("login: the marker is stored before the grant is sent", "[login]") {
    world w;
    const secret grant = w.server.grant("ada");
    bool looked = false;
    const auto transport = [&](const tokenkeep::http_request& request) {
        const auto status = tokenkeep::read_status(w.row().status);
        CHECK(status.kind == tokenkeep::status_kind::spend);
        CHECK(status.is_about(grant));
        looked = true;
        return w.server(request);
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    keep.access_token({.user_name = "ada", .grant_token = grant});
    CHECK(looked);
}

TEST_CASE("login: tokens of a login that cannot be saved are kept and saved later", "[login]") {
    world w;
    auto keep = w.keeper();
    w.store.before = [](std::string_view operation) {
        if (operation == "replace") throw std::runtime_error("disk full");
    };
    const token probe{.user_name = "ada", .grant_token = w.server.grant("ada")};
    CHECK(error_of([&] { keep.access_token(probe); }) == errc::rotation_not_saved);
    w.store.before = [](std::string_view) {};
    CHECK(w.is_stored(keep.access_token({.user_name = "ada"})));
    CHECK(w.server.is_live(w.row().refresh_token));
    CHECK(w.server.log().token_requests == 1);
}

TEST_CASE("login: a grant token that nobody can be found by is refused before anything is stored", "[login]") {
    world w;
    tokenkeep::oauth2_provider nameless = w.server.provider();
    nameless.client_id.clear();
    auto keep = w.keeper_with(nameless);
    CHECK(error_of([&] { keep.access_token({.grant_token = "code"}); }) == errc::invalid_record);
    CHECK(w.store.get_tokens().empty());
    CHECK(w.server.log().token_requests == 0);
}

TEST_CASE("login: a row that holds only a grant token is exchanged when it is asked for", "[login]") {
    world w;
    w.store.inner.save_token({.user_name = "ada", .client_id = "app", .grant_token = w.server.grant("ada")});
    CHECK(w.is_stored(w.keeper().access_token({.user_name = "ada"})));
    CHECK(w.server.log().logins == 1);
}

TEST_CASE("login: over a plain store, and from many threads, one grant token is sent once", "[login]") {
    tokenkeep::testing::fake_server server({.latency = 50ms});
    tests::plain_store store;
    tokenkeep::keeper keep{store, server, server.provider(), {.read_back_pause = 20ms}};
    const token probe{.user_name = "ada", .grant_token = server.grant("ada")};
    std::vector<std::thread> threads;
    std::atomic<int> right{0};
    for (int i = 0; i < 8; ++i) threads.emplace_back([&] { right += !keep.access_token(probe).empty(); });
    for (std::thread& one : threads) one.join();
    CHECK(right == 8);
    CHECK(server.log().token_requests == 1);
    CHECK(store.get_tokens().size() == 1);
}

TEST_CASE("login: a row that came between the look and the save is not the login's own", "[login]") {
    world w;
    auto keep = w.keeper();
    bool once = false;
    w.store.before = [&](std::string_view operation) {
        if (operation == "save" && !std::exchange(once, true))
            w.store.inner.save_token(
                {.user_name = "ada", .client_id = "app", .refresh_token = "rt-other", .access_token = "at-other"});
    };
    SECTION("a refused grant leaves it") {
        CHECK(error_of([&] { keep.access_token({.user_name = "ada", .grant_token = "bad"}); }).has_value());
    }
    SECTION("it keeps its tokens while the grant is on its way") {
        keep.access_token({.user_name = "ada", .grant_token = w.server.grant("ada")});
    }
    CHECK(w.store.get_tokens().size() == 1);
    CHECK(w.row().status.empty());
}

TEST_CASE("login: a stored grant token that was refused is not sent at every call", "[login]") {
    world w;
    w.store.inner.save_token({.user_name = "ada", .client_id = "app", .grant_token = "bad"});
    auto keep = w.keeper();
    for (int i = 0; i < 3; ++i) {
        CHECK(error_of([&] { keep.access_token({.user_name = "ada"}); }) == errc::reauthorization_required);
        CHECK(error_of([&] { keep.access_token({.user_name = "ada", .grant_token = "bad"}); }) ==
              errc::reauthorization_required);
    }
    CHECK(w.server.log().token_requests == 1);
}

TEST_CASE("login: a grant is not sent again after the row was given another login", "[login]") {
    world w;
    const token probe{.user_name = "ada", .grant_token = w.server.grant("ada")};
    auto keep = w.keeper();
    keep.access_token(probe);
    const token elsewhere = w.login("elsewhere");
    const secret other = elsewhere.refresh_token;
    w.store.inner.delete_token(elsewhere.id);
    w.server.next(fault::kind::unreachable);
    CHECK(error_of([&] { keep.access_token({.user_name = "ada", .refresh_token = other}); }) ==
          errc::transport_failure);
    keep.access_token(probe);
    CHECK(w.server.log().logins == 2);
    CHECK(w.server.log().refused == 0);
}

TEST_CASE("login: the scope of an old consent is not that of a new login", "[login]") {
    world w;
    const token before = w.login();
    w.store.inner.save_token({.scope = "old", .id = before.id});
    w.keeper().access_token({.user_name = "ada", .grant_token = w.server.grant("ada")});
    CHECK(w.row().scope.empty());
}

TEST_CASE("login: tokens kept from a login do not overwrite what a sibling has made of them since", "[login]") {
    world w;
    const token before = w.login();
    bool reports = false;
    w.store.before = [&](std::string_view operation) { // the save is done, and reported as perhaps not done
        if (operation != "replace" || !reports) return;
        reports = false;
        token saved = w.row();
        saved.status.clear();
        saved.refresh_token = "rt-3"; // and a sibling has refreshed it meanwhile
        saved.access_token = "at-3";
        w.store.inner.replace_token(w.row(), saved);
        throw tokenkeep::error(errc::indeterminate, "the flush failed");
    };
    const auto transport = [&](const tokenkeep::http_request& request) {
        reports = true;
        return w.server(request);
    };
    {
        tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
        CHECK(error_of([&] { keep.access_token({.user_name = "ada", .grant_token = w.server.grant("ada")}); }) ==
              errc::rotation_not_saved);
    }
    CHECK(w.row().refresh_token == secret("rt-3"));
    CHECK(w.row().grant_token != before.grant_token);
}

TEST_CASE("login: a login that is cut off does not bring back a session that is over", "[login]") {
    world w;
    const token before = w.login();
    auto keep = w.keeper();
    const token probe{.user_name = "ada", .grant_token = w.server.grant("ada")};
    SECTION("one that is being revoked, which the server is then told") {
        auto nobody = w.server.provider();
        nobody.revocation_endpoint = "https://auth.example.test/elsewhere";
        CHECK(error_of([&] { w.keeper_with(nobody).revoke({.user_name = "ada"}); }).has_value());
        CHECK(w.server.is_live(before.refresh_token));
        w.server.next(fault::kind::lost_answer);
        CHECK(error_of([&] { keep.access_token(probe); }) == errc::outcome_unknown);
        CHECK(error_of([&] { keep.access_token({.user_name = "ada"}); }) == errc::outcome_unknown);
        CHECK(!w.server.is_live(before.refresh_token));
    }
    SECTION("one that was refused: its token is not sent again") {
        w.server.revoke(before.refresh_token);
        w.clock.advance(2h);
        CHECK(error_of([&] { keep.access_token({.user_name = "ada"}); }) == errc::reauthorization_required);
        w.server.next(fault::kind::lost_answer);
        CHECK(error_of([&] { keep.access_token(probe); }) == errc::outcome_unknown);
        const unsigned asked = w.server.log().token_requests;
        CHECK(error_of([&] { keep.access_token({.user_name = "ada"}); }) == errc::outcome_unknown);
        CHECK(w.server.log().token_requests == asked);
    }
    const token again{.user_name = "ada", .grant_token = w.server.grant("ada")};
    CHECK(w.is_stored(keep.access_token(again)));
}

TEMPLATE_TEST_CASE("login: after a session that was refused, or is being revoked, a user can log in again", "[login]",
                   tests::hooked_store, tests::plain_store) {
    world<TestType> w;
    const token before = w.login();
    auto keep = w.keeper();
    SECTION("refused") {
        w.server.revoke(before.refresh_token);
        w.clock.advance(2h);
        CHECK(error_of([&] { keep.access_token({.user_name = "ada"}); }) == errc::reauthorization_required);
    }
    SECTION("being revoked") {
        auto nowhere = w.server.provider();
        nowhere.revocation_endpoint = "https://auth.example.test/elsewhere";
        CHECK(error_of([&] { w.keeper_with(nowhere).revoke({.user_name = "ada"}); }).has_value());
    }
    SECTION("refused, and the login is not sent at first") {
        w.server.revoke(before.refresh_token);
        w.clock.advance(2h);
        CHECK(error_of([&] { keep.access_token({.user_name = "ada"}); }) == errc::reauthorization_required);
        const unsigned asked = w.server.log().token_requests;
        w.server.next(fault::kind::unreachable);
        const token probe{.user_name = "ada", .grant_token = w.server.grant("ada")};
        CHECK(error_of([&] { keep.access_token(probe); }) == errc::transport_failure);
        CHECK(error_of([&] { keep.access_token({.user_name = "ada"}); }) == errc::reauthorization_required);
        CHECK(w.server.log().token_requests == asked);
        CHECK(w.is_stored(keep.access_token(probe)));
    }
    const token again{.user_name = "ada", .grant_token = w.server.grant("ada")};
    CHECK(w.is_stored(keep.access_token(again)));
    CHECK(w.server.is_live(w.row().refresh_token));
    CHECK(w.store.get_tokens().size() == 1);
}

TEST_CASE("login: a store that cannot empty a grant token does not give the tokens of the login before for it",
          "[login]") {
    world<tests::plain_store> w;
    const token first = w.login();
    w.store.inner.delete_tokens();
    token row = first;
    row.grant_token.clear();
    row.status = GENERATE(as<std::string>{}, "", "none");
    w.store.inner.save_token(row);
    auto keep = w.keeper();
    const token probe{.user_name = "ada", .grant_token = w.server.grant("ada")};
    SECTION("one that was not sent is sent when it is brought again") {
        w.server.next(fault::kind::unreachable);
        CHECK(error_of([&] { keep.access_token(probe); }) == errc::transport_failure);
        CHECK(keep.access_token({.user_name = "ada"}) == first.access_token);
        CHECK(keep.access_token(probe) != first.access_token);
        CHECK(w.server.log().logins == 2);
    }
    SECTION("one that was refused stays refused") {
        w.server.next({fault::kind::answer, {.status = 400, .body = R"({"error":"invalid_grant"})"}});
        for (int times = 0; times < 2; ++times)
            CHECK(error_of([&] { keep.access_token(probe); }) == errc::reauthorization_required);
        CHECK(keep.access_token({.user_name = "ada"}) == first.access_token);
        CHECK(w.server.log().token_requests == 2);
    }
}

TEST_CASE("login: a row with a grant token whose marker was taken back is exchanged when it is asked for", "[login]") {
    world w;
    w.store.inner.save_token(
        {.user_name = "ada", .client_id = "app", .grant_token = w.server.grant("ada"), .status = "none"});
    CHECK(w.is_stored(w.keeper().access_token({.user_name = "ada"})));
}

namespace {

/// The code verifiers that were sent to the server, in order; empty where none was.
template <class Store>
struct spied_world : world<Store> {
    std::vector<std::string> verifiers{};

    auto spied_keeper() {
        auto transport = [this](const tokenkeep::http_request& request) {
            const auto form = tokenkeep::text::from_form(request.body).value();
            const auto at =
                std::find_if(form.begin(), form.end(), [](const auto& one) { return one.first == "code_verifier"; });
            if (request.body.find("authorization_code") != std::string::npos)
                verifiers.push_back(at == form.end() ? "" : std::string(at->second));
            return this->server(request);
        };
        return tokenkeep::keeper{this->store, std::move(transport), this->server.provider(),
                                 {},          this->seen,           this->clock};
    }
    std::vector<std::string> stored_verifiers() {
        std::vector<std::string> all;
        for (const token& row : this->store.get_tokens()) all.emplace_back(row.code_verifier.reveal());
        return all;
    }
};

const std::string verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

} // namespace

TEMPLATE_TEST_CASE("login: the code verifier of a probe is sent once and never stored", "[login]", tests::hooked_store,
                   tests::plain_store) {
    spied_world<TestType> w;
    auto keep = w.spied_keeper();
    for (const bool has_row : {false, true}) {
        CAPTURE(has_row);
        token probe{.user_name = "ada", .grant_token = w.server.grant("ada"), .code_verifier = verifier};
        CHECK(w.is_stored(keep.access_token(probe)));
        CHECK(w.verifiers.back() == verifier);
        CHECK(w.stored_verifiers() == std::vector<std::string>{""});
        CHECK(w.is_stored(keep.access_token(probe))); // it was exchanged
        probe.grant_token = "code-wrong";
        CHECK(error_of([&] { keep.access_token(probe); }) == errc::reauthorization_required);
        CHECK(w.stored_verifiers() == std::vector<std::string>{""});
    }
    token probe{.user_name = "ada", .grant_token = w.server.grant("ada"), .code_verifier = verifier};
    w.server.next(fault::kind::lost_answer);
    CHECK(error_of([&] { keep.access_token(probe); }) == errc::outcome_unknown);
    CHECK(w.stored_verifiers() == std::vector<std::string>{""});
    probe.grant_token = w.server.grant("ada");
    probe.code_verifier.clear(); // that of another grant token is not sent with this one
    CHECK(w.is_stored(keep.access_token(probe)));
    CHECK(w.verifiers == std::vector<std::string>{verifier, verifier, verifier, verifier, verifier, ""});
}

TEMPLATE_TEST_CASE("login: a stored code verifier is sent with its grant token, and gone whatever the outcome",
                   "[login]", tests::hooked_store, tests::plain_store) {
    spied_world<TestType> w;
    auto keep = w.spied_keeper();
    const auto store = [&](const secret& grant) {
        w.store.delete_tokens();
        w.store.save_token(
            {.user_name = "ada", .client_id = "app", .grant_token = grant, .code_verifier = verifier, .id = "1"});
    };
    const std::string gone = tokenkeep::comparing_store<TestType> ? "" : "-";
    const token probe{.user_name = "ada"};
    SECTION("success") {
        store(w.server.grant("ada"));
        CHECK(w.is_stored(keep.access_token(probe)));
    }
    SECTION("refused") {
        store("code-wrong");
        CHECK(error_of([&] { keep.access_token(probe); }) == errc::reauthorization_required);
    }
    SECTION("unknown") {
        store(w.server.grant("ada"));
        w.server.next(fault::kind::lost_answer);
        CHECK(error_of([&] { keep.access_token(probe); }) == errc::outcome_unknown);
    }
    SECTION("not sent: it stays for the next attempt") {
        const secret grant = w.server.grant("ada");
        store(grant);
        w.server.next(fault::kind::unreachable);
        CHECK(error_of([&] { keep.access_token(probe); }) == errc::transport_failure);
        CHECK(w.stored_verifiers() == std::vector<std::string>{verifier});
        CHECK(w.is_stored(keep.access_token({.user_name = "ada", .grant_token = grant})));
        CHECK(w.verifiers == std::vector<std::string>{verifier, verifier});
        w.verifiers.pop_back();
    }
    CHECK(w.stored_verifiers() == std::vector<std::string>{gone});
    CHECK(w.verifiers == std::vector<std::string>{verifier});
    const token again{.user_name = "ada", .grant_token = w.server.grant("ada")};
    CHECK(w.is_stored(keep.access_token(again)));
    CHECK(w.verifiers.back().empty()); // what stands for a used one is never sent
}

TEST_CASE("login: it says when it was made, and keeps label and former tokens", "[login]") {
    world w;
    const token first = [&] {
        auto keep = w.keeper();
        return keep.record({.user_name = "ada", .grant_token = w.server.grant("ada"), .label = "eu"});
    }();
    CHECK(first.label == "eu");
    CHECK(first.logged_in_at == w.clock.now());
    CHECK(first.used_at == w.clock.now());
    CHECK(first.former.empty());
    token labelled = w.row();
    labelled.refresh_expires_at = w.clock.now() + 1h;
    CHECK(w.store.replace_token(w.row(), labelled));
    w.clock.advance(1h);
    auto keep = w.keeper();
    const token second = keep.record({.user_name = "ada", .grant_token = w.server.grant("ada")});
    CHECK(second.id == first.id);
    CHECK(second.label == "eu");
    CHECK(second.logged_in_at == w.clock.now());
    CHECK(second.used_at == w.clock.now());
    CHECK_FALSE(second.refresh_expires_at);
    const std::string first_grant = tokenkeep::text::sha256_hex(first.grant_token.reveal()).substr(0, 16);
    CHECK(second.former == first_grant);
    w.clock.advance(2h);
    const token refreshed = keep.record({.user_name = "ada"});
    CHECK(refreshed.access_token != second.access_token);
    CHECK(refreshed.logged_in_at == second.logged_in_at);
    CHECK(refreshed.used_at == second.used_at);
    CHECK(refreshed.former == first_grant);
}

TEST_CASE("login: a grant token of an earlier login is not sent again, whatever a program brings", "[login]") {
    world w;
    auto keep = w.keeper();
    const token old{.user_name = "ada", .grant_token = w.server.grant("ada")};
    keep.access_token(old);
    const token now{.user_name = "ada", .grant_token = w.server.grant("ada")};
    const secret access = keep.access_token(now);
    for (int times = 0; times < 3; ++times) {
        CHECK(w.keeper().access_token(old) == access);
        CHECK(w.keeper().access_token(now) == access);
    }
    CHECK(w.server.log().token_requests == 2);
    w.server.revoke(w.row().refresh_token);
    w.clock.advance(2h);
    CHECK(error_of([&] { keep.access_token(old); }) == errc::reauthorization_required);
    CHECK(error_of([&] { keep.access_token(now); }) == errc::reauthorization_required);
    CHECK(w.server.log().logins == 2);
}

TEST_CASE("login: one user at two labels has two sessions", "[login]") {
    world w;
    auto keep = w.keeper();
    const secret eu = keep.access_token({.user_name = "ada", .grant_token = w.server.grant("ada"), .label = "eu"});
    const secret us = keep.access_token({.user_name = "ada", .grant_token = w.server.grant("ada"), .label = "us"});
    CHECK(eu != us);
    CHECK(w.store.get_tokens().size() == 2);
    CHECK(keep.access_token({.user_name = "ada", .label = "eu"}) == eu);
    CHECK(keep.access_token({.user_name = "ada", .label = "us"}) == us);
    CHECK(error_of([&] { keep.access_token({.user_name = "ada"}); }) == errc::ambiguous);
    CHECK(error_of([&] { keep.access_token({.user_name = "ada", .label = "apac"}); }) == errc::token_not_found);
    w.clock.advance(2h);
    CHECK(keep.access_token({.user_name = "ada", .label = "eu"}) != eu);
    keep.revoke({.user_name = "ada", .label = "eu"});
    CHECK(keep.record({.user_name = "ada"}).label == "us");
}

TEST_CASE("login: two who bring the same first login at one moment both get its tokens", "[login]") {
    world w;
    const token probe{.user_name = "ada", .grant_token = w.server.grant("ada")};
    auto second = w.keeper();
    std::future<secret> other;
    std::atomic<bool> has_come = false;
    w.store.before = [&](std::string_view operation) { // the row is there, and its own lock is not taken yet
        if (operation != "lock" || w.store.inner.get_tokens().empty() || has_come.exchange(true)) return;
        other = std::async(std::launch::async, [&] { return second.access_token(probe); });
        std::this_thread::sleep_for(20ms);
    };
    const secret given = w.keeper().access_token(probe);
    CHECK(other.get() == given);
    CHECK(w.server.log().logins == 1);
}

TEST_CASE("login: a login of which nothing was sent leaves no row", "[login]") {
    world w;
    const std::string fails = GENERATE(as<std::string>{}, "lock", "find_by_id");
    bool is_inserted = false;
    w.store.before = [&](std::string_view operation) {
        if (operation == "save")
            is_inserted = true;
        else if (is_inserted && operation == fails)
            throw tokenkeep::error(errc::storage_failure, "no more locks");
    };
    const token probe{.user_name = "ada", .grant_token = w.server.grant("ada")};
    CHECK(error_of([&] { w.keeper().access_token(probe); }).has_value());
    CHECK(w.store.inner.get_tokens().empty());
    CHECK(w.server.log().token_requests == 0);
    w.store.before = [](std::string_view) {};
    CHECK(w.is_stored(w.keeper().access_token(probe)));
}

TEST_CASE("login: a first save that takes place and says that it did not leaves no row that looks lost", "[login]") {
    world w;
    auto keep = w.keeper();
    const token probe{.user_name = "ada", .grant_token = w.server.grant("ada")};
    w.store.after_saving = [] { throw tokenkeep::error(errc::indeterminate, "tokenkeep: the disk is in doubt"); };
    CHECK(error_of([&] { keep.access_token(probe); }) == errc::indeterminate);
    CHECK(w.store.get_tokens().empty());
    CHECK(w.server.log().token_requests == 0);
    w.store.after_saving = [] {};
    CHECK(w.is_stored(keep.access_token(probe)));
}

TEST_CASE("login: a first save that was merged into another's row, and fails, takes nothing of that row", "[login]") {
    world w;
    const token theirs{.user_name = "ada", .client_id = "app", .refresh_token = "theirs", .access_token = "at-theirs"};
    w.store.before = [&](std::string_view operation) {
        if (operation == "save") w.store.inner.save_token(theirs);
    };
    w.store.after_saving = [] { throw tokenkeep::error(errc::indeterminate, "tokenkeep: the disk is in doubt"); };
    CHECK(error_of([&] { w.keeper().access_token({.user_name = "ada", .grant_token = w.server.grant("ada")}); }) ==
          errc::indeterminate);
    CHECK(w.row().refresh_token == theirs.refresh_token);
    CHECK(w.row().access_token == theirs.access_token);
    CHECK(w.row().status.empty());
    CHECK(w.server.log().token_requests == 0);
}

TEST_CASE("login: whose row another login takes meanwhile gets the tokens of that one", "[login]") {
    world w;
    w.login();
    const auto transport = [&](const tokenkeep::http_request& request) {
        auto response = w.server(request);
        w.take_over("another-code");
        return response;
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    CHECK(keep.access_token({.user_name = "ada", .grant_token = w.server.grant("ada")}) == secret("at-theirs"));
    CHECK(w.server.log().revocations == 0);
}
