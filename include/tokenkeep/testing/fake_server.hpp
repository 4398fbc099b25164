// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_FAKE_SERVER_HPP
#define TOKENKEEP_TESTING_FAKE_SERVER_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/testing/fake_server_state.hpp>
#include <tokenkeep/text/base64url.hpp>
#include <tokenkeep/text/form.hpp>
#include <tokenkeep/text/url.hpp>
#include <tokenkeep/zoho/provider.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep::inline v0::testing {

/// How a fake server behaves.
struct fake_server_options {
    std::string origin = "https://auth.example.test"; ///< Its endpoints lie below: /token, /revoke, /me, and Zoho's.
    std::string client_id = "app";
    secret client_secret = "app-secret";
    std::chrono::milliseconds token_life{3'600'000};
    bool rotate = true;                 ///< A refresh brings a new refresh token, and the old one is spent.
    bool end_session_on_reuse = true;   ///< A spent refresh token that comes back ends the session.
    std::chrono::milliseconds grace{0}; ///< How long a spent refresh token is still answered with its successor.
    bool zoho = false;                  ///< Zoho's answers: no new refresh token, api_domain, errors under status 200.
    std::chrono::milliseconds latency{0}; ///< Slept on the clock before a token request is carried out.
};

/// What goes wrong with one request to the token endpoint.
struct fault {
    enum class kind {
        none,         ///< Nothing: this request is as it should be.
        unreachable,  ///< No connection: the request was certainly not sent.
        lost_request, ///< It never arrives, and the client cannot know.
        lost_answer,  ///< It is carried out, and the answer is lost.
        truncated,    ///< It is carried out, and half of the answer arrives.
        answer,       ///< It is not carried out; the answer is `response`.
        answer_after, ///< It is carried out; the answer is `response` instead.
    };
    kind what = kind::none;
    http_response response{};
};

/// What a fake server has seen, as it would stand in a server's own log.
struct fake_server_log {
    unsigned logins = 0;         ///< Grant tokens exchanged.
    unsigned refreshes = 0;      ///< Refresh tokens taken.
    unsigned refused = 0;        ///< Grant or refresh tokens refused.
    unsigned reused = 0;         ///< Of these, refresh tokens that had been spent before.
    unsigned token_requests = 0; ///< Requests that reached the token endpoint.
    unsigned revocations = 0;
    unsigned calls = 0;         ///< Calls of the protected resource that were answered.
    unsigned calls_refused = 0; ///< Calls that were answered with 401.
    unsigned most_at_once = 0;  ///< The most token requests that were in flight at one time.
};

/// An authorization server with a protected resource, within the process: use it as a transport. Rotation with reuse
/// detection, grace, expiry, revocation, lost answers and Zoho's shapes are settings; its state can be saved as a
/// document and loaded again, as that of a real one would outlive its clients. Safe to call from many threads at once.
class fake_server {
  public:
    explicit fake_server(fake_server_options options = {}) : fake_server(std::move(options), machine_clock()) {}

    /// The same on a clock of the test's, which outlives the server.
    template <clock Clock>
    fake_server(fake_server_options options, Clock& clock)
        : options_(std::move(options)),
          clock_(&clock),
          now_([](void* c) -> timestamp { return static_cast<Clock*>(c)->now(); }),
          sleep_([](void* c, std::chrono::milliseconds time) {
              static_cast<Clock*>(c)->sleep_until(static_cast<Clock*>(c)->steady_now() + time);
          }) {}

    http_response operator()(const http_request& request) {
        const auto url = text::parse_url(request.url);
        const std::string_view path = url ? url->target.substr(0, url->target.find('?')) : std::string_view();
        if (path == "/token" || path == "/oauth/v2/token") return answer_token_request(request);
        const std::lock_guard lock(mutex_);
        if (path == "/revoke" || path == "/oauth/v2/token/revoke") return answer_revocation(request);
        if (path == "/me" || path == "/crm/v8/users") return answer_call(request);
        return {.status = 404};
    }

