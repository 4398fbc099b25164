// SPDX-License-Identifier: MIT
#include <tokenkeep/providers/spotify.hpp>
#include <tokenkeep/providers/strava.hpp>
#include <tokenkeep/providers/tiktok.hpp>
#include <tokenkeep/providers/twitch.hpp>
#include <tokenkeep/providers/wechat.hpp>
#include <tokenkeep/providers/withings.hpp>
#include <tokenkeep/providers/x.hpp>
#include <tokenkeep/providers/xero.hpp>
#include <tokenkeep/providers/zoom.hpp>

#include "support/documented_server.hpp"

using namespace tests;
using tokenkeep::errc;

namespace {

/// app:hush, and nothing of it in the body.
bool is_basic(const tokenkeep::http_request& request) {
    return find_header(request.headers, "Authorization") == "Basic YXBwOmh1c2g=" && !field_of(request, "client_secret");
}

/// The client's id is in the body, and there is no secret.
bool is_public(const tokenkeep::http_request& request) {
    return field_of(request, "client_id") == "app" && !field_of(request, "client_secret") &&
           find_header(request.headers, "Authorization").empty();
}

const tokenkeep::token row{
    .client_id = "app", .refresh_token = "rt-1", .access_token = "at-1", .grant_token = "code-1", .scope = "a b"};

/// What a response means that is not a success.
template <class Provider>
errc meaning_of(const Provider& provider, const tokenkeep::http_response& response) {
    try {
        provider.read_token_response(response, row);
    } catch (const tokenkeep::response_error& failure) {
        CHECK(std::string(failure.what()).find("rt-1") == std::string::npos);
        return static_cast<errc>(failure.code().value());
    }
    return errc{};
}

} // namespace

TEST_CASE("providers: spotify", "[providers]") {
    const documented_requests requests = run_documented(
        tokenkeep::providers::spotify(),
        {.login = json_answer(200, R"({"access_token":"at-1","token_type":"Bearer","scope":"user-read-email",)"
                                   R"("expires_in":3600,"refresh_token":"rt-1"})"),
         .refresh = json_answer(200, R"({"access_token":"at-2","token_type":"Bearer","scope":"user-read-email",)"
                                     R"("expires_in":3600})"),
         .dead = json_answer(400, R"({"error":"invalid_grant","error_description":"Refresh token revoked"})"),
         .client_rejected = json_answer(400, R"({"error":"invalid_client","error_description":"Invalid client"})"),
         .rotates = false});
    CHECK(requests.login.url == "https://accounts.spotify.com/api/token");
    CHECK(is_basic(requests.login));
    CHECK(is_basic(requests.refresh));
    CHECK(field_of(requests.login, "redirect_uri") == "https://app.example/callback");
    CHECK(is_public(tokenkeep::providers::spotify().refresh_request(row)));
    CHECK(tokenkeep::providers::spotify().authorization_endpoint == "https://accounts.spotify.com/authorize");
}

TEST_CASE("providers: strava", "[providers]") {
    const auto error = [](int status, const std::string& resource, const std::string& field) {
        return json_answer(status, R"({"message":"Bad Request","errors":[{"resource":")" + resource + R"(","field":")" +
                                       field + R"(","code":"invalid"}]})");
    };
    const documented_requests requests = run_documented(
        tokenkeep::providers::strava(),
        {.login = json_answer(200, R"({"token_type":"Bearer","expires_at":1568775134,"expires_in":21600,)"
                                   R"("refresh_token":"rt-1","access_token":"at-1","athlete":{"id":1}})"),
         .refresh = json_answer(200, R"({"token_type":"Bearer","access_token":"at-2","expires_at":1568775134,)"
                                     R"("expires_in":20566,"refresh_token":"rt-2"})"),
         .dead = error(400, "RefreshToken", "refresh_token"),
         .client_rejected = error(400, "Application", "client_id"),
         .throttled = json_answer(429, R"({"message":"Rate Limit Exceeded","errors":[{"resource":"Application",)"
                                       R"("field":"overall rate limit","code":"exceeded"}]})"),
         .revoked = tokenkeep::http_response{.status = 200}});
    CHECK(requests.login.url == "https://www.strava.com/oauth/token");
    CHECK(field_of(requests.login, "client_secret") == "hush");
    CHECK(field_of(requests.refresh, "client_id") == "app");
    CHECK(requests.revocation.url == "https://www.strava.com/oauth/revoke");
    CHECK(is_basic(requests.revocation));
    CHECK(field_of(requests.revocation, "token") == "rt-2");

    const auto strava = tokenkeep::providers::strava();
    CHECK(strava.authorization_endpoint == "https://www.strava.com/oauth/authorize");
    CHECK(meaning_of(strava, error(400, "AuthorizationCode", "code")) == errc::reauthorization_required);
    CHECK(meaning_of(strava, error(400, "Else", "code")) == errc::request_rejected);
    CHECK(meaning_of(strava, json_answer(401, "{}")) == errc::client_rejected);
    CHECK(meaning_of(strava, error(500, "RefreshToken", "refresh_token")) == errc::server_unavailable);
    CHECK(meaning_of(strava, error(400, "rt-1", "refresh_token")) == errc::request_rejected);
}

