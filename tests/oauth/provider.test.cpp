// SPDX-License-Identifier: MIT
#include <tokenkeep/oauth/provider.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <optional>
#include <string>

using namespace tokenkeep;

namespace {

/// The shape in the concept's comment, word for word.
struct p {
    http_request exchange_request(const token& record);
    http_request refresh_request(const token& record);
    std::optional<http_request> revoke_request(const token& record);
    token_response read_token_response(const http_response& response, const token& record);
    void authorize(http_request& request, const token& record);
};

/// The least model, and what lacks one requirement of it.
template <int without>
struct archetype {
    http_request exchange_request(const token&) const requires(without != 1);
    http_request refresh_request(const token&) const requires(without != 2);
    std::optional<http_request> revoke_request(const token&) const requires(without != 3);
    token_response read_token_response(const http_response&, const token&) const requires(without != 4);
    void authorize(http_request&, const token&) const requires(without != 5);
};

static_assert(authorization_provider<p>);
static_assert(authorization_provider<archetype<0>>);
static_assert(authorization_provider<const archetype<0>>);
static_assert(!authorization_provider<archetype<1>>);
static_assert(!authorization_provider<archetype<2>>);
static_assert(!authorization_provider<archetype<3>>);
static_assert(!authorization_provider<archetype<4>>);
static_assert(!authorization_provider<archetype<5>>);
static_assert(explain_authorization_provider<archetype<0>>());
static_assert(authorization_provider<oauth2_provider>);
static_assert(std::is_aggregate_v<oauth2_provider>);

struct with_audience : oauth2_provider {
    http_request refresh_request(const token& record) const {
        http_request request = oauth2_provider::refresh_request(record);
        request.body += "&audience=x";
        return request;
    }
};

std::string authorized(const token& record, std::vector<http_header> headers = {}) {
    http_request request{.headers = std::move(headers)};
    oauth2_provider{}.authorize(request, record);
    int count = 0;
    for (const http_header& header : request.headers)
        count += header.name == "Authorization" || header.name == "AUTHORIZATION";
    REQUIRE(count == 1);
    return std::string(find_header(request.headers, "authorization"));
}

std::error_code refused(const token& record) {
    http_request request{.headers = {{"Authorization", "mine"}}};
    try {
        oauth2_provider{}.authorize(request, record);
    } catch (const error& refusal) {
        CHECK(find_header(request.headers, "Authorization") == "mine");
        return refusal.code();
    }
    return {};
}

} // namespace

TEST_CASE("provider: it makes what the free functions make, for its endpoints and client", "[oauth]") {
    const oauth2_provider provider{.token_endpoint = "https://auth.example/token",
                                   .revocation_endpoint = "https://auth.example/revoke",
                                   .authentication = client_authentication::basic,
                                   .replay_grace = std::chrono::seconds(30),
                                   .client_id = "app",
                                   .client_secret = "secret",
                                   .allow_loopback_http = false};
    const token record{.refresh_token = "r", .grant_token = "g", .redirect_url = "https://r"};
    const http_request exchange = exchange_request(provider, record);
    CHECK(exchange.url == "https://auth.example/token");
    CHECK(exchange.body == "grant_type=authorization_code&code=g&redirect_uri=https%3A%2F%2Fr");
    CHECK(find_header(exchange.headers, "Authorization") == "Basic YXBwOnNlY3JldA==");
    const http_request refresh = refresh_request(provider, record);
    CHECK(refresh.url == "https://auth.example/token");
    CHECK(refresh.body == "grant_type=refresh_token&refresh_token=r");
    CHECK(find_header(refresh.headers, "Authorization") == "Basic YXBwOnNlY3JldA==");
    const std::optional<http_request> revoke = revoke_request(provider, record);
    REQUIRE(revoke.has_value());
    CHECK(revoke->url == "https://auth.example/revoke");
    CHECK(revoke->body == "token=r&token_type_hint=refresh_token");
}