    /// The user consents in the browser: the grant token that the redirect would carry.
    secret grant(const std::string& user) {
        const std::lock_guard lock(mutex_);
        return state_.add_grant(user);
    }

    /// How a client reaches this server; `replay_grace` is as the server has it.
    oauth2_provider provider() const {
        return {.token_endpoint = options_.origin + "/token",
                .revocation_endpoint = options_.origin + "/revoke",
                .replay_grace = options_.grace,
                .client_id = options_.client_id,
                .client_secret = options_.client_secret};
    }
    /// A data centre of Zoho's that is this server.
    zoho::data_center data_center() const {
        return {.accounts = options_.origin,
                .api = options_.origin,
                .sandbox = options_.origin,
                .developer = options_.origin};
    }
    /// The URL of the protected resource; it answers with the user's name, or 401.
    std::string resource() const {
        return options_.origin + (options_.zoho ? "/crm/v8/users?type=CurrentUser" : "/me");
    }

    /// The next token requests meet these faults, in the order in which they were given.
    void next(fault f) {
        const std::lock_guard lock(mutex_);
        faults_.push_back(std::move(f));
    }
    void next(fault::kind what) { next(fault{what}); }

    /// The session of that refresh or access token ends on the server's side: the user has withdrawn the consent.
    void revoke(const secret& token) {
        const std::lock_guard lock(mutex_);
        state_.revoke(token.reveal());
    }
    /// Every access token that is out ends now.
    void expire_access_tokens() {
        const std::lock_guard lock(mutex_);
        state_.expire_access_tokens(now());
    }
    /// Whether that refresh token would be taken now, as the current one of a session that lives.
    bool is_live(const secret& refresh_token) const {
        const std::lock_guard lock(mutex_);
        return state_.is_live(refresh_token);
    }
    /// Changes how the server behaves from now on.
    void set_options(fake_server_options options) {
        const std::lock_guard lock(mutex_);
        options_ = std::move(options);
    }

    fake_server_log log() const {
        const std::lock_guard lock(mutex_);
        return log_;
    }

    /// All that the server knows of its sessions, as JSON. It holds secrets.
    secret save_state() const {
        const std::lock_guard lock(mutex_);
        return state_.to_json();
    }
    /// The reverse; throws errc::storage_corrupt if the text is no such state.
    void load_state(std::string_view json) {
        const std::lock_guard lock(mutex_);
        state_ = fake_server_state::from_json(json);
    }

  private:
    using form = std::map<std::string, std::string, std::less<>>;

    static system_clock& machine_clock() {
        static system_clock clock;
        return clock;
    }

    timestamp now() const { return now_(clock_); }

    http_response answer_token_request(const http_request& request) {
        fault met;
        std::chrono::milliseconds latency{0};
        {
            const std::lock_guard lock(mutex_);
            if (!faults_.empty()) {
                met = std::move(faults_.front());
                faults_.pop_front();
            }
            if (met.what == fault::kind::unreachable) throw transport_error("fake_server: no connection", false);
            ++log_.token_requests;
            log_.most_at_once = std::max(log_.most_at_once, ++in_flight_);
            latency = options_.latency;
        }
        if (latency.count() > 0) sleep_(clock_, latency);
        const std::lock_guard lock(mutex_);
        --in_flight_;
        switch (met.what) {
        case fault::kind::lost_request: throw transport_error("fake_server: timed out");
        case fault::kind::answer: return met.response;
        default: break;
        }
        http_response response = carry_out(request);
        switch (met.what) {
        case fault::kind::lost_answer: throw transport_error("fake_server: connection reset");
        case fault::kind::truncated: response.body.resize(response.body.size() / 2); break;
        case fault::kind::answer_after: return met.response;
        default: break;
        }
        return response;
    }