TEST_CASE("providers: tiktok", "[providers]") {
    const auto error = [](const std::string& code) {
        return json_answer(400, R"({"error":")" + code + R"(","error_description":"x","log_id":"2022"})");
    };
    const documented_requests requests =
        run_documented(tokenkeep::providers::tiktok(),
                       {.login = json_answer(200, R"({"access_token":"at-1","expires_in":7200,"open_id":"afd97af1",)"
                                                  R"("refresh_expires_in":15552000,"refresh_token":"rt-1",)"
                                                  R"("scope":"user.info.basic,video.list","token_type":"Bearer"})"),
                        .refresh = json_answer(200, R"({"access_token":"at-2","expires_in":7200,"open_id":"afd97af1",)"
                                                    R"("refresh_expires_in":15552000,"refresh_token":"rt-2",)"
                                                    R"("scope":"user.info.basic,video.list","token_type":"Bearer"})"),
                        .dead = error("invalid_grant"),
                        .client_rejected = error("invalid_client"),
                        .revoked = json_answer(200, "{}")});
    CHECK(requests.login.url == "https://open.tiktokapis.com/v2/oauth/token/");
    CHECK(requests.revocation.url == "https://open.tiktokapis.com/v2/oauth/revoke/");
    for (const tokenkeep::http_request& request : {requests.login, requests.refresh, requests.revocation}) {
        CHECK(field_of(request, "client_key") == "app");
        CHECK(field_of(request, "client_secret") == "hush");
        CHECK_FALSE(field_of(request, "client_id"));
        CHECK(find_header(request.headers, "Authorization").empty());
    }
    CHECK(field_of(requests.login, "code") == "code-1");
    CHECK(field_of(requests.login, "redirect_uri") == "https://app.example/callback");
    CHECK_FALSE(field_of(requests.refresh, "scope"));
    CHECK(field_of(requests.revocation, "token") == "at-2");

    auto tiktok = tokenkeep::providers::tiktok();
    CHECK(tiktok.authorization_endpoint == "https://www.tiktok.com/v2/auth/authorize/");
    CHECK(tiktok.is_token_rejected(json_answer(401, R"({"error":{"code":"access_token_invalid"}})")));
    CHECK(tiktok.is_token_rejected(json_answer(401, "")));
    CHECK_FALSE(tiktok.is_token_rejected(json_answer(401, R"({"error":{"code":"scope_not_authorized"}})")));
    CHECK_FALSE(tiktok.is_token_rejected(json_answer(401, R"({"error":{"code":"scope_permission_missed"}})")));
    CHECK_FALSE(tiktok.is_token_rejected(json_answer(200, R"({"error":{"code":"ok"}})")));

    CHECK_THROWS_AS(tiktok.refresh_request({.refresh_token = "rt-1"}), tokenkeep::error); // no client id
    CHECK_THROWS_AS(tiktok.exchange_request({.client_id = "app"}), tokenkeep::error);
    CHECK_THROWS_AS(tiktok.refresh_request({.client_id = "app"}), tokenkeep::error);
    CHECK_THROWS_AS(tiktok.revoke_request({.client_id = "app"}), tokenkeep::error);
    tokenkeep::token with_pkce = row;
    with_pkce.code_verifier = "verifier";
    CHECK(field_of(tiktok.exchange_request(with_pkce), "code_verifier") == "verifier");
    tiktok.parameters = {{"code_verifier", "v"}};
    tiktok.headers = {{"Cache-Control", "no-cache"}};
    tiktok.sends_scope_on_refresh = true;
    const tokenkeep::http_request changed = tiktok.refresh_request(row);
    CHECK(field_of(changed, "code_verifier") == "v");
    CHECK(field_of(changed, "scope") == "a b");
    CHECK(find_header(changed.headers, "Cache-Control") == "no-cache");
    CHECK_FALSE(field_of(tiktok.revoke_request(row).value(), "code_verifier"));
    tiktok.revocation_endpoint.clear();
    CHECK_FALSE(tiktok.revoke_request(row).has_value());
}

