// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_FAKE_SERVER_ENDPOINTS_HPP
#define TOKENKEEP_TESTING_FAKE_SERVER_ENDPOINTS_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/http.hpp>
#include <tokenkeep/testing/detail/wire.hpp>
#include <tokenkeep/testing/fake_server_options.hpp>
#include <tokenkeep/testing/fake_server_state.hpp>
#include <tokenkeep/text/base64url.hpp>
#include <tokenkeep/text/form.hpp>
#include <tokenkeep/text/json.hpp>
#include <tokenkeep/token.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace testing {

/// What a fake server responds while nothing goes wrong. The caller says at which moment each request is carried out.
/// Not safe to call from many threads at once: fake_server locks.
class fake_server_endpoints {
  public:
    /// A device that waits for its user.
    struct device_login {
        std::string user_code{};
        std::string user{}; ///< Empty until the user has decided.
        bool is_denied = false;
        timestamp ends{}, last_poll{};
        std::chrono::seconds slowed{0}; ///< Added to the interval by slow_down.
    };

    fake_server_options options{};
    fake_server_state state{};
    fake_server_log log{};
    std::map<std::string, device_login, std::less<>> devices{}; ///< By device code.

    /// How the server speaks: as Zoho, or as standard OAuth asks.
    const detail::wire& wire() const { return detail::wire_of(options); }

    /// Carries out an exchange or a refresh. `changes` are applied to the response after those of the options.
    http_response answer_token_request(const http_request& request, timestamp now, const member_changes& changes) {
        const form fields = read_form(request);
        if (!is_client(request, fields)) return refuse(401, "invalid_client");
        const std::string_view kind = value(fields, "grant_type");
        if (kind == "authorization_code") return exchange(value(fields, "code"), now, changes);
        if (kind == "refresh_token") return refresh(value(fields, "refresh_token"), now, changes);
        if (kind == "client_credentials") return issue_to_client(now, changes);
        if (kind == "urn:ietf:params:oauth:grant-type:device_code")
            return poll(value(fields, "device_code"), now, changes);
        return refuse(400, "unsupported_grant_type");
    }

    /// Carries out a request for a device code.
    http_response answer_device_request(const http_request& request, timestamp now) {
        const form fields = read_form(request);
        if (!is_client(request, fields)) return refuse(401, "invalid_client");
        const std::string number = std::to_string(devices.size() + 1), user_code = "CODE-" + number;
        devices["device-code-" + number] = {.user_code = user_code, .ends = now + options.device_life};
        const std::string page = options.origin + "/activate";
        return respond({200, to_object({{"device_code", quoted("device-code-" + number)},
                                        {"user_code", quoted(user_code)},
                                        {"verification_uri", quoted(page)},
                                        {"verification_uri_complete", quoted(page + "?user_code=" + user_code)},
                                        {"expires_in", std::to_string(options.device_life.count())},
                                        {"interval", std::to_string(options.device_interval.count())}})});
    }

    /// The user has typed in the code of a device, and consented or refused. An unknown code does nothing.
    void decide_device(std::string_view user_code, std::string_view user, bool consents) {
        for (auto& [code, login] : devices)
            if (login.user_code == user_code) {
                login.user = user;
                login.is_denied = !consents;
            }
    }

    /// Carries out a revocation.
    http_response answer_revocation(const http_request& request) {
        const form fields = read_form(request);
        if (wire().revocation_asks_who && !is_client(request, fields)) return refuse(401, "invalid_client");
        if (!state.revoke(value(fields, "token"))) return respond(wire().nothing_to_revoke);
        ++log.revocations;
        return respond(wire().revoked);
    }

    /// Responds to a call of the protected resource.
    http_response answer_call(const http_request& request, timestamp now) {
        const std::string_view header = find_header(request.headers, "Authorization");
        const std::string_view scheme = wire().scheme;
        const auto* session =
            header.starts_with(scheme) ? state.find_access_token(header.substr(scheme.size()), now) : nullptr;
        if (session == nullptr) {
            ++log.calls_refused;
            return respond({401, wire().call_refused});
        }
        ++log.calls;
        std::string body(wire().before_user);
        text::append_json_string(body, session->user);
        return respond({200, body.append(wire().after_user)});
    }

  private:
    using form = std::map<std::string, std::string, std::less<>>;
    using members = std::vector<std::pair<std::string, std::string>>; // names, and the JSON of their values

    http_response exchange(std::string_view grant, timestamp now, const member_changes& changes) {
        auto* const session = state.take_grant(grant);
        if (session == nullptr) return refuse_grant();
        ++log.logins;
        log.refresh_tokens_displaced += state.keep_newest_sessions(session->user, limits().refresh_tokens);
        return issue(*session, true, now, changes);
    }

