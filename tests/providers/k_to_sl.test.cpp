// SPDX-License-Identifier: MIT
#include <tokenkeep/providers/keycloak.hpp>
#include <tokenkeep/providers/linkedin.hpp>
#include <tokenkeep/providers/microsoft.hpp>
#include <tokenkeep/providers/notion.hpp>
#include <tokenkeep/providers/okta.hpp>
#include <tokenkeep/providers/quickbooks.hpp>
#include <tokenkeep/providers/reddit.hpp>
#include <tokenkeep/providers/salesforce.hpp>
#include <tokenkeep/providers/shopify.hpp>
#include <tokenkeep/providers/slack.hpp>

#include "support/documented_server.hpp"

using namespace tests;
using tokenkeep::errc;
using tokenkeep::http_request;
using tokenkeep::http_response;
using tokenkeep::secret;
using tokenkeep::token;
using tokenkeep::token_response;

namespace {

/// "app" and "hush" in HTTP Basic.
constexpr const char* app_hush = "Basic YXBwOmh1c2g=";

http_response error_answer(int status, const std::string& code, const std::string& description) {
    return json_answer(status, R"({"error":")" + code + R"(","error_description":")" + description + R"("})");
}

std::string_view header_of(const http_request& request, std::string_view name) {
    return tokenkeep::find_header(request.headers, name);
}

/// Whether a secret with a plus sign is in HTTP Basic as it is, without the encoding of RFC 6749 2.3.1.
template <class Provider>
bool sends_plain_basic(Provider provider) {
    provider.client_id = "app";
    provider.client_secret = "a+b";
    return header_of(provider.refresh_request({.refresh_token = "rt-1"}), "Authorization") == "Basic YXBwOmErYg==";
}

/// What an answer to a refresh of rt-1 is taken for.
template <class Provider>
errc code_of(const Provider& provider, const http_response& answer) {
    try {
        provider.read_token_response(answer, {.refresh_token = "rt-1"});
    } catch (const tokenkeep::error& failure) {
        return static_cast<errc>(failure.code().value());
    }
    return errc{};
}

} // namespace

TEST_CASE("providers: keycloak", "[providers]") {
    const tokenkeep::oauth2_provider keycloak = tokenkeep::providers::keycloak("https://id.example/", "staff");
    const documented_requests requests = run_documented(
        keycloak,
        {.login = json_answer(200, R"({"access_token":"at-1","expires_in":300,"refresh_expires_in":1800,)"
                                   R"("refresh_token":"rt-1","token_type":"Bearer","not-before-policy":0,)"
                                   R"("session_state":"c5b0","scope":"email profile"})"),
         .refresh = json_answer(200, R"({"access_token":"at-2","expires_in":300,"refresh_expires_in":0,)"
                                     R"("refresh_token":"rt-2","token_type":"Bearer","not-before-policy":0,)"
                                     R"("session_state":"c5b0","scope":"email offline_access"})"),
         .dead = error_answer(400, "invalid_grant", "Token is not active"),
         .client_rejected = error_answer(401, "unauthorized_client", "Invalid client or Invalid client credentials"),
         .revoked = http_response{.status = 200}});
    const std::string endpoints = "https://id.example/realms/staff/protocol/openid-connect";
    CHECK(requests.login.url == endpoints + "/token");
    CHECK(field_of(requests.login, "client_secret") == "hush");
    CHECK_FALSE(field_of(requests.refresh, "scope"));
    CHECK(requests.revocation.url == endpoints + "/revoke");
    CHECK(field_of(requests.revocation, "token") == "rt-2");
    CHECK(keycloak.authorization_endpoint == endpoints + "/auth");
    CHECK(keycloak.device_authorization_endpoint == endpoints + "/auth/device");
    CHECK(keycloak.issuer == "https://id.example/realms/staff");
    CHECK(keycloak.sends_iss);
}

