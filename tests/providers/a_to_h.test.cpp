// SPDX-License-Identifier: MIT
#include <tokenkeep/providers/atlassian.hpp>
#include <tokenkeep/providers/auth0.hpp>
#include <tokenkeep/providers/box.hpp>
#include <tokenkeep/providers/digitalocean.hpp>
#include <tokenkeep/providers/discord.hpp>
#include <tokenkeep/providers/dropbox.hpp>
#include <tokenkeep/providers/fitbit.hpp>
#include <tokenkeep/providers/github.hpp>
#include <tokenkeep/providers/gitlab.hpp>
#include <tokenkeep/providers/google.hpp>
#include <tokenkeep/providers/hubspot.hpp>

#include "support/documented_server.hpp"

using namespace tests;

TEST_CASE("providers: atlassian", "[providers]") {
    const tokenkeep::http_response login = json_answer(
        200,
        R"({"access_token":"at-1","scope":"offline_access read:jira-work","expires_in":3600,"token_type":"Bearer",)"
        R"("refresh_token":"rt-1"})");
    const tokenkeep::http_response refresh = json_answer(
        200,
        R"({"access_token":"at-2","expires_in":3600,"scope":"offline_access read:jira-work","token_type":"Bearer",)"
        R"("refresh_token":"rt-2"})");
    const tokenkeep::http_response client_rejected =
        json_answer(401, R"({"error":"access_denied","error_description":"Unauthorized"})");
    const documented_requests requests = run_documented(
        tokenkeep::providers::atlassian(),
        {.login = login,
         .refresh = refresh,
         .dead =
             json_answer(403, R"({"error":"invalid_grant","error_description":"Unknown or invalid refresh token."})"),
         .client_rejected = client_rejected});
    CHECK(requests.login.url == "https://auth.atlassian.com/oauth/token");
    CHECK(field_of(requests.refresh, "client_secret") == "hush");
    CHECK(tokenkeep::providers::atlassian().replay_grace == std::chrono::minutes(10));

    run_documented(
        tokenkeep::providers::atlassian(),
        {.login = login,
         .refresh = refresh,
         .dead = json_answer(403, R"({"error":"unauthorized_client","error_description":"refresh_token is invalid"})"),
         .client_rejected =
             json_answer(403, R"({"error":"unauthorized_client","error_description":"Grant type is not allowed"})")});
}

TEST_CASE("providers: auth0", "[providers]") {
    const auto auth0 = tokenkeep::providers::auth0("example.eu.auth0.com", "https://api.example");
    const documented_requests requests = run_documented(
        auth0,
        {.login =
             json_answer(200, R"({"access_token":"at-1","refresh_token":"rt-1","id_token":"idt","expires_in":86400,)"
                              R"("scope":"openid offline_access","token_type":"Bearer"})"),
         .refresh = json_answer(200, R"({"access_token":"at-2","refresh_token":"rt-2","id_token":"idt",)"
                                     R"("expires_in":86400,"scope":"openid offline_access","token_type":"Bearer"})"),
         .dead =
             json_answer(403, R"({"error":"invalid_grant","error_description":"Unknown or invalid refresh token."})"),
         .client_rejected = json_answer(401, R"({"error":"access_denied","error_description":"Unauthorized"})"),
         .throttled = tokenkeep::http_response{.status = 429,
                                               .headers = {{"X-RateLimit-Limit", "10"}, {"X-RateLimit-Remaining", "0"}},
                                               .body = R"({"error":"too_many_requests"})"},
         .revoked = tokenkeep::http_response{.status = 200}});
    CHECK(requests.login.url == "https://example.eu.auth0.com/oauth/token");
    CHECK(field_of(requests.login, "client_secret") == "hush");
    CHECK(field_of(requests.login, "audience") == "https://api.example");
    CHECK(field_of(requests.refresh, "audience") == "https://api.example");
    CHECK(requests.revocation.url == "https://example.eu.auth0.com/oauth/revoke");
    CHECK(field_of(requests.revocation, "token") == "rt-2");
    CHECK_FALSE(field_of(requests.revocation, "audience").has_value());
    CHECK(auth0.issuer == "https://example.eu.auth0.com/"); // with the slash
    CHECK(auth0.replay_grace == std::chrono::seconds(0));
    CHECK(tokenkeep::providers::auth0("a", "", std::chrono::seconds(60)).replay_grace == std::chrono::seconds(60));
    CHECK(tokenkeep::providers::auth0("a", "").parameters.empty());
}