    http_response refresh(std::string_view refresh_token, timestamp now, const member_changes& changes) {
        const auto use = state.take_refresh_token(refresh_token, now, options);
        if (use.was_spent) ++(use.taken != nullptr ? log.replayed : log.reused);
        if (use.taken == nullptr) return refuse_grant();
        if (!state.count_access_token(*use.taken, now, limits())) return throttle();
        ++log.refreshes;
        return issue(*use.taken, false, now, changes);
    }

    http_response issue_to_client(timestamp now, const member_changes& changes) {
        ++log.client_tokens;
        member_changes without_refresh_token = changes;
        without_refresh_token.try_emplace("refresh_token", "");
        return issue(new_session(options.client_id), true, now, without_refresh_token);
    }

    /// A device asks for tokens (RFC 8628 3.5).
    http_response poll(std::string_view device_code, timestamp now, const member_changes& changes) {
        ++log.device_polls;
        const auto at = devices.find(device_code);
        if (at == devices.end()) return refuse_grant();
        device_login& login = at->second;
        const timestamp allowed = login.last_poll + options.device_interval + login.slowed;
        login.last_poll = now;
        if (now >= login.ends) return refuse(400, "expired_token");
        if (now < allowed) {
            login.slowed += std::chrono::seconds{5};
            return refuse(400, "slow_down");
        }
        if (login.is_denied) return refuse(400, "access_denied");
        if (login.user.empty()) return refuse(400, "authorization_pending");
        ++log.logins;
        fake_server_state::session& session = new_session(login.user);
        devices.erase(at);
        return issue(session, true, now, changes);
    }

    fake_server_state::session& new_session(const std::string& user) {
        return *state.take_grant(state.add_grant(user).reveal());
    }

    http_response issue(fake_server_state::session& session, bool login, timestamp now, const member_changes& changes) {
        const secret access = state.add_access_token(session, now + options.token_life);
        log.access_tokens_displaced += state.keep_newest_access_tokens(session, limits().active_access_tokens, now);
        members answer{{"access_token", quoted(access.reveal())}};
        if (wire().rotates || login) answer.emplace_back("refresh_token", quoted(session.refresh_token));
        if (wire().has_api_domain) answer.emplace_back("api_domain", quoted(options.origin));
        answer.emplace_back("token_type", "\"Bearer\"");
        const auto life = options.token_life.count();
        if (options.legacy_expiry) answer.emplace_back("expires_in_sec", std::to_string(life / 1000));
        answer.emplace_back("expires_in", std::to_string(options.legacy_expiry ? life : life / 1000));
        change(answer, options.members);
        change(answer, changes);
        return respond({200, to_object(answer)});
    }

    /// The limits that apply. A limit of 0 means that there is none.
    zoho_limits limits() const {
        if (wire().has_limits) return options.limits;
        return {.access_tokens = 0, .active_access_tokens = 0, .refresh_tokens = 0};
    }

    http_response refuse_grant() {
        ++log.refused;
        return refuse(400, wire().invalid_grant);
    }

    http_response throttle() {
        ++log.throttled;
        const zoho_throttle shape = options.limits.refusal;
        return respond({shape == zoho_throttle::status_200 ? 200 : 400,
                        "{\"error_description\":\"You have made too many requests continuously. Please try again after "
                        "some time.\",\"error\":" +
                            quoted(shape == zoho_throttle::access_denied ? "access_denied" : "Access Denied") +
                            ",\"status\":\"failure\"}"});
    }

    http_response refuse(int status, std::string_view code) const {
        return respond({wire().errors_have_a_status ? status : 200, "{\"error\":" + quoted(code) + "}"});
    }

    bool is_client(const http_request& request, const form& fields) const {
        const std::string basic = "Basic " + text::to_base64(text::form_encode(options.client_id) + ":" +
                                                             text::form_encode(options.client_secret.reveal()));
        if (const auto header = find_header(request.headers, "Authorization"); !header.empty()) return header == basic;
        return value(fields, "client_id") == options.client_id &&
               value(fields, "client_secret") == options.client_secret.reveal();
    }

    static void change(members& answer, const member_changes& changes) {
        for (const auto& changed : changes) {
            const auto at = std::find_if(answer.begin(), answer.end(),
                                         [&](const auto& member) { return member.first == changed.first; });
            if (at == answer.end())
                answer.emplace_back(changed);
            else
                at->second = changed.second;
        }
    }

    static std::string to_object(const members& answer) {
        std::string out;
        for (const auto& [name, json] : answer)
            if (!json.empty()) out += (out.empty() ? '{' : ',') + quoted(name) + ':' + json;
        return out.empty() ? "{}" : out + '}';
    }

    static std::string quoted(std::string_view text) {
        std::string out;
        text::append_json_string(out, text);
        return out;
    }

    static http_response respond(const detail::wire_response& given) {
        if (given.body.empty()) return {.status = given.status};
        return {.status = given.status,
                .headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
                .body = std::string(given.body)};
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
};

}}} // namespace tokenkeep::v1::testing

#endif