TEST_CASE("providers: linkedin", "[providers]") {
    const auto linkedin = tokenkeep::providers::linkedin();
    const documented_requests requests = run_documented(
        linkedin,
        {.login = json_answer(200, R"({"access_token":"at-1","expires_in":5184000,"refresh_token":"rt-1",)"
                                   R"("refresh_token_expires_in":31536000,"scope":"r_basicprofile"})"),
         .refresh = json_answer(200, R"({"access_token":"at-2","expires_in":5184000,"refresh_token":"rt-1",)"
                                     R"("refresh_token_expires_in":26438400})"),
         .dead = error_answer(400, "invalid_request",
                              "The provided authorization grant or refresh token is invalid, expired or revoked."),
         .client_rejected = error_answer(401, "invalid_client", "Client authentication failed"),
         .rotates = false});
    CHECK(requests.login.url == "https://www.linkedin.com/oauth/v2/accessToken");
    CHECK(field_of(requests.login, "client_id") == "app");
    CHECK(field_of(requests.login, "client_secret") == "hush");
    CHECK_FALSE(field_of(requests.refresh, "scope"));
    CHECK(
        code_of(linkedin, error_answer(400, "invalid_request", "A required parameter \\\"client_id\\\" is missing")) ==
        errc::request_rejected);
    CHECK(linkedin.read_token_response(json_answer(200, R"({"access_token":"at-1","expires_in":5184000})"), {})
              .warnings.empty());
}

TEST_CASE("providers: microsoft", "[providers]") {
    const auto microsoft = tokenkeep::providers::microsoft("contoso.example");
    const documented_requests requests = run_documented(
        microsoft,
        {.login = json_answer(200, R"({"token_type":"Bearer","scope":"User.Read Mail.Read","expires_in":3599,)"
                                   R"("access_token":"at-1","refresh_token":"rt-1","id_token":"eyJ0"})"),
         .refresh = json_answer(200, R"({"token_type":"Bearer","scope":"User.Read Mail.Read","expires_in":3599,)"
                                     R"("access_token":"at-2","refresh_token":"rt-2","id_token":"eyJ0"})"),
         .dead = json_answer(400, R"({"error":"invalid_grant","error_description":"AADSTS700082: The refresh token )"
                                  R"(has expired due to inactivity.\r\nTrace ID: 0000aaaa","error_codes":[700082],)"
                                  R"("timestamp":"2016-01-09 02:02:12Z","trace_id":"0000aaaa"})"),
         .client_rejected =
             json_answer(401, R"({"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret )"
                              R"(provided.","error_codes":[7000215]})")});
    const std::string endpoints = "https://login.microsoftonline.com/contoso.example/oauth2/v2.0";
    CHECK(requests.login.url == endpoints + "/token");
    CHECK(field_of(requests.login, "client_secret") == "hush");
    CHECK(field_of(requests.refresh, "scope") == "User.Read Mail.Read offline_access");
    const http_request again =
        microsoft.refresh_request({.refresh_token = "rt-1", .scope = "offline_access User.Read"});
    CHECK(field_of(again, "scope") == "offline_access User.Read");
    CHECK_FALSE(field_of(microsoft.refresh_request({.refresh_token = "rt-1"}), "scope"));
    for (const char* code : {"interaction_required", "consent_required", "login_required"})
        CHECK(code_of(microsoft, error_answer(400, code, "AADSTS50076")) == errc::reauthorization_required);
    CHECK(code_of(microsoft, error_answer(400, "temporarily_unavailable", "x")) == errc::server_unavailable);
    CHECK(microsoft.replay_grace == std::chrono::hours(24));
    CHECK(tokenkeep::providers::microsoft().authorization_endpoint ==
          "https://login.microsoftonline.com/common/oauth2/v2.0/authorize");
    CHECK(microsoft.device_authorization_endpoint == endpoints + "/devicecode");
}

