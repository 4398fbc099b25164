// SPDX-License-Identifier: MIT
// The flow of the quickstart, over libcurl, against a certified authorization server with strict rotation.
// needs: OpenSSL
#include <tokenkeep/testing/virtual_clock.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include "jwt.hpp"
#include "loopback_login.hpp"
#include "real_server.hpp"
#include "support/catch.hpp"
#include "support/jws_keys.hpp"
#include "support/processes.hpp"
#include "support/temporary.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using nlohmann::json;
using tokenkeep::errc, tokenkeep::secret, tokenkeep::token;

TEST_CASE("real server: login, calls, expiry, rotation, 401, a new process, a herd, revocation", "[oidc]") {
    const client who = GENERATE(client{"app-post", "app-post-secret", tokenkeep::client_authentication::post},
                                client{"app-basic", "b+s/%41&c:=%", tokenkeep::client_authentication::basic});
    CAPTURE(who.id);
    const real_server server({"--access-token-seconds", "2", "--seconds", "90"});
    const temporary_directory where;
    const token ada{.user_name = "ada"};
    const tokenkeep::http_request me{.method = "GET", .url = server.process.url() + "/me"};
    const auto open = [&] { return tokenkeep::basic_document_store{tokenkeep::text_file{where / "tokens.json"}}; };
    {
        auto store = open();
        tokenkeep::keeper keep{store, server.transport, server.provider(who)};
        const token login = server.grant(who, "ada");
        keep.access_token(login);
        CHECK(keep.send(me, ada).status == 200);
        const token first = store.find_token(ada).value();
        CHECK(first.token_type == "Bearer");
        CHECK(server.is_alive(first.refresh_token));

        std::this_thread::sleep_for(2100ms);
        CHECK(keep.send(me, ada).status == 200);
        const token second = store.find_token(ada).value();
        CHECK(second.refresh_token != first.refresh_token);
        CHECK(server.is_alive(second.refresh_token));
        CHECK(server.log()["by_grant_type"]["refresh_token"] == 1);

        // The clock says that the token lives, the server that it does not: 401, one refresh, one more call.
        token long_lived = second;
        long_lived.expires_at = *second.expires_at + 1h;
        REQUIRE(store.replace_token(second, long_lived));
        std::this_thread::sleep_for(4200ms); // the server allows for two seconds of clock difference
        CHECK(keep.send(me, ada).status == 200);
        CHECK(server.log()["resource_rejected"] == 1);
        CHECK(server.log()["by_grant_type"]["refresh_token"] == 2);
    }
    {
        auto store = open(); // as another run of the program would
        tokenkeep::keeper keep{store, server.transport, server.provider(who)};
        std::this_thread::sleep_for(2100ms);
        std::atomic<int> good{0};
        std::vector<std::thread> herd;
        for (int i = 0; i < 16; ++i) herd.emplace_back([&] { good += keep.send(me, ada).status == 200; });
        for (std::thread& one : herd) one.join();
        CHECK(good == 16);
        const json log = server.log();
        CHECK(log["by_grant_type"]["authorization_code"] == 1);
        CHECK(log["by_grant_type"]["refresh_token"] == 3);
        CHECK(log["invalid_grant"] == 0);
        CHECK(log["reuse_detected"] == 0);
        CHECK(log["most_in_flight"] == 1);

        const token last = store.find_token(ada).value();
        keep.revoke(ada);
        CHECK(store.get_tokens().empty());
        CHECK(!server.is_alive(last.refresh_token));
        CHECK(code_of([&] { keep.access_token(ada); }) == errc::token_not_found);
    }
}

TEST_CASE("real server: a login with PKCE needs the verifier of its challenge", "[oidc]") {
    const client who{"app-post", "app-post-secret", tokenkeep::client_authentication::post};
    const real_server server({"--access-token-seconds", "60", "--seconds", "90"});
    tokenkeep::memory_store store;
    tokenkeep::keeper keep{store, server.transport, server.provider(who)};
    // RFC 7636 appendix B
    const std::string challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    token login = server.grant_with_challenge(who, "ada", challenge);
    login.code_verifier = "another-verifier-of-as-many-characters-as-are-needed";
    CHECK(code_of([&] { keep.access_token(login); }) == errc::reauthorization_required);
    login = server.grant_with_challenge(who, "ada", challenge);
    CHECK(code_of([&] { keep.access_token(login); }) == errc::reauthorization_required); // without one
    login = server.grant_with_challenge(who, "ada", challenge);
    login.code_verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    CHECK(!keep.access_token(login).empty());
    CHECK(store.find_token({.user_name = "ada"})->code_verifier.empty());
    CHECK(keep.send({.method = "GET", .url = server.process.url() + "/me"}, {.user_name = "ada"}).status == 200);
}

