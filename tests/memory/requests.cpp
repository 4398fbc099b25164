// SPDX-License-Identifier: MIT
// No request with a secret is freed unwiped: at login (by a grant token, by a device code), refresh, call, revocation,
// and for a token of the client itself. On whatever path they end: with every answer, with every operation of the store
// failing once, and with every allocation failing once. Nor is the code verifier or the code of a login in a browser.
#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/keeper.hpp>
#include <tokenkeep/oauth/authorization.hpp>
#include <tokenkeep/testing/virtual_clock.hpp>

#include "support/searched_memory.hpp"

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using namespace tokenkeep;
using namespace std::chrono_literals;

/// All secrets repeat these three letters, so that their base64 repeats one of three groups, wherever they begin.
constexpr std::string_view marks[] = {"S3NS3N", "UzNOUzNO", "M05TM05T", "TlMzTlMz"};

bool holds_secret(std::string_view block) {
    for (const std::string_view mark : marks)
        if (block.find(mark) != block.npos) return true;
    return false;
}

std::string text_of_secret(std::string_view name) { return "S3NS3NS3NS3NS3NS3NS3NS3N-" + std::string(name); }

enum class reply { tokens, refuses, fails, rejects_client, is_lost, is_not_sent, throws, says_nothing };

/// Answers as it is told to; calls of the API get 401 at first.
struct server {
    reply to_tokens = reply::tokens;
    int issued = 0;
    int calls = 0;

    http_response operator()(const http_request& request) {
        const tests::unwatched by_the_test;
        if (request.url.ends_with("/device"))
            return {
                .status = 200,
                .body =
                    R"({"user_code":"U","verification_uri":"https://auth.example/","expires_in":60,"device_code":")" +
                    text_of_secret("device") + "\"}"};
        if (request.url.ends_with("/me")) return {.status = ++calls % 2 == 1 ? 401 : 200};
        switch (to_tokens) {
        case reply::tokens: break;
        case reply::refuses: return {.status = 400, .body = R"({"error":"invalid_grant"})"};
        case reply::fails: return {.status = 503};
        case reply::rejects_client: return {.status = 401, .body = R"({"error":"invalid_client"})"};
        case reply::is_lost: throw transport_error("lost");
        case reply::is_not_sent: throw transport_error("not sent", false);
        case reply::throws: throw std::runtime_error("the transport failed");
        case reply::says_nothing: return {.status = 200, .body = "{}"};
        }
        const std::string n = std::to_string(++issued);
        return {.status = 200,
                .body = R"({"expires_in":600,"access_token":")" + text_of_secret("at" + n) + R"(","refresh_token":")" +
                        text_of_secret("rt" + n) + "\"}"};
    }
};

/// A memory_store of which one operation fails.
struct failing_store : memory_store {
    int until_failure = -1;

    void count() {
        if (until_failure >= 0 && until_failure-- == 0) throw error(errc::not_saved, "the store fails");
    }
    std::optional<token> find_token(const token& probe) { return count(), memory_store::find_token(probe); }
    std::optional<token> find_token_by_id(const std::string& id) { return count(), memory_store::find_token_by_id(id); }
    void save_token(const token& record) { count(), memory_store::save_token(record); }
    bool replace_token(const token& expected, const token& record) {
        return count(), memory_store::replace_token(expected, record);
    }
    bool remove_token(const token& expected) { return count(), memory_store::remove_token(expected); }
};

/// Which of the next calls of getentropy gives a secret; the others give 'x'. A login's state, which the URL contains,
/// comes before its code verifier.
int calls_until_secret = -1;

enum class step { login, refresh, call, revocation, device, client };

int passed = 0, failed = 0;