TEST_CASE("providers: notion", "[providers]") {
    const auto notion = tokenkeep::providers::notion();
    const auto tokens = [](const std::string& nth) {
        return json_answer(200, R"({"access_token":"at-)" + nth + R"(","token_type":"bearer","refresh_token":"rt-)" +
                                    nth + R"(","bot_id":"3c90","workspace_icon":null,"workspace_name":"Ada",)" +
                                    R"("workspace_id":"4c90","owner":{"type":"user","user":{"object":"user"}},)" +
                                    R"("duplicated_template_id":null,"request_id":"5c90"})");
    };
    const documented_requests requests = run_documented(
        notion, {.login = tokens("1"),
                 .refresh = tokens("2"),
                 .dead = json_answer(400, R"({"error":"invalid_grant","request_id":"5c90"})"),
                 .client_rejected = json_answer(401, R"({"error":"invalid_client","request_id":"5c90"})"),
                 .throttled = http_response{.status = 429,
                                            .headers = {{"Retry-After", "7"}},
                                            .body = R"({"object":"error","status":429,)"
                                                    R"("code":"rate_limited","message":"x"})"},
                 .revoked = json_answer(200, R"({"request_id":"5c90"})")});
    CHECK(requests.login.url == "https://api.notion.com/v1/oauth/token");
    CHECK(requests.login.body == R"({"grant_type":"authorization_code","code":"code-1",)"
                                 R"("redirect_uri":"https://app.example/callback"})");
    CHECK(requests.refresh.body == R"({"grant_type":"refresh_token","refresh_token":"rt-1"})");
    CHECK(requests.revocation.url == "https://api.notion.com/v1/oauth/revoke");
    CHECK(requests.revocation.body == R"({"token":"at-2"})");
    for (const http_request& request : {requests.login, requests.refresh, requests.revocation}) {
        CHECK(header_of(request, "Content-Type") == "application/json");
        CHECK(header_of(request, "Notion-Version") == "2025-09-03");
        CHECK(header_of(request, "Authorization") == app_hush);
    }
    auto own = notion;
    own.parameters = {{"external_account", "a \"b\" & c=d"}};
    CHECK(own.refresh_request({.refresh_token = "rt+1"}).body ==
          R"({"grant_type":"refresh_token","refresh_token":"rt+1","external_account":"a \"b\" & c=d"})");
    CHECK_THROWS_AS(own.refresh_request({.refresh_token = "rt\xff"}), tokenkeep::error);
    CHECK(sends_plain_basic(notion));
}

TEST_CASE("providers: okta", "[providers]") {
    using namespace std::chrono_literals;
    const auto okta = tokenkeep::providers::okta("example.okta.com", "default", 60s);
    const auto tokens = [](const std::string& nth) {
        return json_answer(200, R"({"token_type":"Bearer","expires_in":3600,"access_token":"at-)" + nth +
                                    R"(","scope":"offline_access openid","refresh_token":"rt-)" + nth +
                                    R"(","id_token":"eyJr"})");
    };
    const documented_requests requests = run_documented(
        okta,
        {.login = tokens("1"),
         .refresh = tokens("2"),
         .dead = error_answer(400, "invalid_grant", "The refresh token is invalid or expired."),
         .client_rejected =
             error_answer(401, "invalid_client", "The client secret supplied for a confidential client is invalid."),
         .throttled = json_answer(429, R"({"errorCode":"E0000047","errorSummary":"API call exceeded rate limit"})"),
         .revoked = http_response{.status = 200}});
    CHECK(requests.login.url == "https://example.okta.com/oauth2/default/v1/token");
    CHECK(header_of(requests.login, "Authorization") == app_hush);
    CHECK_FALSE(field_of(requests.refresh, "scope"));
    CHECK(requests.revocation.url == "https://example.okta.com/oauth2/default/v1/revoke");
    CHECK(header_of(requests.revocation, "Authorization") == app_hush);
    CHECK(okta.replay_grace == 60s);
    CHECK(okta.issuer == "https://example.okta.com/oauth2/default");
    CHECK(okta.device_authorization_endpoint == "https://example.okta.com/oauth2/default/v1/device/authorize");
    const auto organisation = tokenkeep::providers::okta("example.okta.com");
    CHECK(organisation.token_endpoint == "https://example.okta.com/oauth2/v1/token");
    CHECK(organisation.authorization_endpoint == "https://example.okta.com/oauth2/v1/authorize");
    CHECK(organisation.issuer == "https://example.okta.com");
    CHECK(organisation.replay_grace == 0s);
    CHECK(sends_plain_basic(okta));
}