TEST_CASE("providers: twitch", "[providers]") {
    const auto message = [](int status, const std::string& sentence) {
        return json_answer(status, R"({"status":)" + std::to_string(status) + R"(,"message":")" + sentence + "\"}");
    };
    const documented_requests requests = run_documented(
        tokenkeep::providers::twitch(),
        {.login = json_answer(200, R"({"access_token":"at-1","expires_in":14124,"refresh_token":"rt-1",)"
                                   R"("scope":["channel:moderate","chat:edit"],"token_type":"bearer"})"),
         .refresh = json_answer(200, R"({"access_token":"at-2","refresh_token":"rt-2",)"
                                     R"("scope":["channel:moderate","chat:edit"],"token_type":"bearer"})"),
         .dead = json_answer(400, R"({"error":"Bad Request","status":400,"message":"Invalid refresh token"})"),
         .client_rejected = message(403, "invalid client secret"),
         .revoked = tokenkeep::http_response{.status = 200}});
    CHECK(requests.login.url == "https://id.twitch.tv/oauth2/token");
    CHECK(field_of(requests.refresh, "client_secret") == "hush");
    CHECK(requests.revocation.url == "https://id.twitch.tv/oauth2/revoke");
    CHECK(is_public(requests.revocation));
    CHECK(field_of(requests.revocation, "token") == "at-2");

    const auto twitch = tokenkeep::providers::twitch();
    CHECK(twitch.authorization_endpoint == "https://id.twitch.tv/oauth2/authorize");
    CHECK(twitch.device_authorization_endpoint == "https://id.twitch.tv/oauth2/device");
    CHECK(meaning_of(twitch, message(400, "Invalid refresh token")) == errc::reauthorization_required);
    CHECK(meaning_of(twitch, message(400, "Invalid authorization code")) == errc::reauthorization_required);
    CHECK(meaning_of(twitch, message(400, "invalid client")) == errc::client_rejected);
    CHECK(meaning_of(twitch, message(400, "authorization_pending")) == errc::request_rejected);
    CHECK(meaning_of(twitch, message(500, "Invalid refresh token")) == errc::server_unavailable);
    CHECK_NOTHROW(twitch.read_revoke_response(message(400, "Invalid token")));
    CHECK_THROWS_AS(twitch.read_revoke_response(message(400, "missing token")), tokenkeep::error);
    CHECK_THROWS_AS(twitch.read_revoke_response(message(503, "Invalid token")), tokenkeep::error);
    try {
        twitch.read_revoke_response(message(404, "client does not exist"));
        FAIL();
    } catch (const tokenkeep::error& failure) {
        CHECK(failure.code() == errc::client_rejected);
    }
}