TEST_CASE("provider: what a server wants besides is data of the provider", "[oauth]") {
    const oauth2_provider provider{.token_endpoint = "https://auth.example/token",
                                   .revocation_endpoint = "https://auth.example/revoke",
                                   .authentication = client_authentication::basic,
                                   .client_id = "a:b",
                                   .client_secret = "c d",
                                   .parameters = {{"audience", "https://api"}, {"grant_type", "own"}},
                                   .headers = {{"User-Agent", "app/1"}, {"accept", "*/*"}},
                                   .sends_scope_on_refresh = true,
                                   .encodes_basic = false};
    const token record{.refresh_token = "r", .grant_token = "g", .scope = "a b"};
    const http_request refresh = refresh_request(provider, record);
    CHECK(refresh.body == "refresh_token=r&scope=a+b&audience=https%3A%2F%2Fapi&grant_type=own");
    CHECK(find_header(refresh.headers, "Authorization") == "Basic YTpiOmMgZA=="); // a:b:c d
    CHECK(find_header(refresh.headers, "User-Agent") == "app/1");
    CHECK(find_header(refresh.headers, "Accept") == "*/*");
    CHECK(refresh.headers.size() == 4);
    CHECK(exchange_request(provider, record).body == "code=g&audience=https%3A%2F%2Fapi&grant_type=own");
    CHECK(revoke_request(provider, record)->body == "token=r&token_type_hint=refresh_token");
    CHECK(find_header(revoke_request(provider, record)->headers, "User-Agent") == "app/1");
    oauth2_provider encoding = provider;
    encoding.encodes_basic = true;
    CHECK(find_header(refresh_request(encoding, record).headers, "Authorization") == "Basic YSUzQWI6Yytk");
}

TEST_CASE("provider: its own error codes go before those of the RFCs", "[oauth]") {
    const oauth2_provider provider{
        .error_codes = {{"GONE", errc::reauthorization_required}, {"invalid_grant", errc::throttled}}};
    const auto meaning = [&](const char* body) {
        try {
            (void)read_token_response(provider, {.status = 400, .body = body}, {});
        } catch (const response_error& refusal) {
            return static_cast<errc>(refusal.code().value());
        }
        return errc{};
    };
    CHECK(meaning(R"({"error":"gone"})") == errc::reauthorization_required);
    CHECK(meaning(R"({"message":"Gone"})") == errc::reauthorization_required);
    CHECK(meaning(R"({"error":"invalid_grant"})") == errc::throttled);
    CHECK(meaning(R"({"error":"invalid_client"})") == errc::client_rejected);
    CHECK_THROWS_AS(read_revoke_response(provider, {.status = 200, .body = R"({"error":"gone"})"}), response_error);
}

TEST_CASE("provider: a code may have a meaning only beside a text in the description", "[oauth]") {
    const oauth2_provider provider{
        .error_codes = {{"invalid_request", errc::reauthorization_required, "token has ended"}}};
    const auto meaning = [&](const char* described) {
        try {
            const std::string body =
                R"({"error":"Invalid_Request","error_description":)" + std::string(described) + "}";
            (void)read_token_response(provider, {.status = 400, .body = body}, {});
        } catch (const response_error& refusal) {
            CHECK_THAT(refusal.what(), !ContainsSubstring("ended"));
            return static_cast<errc>(refusal.code().value());
        }
        return errc{};
    };
    CHECK(meaning(R"("The refresh token has ended.")") == errc::reauthorization_required);
    CHECK(meaning(R"("a parameter is missing")") == errc::request_rejected);
    CHECK(meaning("null") == errc::request_rejected);
    CHECK(meaning("7") == errc::request_rejected);
}

TEST_CASE("provider: plain http to named hosts needs the louder switch, which the message names", "[oauth]") {
    const token record{.refresh_token = "r"};
    const oauth2_provider strict{.token_endpoint = "http://keycloak:8080/token", .allow_loopback_http = true};
    CHECK_THROWS_WITH(refresh_request(strict, record), ContainsSubstring("set allow_plain_http"));
    const oauth2_provider open{.token_endpoint = "http://keycloak:8080/token", .allow_plain_http = true};
    CHECK(refresh_request(open, record).url == "http://keycloak:8080/token");
    for (const char* url :
         {"http://user@keycloak/token", "http://keycloak/token#x", "ftp://keycloak/", "http:///token"}) {
        const oauth2_provider bad{.token_endpoint = url, .allow_plain_http = true};
        CHECK_THROWS_AS(refresh_request(bad, record), error);
    }
    const oauth2_provider this_machine{.token_endpoint = "http://127.0.0.1/token", .allow_plain_http = true};
    CHECK(refresh_request(this_machine, record).url == "http://127.0.0.1/token");
}

TEST_CASE("provider: without a revocation endpoint nothing is revoked, without a token endpoint nothing is sent",
          "[oauth]") {
    const oauth2_provider provider{.client_id = "app"};
    CHECK_FALSE(revoke_request(provider, {.refresh_token = "r"}).has_value());
    try {
        (void)refresh_request(provider, {.refresh_token = "r"});
        FAIL("it was made");
    } catch (const error& refusal) {
        CHECK(refusal.code() == errc::request_rejected);
    }
}