TEST_CASE("providers: quickbooks", "[providers]") {
    const auto quickbooks = tokenkeep::providers::quickbooks();
    const auto tokens = [](const std::string& nth) {
        return json_answer(200, R"({"token_type":"bearer","expires_in":3600,"refresh_token":"rt-)" + nth +
                                    R"(","x_refresh_token_expires_in":8726400,"access_token":"at-)" + nth + R"("})");
    };
    const documented_requests requests =
        run_documented(quickbooks, {.login = tokens("1"),
                                    .refresh = tokens("2"),
                                    .dead = error_answer(400, "invalid_grant", "Incorrect or invalid refresh token"),
                                    .client_rejected = json_answer(401, R"({"error":"invalid_client"})"),
                                    .revoked = http_response{.status = 200}});
    CHECK(requests.login.url == "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer");
    CHECK(header_of(requests.login, "Authorization") == app_hush);
    CHECK_FALSE(field_of(requests.login, "client_secret"));
    CHECK(requests.revocation.url == "https://developer.api.intuit.com/v2/oauth2/tokens/revoke");
    CHECK(requests.revocation.body == R"({"token":"rt-2"})");
    CHECK(header_of(requests.revocation, "Content-Type") == "application/json");
    CHECK(header_of(requests.revocation, "Authorization") == app_hush);
    const token_response answer = quickbooks.read_token_response(tokens("1"), {});
    CHECK(answer.refresh_expires_in == std::chrono::seconds(8726400));
    CHECK(quickbooks.revoke_request({.access_token = "at-1"})->body == R"({"token":"at-1"})");
    CHECK(sends_plain_basic(quickbooks));
}

TEST_CASE("providers: reddit", "[providers]") {
    const std::string agent = "linux:com.example.app:v1.2 (by /u/ada)";
    const auto reddit = tokenkeep::providers::reddit(agent);
    const documented_requests requests = run_documented(
        reddit, {.login = json_answer(200, R"({"access_token":"at-1","token_type":"bearer","expires_in":86400,)"
                                           R"("refresh_token":"rt-1","scope":"identity read"})"),
                 .refresh = json_answer(200, R"({"access_token":"at-2","token_type":"bearer","expires_in":86400,)"
                                             R"("scope":"identity read"})"),
                 .dead = json_answer(400, R"({"message":"Bad Request","error":400})"),
                 .client_rejected = json_answer(401, R"({"message":"Unauthorized","error":401})"),
                 .throttled = json_answer(429, R"({"message":"Too Many Requests","error":429})"),
                 .revoked = http_response{.status = 204},
                 .rotates = false});
    CHECK(requests.login.url == "https://www.reddit.com/api/v1/access_token");
    CHECK(requests.revocation.url == "https://www.reddit.com/api/v1/revoke_token");
    CHECK(field_of(requests.revocation, "token") == "rt-1");
    CHECK(field_of(requests.revocation, "token_type_hint") == "refresh_token");
    for (const http_request& request : {requests.login, requests.refresh, requests.revocation}) {
        CHECK(request.headers.size() == 4); // the type, what is accepted, and:
        CHECK(header_of(request, "User-Agent") == agent);
        CHECK(header_of(request, "Authorization") == app_hush);
        CHECK_FALSE(field_of(request, "client_secret"));
    }
    CHECK(code_of(reddit, json_answer(400, R"({"error":"invalid_request"})")) == errc::reauthorization_required);
    CHECK(code_of(reddit, json_answer(200, R"({"error":"invalid_grant"})")) == errc::reauthorization_required);
    // An installed app has no secret.
    auto installed = reddit;
    installed.client_id = "app";
    const token row{.refresh_token = "rt-1", .grant_token = "code-1"};
    for (const http_request& request :
         {installed.exchange_request(row), installed.refresh_request(row), *installed.revoke_request(row)})
        CHECK(header_of(request, "Authorization") == "Basic YXBwOg=="); // app:
    CHECK(header_of(installed.refresh_request({.client_id = "own", .refresh_token = "rt-1"}), "Authorization") ==
          "Basic b3duOg=="); // own:
    CHECK(sends_plain_basic(reddit));
}