namespace {

/// A member of the claims of an id_token (OpenID Connect Core 2). The signature is not looked at.
json claim_of(const token& row, const char* name) {
    const std::string id_token = json::parse(row.extra.reveal())["id_token"];
    const std::size_t begin = id_token.find('.') + 1, end = id_token.find('.', begin);
    return json::parse(tokenkeep::text::from_base64url(id_token.substr(begin, end - begin)).value())[name];
}

} // namespace

TEST_CASE("real server: a login that begins at the issuer brings a token that works", "[oidc]") {
    const real_server server({"--access-token-seconds", "60", "--seconds", "90"});
    const std::string issuer = server.process.url();
    const auto metadata = [&](tokenkeep::metadata_address address) {
        const tokenkeep::metadata_options options{.address = address, .allow_loopback_http = true};
        return read_metadata(server.transport(metadata_request(issuer, options)), issuer, options);
    };
    tokenkeep::oauth2_provider provider = metadata(tokenkeep::metadata_address::openid_configuration);
    CHECK(provider.token_endpoint == issuer + "/token");
    CHECK(provider.revocation_endpoint == issuer + "/token/revocation");
    CHECK(provider.authorization_endpoint == issuer + "/auth");
    CHECK(provider.sends_iss);
    CHECK(metadata(tokenkeep::metadata_address::oauth_authorization_server).token_endpoint == issuer + "/token");
    provider.client_id = "app-native"; // a public client, of which the server requires PKCE
    tokenkeep::memory_store store;
    tokenkeep::keeper keep{store, server.transport, provider};
    const auto begin = [&](const char* user) {
        return authorization_request(provider, {.probe = {.user_name = user},
                                                .redirect_url = "http://127.0.0.1:51004/callback",
                                                .scope = "openid offline_access",
                                                .parameters = {{"prompt", "consent"}, {"login_hint", user}}});
    };

    tokenkeep::authorization login = begin("ada");
    const std::string redirected = server.browse(login.url);
    CHECK(redirected.starts_with("http://127.0.0.1:51004/callback?"));
    const token ada = read_authorization_response(redirected, login);
    CHECK(!keep.access_token(ada).empty());
    CHECK(keep.send({.method = "GET", .url = issuer + "/me"}, {.user_name = "ada"}).status == 200);
    const token row = store.find_token({.user_name = "ada"}).value();
    CHECK(!row.refresh_token.empty());
    CHECK(claim_of(row, "nonce") == login.nonce.reveal());
    CHECK(claim_of(row, "sub") == "ada");
    CHECK(code_of([&] { read_authorization_response(redirected, login); }) == errc::request_rejected);

    login = begin("grace");
    token wrong = read_authorization_response(server.browse(login.url), login);
    wrong.code_verifier = ada.code_verifier;
    CHECK(code_of([&] { keep.access_token(wrong); }) == errc::reauthorization_required);

    login = begin("grace");
    login.issuer = "https://another.example";
    CHECK(code_of([&] { read_authorization_response(server.browse(login.url), login); }) == errc::request_rejected);

    login = begin("nobody"); // says no
    CHECK(code_of([&] { read_authorization_response(server.browse(login.url), login); }) ==
          errc::reauthorization_required);

    login = begin("grace");
    const std::size_t challenge = login.url.find("&code_challenge="), rest = login.url.find("&nonce=");
    login.url.erase(challenge, rest - challenge);
    const std::string refused = server.browse(login.url);
    CHECK(refused.find("error=invalid_request") != std::string::npos);
    CHECK(code_of([&] { read_authorization_response(refused, login); }) == errc::request_rejected);
    CHECK(store.get_tokens().size() == 1);
}