TEST_CASE("providers: wechat", "[providers]") {
    const auto error = [](const std::string& errcode) {
        return json_answer(200, R"({"errcode":)" + errcode + R"(,"errmsg":"invalid, rid: 6114eeb9"})");
    };
    const documented_requests requests = run_documented(
        tokenkeep::providers::wechat(),
        {.login = json_answer(200, R"({"access_token":"at-1","expires_in":7200,"refresh_token":"rt-1",)"
                                   R"("openid":"OPENID","scope":"snsapi_userinfo","unionid":"UNIONID"})"),
         .refresh = json_answer(200, R"({"access_token":"at-2","expires_in":7200,"refresh_token":"rt-2",)"
                                     R"("openid":"OPENID","scope":"snsapi_userinfo"})"),
         .dead = error("40030"),
         .client_rejected = error("40125"),
         .throttled = error("45011")});
    CHECK(requests.login.method == "POST");
    CHECK(requests.login.url == "https://api.weixin.qq.com/sns/oauth2/access_token");
    CHECK(requests.login.body == "appid=app&secret=hush&code=code-1&grant_type=authorization_code");
    CHECK(requests.refresh.url == "https://api.weixin.qq.com/sns/oauth2/refresh_token");
    CHECK(requests.refresh.body == "appid=app&grant_type=refresh_token&refresh_token=rt-1");

    auto wechat = tokenkeep::providers::wechat();
    CHECK(wechat.authorization_endpoint == "https://open.weixin.qq.com/connect/oauth2/authorize");
    for (const char* dead : {"40029", "40163", "42003", "42002", "42007"})
        CHECK(meaning_of(wechat, error(dead)) == errc::reauthorization_required);
    for (const char* client : {"40001", "40013"}) CHECK(meaning_of(wechat, error(client)) == errc::client_rejected);
    CHECK(meaning_of(wechat, error("45009")) == errc::throttled);
    CHECK(meaning_of(wechat, error("-1")) == errc::server_unavailable);
    CHECK(meaning_of(wechat, error("41004")) == errc::request_rejected);
    CHECK(meaning_of(wechat, error("0")) == errc::malformed_response);
    CHECK(meaning_of(wechat, json_answer(200, R"({"errcode":0,"access_token":"at-1"})")) == errc{});
    for (const char* ended : {"40001", "40014", "42001"}) CHECK(wechat.is_token_rejected(error(ended)));
    CHECK_FALSE(wechat.is_token_rejected(error("48001")));
    CHECK_FALSE(wechat.is_token_rejected(json_answer(200, R"({"openid":"OPENID"})")));
    CHECK(wechat.is_token_rejected(json_answer(401, "")));

    CHECK_THROWS_AS(wechat.exchange_request({.client_id = "app"}), tokenkeep::error);
    CHECK_THROWS_AS(wechat.refresh_request({.client_id = "app"}), tokenkeep::error);
    CHECK_THROWS_AS(wechat.refresh_request({.refresh_token = "rt-1"}), tokenkeep::error); // no client id
    wechat.parameters = {{"lang", "en"}};
    wechat.headers = {{"User-Agent", "app/1"}};
    wechat.sends_scope_on_refresh = true;
    CHECK(field_of(wechat.refresh_request(row), "lang") == "en");
    CHECK(field_of(wechat.refresh_request(row), "scope") == "a b");
    CHECK(find_header(wechat.exchange_request(row).headers, "User-Agent") == "app/1");
}

