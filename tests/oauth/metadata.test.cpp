// SPDX-License-Identifier: MIT
#include <tokenkeep/oauth/metadata.hpp>

#include <tokenkeep/oauth/authorization.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

using namespace tokenkeep;
using namespace std::chrono_literals;

namespace {

constexpr auto oauth = metadata_address::oauth_authorization_server;
constexpr std::string_view issuer = "https://server.example.com";

http_response json(std::string body, int status = 200) {
    return {.status = status, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}

/// Metadata with these members behind the issuer and the token endpoint.
http_response metadata_with(const std::string& members) {
    return json(R"({"issuer":"https://server.example.com","token_endpoint":"https://server.example.com/token")" +
                members + "}");
}

std::optional<response_error> refusal_of(const http_response& response, std::string_view wanted = issuer,
                                         const metadata_options& options = {}) {
    try {
        (void)read_metadata(response, wanted, options);
    } catch (const response_error& failure) {
        return failure;
    }
    return std::nullopt;
}

} // namespace

TEST_CASE("metadata: the requests of RFC 8414 3.1 and of OpenID Connect Discovery 4.1", "[oauth]") {
    struct row {
        const char *issuer, *openid, *oauth;
    };
    for (const row& r :
         {row{"https://example.com", "https://example.com/.well-known/openid-configuration",
              "https://example.com/.well-known/oauth-authorization-server"},
          row{"https://example.com/", "https://example.com/.well-known/openid-configuration",
              "https://example.com/.well-known/oauth-authorization-server"},
          row{"https://example.com/issuer1", "https://example.com/issuer1/.well-known/openid-configuration",
              "https://example.com/.well-known/oauth-authorization-server/issuer1"},
          row{"https://id.example:8443/realms/staff/",
              "https://id.example:8443/realms/staff/.well-known/openid-configuration",
              "https://id.example:8443/.well-known/oauth-authorization-server/realms/staff"}}) {
        CAPTURE(r.issuer);
        const http_request request = metadata_request(r.issuer);
        CHECK(request.method == "GET");
        CHECK(request.url == r.openid);
        CHECK(request.body.empty());
        CHECK(find_header(request.headers, "Accept") == "application/json");
        CHECK(metadata_request(r.issuer, {oauth}).url == r.oauth);
    }
}

TEST_CASE("metadata: an issuer is an https URL without query and fragment (RFC 8414 2)", "[oauth]") {
    for (const char* bad : {"", "example.com", "http://example.com", "http://127.0.0.1", "https://example.com?x=1",
                            "https://example.com/a?", "https://example.com#x", "https://u@example.com", "https://",
                            "ftp://example.com", "https://example.com/ x"}) {
        CAPTURE(bad);
        for (const bool reads : {false, true}) try {
                if (reads)
                    (void)read_metadata(metadata_with(""), bad);
                else
                    (void)metadata_request(bad);
                FAIL("it was taken");
            } catch (const error& failure) {
                CHECK(failure.code() == errc::request_rejected);
            }
    }
    CHECK(metadata_request("http://127.0.0.1:8080", {.allow_loopback_http = true}).url ==
          "http://127.0.0.1:8080/.well-known/openid-configuration");
    CHECK_THROWS_AS(metadata_request("http://example.com", {.allow_loopback_http = true}), error);
}

TEST_CASE("metadata: the example of RFC 8414 3.2 becomes a provider", "[oauth]") {
    const oauth2_provider provider = read_metadata(json(R"({
      "issuer": "https://server.example.com",
      "authorization_endpoint": "https://server.example.com/authorize",
      "token_endpoint": "https://server.example.com/token",
      "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
      "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256"],
      "userinfo_endpoint": "https://server.example.com/userinfo",
      "jwks_uri": "https://server.example.com/jwks.json",
      "registration_endpoint": "https://server.example.com/register",
      "scopes_supported": ["openid", "profile", "email", "address", "phone", "offline_access"],
      "response_types_supported": ["code", "code token"],
      "service_documentation": "http://server.example.com/service_documentation.html",
      "ui_locales_supported": ["en-US", "en-GB", "en-CA", "fr-FR", "fr-CA"]
     })"),
                                                   issuer);
    CHECK(provider.issuer == issuer);
    CHECK(provider.authorization_endpoint == "https://server.example.com/authorize");
    CHECK(provider.token_endpoint == "https://server.example.com/token");
    CHECK(provider.authentication == client_authentication::basic);
    CHECK(provider.revocation_endpoint.empty());
    CHECK(provider.device_authorization_endpoint.empty());
    CHECK_FALSE(provider.sends_iss);
    CHECK_FALSE(provider.allow_loopback_http);
}