TEST_CASE("real server: two logins at the same time come back to their listeners, strangers beside them", "[oidc]") {
    const real_server server({"--access-token-seconds", "60", "--seconds", "90"});
    const std::string issuer = server.process.url();
    const tokenkeep::oauth2_provider provider = server.native_provider();
    tokenkeep::memory_store store;
    tokenkeep::keeper keep{store, server.transport, provider};
    const auto get = [&](const std::string& url) { return server.transport({.method = "GET", .url = url}); };
    const auto log_in = [&](const std::string& user) {
        loopback_listener listener;
        tokenkeep::authorization login =
            authorization_request(provider, {.probe = {.user_name = user},
                                             .redirect_url = listener.redirect_url(),
                                             .scope = "openid offline_access",
                                             .parameters = {{"prompt", "consent"}, {"login_hint", user}}});
        auto browser = std::async(std::launch::async, [&, url = login.url] {
            const std::string redirected = server.browse(url);
            const int guessed = get(listener.redirect_url() + "?state=guessed&code=of-another").status;
            return std::to_string(guessed) + " " + std::to_string(get(redirected).status);
        });
        std::string end = "kept";
        try {
            keep.access_token(listener.wait(provider, login, std::chrono::steady_clock::now() + 60s));
        } catch (const tokenkeep::error& failure) {
            end = failure.code().message();
        }
        return end + " " + browser.get();
    };
    auto grace = std::async(std::launch::async, log_in, "grace");
    CHECK(log_in("ada") == "kept 404 200");
    CHECK(grace.get() == "kept 404 200");
    CHECK(log_in("nobody") == "reauthorization required 404 400"); // says no
    CHECK(store.get_tokens().size() == 2);
    for (const char* user : {"ada", "grace"})
        CHECK(keep.send({.method = "GET", .url = issuer + "/me"}, {.user_name = user}).body ==
              "{\"user\":\"" + std::string(user) + "\"}");
}

namespace {

/// What has come of a session of 20 s whose answers get lost.
struct lossy_session {
    std::chrono::milliseconds longest_call{0};
    int most_failures_in_a_row = 0;
    std::set<std::string> failures{};
    bool is_alive = false;
    json log{};
};

lossy_session live_with_lost_answers() {
    const client who{"app-post", "app-post-secret", tokenkeep::client_authentication::post};
    const real_server server({"--access-token-seconds", "1", "--seconds", "90", "--grace-ms", "2000", "--answers",
                              "none,close,none,cut,502,none,none,502,close,none,cut,none,close,cut,none"});
    const temporary_directory where;
    tokenkeep::file_store store{where / "tokens.tkj"};
    tokenkeep::oauth2_provider provider = server.provider(who);
    provider.replay_grace = 2s;
    tokenkeep::keeper keep{store, server.transport, provider};
    keep.access_token(server.grant(who, "ada"));
    const token ada{.user_name = "ada"};
    lossy_session seen;
    int failures_in_a_row = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (auto now = begin; now < begin + 20s;) {
        try {
            keep.access_token(ada);
            failures_in_a_row = 0;
        } catch (const tokenkeep::error& failure) {
            seen.failures.insert(failure.code().message());
            seen.most_failures_in_a_row = std::max(seen.most_failures_in_a_row, ++failures_in_a_row);
        }
        std::this_thread::sleep_for(50ms);
        const auto after = std::chrono::steady_clock::now();
        seen.longest_call =
            std::max(seen.longest_call, std::chrono::duration_cast<std::chrono::milliseconds>(after - now));
        now = after;
    }
    seen.is_alive = server.is_alive(store.find_token(ada)->refresh_token);
    seen.log = server.log();
    return seen;
}

} // namespace

TEST_CASE("real server: with a grace of two seconds, lost answers end no session", "[oidc]") {
    // If the machine is so busy that a call takes half of the grace, the keeper may be too late, and says so. Then the
    // run proves nothing, and there is another one.
    lossy_session seen = live_with_lost_answers();
    for (int runs = 1; seen.longest_call > 1s && runs < 5; ++runs) seen = live_with_lost_answers();
    CAPTURE(seen.longest_call.count());
    CHECK(seen.log["fates"]["close"] >= 1);
    CHECK(seen.log["fates"]["cut"] >= 1);
    CHECK(seen.log["fates"]["502"] >= 1);
    CHECK(seen.log["reuse_detected"] == 0);
    // Whether a call fails depends on whether the old token was still valid when two answers in a row were lost.
    seen.failures.erase(make_error_code(errc::outcome_unknown).message());
    CHECK(seen.failures == std::set<std::string>{});
    CHECK(seen.most_failures_in_a_row <= 1); // two answers in a row are lost, and the call after that brings tokens
    CHECK(seen.is_alive);
}

