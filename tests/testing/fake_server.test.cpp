// SPDX-License-Identifier: MIT
#include <tokenkeep/testing/fake_server.hpp>

#include "catch.hpp"

#include <tokenkeep/oauth/exchange.hpp>
#include <tokenkeep/oauth/refresh.hpp>
#include <tokenkeep/oauth/revoke.hpp>
#include <tokenkeep/testing/virtual_clock.hpp>

using namespace std::chrono_literals;
using tokenkeep::errc, tokenkeep::secret, tokenkeep::token;
using tokenkeep::testing::fake_server, tokenkeep::testing::fake_server_options, tokenkeep::testing::fault;

namespace {

static_assert(tokenkeep::http_transport<fake_server>);

/// A client without a keeper: what it sends is decided by the test alone.
struct client {
    explicit client(fake_server_options options = {}) : server(std::move(options), clock) {}

    tokenkeep::testing::virtual_clock clock{};
    fake_server server;

    tokenkeep::token_response ask(tokenkeep::http_request request) {
        return server.provider().read_token_response(server(request), token{});
    }
    tokenkeep::token_response login() {
        return ask(server.provider().exchange_request({.grant_token = server.grant("ada")}));
    }
    tokenkeep::token_response refresh(const secret& with) {
        return ask(server.provider().refresh_request({.refresh_token = with}));
    }
    int call(const secret& access) {
        return server({.method = "GET",
                       .url = server.resource(),
                       .headers = {{"Authorization", "Bearer " + std::string(access.reveal())}}})
            .status;
    }
    bool is_refused(const secret& with) {
        try {
            refresh(with);
        } catch (const tokenkeep::error& failure) {
            return failure.code() == errc::reauthorization_required;
        }
        return false;
    }
};

} // namespace

TEST_CASE("fake_server: a grant is taken once, an access token ends in its time", "[fake_server]") {
    client c({.token_life = 10s});
    const secret grant = c.server.grant("ada");
    const auto answer = c.ask(c.server.provider().exchange_request({.grant_token = grant}));
    CHECK(answer.expires_in == 10s);
    CHECK(c.call(answer.access_token) == 200);
    CHECK(c.call("at-none") == 401);
    CHECK_THROWS_AS(c.ask(c.server.provider().exchange_request({.grant_token = grant})), tokenkeep::error);
    c.clock.advance(10s);
    CHECK(c.call(answer.access_token) == 401);
    CHECK(c.server.log().logins == 1);
    CHECK(c.server.log().refused == 1);
    CHECK(c.server.log().calls == 1);
    CHECK(c.server.log().calls_refused == 2);
}

TEST_CASE("fake_server: a rotated refresh token that comes back ends the session", "[fake_server]") {
    client c;
    const auto first = c.login();
    const auto second = c.refresh(first.refresh_token);
    CHECK(second.refresh_token != first.refresh_token);
    CHECK(c.server.is_live(second.refresh_token));
    CHECK(!c.server.is_live(first.refresh_token));
    CHECK(c.is_refused(first.refresh_token));
    CHECK(c.server.log().reused == 1);
    CHECK(c.is_refused(second.refresh_token));
    CHECK(c.call(second.access_token) == 401);
}

TEST_CASE("fake_server: reuse may go unpunished, rotation may be off", "[fake_server]") {
    client lenient({.end_session_on_reuse = false});
    const auto first = lenient.login();
    const auto second = lenient.refresh(first.refresh_token);
    CHECK(lenient.is_refused(first.refresh_token));
    CHECK(lenient.server.is_live(second.refresh_token));

    client fixed({.rotate = false});
    const auto login = fixed.login();
    CHECK(fixed.refresh(login.refresh_token).refresh_token == login.refresh_token);
    CHECK(fixed.refresh(login.refresh_token).refresh_token == login.refresh_token);
}

TEST_CASE("fake_server: within the grace a spent refresh token is answered with its successor", "[fake_server]") {
    client c({.grace = 10s});
    const auto first = c.login();
    const auto second = c.refresh(first.refresh_token);
    c.clock.advance(9s);
    CHECK(c.refresh(first.refresh_token).refresh_token == second.refresh_token);
    CHECK(c.server.is_live(second.refresh_token));
    c.clock.advance(1s);
    CHECK(c.is_refused(first.refresh_token));
    CHECK(!c.server.is_live(second.refresh_token));
}