TEST_CASE("providers: box", "[providers]") {
    const auto error = [](const char* code, const char* description) {
        return json_answer(400,
                           "{\"error\":\"" + std::string(code) + "\",\"error_description\":\"" + description + "\"}");
    };
    const documented_requests requests = run_documented(
        tokenkeep::providers::box(),
        {.login = json_answer(200, R"({"access_token":"at-1","expires_in":3600,"restricted_to":[],)"
                                   R"("refresh_token":"rt-1","token_type":"bearer"})"),
         .refresh = json_answer(
             200, R"({"access_token":"at-2","expires_in":3600,"token_type":"bearer","restricted_to":)"
                  R"([{"scope":"item_download","object":{"id":"12345","type":"folder"}}],"refresh_token":"rt-2",)"
                  R"("issued_token_type":"urn:ietf:params:oauth:token-type:access_token"})"),
         .dead = error("invalid_grant", "Refresh token has expired"),
         .client_rejected = error("invalid_client", "The client credentials are not valid"),
         .throttled = tokenkeep::http_response{.status = 429, .headers = {{"Retry-After", "30"}}},
         .revoked = tokenkeep::http_response{.status = 200}});
    CHECK(requests.login.url == "https://api.box.com/oauth2/token");
    CHECK(field_of(requests.refresh, "client_secret") == "hush");
    CHECK(requests.revocation.url == "https://api.box.com/oauth2/revoke");
    CHECK(field_of(requests.revocation, "token") == "rt-2");
    CHECK(field_of(requests.revocation, "client_secret") == "hush");
}

TEST_CASE("providers: digitalocean", "[providers]") {
    const auto tokens = [](const char* access, const char* refresh) {
        return json_answer(200, "{\"access_token\":\"" + std::string(access) +
                                    "\",\"token_type\":\"bearer\",\"expires_in\":2592000,\"refresh_token\":\"" +
                                    refresh +
                                    R"(","info":{"name":"Sammy","email":"sammy@digitalocean.com","uuid":"u-1",)"
                                    R"("team_uuid":"u-2","team_name":"My Team"}})");
    };
    const auto digitalocean = tokenkeep::providers::digitalocean();
    const documented_requests requests = run_documented(
        digitalocean,
        {.login = tokens("at-1", "rt-1"),
         .refresh = tokens("at-2", "rt-2"),
         .dead =
             json_answer(401, R"({"error":"invalid_grant","error_description":"The provided authorization grant is )"
                              R"(invalid, expired, revoked, or was issued to another client."})"),
         .client_rejected = json_answer(401, R"({"error":"invalid_client","error_description":"unknown client"})"),
         .revoked = json_answer(200, "{}")});
    CHECK(requests.refresh.url == "https://cloud.digitalocean.com/v1/oauth/token");
    CHECK(field_of(requests.refresh, "client_secret") == "hush");
    CHECK(requests.revocation.url == "https://cloud.digitalocean.com/v1/oauth/revoke");
    CHECK(requests.revocation.body == "token=at-2");
    CHECK(find_header(requests.revocation.headers, "Authorization") == "Bearer at-2");

    CHECK_FALSE(digitalocean.revoke_request({.refresh_token = "rt-1"}).has_value());
    CHECK_NOTHROW(digitalocean.read_revoke_response(json_answer(401, R"({"id":"Unauthorized"})")));
    CHECK_THROWS_AS(digitalocean.read_revoke_response(json_answer(403, "{}")), tokenkeep::response_error);
}