TEST_CASE("providers: withings", "[providers]") {
    using namespace std::chrono_literals;
    const documented_requests requests = run_documented(
        tokenkeep::providers::withings(),
        {.login = json_answer(200, R"({"status":0,"body":{"userid":"363","access_token":"at-1","refresh_token":"rt-1",)"
                                   R"("expires_in":10800,"scope":"user.info,user.metrics","token_type":"Bearer"}})"),
         .refresh = json_answer(200, R"({"status":0,"body":{"userid":"363","access_token":"at-2",)"
                                     R"("refresh_token":"rt-2","expires_in":10800,"scope":"user.info,user.metrics",)"
                                     R"("token_type":"Bearer"}})"),
         .dead = json_answer(200, R"({"status":503,"body":{},"error":"Invalid Params: invalid refresh_token"})"),
         .client_rejected = json_answer(200, R"({"status":401,"body":{},"error":"Invalid client"})"),
         .throttled = json_answer(200, R"({"status":601,"body":{"wait_seconds":188},)"
                                       R"("error":"Same arguments in less than 10 seconds"})")});
    CHECK(requests.login.url == "https://wbsapi.withings.net/v2/oauth2");
    CHECK(field_of(requests.login, "action") == "requesttoken");
    CHECK(field_of(requests.login, "client_secret") == "hush");
    CHECK(field_of(requests.refresh, "action") == "requesttoken");

    const auto withings = tokenkeep::providers::withings();
    CHECK(withings.authorization_endpoint == "https://account.withings.com/oauth2_user/authorize2");
    CHECK(withings.replay_grace == 8h);
    const tokenkeep::token_response tokens = withings.read_token_response(
        json_answer(200, R"({"status":0,"body":{"access_token":"at-2","expires_in":10800,"userid":"363"}})"), row);
    CHECK(tokens.expires_in == 3h);
    CHECK(tokens.extra == tokenkeep::secret(R"({"userid":"363"})"));
    const auto meaning = [&](const std::string& body) { return meaning_of(withings, json_answer(200, body)); };
    CHECK(meaning(R"({"status":503,"error":"Invalid Params: invalid code"})") == errc::reauthorization_required);
    CHECK(meaning(R"({"status":503,"error":"Invalid Params: missing code"})") == errc::request_rejected);
    CHECK(meaning(R"({"status":503,"error":"rt-1"})") == errc::request_rejected);
    CHECK(meaning(R"({"status":522})") == errc::server_unavailable);
    CHECK(meaning(R"({"status":0,"body":{}})") == errc::malformed_response);
    CHECK(meaning(R"({"status":0})") == errc::malformed_response);
    CHECK(meaning(R"({"access_token":"at-1"})") == errc{});
    CHECK(meaning(R"({"status":"ok","access_token":"at-1"})") == errc{});
    try {
        withings.read_token_response(json_answer(200, R"({"status":601,"body":{"wait_seconds":188}})"), row);
        FAIL();
    } catch (const tokenkeep::error& failure) {
        CHECK(failure.retry_after() == 188s);
    }
    // A member that cannot be decoded is no reason to lose a refresh token.
    const tokenkeep::token_response odd = withings.read_token_response(
        json_answer(200,
                    "{\"status\":0,\"body\":{\"access_token\":\"at-2\",\"refresh_token\":\"rt-2\",\"x\":\"\xff\"}}"),
        row);
    CHECK(odd.refresh_token == tokenkeep::secret("rt-2"));

    CHECK(withings.is_token_rejected(json_answer(200, R"({"status":401,"body":{},"error":"invalid_token"})")));
    CHECK(withings.is_token_rejected(json_answer(401, "")));
    CHECK_FALSE(withings.is_token_rejected(json_answer(200, R"({"status":0,"body":{}})")));
    CHECK_FALSE(withings.is_token_rejected(json_answer(200, R"({"status":503,"error":"Invalid Params"})")));
}

TEST_CASE("providers: x", "[providers]") {
    const auto error = [](int status, const std::string& code, const std::string& description) {
        return json_answer(status, R"({"error":")" + code + R"(","error_description":")" + description + "\"}");
    };
    const documented_requests requests =
        run_documented(tokenkeep::providers::x(),
                       {.login = json_answer(200, R"({"token_type":"bearer","expires_in":7200,"access_token":"at-1",)"
                                                  R"("scope":"tweet.read offline.access","refresh_token":"rt-1"})"),
                        .refresh = json_answer(200, R"({"token_type":"bearer","expires_in":7200,"access_token":"at-2",)"
                                                    R"("scope":"tweet.read offline.access","refresh_token":"rt-2"})"),
                        .dead = error(400, "invalid_request", "Value passed for the token was invalid."),
                        .client_rejected = error(401, "unauthorized_client", "Missing valid authorization header"),
                        .revoked = json_answer(200, R"({"revoked":true})")});
    CHECK(requests.login.url == "https://api.x.com/2/oauth2/token");
    CHECK(is_basic(requests.login));
    CHECK(is_basic(requests.refresh));
    CHECK(requests.revocation.url == "https://api.x.com/2/oauth2/revoke");
    CHECK(field_of(requests.revocation, "token_type_hint") == "refresh_token");
    CHECK(is_basic(requests.revocation));
    CHECK(is_public(tokenkeep::providers::x().refresh_request(row)));

    const auto x = tokenkeep::providers::x();
    CHECK(x.authorization_endpoint == "https://x.com/i/oauth2/authorize");
    CHECK(meaning_of(x, error(400, "invalid_request", "Value passed for the authorization code was invalid.")) ==
          errc::reauthorization_required);
    CHECK(meaning_of(x, error(400, "invalid_request", "Missing required parameter [code_verifier].")) ==
          errc::request_rejected);
    CHECK(meaning_of(x, error(400, "invalid_grant", "x")) == errc::reauthorization_required);
    CHECK(meaning_of(x, error(503, "invalid_request", "Value passed for the token was invalid.")) ==
          errc::server_unavailable);
}

