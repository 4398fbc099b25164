// SPDX-License-Identifier: MIT
#include <tokenkeep/oauth/device.hpp>
#include <tokenkeep/oauth/provider.hpp>

#include "support/catch.hpp"

#include <optional>
#include <string>

using namespace tokenkeep;
using namespace std::chrono_literals;

namespace {

const timestamp sent{std::chrono::milliseconds{1'700'000'000'000}};

http_response ok(std::string body) { return {.status = 200, .body = std::move(body)}; }

std::string body_without(std::string_view member) {
    std::string body = "{";
    for (const auto& [name, value] : {std::pair<std::string_view, std::string_view>{"device_code", "\"dc\""},
                                      {"user_code", "\"WDJB-MJHT\""},
                                      {"verification_uri", "\"https://example.com/device\""},
                                      {"expires_in", "1800"},
                                      {"interval", "7"}})
        if (name != member) body.append(body.size() > 1 ? ",\"" : "\"").append(name).append("\":").append(value);
    return body + "}";
}

std::optional<errc> refusal_of(const http_response& response) {
    try {
        (void)read_device_authorization(response, {}, sent);
    } catch (const error& refusal) {
        return static_cast<errc>(refusal.code().value());
    }
    return std::nullopt;
}

} // namespace

TEST_CASE("device: the requests of RFC 8628 3.1 and 3.4", "[device]") {
    const client_endpoint codes{.url = "https://server.example.com/device_authorization", .client_id = "1406020730"};
    const http_request first = device_authorization_request(codes, {.scope = "example_scope"});
    CHECK(first.method == "POST");
    CHECK(first.url == codes.url);
    CHECK(first.body == "scope=example_scope&client_id=1406020730");
    CHECK(device_authorization_request(codes, {}).body == "client_id=1406020730");

    const client_endpoint tokens{.url = "https://server.example.com/token", .client_id = "1406020730"};
    const http_request poll =
        device_token_request(tokens, {.grant_token = "GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS"});
    CHECK(poll.body == "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code"
                       "&device_code=GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS&client_id=1406020730");
    CHECK_THROWS_AS(device_token_request(tokens, {}), error);
    CHECK_THROWS_AS(device_token_request({.url = "http://server.example.com/token"}, {.grant_token = "dc"}), error);
}

TEST_CASE("device: the response of RFC 8628 3.2", "[device]") {
    const device_authorization read = read_device_authorization(ok(R"({
        "device_code": "GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS",
        "user_code": "WDJB-MJHT",
        "verification_uri": "https://example.com/device",
        "verification_uri_complete": "https://example.com/device?user_code=WDJB-MJHT",
        "expires_in": 1800,
        "interval": 5})"),
                                                                {}, sent);
    CHECK(read.device_code == secret("GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS"));
    CHECK(read.prompt.user_code == "WDJB-MJHT");
    CHECK(read.prompt.verification_url == "https://example.com/device");
    CHECK(read.prompt.verification_url_complete == "https://example.com/device?user_code=WDJB-MJHT");
    CHECK(read.prompt.expires_at == sent + 1800s);
    CHECK(read.interval == 5s);
}

TEST_CASE("device: members that are not needed may be missing, or odd", "[device]") {
    const auto read = [](const std::string& body) { return read_device_authorization(ok(body), {}, sent); };
    CHECK(read(body_without("")).interval == 7s);
    CHECK(read(body_without("")).prompt.verification_url_complete.empty());
    CHECK(read(body_without("interval")).interval == 5s);
    CHECK(read(body_without("expires_in")).prompt.expires_at == sent + 300s);
    const std::string start = body_without("interval").substr(0, body_without("interval").size() - 1);
    CHECK(read(start + R"(,"interval":"9"})").interval == 9s);
    CHECK(read(start + R"(,"interval":0})").interval == 5s);
    CHECK(read(start + R"(,"interval":-3})").interval == 5s);
    CHECK(read(start + R"(,"interval":1e30})").interval == 3'600s);
    CHECK(read(start + R"(,"verification_uri_complete":"javascript:x"})").prompt.verification_url_complete.empty());
    // Google's older name
    CHECK(read(R"({"device_code":"d","user_code":"u","verification_url":"https://www.google.com/device"})")
              .prompt.verification_url == "https://www.google.com/device");
}

TEST_CASE("device: a response that cannot be used, or shown, is refused", "[device]") {
    for (const char* needed : {"device_code", "user_code", "verification_uri"}) {
        CAPTURE(needed);
        CHECK(refusal_of(ok(body_without(needed))) == errc::malformed_response);
    }
    for (const char* page : {"http://example.com/device", "javascript:alert(1)", "https://a@example.com/", "/device"}) {
        CAPTURE(page);
        CHECK(refusal_of(ok(R"({"device_code":"d","user_code":"u","verification_uri":")" + std::string(page) +
                            "\"}")) == errc::malformed_response);
    }
    CHECK(refusal_of(ok(R"({"device_code":"d","user_code":"u\u001b[2J","verification_uri":"https://e.example"})")) ==
          errc::malformed_response); // a terminal would obey it
    CHECK(refusal_of(ok("<html>")) == errc::malformed_response);
    CHECK(refusal_of({.status = 400, .body = R"({"error":"invalid_client"})"}) == errc::client_rejected);
    CHECK(refusal_of({.status = 400, .body = R"({"error":"invalid_scope"})"}) == errc::request_rejected);
    CHECK(refusal_of(ok(R"({"error":"unauthorized_client"})")) == errc::client_rejected); // as GitHub sends it
    CHECK(refusal_of({.status = 503}) == errc::server_unavailable);
}

TEST_CASE("device: the provider's endpoints, parameters and hosts are used", "[device]") {
    const oauth2_provider provider{.token_endpoint = "http://127.0.0.1:8080/token",
                                   .client_id = "tv",
                                   .parameters = {{"audience", "https://api.example"}},
                                   .device_authorization_endpoint = "http://127.0.0.1:8080/device",
                                   .allow_loopback_http = true};
    const http_request request = device_authorization_request(provider, {.scope = "s"});
    CHECK(request.url == "http://127.0.0.1:8080/device");
    CHECK(request.body == "scope=s&client_id=tv&audience=https%3A%2F%2Fapi.example");
    CHECK(device_token_request(provider, {.grant_token = "dc"}).url == "http://127.0.0.1:8080/token");
    const std::string local = R"({"device_code":"d","user_code":"u","verification_uri":"http://127.0.0.1:8080/go"})";
    CHECK(read_device_authorization(provider, ok(local), {}, sent).prompt.verification_url ==
          "http://127.0.0.1:8080/go");
    const oauth2_provider without{.token_endpoint = "https://auth.example/token"};
    CHECK_THROWS_AS(device_authorization_request(without, {}), error);
}