TEST_CASE("providers: salesforce", "[providers]") {
    const auto salesforce = tokenkeep::providers::salesforce("acme.my.salesforce.com");
    const auto tokens = [](const std::string& rest) {
        return json_answer(200, R"({"id":"https://login.salesforce.com/id/00Dx/005x","issued_at":"1278448384422",)"
                                R"("instance_url":"https://acme.my.salesforce.com","signature":"SSSb","scope":"id api )"
                                R"(refresh_token","token_type":"Bearer",)" +
                                    rest);
    };
    const documented_requests requests = run_documented(
        salesforce, {.login = tokens(R"("access_token":"at-1","refresh_token":"rt-1"})"),
                     .refresh = tokens(R"("access_token":"at-2"})"),
                     .dead = error_answer(400, "invalid_grant", "expired access/refresh token"),
                     .client_rejected = error_answer(400, "invalid_client_id", "client identifier invalid"),
                     .throttled = error_answer(400, "invalid_grant", "token request is already being processed"),
                     .revoked = http_response{.status = 200},
                     .rotates = false});
    CHECK(requests.login.url == "https://acme.my.salesforce.com/services/oauth2/token");
    CHECK(field_of(requests.login, "client_secret") == "hush");
    CHECK_FALSE(field_of(requests.refresh, "scope"));
    CHECK(requests.revocation.url == "https://acme.my.salesforce.com/services/oauth2/revoke");
    CHECK(field_of(requests.revocation, "token") == "rt-1");
    const token_response answer = salesforce.read_token_response(tokens(R"("access_token":"at-1"})"), {});
    CHECK(answer.api_domain == "https://acme.my.salesforce.com");
    CHECK(answer.default_lifetime == std::chrono::hours(2));
    const http_response plain = json_answer(200, R"({"access_token":"at-1","instance_url":"http://evil.example"})");
    CHECK(salesforce.read_token_response(plain, {}).api_domain.empty());
    const auto host_after = [&](const char* had, const char* came) {
        const http_response moved =
            json_answer(200, R"({"access_token":"at-2","token_type":"Bearer","instance_url":")" + std::string(came) +
                                 R"(","signature":"SSSb"})");
        const token_response read = salesforce.read_token_response(moved, {.api_domain = had});
        return apply_response({.api_domain = had}, read, {}).api_domain +
               (read.warnings.empty() ? "" : " with a warning");
    };
    CHECK(host_after("", "https://acme.my.salesforce.com") == "https://acme.my.salesforce.com");
    CHECK(host_after("https://acme.my.salesforce.com", "https://acme.my.salesforce.com") ==
          "https://acme.my.salesforce.com");
    CHECK(host_after("https://acme.my.salesforce.com", "https://evil.example") ==
          "https://acme.my.salesforce.com with a warning");
    CHECK_NOTHROW(salesforce.read_revoke_response(error_answer(400, "invalid_token", "invalid token")));
    CHECK_THROWS_AS(salesforce.read_revoke_response(error_answer(400, "unsupported_token_type", "x")),
                    tokenkeep::error);
    CHECK(salesforce.is_token_rejected(
        json_answer(401, R"([{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}])")));
    CHECK(salesforce.is_token_rejected({.status = 403, .body = "Bad_OAuth_Token"}));
    CHECK_FALSE(salesforce.is_token_rejected(json_answer(403, R"([{"errorCode":"REQUEST_LIMIT_EXCEEDED"}])")));
    CHECK(tokenkeep::providers::salesforce().authorization_endpoint ==
          "https://login.salesforce.com/services/oauth2/authorize");
}