    http_response carry_out(const http_request& request) {
        const form fields = read_form(request);
        if (!is_client(request, fields)) return refuse(401, "invalid_client");
        const std::string_view kind = value(fields, "grant_type");
        std::optional<fake_server_state::session*> found;
        if (kind == "authorization_code") {
            found = state_.take_grant(value(fields, "code"));
            if (found) ++log_.logins;
        } else if (kind == "refresh_token") {
            const auto use =
                state_.take_refresh_token(value(fields, "refresh_token"), now(), options_.rotate && !options_.zoho,
                                          options_.grace, options_.end_session_on_reuse);
            found = use.taken;
            if (found) ++log_.refreshes;
            if (use.was_spent && !found) ++log_.reused;
        } else {
            return refuse(400, "unsupported_grant_type");
        }
        if (!found) {
            ++log_.refused;
            return refuse(400, options_.zoho ? "invalid_code" : "invalid_grant");
        }
        return issue(**found, kind == "authorization_code");
    }

    http_response issue(fake_server_state::session& session, bool login) {
        const secret access = state_.add_access_token(session, now() + options_.token_life);
        std::string body = "{\"access_token\":\"" + std::string(access.reveal()) + "\"";
        if (!options_.zoho || login) body += ",\"refresh_token\":\"" + session.refresh_token + "\"";
        if (options_.zoho) body += ",\"api_domain\":\"" + options_.origin + "\"";
        body += ",\"token_type\":\"Bearer\",\"expires_in\":" + std::to_string(options_.token_life.count() / 1000) + "}";
        return json(200, std::move(body));
    }

    http_response answer_revocation(const http_request& request) {
        const form fields = read_form(request);
        if (!options_.zoho && !is_client(request, fields)) return refuse(401, "invalid_client");
        const bool known = state_.revoke(value(fields, "token"));
        if (known) ++log_.revocations;
        if (!options_.zoho) return {.status = 200};
        return known ? json(200, "{\"status\":\"success\"}") : json(400, "{\"status\":\"failure\"}");
    }

    http_response answer_call(const http_request& request) {
        const std::string_view header = find_header(request.headers, "Authorization");
        const std::string_view scheme = options_.zoho ? "Zoho-oauthtoken " : "Bearer ";
        const bool named = header.substr(0, scheme.size()) == scheme;
        const auto* session = named ? state_.find_access_token(header.substr(scheme.size()), now()) : nullptr;
        if (session == nullptr) {
            ++log_.calls_refused;
            return json(401, options_.zoho ? "{\"code\":\"INVALID_TOKEN\",\"details\":{},\"message\":\"invalid oauth "
                                             "token\",\"status\":\"error\"}"
                                           : "{\"error\":\"invalid_token\"}");
        }
        ++log_.calls;
        std::string body = options_.zoho ? "{\"users\":[{\"email\":" : "{\"user\":";
        text::append_json_string(body, session->user);
        return json(200, body + (options_.zoho ? "}]}" : "}"));
    }

    bool is_client(const http_request& request, const form& fields) const {
        const std::string basic = "Basic " + text::to_base64(text::form_encode(options_.client_id) + ":" +
                                                             text::form_encode(options_.client_secret.reveal()));
        if (const auto header = find_header(request.headers, "Authorization"); !header.empty()) return header == basic;
        return value(fields, "client_id") == options_.client_id &&
               value(fields, "client_secret") == options_.client_secret.reveal();
    }

    http_response refuse(int status, std::string_view code) const {
        return json(options_.zoho ? 200 : status, "{\"error\":\"" + std::string(code) + "\"}");
    }

    static http_response json(int status, std::string body) {
        return {.status = status,
                .headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
                .body = std::move(body)};
    }

    static form read_form(const http_request& request) {
        form fields;
        if (auto pairs = text::from_form(request.body))
            for (auto& [name, value] : *pairs) fields.emplace(std::move(name), std::move(value));
        return fields;
    }
    static std::string_view value(const form& fields, std::string_view name) {
        const auto at = fields.find(name);
        return at == fields.end() ? std::string_view() : at->second;
    }

    mutable std::mutex mutex_{};
    fake_server_options options_;
    fake_server_state state_{};
    fake_server_log log_{};
    std::deque<fault> faults_{};
    unsigned in_flight_ = 0;
    void* clock_;
    timestamp (*now_)(void*);
    void (*sleep_)(void*, std::chrono::milliseconds);
};

} // namespace tokenkeep::inline v0::testing

#endif