TEST_CASE("metadata: the shape of Google's becomes the provider that the library has for Google", "[oauth]") {
    const oauth2_provider google = read_metadata(json(R"({
      "issuer": "https://accounts.google.com",
      "authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth",
      "device_authorization_endpoint": "https://oauth2.googleapis.com/device/code",
      "token_endpoint": "https://oauth2.googleapis.com/token",
      "userinfo_endpoint": "https://openidconnect.googleapis.com/v1/userinfo",
      "revocation_endpoint": "https://oauth2.googleapis.com/revoke",
      "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs",
      "response_types_supported": ["code", "token", "none"],
      "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
      "code_challenge_methods_supported": ["plain", "S256"]})"),
                                                 "https://accounts.google.com");
    CHECK(google.token_endpoint == "https://oauth2.googleapis.com/token");
    CHECK(google.revocation_endpoint == "https://oauth2.googleapis.com/revoke");
    CHECK(google.authorization_endpoint == "https://accounts.google.com/o/oauth2/v2/auth");
    CHECK(google.device_authorization_endpoint == "https://oauth2.googleapis.com/device/code");
    CHECK(google.authentication == client_authentication::post);
}

TEST_CASE("metadata: the issuer must be the same, to the letter (RFC 8414 3.3)", "[oauth]") {
    for (const char* other :
         {"https://server.example.com/", "https://Server.example.com", "https://server.example.com:443",
          "https://attacker.example", "https://server.example.com/issuer1"}) {
        CAPTURE(other);
        const auto failure = refusal_of(metadata_with(""), other);
        REQUIRE(failure.has_value());
        CHECK(failure->code() == errc::request_rejected);
        CHECK_THAT(failure->what(), !ContainsSubstring("server.example.com"));
    }
    for (const char* without : {R"({"token_endpoint":"https://x"})", R"({"issuer":"","token_endpoint":"https://x"})",
                                R"({"issuer":1,"token_endpoint":"https://x"})", R"({"issuer":null})"})
        CHECK(refusal_of(json(without))->code() == errc::malformed_response);
}

TEST_CASE("metadata: endpoints are https", "[oauth]") {
    for (const char* name :
         {"token_endpoint", "authorization_endpoint", "revocation_endpoint", "device_authorization_endpoint"})
        for (const char* url : {"http://server.example.com/x", "http://127.0.0.1/x", "https://server.example.com/x#y",
                                "javascript:x", "/x", "https://u:p@server.example.com"}) {
            CAPTURE(name, url);
            std::string body = R"({"issuer":"https://server.example.com",)";
            if (std::string_view(name) != "token_endpoint")
                body += R"("token_endpoint":"https://server.example.com/t",)";
            body.append("\"").append(name).append("\":\"").append(url).append("\"}");
            for (const metadata_options& options :
                 {metadata_options{}, metadata_options{.allow_loopback_http = true}}) {
                const auto failure = refusal_of(json(body), issuer, options);
                REQUIRE(failure.has_value());
                CHECK(failure->code() == errc::request_rejected);
                CHECK_THAT(failure->what(), ContainsSubstring(name));
            }
        }
    CHECK(refusal_of(metadata_with(R"(,"revocation_endpoint":[])"))->code() == errc::malformed_response);
    CHECK_FALSE(refusal_of(metadata_with(R"(,"revocation_endpoint":null)")));
    CHECK(refusal_of(json(R"({"issuer":"https://server.example.com"})"))->code() == errc::malformed_response);
}

TEST_CASE("metadata: a server on this machine may be plain http if the program allows it", "[oauth]") {
    const http_response local =
        json(R"({"issuer":"http://127.0.0.1:8080","token_endpoint":"http://127.0.0.1:8080/token",
                                         "authorization_endpoint":"http://[::1]:8080/auth"})");
    const oauth2_provider provider = read_metadata(local, "http://127.0.0.1:8080", {.allow_loopback_http = true});
    CHECK(provider.allow_loopback_http);
    CHECK(provider.token_endpoint == "http://127.0.0.1:8080/token");
    CHECK_THROWS_AS(read_metadata(local, "http://127.0.0.1:8080"), error);
    CHECK(refusal_of(json(R"({"issuer":"http://127.0.0.1:8080","token_endpoint":"http://other.example/token"})"),
                     "http://127.0.0.1:8080", {.allow_loopback_http = true})
              ->code() == errc::request_rejected);
    CHECK_FALSE(read_metadata(metadata_with(""), issuer, {.allow_loopback_http = true}).allow_loopback_http);
}

TEST_CASE("metadata: the way in which the client says who it is", "[oauth]") {
    struct row {
        const char* methods;
        client_authentication chosen;
    };
    for (const row& r :
         {row{"", client_authentication::basic}, // the default of RFC 8414 2
          row{R"("client_secret_post")", client_authentication::post},
          row{R"("client_secret_basic")", client_authentication::basic},
          row{R"("client_secret_basic","client_secret_post")", client_authentication::post},
          row{R"("none","client_secret_basic")", client_authentication::basic},
          row{R"("none")", client_authentication::none}, row{R"("private_key_jwt")", client_authentication::none},
          row{R"(1,{},"client_secret\u005fpost")", client_authentication::post}}) {
        CAPTURE(r.methods);
        const std::string list = std::string(R"(,"token_endpoint_auth_methods_supported":[)") + r.methods + "]";
        CHECK(read_metadata(metadata_with(*r.methods == '\0' ? "" : list), issuer).authentication == r.chosen);
    }
}

TEST_CASE("metadata: whether the redirect names the issuer (RFC 9207 3)", "[oauth]") {
    const auto promises = [](const std::string& value) {
        return read_metadata(metadata_with(R"(,"authorization_response_iss_parameter_supported":)" + value), issuer)
            .sends_iss;
    };
    CHECK(promises("true"));
    for (const char* no : {"false", "null", "\"true\"", "1"}) CHECK_FALSE(promises(no));
}

TEST_CASE("metadata: a login sends S256 whatever methods the server lists", "[oauth]") {
    for (const char* methods :
         {"", R"(,"code_challenge_methods_supported":["plain"])", R"(,"code_challenge_methods_supported":[])"}) {
        oauth2_provider provider = read_metadata(
            metadata_with(R"(,"authorization_endpoint":"https://server.example.com/a")" + std::string(methods)),
            issuer);
        provider.client_id = "app";
        CHECK(authorization_request(provider, {.redirect_url = "https://app.example/"})
                  .url.find("&code_challenge_method=S256") != std::string::npos);
    }
}

TEST_CASE("metadata: a response that brings none says what to do", "[oauth]") {
    CHECK_THAT(refusal_of(json("{}", 404))->what(), ContainsSubstring("try the other metadata_address"));
    struct row {
        int status;
        errc meaning;
    };
    for (const row& r :
         {row{404, errc::request_rejected}, row{400, errc::request_rejected}, row{401, errc::request_rejected},
          row{301, errc::request_rejected}, row{307, errc::request_rejected}, row{429, errc::throttled},
          row{408, errc::server_unavailable}, row{500, errc::server_unavailable}, row{503, errc::server_unavailable},
          row{204, errc::malformed_response}, row{0, errc::malformed_response}, row{700, errc::malformed_response}}) {
        CAPTURE(r.status);
        http_response response = metadata_with("");
        response.status = r.status;
        response.headers.push_back({"Retry-After", "7"});
        const auto failure = refusal_of(response);
        REQUIRE(failure.has_value());
        CHECK(failure->code() == r.meaning);
        CHECK(failure->status() == r.status);
        CHECK(failure->retry_after() == 7s);
    }
    for (const char* body : {"", "<html>", "[]", "\"x\"", "null", "{", R"({"issuer":"a","issuer":"b"})"}) {
        CAPTURE(body);
        const auto failure = refusal_of(json(body));
        REQUIRE(failure.has_value());
        CHECK(failure->code() == errc::malformed_response);
    }
    CHECK_FALSE(refusal_of(json("\xef\xbb\xbf\r\n" + metadata_with("").body)));
    CHECK(refusal_of(json(std::string(2'000'000, ' ') + metadata_with("").body))->code() == errc::malformed_response);
}