TEST_CASE("real server: what it refuses comes as the error that says what to do", "[oidc]") {
    const client who{"app-post", "app-post-secret", tokenkeep::client_authentication::post};
    const real_server server({"--access-token-seconds", "2", "--seconds", "90"});
    tokenkeep::memory_store store;
    tokenkeep::keeper keep{store, server.transport, server.provider(who)};
    const token ada{.user_name = "ada"};

    token wrong = server.grant(who, "ada");
    wrong.grant_token = "no-such-code";
    CHECK(code_of([&] { keep.access_token(wrong); }) == errc::reauthorization_required);
    CHECK(store.get_tokens().empty());

    keep.access_token(server.grant(who, "ada"));
    const token row = store.find_token(ada).value();
    tokenkeep::keeper impostor{store, server.transport,
                               server.provider({who.id, "another secret", who.authentication})};
    CHECK(code_of([&] { impostor.refresh(ada, row.access_token); }) == errc::client_rejected);
    CHECK(store.find_token(ada) == row);
    CHECK(!keep.refresh(ada, row.access_token).empty());

    // A spent refresh token comes back from elsewhere: the server ends the session, and everybody is told once.
    tokenkeep::memory_store thief_store;
    thief_store.save_token({.user_name = "ada", .client_id = who.id, .refresh_token = row.refresh_token});
    tokenkeep::keeper thief{thief_store, server.transport, server.provider(who)};
    CHECK(code_of([&] { thief.access_token(ada); }) == errc::reauthorization_required);
    CHECK(code_of([&] { keep.refresh(ada, store.find_token(ada)->access_token); }) == errc::reauthorization_required);
    const int asked = server.log()["token_requests"];
    CHECK(code_of([&] { keep.refresh(ada, store.find_token(ada)->access_token); }) == errc::reauthorization_required);
    CHECK(server.log()["token_requests"] == asked);
}

TEST_CASE("real server: a token of the client itself is fetched once for four processes, and again at its end",
          "[oidc]") {
    const client who{"app-basic", "b+s/%41&c:=%", tokenkeep::client_authentication::basic};
    const real_server server({"--access-token-seconds", "600", "--token-delay-ms", "100", "--seconds", "90"});
    const temporary_directory where;
    tokenkeep::oauth2_provider provider = server.provider(who);
    provider.client_credentials = true;
    const auto use_in_processes = [&] {
        std::vector<pid_t> processes;
        for (int n = 0; n < 4; ++n)
            processes.push_back(start_process([&] {
                tokenkeep::file_store store{where / "tokens.tkj"};
                tokenkeep::keeper keep{store, server.transport, provider};
                const auto answer = keep.send({.method = "GET", .url = server.process.url() + "/me"}, {});
                expect(answer.status == 200 && answer.body == R"({"client":"app-basic"})", answer.body);
            }));
        for (const pid_t each : processes) CHECK(ended_well(each));
    };
    use_in_processes();
    CHECK(server.log()["by_grant_type"] == json{{"client_credentials", 1}});
    tokenkeep::file_store store{where / "tokens.tkj"};
    const token first = store.get_tokens().at(0);
    CHECK(first.refresh_token.empty());
    token ended = first;
    ended.issued_at = *first.issued_at - 1h;
    ended.expires_at = *first.expires_at - 1h;
    REQUIRE(store.replace_token(first, ended));
    use_in_processes();
    const json log = server.log();
    CHECK(log["by_grant_type"] == json{{"client_credentials", 2}});
    CHECK(log["successes_by_grant_type"] == log["by_grant_type"]);
    CHECK(log["by_authentication"] == json{{"basic", 2}});
    CHECK(log["most_in_flight"] == 1);
    CHECK(store.get_tokens().size() == 1);

    tokenkeep::keeper keep{store, server.transport, provider};
    keep.revoke({});
    CHECK(store.get_tokens().empty());
    CHECK(server.log()["revocations"] == 1);
}