TEST_CASE("providers: shopify", "[providers]") {
    const auto shopify = tokenkeep::providers::shopify("ada-shop.myshopify.com");
    const auto tokens = [](const std::string& nth) {
        return json_answer(200, R"({"access_token":"at-)" + nth + R"(","expires_in":3600,"refresh_token":"rt-)" + nth +
                                    R"(","refresh_token_expires_in":7776000,"scope":"read_orders,write_orders"})");
    };
    const http_response dead = error_answer(401, "invalid_request", "This request requires an active refresh_token");
    const documented_requests requests =
        run_documented(shopify, {.login = tokens("1"),
                                 .refresh = tokens("2"),
                                 .dead = dead,
                                 .client_rejected = error_answer(401, "invalid_client", "x"),
                                 .throttled = http_response{.status = 429, .headers = {{"Retry-After", "2.0"}}}});
    CHECK(requests.login.url == "https://ada-shop.myshopify.com/admin/oauth/access_token");
    CHECK(field_of(requests.login, "client_secret") == "hush");
    CHECK(field_of(requests.login, "expiring") == "1");
    CHECK_FALSE(field_of(requests.refresh, "expiring"));
    CHECK(code_of(shopify, error_answer(401, "invalid_request", "x")) == errc::request_rejected);
    CHECK(shopify.read_token_response(tokens("1"), {}).warnings.empty());
    CHECK(shopify.replay_grace == std::chrono::hours(1));
    auto custom = shopify;
    custom.parameters = {{"expiring", "0"}};
    CHECK(field_of(custom.exchange_request({.grant_token = "code-1"}), "expiring") == "0");

    http_request orders{.method = "GET", .url = "https://ada-shop.myshopify.com/admin/api/2026-01/orders.json"};
    shopify.authorize(orders, {.access_token = "at-1"});
    shopify.authorize(orders, {.access_token = "at-2"});
    CHECK(orders.headers.size() == 1);
    CHECK(header_of(orders, "X-Shopify-Access-Token") == "at-2");
    CHECK_THROWS_AS(shopify.authorize(orders, {}), tokenkeep::error);
    CHECK_THROWS_AS(shopify.authorize(orders, {.access_token = "at\r\nX: y"}), tokenkeep::error);

    CHECK(tokenkeep::providers::shopify("ada-shop").authorization_endpoint ==
          "https://ada-shop.myshopify.com/admin/oauth/authorize");
    for (const char* shop : {"", "evil.example", "evil.example/", "evil.example/.myshopify.com", ".myshopify.com",
                             "a.b.myshopify.com", "-a", "ada@evil.example", "ada-shop.myshopify.com.evil.example"})
        CHECK_THROWS_AS(tokenkeep::providers::shopify(shop), tokenkeep::error);
}