TEST_CASE("providers: discord", "[providers]") {
    auto discord = tokenkeep::providers::discord();
    CHECK(discord.sends_iss);
    CHECK(discord.issuer == "https://discord.com");
    discord.headers.push_back({"User-Agent", "DiscordBot (https://app.example, 1.0)"});
    const documented_requests requests = run_documented(
        discord,
        {.login = json_answer(200, R"({"access_token":"at-1","token_type":"Bearer","expires_in":604800,)"
                                   R"("refresh_token":"rt-1","scope":"identify"})"),
         .refresh = json_answer(200, R"({"access_token":"at-2","token_type":"Bearer","expires_in":604800,)"
                                     R"("refresh_token":"rt-2","scope":"identify"})"),
         .dead = json_answer(400, R"({"error":"invalid_grant"})"),
         .client_rejected = json_answer(401, R"({"error":"invalid_client"})"),
         .throttled = tokenkeep::http_response{.status = 429,
                                               .headers = {{"Content-Type", "application/json"}, {"Retry-After", "65"}},
                                               .body = R"({"message":"You are being rate limited.",)"
                                                       R"("retry_after":64.57,"global":false})"},
         .revoked = json_answer(200, "{}")});
    CHECK(requests.login.url == "https://discord.com/api/oauth2/token");
    CHECK(find_header(requests.login.headers, "Content-Type") == "application/x-www-form-urlencoded");
    CHECK(find_header(requests.refresh.headers, "User-Agent") == "DiscordBot (https://app.example, 1.0)");
    CHECK(field_of(requests.login, "client_secret") == "hush");
    CHECK(requests.revocation.url == "https://discord.com/api/oauth2/token/revoke");
    CHECK(field_of(requests.revocation, "token") == "rt-2");
    CHECK(field_of(requests.revocation, "token_type_hint") == "refresh_token");
    CHECK(field_of(requests.revocation, "client_secret") == "hush");
}

TEST_CASE("providers: dropbox", "[providers]") {
    const auto dropbox = tokenkeep::providers::dropbox();
    const auto error = [](const char* tag) {
        return json_answer(401,
                           "{\"error_summary\":\"" + std::string(tag) + "/..\",\"error\":{\".tag\":\"" + tag + "\"}}");
    };
    const documented_requests requests = run_documented(
        dropbox,
        {.login = json_answer(200, R"({"access_token":"at-1","expires_in":14400,"token_type":"bearer",)"
                                   R"("scope":"account_info.read files.content.read","refresh_token":"rt-1",)"
                                   R"("account_id":"dbid:AA","uid":"12345"})"),
         .refresh = json_answer(200, R"({"access_token":"at-2","token_type":"bearer","expires_in":14400})"),
         .dead =
             json_answer(400, R"({"error_description":"refresh token is invalid or revoked","error":"invalid_grant"})"),
         .client_rejected =
             json_answer(400, R"({"error_description":"Invalid client_id or client_secret","error":"invalid_client"})"),
         .revoked = json_answer(200, "null"),
         .rotates = false});
    CHECK(requests.login.url == "https://api.dropboxapi.com/oauth2/token");
    CHECK(field_of(requests.refresh, "client_secret") == "hush");
    CHECK(requests.revocation.method == "POST");
    CHECK(requests.revocation.url == "https://api.dropboxapi.com/2/auth/token/revoke");
    CHECK(find_header(requests.revocation.headers, "Authorization") == "Bearer at-2");
    CHECK(find_header(requests.revocation.headers, "Content-Type") == "application/json");
    CHECK(requests.revocation.body == "null");

    CHECK(dropbox.is_token_rejected(error("expired_access_token")));
    CHECK(dropbox.is_token_rejected(error("invalid_access_token")));
    CHECK_FALSE(dropbox.is_token_rejected(error("missing_scope")));
    CHECK_FALSE(dropbox.is_token_rejected(json_answer(200, R"({"name":"expired_access_token"})")));
    CHECK_NOTHROW(dropbox.read_revoke_response(error("expired_access_token")));
    CHECK_THROWS_AS(dropbox.read_revoke_response(error("user_suspended")), tokenkeep::response_error);
    CHECK_FALSE(dropbox.revoke_request({.refresh_token = "rt-1"}).has_value());
}

