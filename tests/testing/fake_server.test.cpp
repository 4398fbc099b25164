// SPDX-License-Identifier: MIT
#include <tokenkeep/testing/fake_server.hpp>

#include "support/catch.hpp"

#include <tokenkeep/oauth/exchange.hpp>
#include <tokenkeep/oauth/refresh.hpp>
#include <tokenkeep/oauth/retry_after.hpp>
#include <tokenkeep/oauth/revoke.hpp>
#include <tokenkeep/testing/virtual_clock.hpp>
#include <tokenkeep/zoho/provider.hpp>

#include <optional>
#include <string>
#include <vector>

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
    tokenkeep::http_response send_refresh(const secret& with, std::chrono::milliseconds timeout = 30s) {
        auto request = server.provider().refresh_request({.refresh_token = with});
        request.timeout = timeout;
        return server(request);
    }
    /// What became of a refresh, to a client that cannot see the server; and the time it took.
    std::string fate(const secret& with, std::chrono::milliseconds timeout = 30s) {
        const auto start = clock.now();
        std::string seen;
        try {
            seen = std::to_string(send_refresh(with, timeout).status);
        } catch (const tokenkeep::transport_error& failure) {
            seen = failure.may_have_been_sent() ? "perhaps sent" : "not sent";
        }
        return seen + " after " + std::to_string((clock.now() - start) / 1ms) + " ms";
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

/// The same of Zoho's.
struct zoho_client : client {
    explicit zoho_client(fake_server_options options = {.zoho = true}) : client(std::move(options)) {}

    tokenkeep::zoho::provider zoho{server.data_center(), tokenkeep::zoho::environment::production};

    token row(const secret& refresh_token) {
        return {.client_id = "app", .client_secret = "app-secret", .refresh_token = refresh_token};
    }
    tokenkeep::token_response login(const secret& grant) {
        const token who{.client_id = "app", .client_secret = "app-secret", .grant_token = grant};
        return zoho.read_token_response(server(zoho.exchange_request(who)), who);
    }
    tokenkeep::http_response send_refresh(const secret& with) { return server(zoho.refresh_request(row(with))); }
    tokenkeep::token_response refresh(const secret& with) {
        return zoho.read_token_response(send_refresh(with), row(with));
    }
    int call(const secret& access) {
        tokenkeep::http_request request{.method = "GET", .url = server.resource()};
        zoho.authorize(request, {.access_token = access});
        return server(request).status;
    }
    /// How the next refresh is refused; nullopt if it is not.
    std::optional<errc> refusal(const secret& with) {
        try {
            refresh(with);
        } catch (const tokenkeep::error& failure) {
            return static_cast<errc>(failure.code().value());
        }
        return std::nullopt;
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

TEST_CASE("fake_server: a device waits for its user, and is told if it asks too often", "[fake_server]") {
    client c({.device_interval = 5s, .device_life = 60s});
    const auto provider = c.server.provider();
    const auto begin = [&] {
        const auto answer = c.server(provider.device_authorization_request({}));
        return provider.read_device_authorization(answer, {}, c.clock.now());
    };
    const auto poll = [&](const tokenkeep::device_authorization& device) -> std::string {
        try {
            return c.ask(provider.device_token_request({.grant_token = device.device_code})).refresh_token.empty()
                       ? "no refresh token"
                       : "tokens";
        } catch (const tokenkeep::response_error& refusal) {
            return refusal.server_code();
        }
    };
    const auto device = begin();
    CHECK(device.interval == 5s);
    CHECK(poll(device) == "authorization_pending");
    c.clock.advance(4s);
    CHECK(poll(device) == "slow_down");
    c.clock.advance(9s);
    CHECK(poll(device) == "slow_down"); // the interval is 10 s now
    c.clock.advance(15s);
    CHECK(poll(device) == "authorization_pending");
    c.server.approve(device.prompt.user_code, "ada");
    c.clock.advance(15s);
    CHECK(poll(device) == "tokens");
    CHECK(poll(device) == "invalid_grant"); // once
    const auto denied = begin(), late = begin();
    CHECK(denied.prompt.user_code != late.prompt.user_code);
    c.server.deny(denied.prompt.user_code);
    CHECK(poll(denied) == "access_denied");
    c.clock.advance(60s);
    CHECK(poll(late) == "expired_token");
    CHECK(c.server.log().device_polls == 8);
    CHECK(c.server.log().logins == 1);
}

TEST_CASE("fake_server: a client gets a token of its own, without a refresh token", "[fake_server]") {
    client c;
    const auto answer = c.ask(c.server.provider().client_credentials_request({}));
    CHECK(!answer.access_token.empty());
    CHECK(answer.refresh_token.empty());
    CHECK(c.server.log().client_tokens == 1);
    auto stranger = c.server.provider();
    stranger.client_secret = "guess";
    CHECK(c.server(stranger.client_credentials_request({})).status == 401);
    CHECK(c.server(stranger.device_authorization_request({})).status == 401);
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

TEST_CASE("fake_server: a request takes the latency before it is carried out and the latency after", "[fake_server]") {
    client c({.token_life = 100s, .latency = 3s, .latency_after = 2s});
    const auto start = c.clock.now();
    const auto login = c.login();
    CHECK(c.clock.now() - start == 5s);
    c.clock.advance(97'999ms);
    CHECK(c.call(login.access_token) == 200);
    c.clock.advance(1ms);
    CHECK(c.call(login.access_token) == 401); // 100 seconds after it was carried out
    c.server.next({.latency = 1s, .latency_after = 4s});
    CHECK(c.fate(login.refresh_token) == "200 after 10000 ms");
    c.server.next({.what = fault::kind::lost_request, .latency = 1s, .latency_after = 4s});
    CHECK(c.fate(login.refresh_token) == "perhaps sent after 10000 ms");
}

TEST_CASE("fake_server: a request that outlasts its client's timeout is late: it is carried out at its moment",
          "[fake_server]") {
    client c;
    const auto login = c.login();
    c.server.set_options({.latency = 15s}); // the two latencies add up to 45 seconds
    c.server.next({.latency = 30s});
    CHECK(c.fate(login.refresh_token) == "perhaps sent after 30000 ms");
    CHECK(c.server.log().timed_out == 1);
    c.clock.advance(14'999ms);
    CHECK(c.server.is_live(login.refresh_token));
    CHECK(c.server.log().late == 0);
    c.clock.advance(1ms);
    CHECK(!c.server.is_live(login.refresh_token));
    CHECK(c.server.log().late == 1);
    CHECK(c.server.log().refreshes == 1);
    CHECK(c.server.log().token_requests == 2);

    c.server.next({.latency = 15s}); // with that of the options as long as the timeout
    CHECK(c.fate(login.refresh_token) == "perhaps sent after 30000 ms");
    CHECK(c.server.log().late == 2);
    CHECK(c.server.log().most_at_once == 1);
}

TEST_CASE("fake_server: the moment of a late request is its own, not that of who looks", "[fake_server]") {
    client c({.grace = 10s});
    const auto login = c.login();
    c.server.next({.latency = 45s});
    c.fate(login.refresh_token);
    c.clock.advance(24'999ms); // carried out after 45 seconds, so that 9.999 have passed since
    SECTION("within the grace") { CHECK(!c.is_refused(login.refresh_token)); }
    SECTION("after the grace") {
        c.clock.advance(1ms);
        CHECK(c.is_refused(login.refresh_token));
    }
    CHECK(c.server.log().late == 1);
}

TEST_CASE("fake_server: a late request and the one after it are carried out in the order of their moments",
          "[fake_server]") {
    client c;
    const auto login = c.login();
    c.server.next({.latency = 45s});
    c.fate(login.refresh_token);
    SECTION("the late one first") {
        c.server.next({.latency = 15s});
        CHECK(c.fate(login.refresh_token) == "400 after 15000 ms");
    }
    SECTION("the other first") {
        c.server.next({.latency = 14'999ms});
        CHECK(c.fate(login.refresh_token) == "200 after 14999 ms");
        CHECK(c.server.log().reused == 0);
        c.clock.advance(1ms);
    }
    SECTION("both late, the other first") {
        c.server.next({.latency = 14s});
        CHECK(c.fate(login.refresh_token, 1s) == "perhaps sent after 1000 ms");
        CHECK(c.server.log().late == 0);
        c.clock.advance(13s);
        CHECK(c.server.log().refreshes == 1);
        c.clock.advance(1s);
        CHECK(c.server.log().late == 2);
    }
    CHECK(c.server.log().refreshes == 1);
    CHECK(c.server.log().reused == 1); // which ends the session
    CHECK(c.server.log().most_at_once == 2);
}

TEST_CASE("fake_server: a late request takes effect before whatever comes after its moment", "[fake_server]") {
    client c;
    const auto login = c.login();
    const secret before = c.server.save_state();
    c.server.next({.latency = 45s});
    c.fate(login.refresh_token);
    SECTION("under the options that hold then") {
        c.clock.advance(15s);
        c.server.set_options({.rotate = false});
        CHECK(!c.server.is_live(login.refresh_token));
    }
    SECTION("with the latency that it had") {
        c.server.set_options({.latency = 1s});
        c.clock.advance(14'999ms);
        CHECK(c.server.is_live(login.refresh_token));
        c.clock.advance(1ms);
        CHECK(!c.server.is_live(login.refresh_token));
    }
    SECTION("in the state that is saved") {
        c.clock.advance(15s);
        CHECK(c.server.save_state() != before);
    }
    SECTION("in a state that has been loaded") {
        c.server.load_state(before.reveal());
        c.clock.advance(15s);
        CHECK(!c.server.is_live(login.refresh_token));
    }
    SECTION("on access tokens") {
        c.clock.advance(15s);
        CHECK(c.call(login.access_token) == 200);
        CHECK(c.server.log().late == 1);
    }
    SECTION("after the user's withdrawal, on nothing") {
        c.server.revoke(login.refresh_token);
        c.clock.advance(15s);
        CHECK(c.server.log().refused == 1);
    }
}

TEST_CASE("fake_server: what is not carried out is not carried out late either", "[fake_server]") {
    client c;
    const auto login = c.login();
    const auto what = GENERATE(fault::kind::lost_request, fault::kind::answer);
    c.server.next({.what = what, .latency = 45s});
    CHECK(c.fate(login.refresh_token) == "perhaps sent after 30000 ms");
    c.clock.advance(1h);
    CHECK(c.server.is_live(login.refresh_token));
    CHECK(c.server.log().timed_out == 1);
    CHECK(c.server.log().late == 0);
    c.refresh(login.refresh_token);
    CHECK(c.server.log().most_at_once == 1);
}

TEST_CASE("fake_server: an answer that outlasts the timeout is lost, and the request is carried out in time",
          "[fake_server]") {
    client c({.latency = 10s, .latency_after = 19'999ms});
    auto login = c.login();
    CHECK(c.fate(login.refresh_token) == "200 after 29999 ms");
    login = c.login();
    c.server.next({.latency_after = 1ms});
    CHECK(c.fate(login.refresh_token) == "perhaps sent after 30000 ms");
    CHECK(!c.server.is_live(login.refresh_token));
    CHECK(c.server.log().timed_out == 1);
    CHECK(c.server.log().late == 0);
}

TEST_CASE("fake_server: a timeout of zero is the shortest, not an endless one", "[fake_server]") {
    client c;
    const auto login = c.login();
    c.server.next({.latency_after = 1h});
    CHECK(c.fate(login.refresh_token, 0ms) == "perhaps sent after 1 ms");
}

TEST_CASE("fake_server: to find no connection takes the fault's own latency, and the timeout at most",
          "[fake_server]") {
    client c;
    const auto login = c.login();
    c.server.set_options({.latency = 5s});
    c.server.next(fault::kind::unreachable);
    c.server.next({.what = fault::kind::unreachable, .latency = 20s});
    c.server.next({.what = fault::kind::unreachable, .latency = 1h});
    CHECK(c.fate(login.refresh_token) == "not sent after 0 ms");
    CHECK(c.fate(login.refresh_token) == "not sent after 20000 ms");
    CHECK(c.fate(login.refresh_token) == "not sent after 30000 ms");
    CHECK(c.server.log().token_requests == 1);
    CHECK(c.server.is_live(login.refresh_token));
}

TEST_CASE("fake_server: HTTP errors come before the commit or after it, with Retry-After", "[fake_server]") {
    client c;
    const auto login = c.login();
    const int status = GENERATE(429, 500, 503);
    c.server.next(fault::http(status, 7s));
    auto answer = c.send_refresh(login.refresh_token);
    CHECK(answer.status == status);
    CHECK(tokenkeep::find_retry_after(answer) == 7s);
    CHECK(c.server.is_live(login.refresh_token));
    c.server.next(fault::http_after(status));
    answer = c.send_refresh(login.refresh_token);
    CHECK(answer.status == status);
    CHECK(answer.headers.empty());
    CHECK(!c.server.is_live(login.refresh_token));
}

TEST_CASE("fake_server: an answer may come twice", "[fake_server]") {
    client c;
    const auto login = c.login();
    c.server.next(fault::kind::answer_twice);
    const std::string body = c.send_refresh(login.refresh_token).body;
    const std::string half = body.substr(0, body.size() / 2);
    CHECK(body == half + half);
    CHECK(tokenkeep::text::parse_json(half));
    CHECK(c.server.log().refreshes == 1);
}

TEST_CASE("fake_server: a request that is sent twice is carried out twice, and the second answer arrives",
          "[fake_server]") {
    client c({.grace = 10s});
    auto login = c.login();
    c.server.next(fault::kind::sent_twice);
    CHECK(c.server.is_live(c.refresh(login.refresh_token).refresh_token));
    CHECK(c.server.log().refreshes == 2);
    CHECK(c.server.log().replayed == 1);
    CHECK(c.server.log().token_requests == 3);

    c.server.set_options({});
    login = c.login();
    c.server.next(fault::kind::sent_twice);
    CHECK(c.is_refused(login.refresh_token));
    CHECK(c.call(login.access_token) == 401); // the session is over
    CHECK(c.server.log().refreshes == 3);
    CHECK(c.server.log().reused == 1);
}

TEST_CASE("fake_server: members of an answer are omitted, replaced or added", "[fake_server]") {
    client c({.members = {{"expires_in", "\"60\""}, {"scope", "\"a b\""}, {"token_type", ""}}});
    const auto login = c.login();
    CHECK(login.expires_in == 60s);
    CHECK(login.scope == "a b");
    CHECK(login.token_type.empty());
    c.server.next({.members = {{"expires_in", ""}, {"refresh_token", "null"}, {"token_type", "7"}}});
    const std::string body = c.send_refresh(login.refresh_token).body;
    CHECK(body.starts_with("{\"access_token\":\"at-"));
    CHECK(body.ends_with("\",\"refresh_token\":null,\"token_type\":7,\"scope\":\"a b\"}"));
    CHECK(!c.server.is_live(login.refresh_token)); // it has been rotated all the same
    c.server.next({.members = {{"access_token", "\"x\""}}});
    CHECK(c.send_refresh("none").body == "{\"error\":\"invalid_grant\"}"); // only answers that bring tokens change
}

TEST_CASE("fake_server: within the grace each answer may bring a successor of its own", "[fake_server]") {
    client c({.grace = 10s, .fresh_successor = true});
    const auto first = c.login();
    const auto second = c.refresh(first.refresh_token);
    c.clock.advance(9s);
    const auto third = c.refresh(first.refresh_token);
    CHECK(third.refresh_token != second.refresh_token);
    CHECK(third.refresh_token != first.refresh_token);
    CHECK(c.server.is_live(third.refresh_token));
    CHECK(!c.server.is_live(second.refresh_token));
    CHECK(c.server.log().replayed == 1);
    c.clock.advance(9s);
    CHECK(!c.is_refused(second.refresh_token)); // its own grace began when the third came
    CHECK(c.is_refused(first.refresh_token));
}

TEST_CASE("fake_server: Zoho gives ten access tokens for a refresh token in ten minutes", "[fake_server]") {
    zoho_client c;
    const secret ada = c.login(c.server.grant("ada")).refresh_token;
    const secret bob = c.login(c.server.grant("bob")).refresh_token;
    c.clock.advance(1h);
    for (int count = 1; count <= 10; ++count, c.clock.advance(30s)) CHECK(!c.refusal(ada)); // the first begins the ten
    CHECK(c.refusal(ada) == errc::throttled);
    CHECK(!c.refusal(bob));
    c.clock.advance(5min - 1ms);
    CHECK(c.refusal(ada) == errc::throttled);
    CHECK(c.server.log().throttled == 2);
    CHECK(c.server.log().refused == 0);
    CHECK(c.server.log().refreshes == 11);

    zoho_client other;
    other.clock.advance(c.clock.now() - other.clock.now());
    other.server.load_state(c.server.save_state().reveal());
    CHECK(other.refusal(ada) == errc::throttled);
    other.clock.advance(1ms);
    for (int count = 1; count <= 10; ++count) CHECK(!other.refusal(ada));
    CHECK(other.refusal(ada) == errc::throttled);
}

TEST_CASE("fake_server: Zoho's throttle has three shapes", "[fake_server]") {
    using tokenkeep::testing::zoho_throttle;
    const auto answer = [](zoho_throttle shape) {
        zoho_client c({.zoho = true, .limits = {.access_tokens = 1, .refusal = shape}});
        const secret ada = c.login(c.server.grant("ada")).refresh_token;
        c.refresh(ada);
        CHECK(c.refusal(ada) == errc::throttled);
        return c.send_refresh(ada);
    };
    const std::string words = "{\"error_description\":\"You have made too many requests continuously. Please try again "
                              "after some time.\",\"error\":\"";
    CHECK(answer(zoho_throttle::status_400).status == 400);
    CHECK(answer(zoho_throttle::status_400).body == words + "Access Denied\",\"status\":\"failure\"}");
    CHECK(answer(zoho_throttle::status_200).status == 200);
    CHECK(answer(zoho_throttle::status_200).body == words + "Access Denied\",\"status\":\"failure\"}");
    CHECK(answer(zoho_throttle::access_denied).status == 400);
    CHECK(answer(zoho_throttle::access_denied).body == words + "access_denied\",\"status\":\"failure\"}");
}

TEST_CASE("fake_server: of Zoho's access tokens for one refresh token, the sixteenth ends the oldest",
          "[fake_server]") {
    zoho_client c({.zoho = true, .limits = {.access_tokens = 0}});
    const auto login = c.login(c.server.grant("ada"));
    const auto bob = c.login(c.server.grant("bob"));
    c.clock.advance(30min);
    const secret second = c.refresh(login.refresh_token).access_token;
    for (int count = 3; count <= 15; ++count) c.refresh(login.refresh_token);
    CHECK(c.call(login.access_token) == 200);
    CHECK(c.server.log().access_tokens_displaced == 0);
    c.refresh(login.refresh_token);
    CHECK(c.call(login.access_token) == 401);
    CHECK(c.call(second) == 200);
    CHECK(c.call(bob.access_token) == 200);
    CHECK(c.server.log().access_tokens_displaced == 1);
    c.clock.advance(1h); // those that have expired count no more
    const secret last = c.refresh(login.refresh_token).access_token;
    for (int count = 2; count <= 15; ++count) c.refresh(login.refresh_token);
    CHECK(c.call(last) == 200);
    CHECK(c.server.log().access_tokens_displaced == 1);
}

TEST_CASE("fake_server: of a user's refresh tokens at Zoho, the twenty-first ends the oldest", "[fake_server]") {
    zoho_client c;
    const secret later = c.server.grant("ada"); // given first, exchanged second: the order of the exchanges counts
    const auto bob = c.login(c.server.grant("bob"));
    const auto first = c.login(c.server.grant("ada"));
    const auto second = c.login(later);
    for (int count = 3; count <= 20; ++count) c.login(c.server.grant("ada"));
    c.server.grant("ada"); // never exchanged: it does not count
    CHECK(c.server.is_live(first.refresh_token));
    CHECK(c.server.log().refresh_tokens_displaced == 0);
    c.login(c.server.grant("ada"));
    CHECK(!c.server.is_live(first.refresh_token));
    CHECK(c.call(first.access_token) == 401);
    CHECK(c.refusal(first.refresh_token) == errc::reauthorization_required);
    CHECK(c.server.is_live(second.refresh_token));
    CHECK(c.server.is_live(bob.refresh_token));
    CHECK(c.server.log().refresh_tokens_displaced == 1);
    c.server.revoke(second.refresh_token);
    c.login(c.server.grant("ada")); // nor does what has ended
    CHECK(c.server.log().refresh_tokens_displaced == 1);
}

TEST_CASE("fake_server: Zoho's limits are Zoho's, and may be other ones or none", "[fake_server]") {
    client c({.rotate = false, .limits = {.access_tokens = 1, .active_access_tokens = 1, .refresh_tokens = 1}});
    const auto login = c.login();
    c.login();
    for (int count = 1; count <= 2; ++count) CHECK_NOTHROW(c.refresh(login.refresh_token));
    CHECK(c.call(login.access_token) == 200);

    zoho_client strict({.zoho = true, .limits = {.access_tokens = 3, .window = 1s, .active_access_tokens = 2}});
    const secret ada = strict.login(strict.server.grant("ada")).refresh_token;
    for (int count = 1; count <= 3; ++count) CHECK(!strict.refusal(ada));
    CHECK(strict.refusal(ada) == errc::throttled);
    CHECK(strict.server.log().access_tokens_displaced == 2);
    strict.clock.advance(1s);
    CHECK(!strict.refusal(ada));

    zoho_client free({.zoho = true, .limits = {.access_tokens = 0, .active_access_tokens = 0, .refresh_tokens = 0}});
    const auto first = free.login(free.server.grant("ada"));
    for (int count = 1; count <= 30; ++count) {
        free.login(free.server.grant("ada"));
        CHECK(!free.refusal(first.refresh_token));
    }
    CHECK(free.call(first.access_token) == 200);
}

TEST_CASE("fake_server: Zoho's old answers count expires_in in milliseconds", "[fake_server]") {
    zoho_client c({.token_life = 90s, .zoho = true, .legacy_expiry = true});
    const auto login = c.login(c.server.grant("ada"));
    CHECK(login.expires_in == 90s);
    CHECK(c.send_refresh(login.refresh_token).body.ends_with(",\"expires_in_sec\":90,\"expires_in\":90000}"));
}

// If a request cost as much as there are sessions, this would take minutes.
TEST_CASE("fake_server: ten thousand users log in, refresh and call", "[fake_server]") {
    constexpr unsigned users = 10'000;
    const bool zoho = GENERATE(false, true);
    client c({.zoho = zoho});
    const tokenkeep::oauth2_provider provider = c.server.provider();
    const std::string url = c.server.resource();
    std::vector<secret> grants, refresh_tokens;
    for (unsigned n = 0; n < users; ++n) grants.push_back(c.server.grant("user " + std::to_string(n)));
    for (const secret& grant : grants)
        refresh_tokens.push_back(c.ask(provider.exchange_request({.grant_token = grant})).refresh_token);
    unsigned right = 0;
    for (unsigned n = 0; n < users; ++n) {
        const secret access = c.ask(provider.refresh_request({.refresh_token = refresh_tokens[n]})).access_token;
        const auto answer = c.server(
            {.method = "GET",
             .url = url,
             .headers = {{"Authorization", (zoho ? "Zoho-oauthtoken " : "Bearer ") + std::string(access.reveal())}}});
        right += answer.body.find("\"user " + std::to_string(n) + "\"") != std::string::npos ? 1u : 0u;
    }
    CHECK(right == users);
    CHECK(c.server.log().logins == users);
    CHECK(c.server.log().refreshes == users);
    CHECK(c.server.is_live(refresh_tokens[users / 2]) == zoho); // standard OAuth has rotated it
    CHECK(c.server.log().refused == 0);
}
