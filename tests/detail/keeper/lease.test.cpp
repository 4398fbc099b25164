// SPDX-License-Identifier: MIT
// Stores whose lock is a lease: what decides is the compare of each write.
#include <tokenkeep/keeper.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"
#include "support/laws.hpp"
#include "support/leased_store.hpp"

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>

namespace {

using namespace tests;
using tokenkeep::errc, tokenkeep::http_request, tokenkeep::http_response, tokenkeep::keeper, tokenkeep::secret,
    tokenkeep::token;
using tokenkeep::testing::fault;

const token ada{.user_name = "ada"};

/// A keeper of another process over the same store.
template <class World, class Transport>
auto keeper_over(World& w, Transport& transport, tokenkeep::keeper_options options = {}) {
    return keeper{w.store, transport, w.server.provider(), options, w.seen, w.clock};
}

/// How many requests one call makes if the first answer is lost and the server accepts the same token again.
template <class Store>
unsigned requests_after_a_lost_answer() {
    world<Store> w({.grace = 60s});
    w.login();
    w.clock.advance(2h);
    const unsigned before = w.server.log().token_requests;
    w.server.next(fault::kind::lost_answer);
    auto keep = w.keeper();
    CHECK(error_of([&] { keep.access_token(ada, w.clock.steady_now() + 5s); }).value_or(errc::outcome_unknown) ==
          errc::outcome_unknown);
    return w.server.log().token_requests - before;
}

/// How long one call takes on the clock if the server refuses the refresh token.
template <class Store>
std::chrono::milliseconds time_to_believe_a_refusal() {
    world<Store> w;
    w.login();
    w.clock.advance(2h);
    w.server.next({fault::kind::answer, {.status = 400, .body = R"({"error":"invalid_grant"})"}});
    const auto before = w.clock.now();
    auto keep = w.keeper();
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::reauthorization_required);
    CHECK(tokenkeep::read_status(w.row().status).kind == tokenkeep::status_kind::refused);
    return w.clock.now() - before;
}

} // namespace

TEST_CASE("lease: the store of these tests keeps the laws", "[lease]") {
    const law_findings found = findings_about([] { return leased_store(); });
    CHECK(found.breaches.empty());
    CHECK(found.tested ==
          laws_of_every_store + laws_of_locking + laws_of_comparing + std::set<std::string>{"L1'", "L3'"});
}

TEST_CASE("lease: a session lives over it", "[lease]") { live_a_session<leased_store>(); }

TEST_CASE("lease: if it ends during a request, others wait, and the refresh token is sent once", "[lease]") {
    world<leased_store> w;
    w.login();
    w.clock.advance(2h);
    std::optional<errc> of_the_other;
    const auto transport = [&](const http_request& request) {
        w.store.let_lapse();
        auto other = w.keeper();
        of_the_other = error_of([&] { other.access_token(ada, w.clock.steady_now() + 3s); });
        return w.server(request);
    };
    auto keep = keeper_over(w, transport);
    CHECK(w.is_stored(keep.access_token(ada)));
    CHECK(of_the_other == errc::lock_timeout);
    CHECK(w.server.log().refreshes == 1);
    CHECK(w.server.log().refused == 0);
    CHECK(w.server.is_live(w.row().refresh_token));
}

TEST_CASE("lease: a lost answer is not asked for again", "[lease]") {
    CHECK(requests_after_a_lost_answer<hooked_store>() == 2);
    CHECK(requests_after_a_lost_answer<leased_store>() == 1);
}

TEST_CASE("lease: a refusal is believed when no other request can be under way", "[lease]") {
    CHECK(time_to_believe_a_refusal<hooked_store>() == 0ms);
    CHECK(time_to_believe_a_refusal<leased_store>() >= 30s);
}

TEMPLATE_TEST_CASE("lease: a lost session is found out by one request, even if each caller's time is short", "[lease]",
                   leased_store, plain_store) {
    world<TestType> w;
    w.login();
    w.clock.advance(2h);
    w.server.next(fault::kind::lost_answer);
    auto lost = w.keeper();
    CHECK(error_of([&] { lost.access_token(ada, w.clock.steady_now() + 3s); }) == errc::outcome_unknown);
    w.clock.advance(1h);
    const unsigned before = w.server.log().token_requests;
    auto keep = w.keeper();
    for (int calls = 0; calls < 2; ++calls)
        CHECK(error_of([&] { keep.access_token(ada, w.clock.steady_now() + 3s); }) == errc::reauthorization_required);
    CHECK(w.server.log().token_requests == before + 1);
}

TEST_CASE("lease: tokens that could not be saved do not stand for the lock", "[lease]") {
    world<leased_store> w;
    w.login();
    w.clock.advance(2h);
    bool fails = false;
    w.store.before_replacing = [&] {
        if (fails) throw tokenkeep::error(errc::storage_failure, "the disk is full");
    };
    const auto transport = [&](const http_request& request) {
        fails = true;
        return w.server(request);
    };
    auto keep = keeper_over(w, transport);
    secret unsaved;
    try {
        keep.access_token(ada);
    } catch (const tokenkeep::rotation_not_saved_error& failure) {
        unsaved = failure.record().access_token;
    }
    REQUIRE(!unsaved.empty());

    fails = false;
    w.store.let_lapse();
    const unsigned requests = w.server.log().token_requests;
    const auto theirs = w.store.lock_token(identity_key(w.row()), std::chrono::steady_clock::now() + 10s);
    CHECK(error_of([&] { keep.refresh(ada, unsaved, w.clock.steady_now() + 1s); }) == errc::lock_timeout);
    CHECK(w.row().access_token == unsaved);
    CHECK(w.server.log().token_requests == requests);
}

TEST_CASE("lease: it is renewed before a request, for as long as the request and the save may take", "[lease]") {
    world<leased_store> w;
    const tokenkeep::keeper_options options{.request_timeout = 20s, .save_timeout = 10s};
    auto since = std::chrono::steady_clock::now();
    int times = 0;
    const auto check = [&] {
        const auto now = std::chrono::steady_clock::now();
        REQUIRE(w.store.end_of_lease());
        CHECK(*w.store.end_of_lease() >= since + 30s);
        CHECK(*w.store.end_of_lease() <= now + 30s);
        ++times;
    };
    const auto transport = [&](const http_request& request) {
        check();
        return w.server(request);
    };
    auto keep = keeper_over(w, transport, options);
    keep.access_token({.user_name = "ada", .grant_token = w.server.grant("ada")});
    CHECK(times == 1);
    w.clock.advance(2h);
    since = std::chrono::steady_clock::now();
    w.store.before_replacing = check; // the marker, and the new tokens
    keep.access_token(ada);
    CHECK(times == 4);
}