TEST_CASE("providers: slack", "[providers]") {
    const auto slack = tokenkeep::providers::slack();
    const auto error = [](const std::string& code) {
        return json_answer(200, R"({"ok":false,"error":")" + code + R"("})");
    };
    const auto bot = [](const std::string& nth, const std::string& user) {
        return json_answer(200, R"({"ok":true,"access_token":"at-)" + nth + R"(","expires_in":43200,)" +
                                    R"("refresh_token":"rt-)" + nth + R"(","token_type":"bot","scope":"commands",)" +
                                    R"("bot_user_id":"U1","app_id":"A1","team":{"name":"Softball","id":"T1"},)" +
                                    R"("enterprise":null,"authed_user":{"id":"U2")" + user + R"(}})");
    };
    const std::string user = R"(,"scope":"chat:write","access_token":"at-1","expires_in":43200,)"
                             R"("refresh_token":"rt-1","token_type":"user")";
    const documented_requests requests =
        run_documented(slack, {.login = bot("1", ""),
                               .refresh = bot("2", ""),
                               .dead = error("invalid_refresh_token"),
                               .client_rejected = error("bad_client_secret"),
                               .throttled = error("ratelimited"),
                               .revoked = json_answer(200, R"({"ok":true,"revoked":true})")});
    CHECK(requests.login.url == "https://slack.com/api/oauth.v2.access");
    CHECK(header_of(requests.login, "Authorization") == app_hush);
    CHECK(requests.revocation.url == "https://slack.com/api/auth.revoke");
    CHECK(requests.revocation.body == "token=rt-2");
    CHECK(header_of(requests.revocation, "Authorization").empty());
    const token_response answer = slack.read_token_response(bot("1", ""), {});
    CHECK(answer.token_type == "Bearer");
    CHECK(answer.warnings.empty());

    // A user's token, alone and beside a bot's.
    const http_response alone =
        json_answer(200, R"({"ok":true,"app_id":"A1","authed_user":{"id":"U2")" + user + R"(},"team":{"id":"T1"}})");
    const http_response refreshed = json_answer(200, R"({"ok":true,"access_token":"at-2","expires_in":43200,)"
                                                     R"("refresh_token":"rt-2","token_type":"user"})");
    run_documented(slack, {.login = alone,
                           .refresh = refreshed,
                           .throttled = http_response{.status = 429, .headers = {{"Retry-After", "30"}}},
                           .revoked = json_answer(200, R"({"ok":true,"revoked":true})")});
    const http_response both = bot("9", user);
    CHECK(slack.read_token_response(both, {}).access_token == secret("at-9"));
    CHECK(slack.read_token_response(both, {}).extra.reveal().find("rt-1") != std::string_view::npos);
    auto for_users = slack;
    for_users.takes_user_token = true;
    const token_response users = for_users.read_token_response(both, {});
    CHECK(users.access_token == secret("at-1"));
    CHECK(users.refresh_token == secret("rt-1"));
    CHECK(users.scope == "chat:write");
    CHECK(users.token_type == "Bearer");
    CHECK(users.extra.reveal().find("rt-9") != std::string_view::npos);
    CHECK(for_users.read_token_response(refreshed, {}).access_token == secret("at-2"));

    CHECK(code_of(slack, error("invalid_code")) == errc::reauthorization_required);
    CHECK(code_of(slack, error("account_inactive")) == errc::reauthorization_required);
    CHECK(code_of(slack, error("invalid_client_id")) == errc::client_rejected);
    CHECK(code_of(slack, error("bad_redirect_uri")) == errc::request_rejected);
    for (const char* code : {"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
        CHECK(code_of(slack, error(code)) == errc::server_unavailable);

    for (const char* code : {"token_expired", "token_revoked", "invalid_auth"})
        CHECK(slack.is_token_rejected(error(code)));
    for (const char* code : {"missing_scope", "ratelimited"}) CHECK_FALSE(slack.is_token_rejected(error(code)));
    CHECK_FALSE(slack.is_token_rejected(json_answer(200, R"({"ok":true})")));
    CHECK_FALSE(slack.is_token_rejected({.status = 200, .body = "token_expired"}));
    CHECK(slack.is_token_rejected({.status = 401}));

    CHECK_NOTHROW(slack.read_revoke_response(error("token_revoked")));
    for (const char* code : {"token_expired", "invalid_auth"})
        CHECK_THROWS_AS(slack.read_revoke_response(error(code)), tokenkeep::error);
    CHECK(slack.revoke_request({.access_token = "at-1"})->body == "token=at-1");
    CHECK_THROWS_AS(slack.revoke_request({}), tokenkeep::error);
    CHECK(sends_plain_basic(slack));
}