TEST_CASE("fake_server: faults meet the next requests, in order", "[fake_server]") {
    client c;
    const auto login = c.login();
    const auto sent = [&](auto ask) {
        try {
            ask();
        } catch (const tokenkeep::transport_error& failure) {
            return failure.may_have_been_sent();
        }
        return false;
    };
    c.server.next(fault::kind::unreachable);
    c.server.next(fault::kind::lost_request);
    c.server.next({fault::kind::answer, {.status = 503}});
    c.server.next(fault::kind::none);
    CHECK(!sent([&] { c.refresh(login.refresh_token); }));
    CHECK(sent([&] { c.refresh(login.refresh_token); }));
    CHECK(c.server(c.server.provider().refresh_request({.refresh_token = login.refresh_token})).status == 503);
    CHECK(c.server.log().refreshes == 0);
    const auto second = c.refresh(login.refresh_token);
    c.server.next(fault::kind::lost_answer);
    CHECK(sent([&] { c.refresh(second.refresh_token); }));
    CHECK(!c.server.is_live(second.refresh_token));
    CHECK(c.server.log().refreshes == 2);
}

TEST_CASE("fake_server: a truncated answer and one that a proxy replaced come after the commit", "[fake_server]") {
    client c;
    const auto login = c.login();
    c.server.next(fault::kind::truncated);
    CHECK_THROWS_AS(c.refresh(login.refresh_token), tokenkeep::error);
    CHECK(!c.server.is_live(login.refresh_token));
    const auto again = c.login();
    c.server.next({fault::kind::answer_after, {.status = 502}});
    CHECK_THROWS_AS(c.refresh(again.refresh_token), tokenkeep::error);
    CHECK(!c.server.is_live(again.refresh_token));
}

TEST_CASE("fake_server: a client has to say who it is, by post or by Basic", "[fake_server]") {
    client c({.client_id = "an app", .client_secret = "s:e+c&r=e%t"});
    auto provider = c.server.provider();
    const auto status_of = [&](const tokenkeep::oauth2_provider& as) {
        return c.server(as.exchange_request({.grant_token = c.server.grant("ada")})).status;
    };
    CHECK(status_of(provider) == 200);
    provider.authentication = tokenkeep::client_authentication::basic;
    CHECK(status_of(provider) == 200);
    provider.client_secret = "wrong";
    CHECK(status_of(provider) == 401);
    provider.authentication = tokenkeep::client_authentication::post;
    CHECK(status_of(provider) == 401);
}

TEST_CASE("fake_server: revoking one token of a session ends it", "[fake_server]") {
    client c;
    const auto login = c.login();
    auto request = c.server.provider().revoke_request({.refresh_token = login.refresh_token});
    REQUIRE(request.has_value());
    CHECK(c.server(*request).status == 200);
    CHECK(c.call(login.access_token) == 401);
    CHECK(c.is_refused(login.refresh_token));
    CHECK(c.server(*request).status == 200); // RFC 7009 2.2: an unknown token is no error
    CHECK(c.server.log().revocations == 1);
}

TEST_CASE("fake_server: its state outlives it as a document", "[fake_server]") {
    client before, after;
    const auto first = before.login();
    const auto second = before.refresh(first.refresh_token);
    const secret grant = before.server.grant("O'Brien \"x\"\n");
    const secret state = before.server.save_state();
    after.server.load_state(state.reveal());
    CHECK(after.server.save_state() == state);
    CHECK(after.call(second.access_token) == 200);
    CHECK(after.server.is_live(second.refresh_token));
    CHECK_NOTHROW(after.ask(after.server.provider().exchange_request({.grant_token = grant})));
    CHECK(after.is_refused(first.refresh_token));
    CHECK(after.server.log().reused == 1);
    CHECK_THROWS_AS(after.server.load_state("{}"), tokenkeep::error);
    CHECK_THROWS_AS(after.server.load_state(""), tokenkeep::error);
}

TEST_CASE("fake_server: Zoho's shapes", "[fake_server]") {
    client c({.zoho = true});
    const tokenkeep::zoho::provider provider{c.server.data_center(), tokenkeep::zoho::environment::production};
    const token who{.client_id = "app", .client_secret = "app-secret", .grant_token = c.server.grant("ada")};
    const auto login = provider.read_token_response(c.server(provider.exchange_request(who)), who);
    CHECK(login.api_domain == "https://auth.example.test");
    token row = who;
    row.refresh_token = login.refresh_token;
    const auto refreshed = provider.read_token_response(c.server(provider.refresh_request(row)), row);
    CHECK(refreshed.refresh_token.empty());
    row.refresh_token = "wrong";
    const auto refusal = c.server(provider.refresh_request(row));
    CHECK(refusal.status == 200);
    CHECK(refusal.body == "{\"error\":\"invalid_code\"}");
    row.access_token = login.access_token;
    tokenkeep::http_request call{.method = "GET", .url = c.server.resource()};
    CHECK(c.server(call).body.find("INVALID_TOKEN") != std::string::npos);
    provider.authorize(call, row);
    CHECK(c.server(call).status == 200);
}