TEST_CASE("providers: fitbit", "[providers]") {
    const auto error = [](int status, const char* type) {
        return json_answer(status,
                           "{\"errors\":[{\"errorType\":\"" + std::string(type) +
                               "\",\"message\":\"x. Visit https://dev.fitbit.com/docs/oauth2\"}],\"success\":false}");
    };
    const documented_requests requests = run_documented(
        tokenkeep::providers::fitbit(),
        {.login = json_answer(200, R"({"access_token":"at-1","expires_in":28800,"refresh_token":"rt-1",)"
                                   R"("scope":"activity sleep","token_type":"Bearer","user_id":"GGNJL9"})"),
         .refresh = json_answer(200, R"({"access_token":"at-2","expires_in":28800,"refresh_token":"rt-2",)"
                                     R"("token_type":"Bearer","user_id":"GGNJL9"})"),
         .dead = error(400, "invalid_grant"),
         .client_rejected = error(401, "invalid_client"),
         .revoked = tokenkeep::http_response{.status = 200}});
    CHECK(requests.login.url == "https://api.fitbit.com/oauth2/token");
    CHECK(find_header(requests.login.headers, "Authorization") == "Basic YXBwOmh1c2g="); // app:hush
    CHECK_FALSE(field_of(requests.refresh, "client_secret").has_value());
    CHECK(requests.revocation.url == "https://api.fitbit.com/oauth2/revoke");
    CHECK(field_of(requests.revocation, "token") == "rt-2");
    CHECK(find_header(requests.revocation.headers, "Authorization") == "Basic YXBwOmh1c2g=");
}

TEST_CASE("providers: github", "[providers]") {
    const auto error = [](const char* code) {
        return json_answer(200, "{\"error\":\"" + std::string(code) +
                                    "\",\"error_description\":\"x\",\"error_uri\":\"/x\"}");
    };
    const documented_requests requests = run_documented(
        tokenkeep::providers::github(),
        {.login = json_answer(200, R"({"access_token":"at-1","expires_in":28800,"refresh_token":"rt-1",)"
                                   R"("refresh_token_expires_in":15897600,"scope":"","token_type":"bearer"})"),
         .refresh = tokenkeep::http_response{.status = 200,
                                             .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                                             .body = "access_token=at-2&expires_in=28800&refresh_token=rt-2&"
                                                     "refresh_token_expires_in=15897600&scope=&token_type=bearer"},
         .dead = error("bad_refresh_token"),
         .client_rejected = error("incorrect_client_credentials")});
    CHECK(requests.login.url == "https://github.com/login/oauth/access_token");
    CHECK(field_of(requests.login, "client_secret") == "hush");
    CHECK(find_header(requests.login.headers, "Accept") == "application/json");
}

TEST_CASE("providers: gitlab", "[providers]") {
    const auto error = [](int status, const char* code) {
        return json_answer(status, "{\"error\":\"" + std::string(code) + "\",\"error_description\":\"x\"}");
    };
    const documented_requests requests =
        run_documented(tokenkeep::providers::gitlab("git.example:8443/gitlab"),
                       {.login = json_answer(200, R"({"access_token":"at-1","token_type":"bearer","expires_in":7200,)"
                                                  R"("refresh_token":"rt-1","created_at":1607635748})"),
                        .refresh = json_answer(200, R"({"access_token":"at-2","token_type":"bearer","expires_in":7200,)"
                                                    R"("refresh_token":"rt-2","created_at":1628711391})"),
                        .dead = error(400, "invalid_grant"),
                        .client_rejected = error(401, "invalid_client"),
                        .revoked = json_answer(200, "{}")});
    CHECK(requests.login.url == "https://git.example:8443/gitlab/oauth/token");
    CHECK(field_of(requests.refresh, "client_secret") == "hush");
    CHECK(requests.revocation.url == "https://git.example:8443/gitlab/oauth/revoke");
    CHECK(field_of(requests.revocation, "token") == "rt-2");
    CHECK(field_of(requests.revocation, "client_secret") == "hush");
    CHECK(tokenkeep::providers::gitlab().token_endpoint == "https://gitlab.com/oauth/token");
    CHECK(tokenkeep::providers::gitlab().device_authorization_endpoint == "https://gitlab.com/oauth/authorize_device");
    CHECK(tokenkeep::providers::gitlab().issuer == "https://gitlab.com");
}

