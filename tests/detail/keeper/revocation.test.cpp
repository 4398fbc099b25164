// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/keeper/revocation.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"

using tests::error_of, tests::world;
using tokenkeep::errc, tokenkeep::event_kind, tokenkeep::secret, tokenkeep::token;
using namespace std::chrono_literals;

namespace {
const token ada{.user_name = "ada"};
}

TEST_CASE("revocation: the session ends on both sides", "[revocation]") {
    world w;
    const token before = w.login();
    auto keep = w.keeper();
    keep.revoke(ada);
    CHECK(!w.server.is_live(before.refresh_token));
    CHECK(w.store.get_tokens().empty());
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::token_not_found);
    CHECK(error_of([&] { keep.revoke(ada); }) == errc::token_not_found);
    CHECK(w.server.log().revocations == 1);
}

TEST_CASE("revocation: cut off, nothing is handed out any more, and the next call finishes", "[revocation]") {
    world w;
    const token before = w.login();
    bool broken = true;
    const auto transport = [&](const tokenkeep::http_request& request) -> tokenkeep::http_response {
        if (broken && request.url.ends_with("/revoke")) {
            CHECK(tokenkeep::read_status(w.row().status).kind == tokenkeep::status_kind::revoking);
            return {.status = 503, .headers = {{"Retry-After", "5"}}};
        }
        return w.server(request);
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    auto session = keep.session(ada);
    CHECK(session.access_token() == before.access_token);
    CHECK(error_of([&] { keep.revoke(ada); }) == errc::server_unavailable);
    CHECK(w.row().refresh_token == before.refresh_token);
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::reauthorization_required);
    CHECK(error_of([&] { session.access_token(); }) == errc::reauthorization_required);
    broken = false;
    keep.revoke(ada);
    CHECK(!w.server.is_live(before.refresh_token));
    CHECK(w.store.get_tokens().empty());
}

TEST_CASE("revocation: a login made meanwhile is spared", "[revocation]") {
    world w;
    const token before = w.login();
    const auto transport = [&](const tokenkeep::http_request& request) {
        if (request.url.ends_with("/revoke"))
            w.store.inner.save_token({.refresh_token = "rt-new", .access_token = "at-new", .id = before.id});
        return w.server(request);
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    keep.revoke(ada);
    CHECK(w.row().refresh_token == secret("rt-new"));
    CHECK(!w.server.is_live(before.refresh_token));
    CHECK(keep.access_token(ada) == secret("at-new"));
}

TEST_CASE("revocation: a change to the row meanwhile does not keep it alive", "[revocation]") {
    world w;
    const token before = w.login();
    const auto transport = [&](const tokenkeep::http_request& request) {
        if (request.url.ends_with("/revoke")) w.store.inner.save_token({.scope = "changed", .id = before.id});
        return w.server(request);
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    keep.revoke(ada);
    CHECK(w.store.get_tokens().empty());
}

TEST_CASE("revocation: without an endpoint the row is deleted", "[revocation]") {
    world w;
    w.login();
    auto provider = w.server.provider();
    provider.revocation_endpoint.clear();
    w.keeper_with(provider).revoke(ada);
    CHECK(w.store.get_tokens().empty());
    CHECK(w.server.log().revocations == 0);
}

TEST_CASE("revocation: a server that revokes no refresh tokens is given the access token", "[revocation]") {
    world w;
    const token before = w.login();
    std::vector<std::string> hints;
    const auto transport = [&](const tokenkeep::http_request& request) -> tokenkeep::http_response {
        const bool refresh = request.body.find("token_type_hint=refresh_token") != std::string::npos;
        hints.push_back(refresh ? "refresh" : "access");
        if (refresh) return {.status = 400, .body = "{\"error\":\"unsupported_token_type\"}"};
        return {.status = 200};
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    keep.revoke(ada);
    CHECK(hints == std::vector<std::string>{"refresh", "access"});
    CHECK(w.store.get_tokens().empty());
}

TEST_CASE("revocation: a plain store works too", "[revocation]") {
    world<tests::plain_store> w;
    const token before = w.login();
    w.keeper().revoke(ada);
    CHECK(!w.server.is_live(before.refresh_token));
    CHECK(w.store.get_tokens().empty());
}

TEST_CASE("revocation: a later login is spared although neither has a refresh token", "[revocation]") {
    world w;
    w.store.inner.save_token({.user_name = "ada", .client_id = "app", .access_token = "at-old"});
    const auto transport = [&](const tokenkeep::http_request&) {
        w.store.inner.save_token({.user_name = "ada", .client_id = "app", .access_token = "at-new"});
        return tokenkeep::http_response{.status = 200};
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    keep.revoke(ada);
    CHECK(w.row().access_token == secret("at-new"));
}

TEST_CASE("revocation: a row that changes all the time ends at the deadline", "[revocation]") {
    world w;
    const token before = w.login();
    auto keep = w.keeper();
    int changes = 0;
    w.store.before = [&](std::string_view operation) {
        if (operation != "remove") return;
        w.clock.advance(1s);
        w.store.inner.save_token({.scope = std::to_string(++changes), .id = before.id});
    };
    CHECK(error_of([&] { keep.revoke(ada); }) == errc::lock_timeout);
    CHECK(changes < 100);
}

TEST_CASE("revocation: a server that calls a dead token an error has nothing left to revoke", "[revocation]") {
    world w;
    w.login();
    const auto transport = [](const tokenkeep::http_request&) {
        return tokenkeep::http_response{.status = 400, .body = "{\"error\":\"invalid_token\"}"};
    };
    tokenkeep::keeper keep{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
    keep.revoke(ada);
    CHECK(w.store.get_tokens().empty());
}