TEST_CASE("provider: plain http is for this machine, and for who opts in; the message names the switch", "[oauth]") {
    const auto refused = [](const char* url) {
        return refresh_request(oauth2_provider{.token_endpoint = url}, {.refresh_token = "r"});
    };
    for (const char* url : {"http://127.0.0.1:1/t", "http://localhost:8080/t"})
        CHECK_THROWS_WITH(refused(url), ContainsSubstring("set allow_loopback_http"));
    CHECK_THROWS_WITH(refused("http://auth.example/t"), !ContainsSubstring("allow_loopback_http"));
    const oauth2_provider opted{
        .token_endpoint = "http://127.0.0.1:1/t", .revocation_endpoint = "http://[::1]/r", .allow_loopback_http = true};
    CHECK(refresh_request(opted, {.refresh_token = "r"}).url == "http://127.0.0.1:1/t");
    CHECK(revoke_request(opted, {.refresh_token = "r"})->url == "http://[::1]/r");
}

TEST_CASE("provider: a function that a derived provider hides is the one that is called", "[oauth]") {
    with_audience provider;
    provider.token_endpoint = "https://auth.example/token";
    static_assert(authorization_provider<with_audience>);
    CHECK_THAT(refresh_request(provider, {.refresh_token = "r"}).body, ContainsSubstring("&audience=x"));
    CHECK(exchange_request(provider, {.grant_token = "g"}).body == "grant_type=authorization_code&code=g");
}

TEST_CASE("provider: its own client secret is kept out of what the server says, too", "[oauth]") {
    const oauth2_provider provider{.client_id = "app", .client_secret = "hush"};
    try {
        (void)read_token_response(provider, {.status = 400, .body = "{\"error\":\"bad.hush\"}"}, {});
        FAIL("it was accepted");
    } catch (const response_error& refusal) {
        CHECK(refusal.server_code().empty());
        CHECK_THAT(refusal.what(), !ContainsSubstring("hush"));
    }
}

TEST_CASE("provider: authorize sets the one Authorization header (RFC 6750 2.1)", "[oauth]") {
    CHECK(authorized({.access_token = "at"}) == "Bearer at");
    CHECK(authorized({.access_token = "at", .token_type = "bearer"}) == "Bearer at");
    CHECK(authorized({.access_token = "at", .token_type = "example"}) == "Bearer at");
    CHECK(authorized({.access_token = "this is the access token"}) == "Bearer this is the access token");
    CHECK(authorized({.access_token = "new"},
                     {{"AUTHORIZATION", "Bearer old"}, {"X", "y"}, {"Authorization", "Basic old"}}) == "Bearer new");
    http_request request{.headers = {{"X", "y"}}};
    oauth2_provider{}.authorize(request, {.access_token = "at"});
    CHECK(find_header(request.headers, "X") == "y");
}

TEST_CASE("provider: authorize refuses tokens that it cannot send as they must be", "[oauth]") {
    for (const char* type : {"dpop", "DPoP", "mac", "MAC"})
        CHECK(refused({.access_token = "at", .token_type = type}) == errc::request_rejected);
    CHECK(refused({.refresh_token = "r"}) == errc::invalid_record);
    CHECK(refused({.access_token = "a\r\nX-Injected: 1"}) == errc::invalid_record);
    CHECK(refused({.access_token = "a\xc3\xa9"}) == errc::invalid_record);
}

TEST_CASE("oauth2_provider: an answer's api_domain counts only for a record that has none", "[oauth]") {
    const auto taken = [](const char* had, const char* came, bool open = false) {
        const oauth2_provider provider{.allow_loopback_http = open, .allow_plain_http = open};
        const token record{.api_domain = had};
        const token_response answer = provider.read_token_response(
            {.status = 200,
             .body = R"({"access_token":"a","token_type":"bearer","api_domain":")" + std::string(came) + "\"}"},
            record);
        return apply_response(record, answer, {}).api_domain + (answer.warnings.empty() ? "" : " with a warning");
    };
    CHECK(taken("", "https://api.example") == "https://api.example");
    CHECK(taken("https://api.example", "") == "https://api.example");
    CHECK(taken("https://api.example", "https://api.example") == "https://api.example");
    CHECK(taken("https://api.example", "https://evil.example") == "https://api.example with a warning");
    CHECK(taken("http://api:80", "https://api", true) == "http://api:80 with a warning");
    CHECK(taken("http://api:80", "http://api:80", true) == "http://api:80");
    CHECK(taken("", "http://evil", true) == " with a warning");
    CHECK(taken("http://api:80", "http://evil", true) == "http://api:80 with a warning");
}
