// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_FAKE_SERVER_OPTIONS_HPP
#define TOKENKEEP_TESTING_FAKE_SERVER_OPTIONS_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/http.hpp>
#include <tokenkeep/secret.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <string>

namespace tokenkeep { inline namespace v1 { namespace testing {

/// Changes to a response that brings tokens: the name of a member, and the JSON of its value. The server replaces the
/// member, or adds it if the response has none of that name. An empty text leaves the member out.
///
///   {{"expires_in", ""}, {"refresh_token", "null"}}   // no expires_in; a refresh token that is null
///
/// The server does not check the text, so that a response may also be broken JSON.
using member_changes = std::map<std::string, std::string, std::less<>>;

/// How Zoho says that a refresh token was used too often. Its documents and its servers differ.
enum class zoho_throttle {
    status_400,    ///< "Access Denied" with status 400. Its servers were seen to send this.
    status_200,    ///< "Access Denied" with status 200.
    access_denied, ///< "access_denied" with status 400.
};

/// How much Zoho allows. The value 0 switches a limit off.
struct zoho_limits {
    /// How many access tokens one refresh token may bring within `window`. The server throttles further requests.
    unsigned access_tokens = 10;
    /// The window begins with the first of these access tokens.
    std::chrono::milliseconds window = std::chrono::minutes{10};
    /// How the server says that a request is throttled.
    zoho_throttle refusal = zoho_throttle::status_400;
    /// How many access tokens of one refresh token may live at once. One more ends the oldest.
    unsigned active_access_tokens = 15;
    /// How many refresh tokens one user may have. One more ends the oldest and its access tokens.
    unsigned refresh_tokens = 20;
};

/// How a fake server behaves. Every setting has a default.
///   testing::fake_server server{{.token_life = 60s, .grace = 10s}, clock};
struct fake_server_options {
    std::string origin = "https://auth.example.test"; ///< Its endpoints lie below: /token, /revoke, /me, and Zoho's.
    std::string client_id = "app";
    secret client_secret = "app-secret";
    std::chrono::milliseconds token_life{3'600'000};
    bool rotate = true;                   ///< Each refresh brings a new refresh token; the one that was used is spent.
    bool end_session_on_reuse = true;     ///< A spent refresh token that comes back after the grace ends the session.
    std::chrono::milliseconds grace{0};   ///< For this long the server accepts a spent refresh token.
    bool fresh_successor = false;         ///< A refresh within the grace rotates once more. If false, it does not.
    bool zoho = false;                    ///< Speak as Zoho: no rotation, api_domain, errors with status 200.
    zoho_limits limits{};                 ///< They count only if `zoho` is true.
    bool legacy_expiry = false;           ///< Zoho's old form: seconds in expires_in_sec, milliseconds in expires_in.
    std::chrono::milliseconds latency{0}; ///< Time before the server carries out a token request.
    std::chrono::milliseconds latency_after{0}; ///< Time between that moment and the response.
    member_changes members{};                   ///< Changes to every response that brings tokens.
    std::chrono::seconds device_interval{5};    ///< How long a device must wait between two requests for tokens.
    std::chrono::seconds device_life{600};      ///< How long a device code lives.
};

/// What goes wrong with one token request. Give it to fake_server::next.
///   server.next({.what = testing::fault::kind::lost_answer, .latency = 5s});
struct fault {
    enum class kind {
        none,         ///< Nothing goes wrong. Only latency, latency_after and members apply.
        unreachable,  ///< There is no connection, and the client knows that nothing was sent. Only `latency` applies.
        lost_request, ///< The connection breaks before the server carries out the request. The client cannot know that.
        lost_answer,  ///< The server carries out the request, and the connection breaks before the response comes.
        truncated,    ///< The server carries out the request, and half of the response's body arrives.
        answer,       ///< The server does not carry out the request, and sends `response`.
        answer_after, ///< The server carries out the request, and sends `response` in place of its own.
        answer_twice, ///< The server carries out the request, and the response's body arrives twice in a row.
        sent_twice,   ///< A proxy repeats the request. The server carries it out twice; the second response arrives.
    };
    kind what = kind::none;
    http_response response{};
    std::chrono::milliseconds latency{0};       ///< Added to the latency of the options.
    std::chrono::milliseconds latency_after{0}; ///< Added to the latency_after of the options.
    member_changes members{};                   ///< Applied after those of the options.

    /// An error such as 429, 500 or 503 in place of carrying out the request. The response has a Retry-After unless
    /// that is zero.
    ///   server.next(testing::fault::http(429, 30s));
    static fault http(int status, std::chrono::seconds retry_after = std::chrono::seconds{0}) {
        fault made{.what = kind::answer, .response = {.status = status}};
        if (retry_after.count() != 0)
            made.response.headers.push_back({"Retry-After", std::to_string(retry_after.count())});
        return made;
    }
    /// The same error, but the server has carried out the request. A gateway does this when its server is too slow.
    static fault http_after(int status, std::chrono::seconds retry_after = std::chrono::seconds{0}) {
        fault made = http(status, retry_after);
        made.what = kind::answer_after;
        return made;
    }
};

/// How often a fake server has seen what.
struct fake_server_log {
    unsigned logins = 0;         ///< Grant tokens that were exchanged.
    unsigned refreshes = 0;      ///< Refresh tokens that were accepted.
    unsigned client_tokens = 0;  ///< Access tokens of the client itself (grant type client_credentials).
    unsigned device_polls = 0;   ///< Requests with a device code.
    unsigned replayed = 0;       ///< Part of `refreshes`: the refresh token was spent, but within the grace.
    unsigned refused = 0;        ///< Grant and refresh tokens that were not accepted.
    unsigned reused = 0;         ///< Part of `refused`: the refresh token was spent.
    unsigned throttled = 0;      ///< Refreshes that Zoho's limit stopped. They are not part of `refused`.
    unsigned token_requests = 0; ///< Requests that reached the token endpoint. One that is sent twice counts twice.
    unsigned timed_out = 0;      ///< Part of `token_requests`: the client stopped waiting for the response.
    unsigned late = 0;           ///< Part of `timed_out`: the server carried out the request after that.
    unsigned revocations = 0;    ///< Sessions that a client ended at the revocation endpoint.
    unsigned calls = 0;          ///< Calls of the protected resource that got the user's name.
    unsigned calls_refused = 0;  ///< Calls of the protected resource that got 401.
    unsigned most_at_once = 0;   ///< The largest number of token requests under way at one moment, late ones included.
    unsigned access_tokens_displaced = 0;  ///< Access tokens that a newer one ended, because of Zoho's limit.
    unsigned refresh_tokens_displaced = 0; ///< Refresh tokens that a newer one ended, because of Zoho's limit.
};

}}} // namespace tokenkeep::v1::testing

#endif