TEST_CASE("real server: a client without a secret signs what it asks for (private_key_jwt)", "[oidc]") {
    const bool is_rsa = GENERATE(true, false);
    CAPTURE(is_rsa);
    const tests::jws_key& pair = is_rsa ? tests::rsa_key : tests::p256_key;
    const real_server server({"--access-token-seconds", "600", "--seconds", "90", "--jwk", pair.jwk});
    const client who{"app-jwt", "", tokenkeep::client_authentication::none};
    const jwt::signing_key key{pair.pem, is_rsa ? "rsa" : "p256"};
    jwt::private_key_provider provider{server.provider(who), key};
    provider.client_credentials = true;
    tokenkeep::memory_store store;
    tokenkeep::keeper keep{store, server.transport, provider};
    const token ada{.user_name = "ada"};
    const tokenkeep::http_request me{.method = "GET", .url = server.process.url() + "/me"};

    const secret first = keep.access_token(server.grant(who, "ada"));
    CHECK(keep.refresh(ada, first) != first);
    CHECK(keep.send(me, ada).body == R"({"user":"ada"})");
    CHECK(keep.send(me, {}).body == R"({"client":"app-jwt"})");
    CHECK(server.log()["by_authentication"] == json{{"assertion", 3}});
    const token row = store.find_token(ada).value();
    CHECK(server.is_alive(row.refresh_token));
    keep.revoke(ada);
    CHECK(!server.is_alive(row.refresh_token));

    const auto error_with = [&](const jwt::signing_key& with, const std::string& audience) {
        jwt::private_key_provider other{server.provider(who), with, audience};
        other.client_credentials = true;
        tokenkeep::memory_store own;
        return code_of([&] { tokenkeep::keeper{own, server.transport, other}.access_token({}); });
    };
    CHECK(error_with(key, server.process.url()) == std::error_code()); // the issuer
    CHECK(error_with(key, "https://elsewhere.example/token") == errc::client_rejected);
    const tests::jws_key& another = is_rsa ? tests::p256_key : tests::rsa_key;
    CHECK(error_with(jwt::signing_key{another.pem}, "") == errc::client_rejected);
}

TEST_CASE("real server: a login with a device code", "[oidc]") {
    const real_server server({"--access-token-seconds", "60", "--seconds", "90"});
    const std::string issuer = server.process.url();
    const tokenkeep::oauth2_provider provider = server.native_provider();
    std::string user_code, decides = "ada";
    int polls = 0;
    const auto transport = [&](const tokenkeep::http_request& request) {
        if (request.body.find("device_code=") != std::string::npos && ++polls == 3)
            server.ask("POST", "/test/device?user=" + decides + "&user_code=" + user_code);
        return server.transport(request);
    };
    const auto show = [&](const tokenkeep::device_prompt& prompt) {
        user_code = prompt.user_code;
        CHECK(prompt.verification_url == issuer + "/device");
        CHECK(prompt.verification_url_complete.starts_with(issuer + "/device?user_code="));
    };
    tokenkeep::memory_store store;
    tokenkeep::testing::virtual_clock clock; // so that no poll waits
    tokenkeep::keeper keep{store, transport, provider, {}, tokenkeep::ignore_events{}, clock};
    const token wish{.user_name = "ada", .scope = "openid offline_access"};
    SECTION("the user consents") {
        const token ada = keep.log_in_with_device(wish, show);
        CHECK(polls == 3);
        CHECK(server.is_alive(ada.refresh_token));
        CHECK(keep.send({.method = "GET", .url = issuer + "/me"}, {.user_name = "ada"}).body == R"({"user":"ada"})");
        CHECK(keep.refresh({.user_name = "ada"}, ada.access_token) != ada.access_token);
        CHECK(server.log()["successes_by_grant_type"]["refresh_token"] == 1);
    }
    SECTION("the user says no") {
        decides = "nobody";
        CHECK(code_of([&] { keep.log_in_with_device(wish, show); }) == errc::reauthorization_required);
        CHECK(polls == 3);
        CHECK(store.get_tokens().empty());
    }
}