TEST_CASE("providers: xero", "[providers]") {
    const documented_requests requests = run_documented(
        tokenkeep::providers::xero(),
        {.login = json_answer(200, R"({"id_token":"ey.ey.x","access_token":"at-1","expires_in":1800,)"
                                   R"("token_type":"Bearer","refresh_token":"rt-1","scope":"offline_access"})"),
         .refresh = json_answer(200, R"({"access_token":"at-2","expires_in":1800,"token_type":"Bearer",)"
                                     R"("refresh_token":"rt-2","scope":"offline_access"})"),
         .dead = json_answer(400, R"({"error":"invalid_grant"})"),
         .client_rejected = json_answer(400, R"({"error":"invalid_client"})"),
         .revoked = tokenkeep::http_response{.status = 200}});
    CHECK(requests.login.url == "https://identity.xero.com/connect/token");
    CHECK(is_basic(requests.login));
    CHECK(is_basic(requests.refresh));
    CHECK(requests.revocation.url == "https://identity.xero.com/connect/revocation");
    CHECK(is_basic(requests.revocation));
    CHECK(field_of(requests.revocation, "token") == "rt-2");
    CHECK(is_public(tokenkeep::providers::xero().refresh_request(row)));
    CHECK(tokenkeep::providers::xero().authorization_endpoint == "https://login.xero.com/identity/connect/authorize");
    CHECK(tokenkeep::providers::xero().issuer == "https://identity.xero.com");
    CHECK(tokenkeep::providers::xero().replay_grace == std::chrono::minutes(30));
}

TEST_CASE("providers: zoom", "[providers]") {
    const documented_requests requests = run_documented(
        tokenkeep::providers::zoom(),
        {.login = json_answer(200, R"({"access_token":"at-1","token_type":"bearer","refresh_token":"rt-1",)"
                                   R"("expires_in":3599,"scope":"user:read:user","api_url":"https://api.zoom.us"})"),
         .refresh = json_answer(200, R"({"access_token":"at-2","token_type":"bearer","refresh_token":"rt-2",)"
                                     R"("expires_in":3599,"scope":"user:read:user","api_url":"https://api.zoom.us"})"),
         .dead = json_answer(400, R"({"reason":"Invalid Token!","error":"invalid_grant"})"),
         .client_rejected = json_answer(400, R"({"reason":"Invalid client_id or client_secret",)"
                                             R"("error":"invalid_client"})"),
         .revoked = json_answer(200, R"({"status":"success"})")});
    CHECK(requests.login.url == "https://zoom.us/oauth/token");
    CHECK(is_basic(requests.login));
    CHECK(is_basic(requests.refresh));
    CHECK(requests.revocation.url == "https://zoom.us/oauth/revoke");
    CHECK(is_basic(requests.revocation));
    CHECK(field_of(requests.revocation, "token") == "at-2");
    CHECK(tokenkeep::providers::zoom().authorization_endpoint == "https://zoom.us/oauth/authorize");
    CHECK(tokenkeep::providers::zoom().device_authorization_endpoint == "https://zoom.us/oauth/devicecode");
}
