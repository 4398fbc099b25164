// SPDX-License-Identifier: MIT
#include <tokenkeep/oauth/revoke.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <optional>
#include <string>

using namespace tokenkeep;
using namespace std::chrono_literals;

namespace {

std::optional<response_error> outcome(int status, std::string body = {}, std::vector<http_header> headers = {}) {
    try {
        read_revoke_response(http_response{.status = status, .headers = std::move(headers), .body = std::move(body)});
    } catch (const response_error& refusal) {
        return refusal;
    }
    return std::nullopt;
}

} // namespace

TEST_CASE("revoke: the request of RFC 7009 2.1, for the refresh token if there is one", "[oauth]") {
    const client_endpoint endpoint{.url = "https://auth.example/revoke",
                                   .authentication = client_authentication::basic};
    const token record{.client_id = "s6BhdRkqt3",
                       .client_secret = "7Fjfp0ZBr1KtDRbnfVdmIw",
                       .refresh_token = "45ghiukldjahdnhzdauz",
                       .access_token = "a"};
    const http_request request = revoke_request(endpoint, record);
    CHECK(request.method == "POST");
    CHECK(request.url == "https://auth.example/revoke");
    CHECK(request.body == "token=45ghiukldjahdnhzdauz&token_type_hint=refresh_token");
    CHECK(find_header(request.headers, "Authorization") == "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
    CHECK(revoke_request(endpoint, {.client_id = "app", .access_token = "a"}).body ==
          "token=a&token_type_hint=access_token&client_id=app");
}

TEST_CASE("revoke: a record without tokens has nothing to revoke", "[oauth]") {
    try {
        (void)revoke_request(client_endpoint{.url = "https://auth.example/revoke"},
                             {.client_id = "app", .grant_token = "g"});
        FAIL("it was made");
    } catch (const error& refusal) {
        CHECK(refusal.code() == errc::invalid_record);
    }
}

TEST_CASE("revoke: success is 200, whatever is in it, unless it is an error", "[oauth]") {
    for (const char* body :
         {"", "{}", "ok", "<html>", "[]", "{\"error\":null}", "{\"error\":\"\"}", "{\"status\":\"whatever\"}"}) {
        CAPTURE(body);
        CHECK_FALSE(outcome(200, body).has_value());
    }
    CHECK_FALSE(outcome(204).has_value());
    CHECK(outcome(200, "{\"error\":\"invalid_client\"}")->code() == errc::client_rejected);
    CHECK(outcome(200, "{\"error\":{\"code\":\"home_made\"}}")->code() == errc::request_rejected);
    CHECK(outcome(200, "{\"error\":{\"code\":1}}")->code() == errc::malformed_response);
    CHECK_FALSE(outcome(200, "{\"error\":false}").has_value());
}

TEST_CASE("revoke: a refusal is typed, and the token must be assumed to live", "[oauth]") {
    CHECK(outcome(503)->code() == errc::server_unavailable);
    CHECK(outcome(503, "", {{"Retry-After", "60"}})->retry_after() == 60s);
    CHECK(outcome(429)->code() == errc::throttled);
    CHECK(outcome(302)->code() == errc::request_rejected);
    CHECK(outcome(404)->code() == errc::request_rejected);
    CHECK(outcome(401, "{\"error\":\"invalid_client\"}")->code() == errc::client_rejected);
    CHECK(outcome(400, "<html>")->code() == errc::request_rejected);
    CHECK(outcome(400, "{}")->code() == errc::request_rejected);
    const auto other_token = outcome(400, "{\"error\":\"unsupported_token_type\"}");
    CHECK(other_token->code() == errc::request_rejected);
    CHECK(other_token->server_code() == "unsupported_token_type");
    // A code that the library does not know might be the token that was sent.
    CHECK(outcome(400, "{\"error\":\"home_made\"}")->server_code().empty());
}

TEST_CASE("revoke: a provider may not be able to, and may read answers in its own way", "[oauth]") {
    struct provider {
        std::optional<http_request> revoke_request(const token&) { return std::nullopt; }
    } plain;
    CHECK_FALSE(revoke_request(plain, {}).has_value());
    read_revoke_response(plain, {.status = 200});
    CHECK_THROWS_AS(read_revoke_response(plain, {.status = 500}), response_error);
    struct reader : provider {
        void read_revoke_response(const http_response& response) {
            if (response.status != 500) throw error(errc::malformed_response, "only 500 will do");
        }
    } own;
    read_revoke_response(own, {.status = 500});
    CHECK_THROWS_AS(read_revoke_response(own, {.status = 200}), error);
}
