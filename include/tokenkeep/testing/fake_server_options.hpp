// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_FAKE_SERVER_OPTIONS_HPP
#define TOKENKEEP_TESTING_FAKE_SERVER_OPTIONS_HPP

#include <tokenkeep/http.hpp>
#include <tokenkeep/secret.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <string>

namespace tokenkeep { inline namespace v0 { namespace testing {

/// How an answer that brings tokens differs from the one that is due: by the name of a member, the JSON that stands in
/// its place, or is added if there is no such member. An empty text omits the member. `{{"expires_in", ""},
/// {"refresh_token", "null"}}` leaves out the one and spoils the other. The text is not checked: it may be no JSON.
using member_changes = std::map<std::string, std::string, std::less<>>;

/// How Zoho says that a refresh token has been used too often: its documents and its servers do not agree.
enum class zoho_throttle {
    status_400,    ///< "Access Denied" under status 400, which is what its servers were seen to do.
    status_200,    ///< The same under status 200.
    access_denied, ///< "access_denied" under status 400.
};

/// What Zoho allows. A limit of 0 is none.
struct zoho_limits {
    unsigned access_tokens = 10; ///< That one refresh token brings within `window`; for the rest of it, it is refused.
    std::chrono::milliseconds window = std::chrono::minutes{10}; ///< Begins with the first of these access tokens.
    zoho_throttle refusal = zoho_throttle::status_400;
    unsigned active_access_tokens = 15; ///< Of one refresh token: one more ends the oldest.
    unsigned refresh_tokens = 20;       ///< Of one user: one more ends the oldest, with its access tokens.
};

/// How a fake server behaves.
struct fake_server_options {
    std::string origin = "https://auth.example.test"; ///< Its endpoints lie below: /token, /revoke, /me, and Zoho's.
    std::string client_id = "app";
    secret client_secret = "app-secret";
    std::chrono::milliseconds token_life{3'600'000};
    bool rotate = true;                 ///< A refresh brings a new refresh token, and the old one is spent.
    bool end_session_on_reuse = true;   ///< A spent refresh token that comes back ends the session.
    std::chrono::milliseconds grace{0}; ///< How long a spent refresh token is still answered with its successor.
    bool fresh_successor = false;       ///< Each answer within the grace brings a new one; the one before is spent.
    bool zoho = false;                  ///< Zoho's answers: no new refresh token, api_domain, errors under status 200.
    zoho_limits limits{};               ///< They hold if `zoho` is set.
    bool legacy_expiry = false;         ///< Zoho's old answers: seconds in expires_in_sec, milliseconds in expires_in.
    std::chrono::milliseconds latency{0};       ///< Slept on the clock before a token request is carried out.
    std::chrono::milliseconds latency_after{0}; ///< Slept between that and the answer.
    member_changes members{};                   ///< In every answer that brings tokens.
};

/// What goes wrong with one request to the token endpoint.
struct fault {
    enum class kind {
        none,         ///< Nothing, but for the latency and the members that are given.
        unreachable,  ///< No connection: the request was certainly not sent. It takes the fault's own latency.
        lost_request, ///< The connection is reset before the request is carried out; the client cannot know that.
        lost_answer,  ///< It is carried out, and the connection is reset before the answer comes.
        truncated,    ///< It is carried out, and half of the answer arrives.
        answer,       ///< It is not carried out; the answer is `response`.
        answer_after, ///< It is carried out; the answer is `response` instead.
        answer_twice, ///< It is carried out; the body of the answer comes twice, one after the other.
        sent_twice,   ///< A proxy or an HTTP client repeats it: it is carried out twice; the second answer arrives.
    };
    kind what = kind::none;
    http_response response{};
    std::chrono::milliseconds latency{0};       ///< Added to that of the options.
    std::chrono::milliseconds latency_after{0}; ///< Likewise.
    member_changes members{};                   ///< Beside those of the options; for the same name this one holds.

    /// An error such as 429, 500 or 503, before the request is carried out; with Retry-After unless that is zero.
    static fault http(int status, std::chrono::seconds retry_after = std::chrono::seconds{0}) {
        fault made{.what = kind::answer, .response = {.status = status}};
        if (retry_after.count() != 0)
            made.response.headers.push_back({"Retry-After", std::to_string(retry_after.count())});
        return made;
    }
    /// The same after the request has been carried out, as a gateway answers whose server was too slow.
    static fault http_after(int status, std::chrono::seconds retry_after = std::chrono::seconds{0}) {
        fault made = http(status, retry_after);
        made.what = kind::answer_after;
        return made;
    }
};

/// What a fake server has seen, as it would stand in a server's own log.
struct fake_server_log {
    unsigned logins = 0;         ///< Grant tokens exchanged.
    unsigned refreshes = 0;      ///< Refresh tokens taken.
    unsigned replayed = 0;       ///< Of these, refresh tokens that had been spent before and were within the grace.
    unsigned refused = 0;        ///< Grant or refresh tokens refused.
    unsigned reused = 0;         ///< Of these, refresh tokens that had been spent before.
    unsigned throttled = 0;      ///< Refresh tokens that Zoho's limit held off; they are not among the refused.
    unsigned token_requests = 0; ///< Requests that reached the token endpoint; one that is sent twice counts twice.
    unsigned timed_out = 0;      ///< Of these, requests whose client stopped waiting for the answer.
    unsigned late = 0;           ///< Of these, requests that were carried out only after that.
    unsigned revocations = 0;
    unsigned calls = 0;                    ///< Calls of the protected resource that were answered.
    unsigned calls_refused = 0;            ///< Calls that were answered with 401.
    unsigned most_at_once = 0;             ///< The most token requests that were in flight at one time, late ones too.
    unsigned access_tokens_displaced = 0;  ///< Access tokens that ended because Zoho's limit let in a new one.
    unsigned refresh_tokens_displaced = 0; ///< Likewise refresh tokens.
};

}}} // namespace tokenkeep::v0::testing

#endif