/// One step in a session of its own. Everything before it succeeds. Whether a failure that was asked for has happened.
bool take(step what, client_authentication way, reply answer, int store_failure, long allocation_failure) {
    const std::string name = std::to_string(static_cast<int>(what)) + " way " + std::to_string(static_cast<int>(way)) +
                             " reply " + std::to_string(static_cast<int>(answer)) + " store " +
                             std::to_string(store_failure) + " allocation " + std::to_string(allocation_failure);
    failing_store store;
    server remote;
    testing::virtual_clock clock;
    const oauth2_provider provider{.token_endpoint = "https://auth.example/token",
                                   .revocation_endpoint = "https://auth.example/revoke",
                                   .authentication = way,
                                   .client_id = "app",
                                   .client_secret = text_of_secret("client"),
                                   .client_credentials = what == step::client,
                                   .device_authorization_endpoint = "https://auth.example/device"};
    const token login{.user_name = "ada", .grant_token = text_of_secret("code")};
    const token ada{.user_name = "ada"};
    bool store_has_failed = false;
    {
        keeper<failing_store&, server&, oauth2_provider, ignore_events, testing::virtual_clock&> keep{
            store, remote, provider, {}, ignore_events{}, clock};
        if (what == step::refresh || what == step::call || what == step::revocation) (void)keep.access_token(login);
        if (what == step::refresh) clock.advance(1h);
        remote.to_tokens = answer;
        store.until_failure = store_failure;
        tests::leaks = 0;
        tests::until_failure = allocation_failure;
        tests::searching = true;
        try {
            switch (what) {
            case step::login: (void)keep.access_token(login); break;
            case step::refresh: (void)keep.access_token(ada); break;
            case step::call: (void)keep.send({.method = "GET", .url = "https://api.example/me"}, ada); break;
            case step::revocation: keep.revoke(ada); break;
            case step::device: (void)keep.log_in_with_device(ada, [](const device_prompt&) {}); break;
            case step::client: (void)keep.access_token({}); break;
            }
        } catch (const std::exception&) { // what is thrown is tested elsewhere
        }
        tests::searching = false;
        store_has_failed = store.until_failure < 0;
        store.until_failure = -1;
    }
    const bool allocation_has_failed = tests::until_failure < 0;
    tests::until_failure = -1;
    ++(tests::leaks == 0 ? passed : failed);
    if (tests::leaks != 0) std::printf("step %s: %d freed blocks hold a secret\n", name.c_str(), tests::leaks);
    return store_failure >= 0 ? store_has_failed : allocation_failure >= 0 && allocation_has_failed;
}

/// A login in a browser, and the redirect that answers it. Whether the failure that was asked for has happened.
bool log_in(const std::string& redirected, long allocation_failure) {
    const oauth2_provider provider{.client_id = "app", .authorization_endpoint = "https://auth.example/login"};
    const authorization_wish wish{.redirect_url = "https://app.example/cb", .scope = "mail"};
    bool has_verifier = allocation_failure >= 0;
    authorization login; // its URL contains the state, which is not searched for
    tests::leaks = 0;
    calls_until_secret = 1;
    tests::until_failure = allocation_failure;
    tests::searching = true;
    try {
        authorization begun = authorization_request(provider, wish);
        login = std::move(begun);
        has_verifier = has_verifier || holds_secret(login.code_verifier.reveal());
        (void)read_authorization_response(redirected, login);
    } catch (const std::exception&) { // what is thrown is tested elsewhere
    }
    login = {};
    tests::searching = false;
    const bool allocation_has_failed = tests::until_failure < 0;
    tests::until_failure = -1;
    const bool is_good = tests::leaks == 0 && has_verifier;
    ++(is_good ? passed : failed);
    if (!is_good)
        std::printf("redirect %s, allocation %ld: %d freed blocks hold a secret\n", redirected.c_str(),
                    allocation_failure, tests::leaks);
    return allocation_failure >= 0 && allocation_has_failed;
}

} // namespace

extern "C" int getentropy(void* memory, std::size_t size) {
    const bool is_secret = calls_until_secret-- == 0;
    for (std::size_t i = 0; i < size; ++i) static_cast<char*>(memory)[i] = is_secret ? "S3N"[i % 3] : 'x';
    return 0;
}

int main() {
    tests::holds_secret = holds_secret;
    const std::string state = "state=" + text::to_base64url(std::string(32, 'x')), code = text_of_secret("code");
    for (const std::string& redirected :
         {"?" + state + "&code=" + code, "?code=" + code,
          "?" + state + "&error=" + text::to_base64url("S3NS3NS3NS3NS3NS3NS3NS3NS3NS3NS3"),
          "?" + state + "&code=" + code + "&code=" + code, "/cb?" + state + "&code=" + code + "%00"}) {
        log_in(redirected, -1);
        for (long n = 0; log_in(redirected, n);) ++n;
    }
    for (const step what : {step::login, step::refresh, step::call, step::revocation, step::device, step::client})
        for (const auto way :
             {client_authentication::post, client_authentication::basic, client_authentication::none}) {
            for (const reply answer : {reply::tokens, reply::refuses, reply::fails, reply::rejects_client,
                                       reply::is_lost, reply::is_not_sent, reply::throws, reply::says_nothing}) {
                take(what, way, answer, -1, -1);
                for (int n = 0; take(what, way, answer, n, -1);) ++n;
            }
            for (long n = 0; take(what, way, reply::tokens, -1, n);) ++n;
        }
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