TEST_CASE("providers: google", "[providers]") {
    documented_answers documented{
        .login = json_answer(200, R"({"access_token":"at-1","expires_in":3920,"token_type":"Bearer",)"
                                  R"("scope":"https://www.googleapis.com/auth/drive.metadata.readonly",)"
                                  R"("refresh_token":"rt-1"})"),
        .refresh = json_answer(200, R"({"access_token":"at-2","expires_in":3920,"token_type":"Bearer",)"
                                    R"("scope":"https://www.googleapis.com/auth/drive.metadata.readonly"})"),
        .dead =
            json_answer(400, R"({"error":"invalid_grant","error_description":"Token has been expired or revoked."})"),
        .client_rejected =
            json_answer(401, R"({"error":"invalid_client","error_description":"The OAuth client was not found."})"),
        .revoked = json_answer(200, "{}"),
        .rotates = false};
    const documented_requests requests = run_documented(tokenkeep::providers::google(), documented);
    CHECK(requests.login.url == "https://oauth2.googleapis.com/token");
    CHECK(field_of(requests.login, "client_secret") == "hush");
    CHECK(requests.revocation.url == "https://oauth2.googleapis.com/revoke");
    CHECK(field_of(requests.revocation, "token") == "rt-1");

    documented.dead = json_answer(400, R"x({"error":"invalid_grant","error_subtype":"invalid_rapt",)x"
                                       R"x("error_description":"reauth related error (invalid_rapt)"})x");
    documented.revoked =
        json_answer(400, R"({"error":"invalid_token","error_description":"Token expired or revoked"})");
    run_documented(tokenkeep::providers::google(), documented);
}

TEST_CASE("providers: hubspot", "[providers]") {
    const tokenkeep::http_response login =
        json_answer(200, R"({"token_type":"bearer","refresh_token":"rt-1","access_token":"at-1","hub_id":1234567,)"
                         R"("scopes":["oauth"],"expires_in":1800,"user_id":293199})");
    const tokenkeep::http_response refresh =
        json_answer(200, R"({"token_type":"bearer","refresh_token":"rt-1","access_token":"at-2","expires_in":1800})");
    const documented_requests requests = run_documented(
        tokenkeep::providers::hubspot(),
        {.login = login,
         .refresh = refresh,
         .dead =
             json_answer(400, R"({"error":"invalid_grant","error_description":"refresh token is invalid, expired or )"
                              R"(revoked","status":"BAD_REFRESH_TOKEN","message":"refresh token is invalid, )"
                              R"(expired or revoked"})"),
         .client_rejected = json_answer(401, R"({"error":"invalid_client","error_description":"x"})"),
         .revoked = tokenkeep::http_response{.status = 204},
         .rotates = false});
    CHECK(requests.login.url == "https://api.hubapi.com/oauth/2026-03/token");
    CHECK(field_of(requests.refresh, "client_secret") == "hush");
    CHECK(requests.revocation.url == "https://api.hubapi.com/oauth/2026-03/token/revoke");
    CHECK(field_of(requests.revocation, "token") == "rt-1");
    CHECK(field_of(requests.revocation, "token_type_hint") == "refresh_token");

    for (const char* status : {"BAD_REFRESH_TOKEN", "BAD_AUTH_CODE"})
        run_documented(tokenkeep::providers::hubspot(),
                       {.login = login,
                        .refresh = refresh,
                        .dead = json_answer(400, "{\"status\":\"" + std::string(status) + "\",\"message\":\"x\"}"),
                        .revoked = tokenkeep::http_response{.status = 204},
                        .rotates = false});
}
