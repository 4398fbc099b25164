// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_FAKE_SERVER_HPP
#define TOKENKEEP_TESTING_FAKE_SERVER_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/testing/fake_server_endpoints.hpp>
#include <tokenkeep/testing/fake_server_options.hpp>
#include <tokenkeep/testing/fake_server_state.hpp>
#include <tokenkeep/text/url.hpp>
#include <tokenkeep/zoho/provider.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v0 { namespace testing {

/// An authorization server with a protected resource, within the process: use it as a transport. Rotation with reuse
/// detection, grace, expiry, revocation, latency, odd answers, Zoho's shapes and limits are settings; faults are given
/// for single requests. On a clock of the test's all of it happens in the same way every time. Its state can be saved
/// as a document and loaded again, as that of a real one would outlive its clients. Safe to call from many threads at
/// once.
///
/// A token request takes the latency before it is carried out and the latency after. It keeps to request.timeout: when
/// that is over, transport_error is thrown, and no answer comes any more. If the request has not been carried out by
/// then, it is late: that happens when its latency is over, whether or not anybody waits, and whatever the server is
/// asked from that moment on finds it done.
class fake_server {
  public:
    explicit fake_server(fake_server_options options = {}) : fake_server(std::move(options), machine_clock()) {}

    /// The same on a clock of the test's, which outlives the server.
    template <clock Clock>
    fake_server(fake_server_options options, Clock& clock)
        : server_{.options = std::move(options)},
          clock_(&clock),
          now_([](void* c) -> timestamp { return static_cast<Clock*>(c)->now(); }),
          steady_now_([](void* c) -> time_point { return static_cast<Clock*>(c)->steady_now(); }),
          sleep_until_([](void* c, time_point t) { static_cast<Clock*>(c)->sleep_until(t); }) {}

    http_response operator()(const http_request& request) {
        const auto url = text::parse_url(request.url);
        const std::string_view path = url ? url->target.substr(0, url->target.find('?')) : std::string_view();
        if (path == "/token" || path == "/oauth/v2/token") return answer_token_request(request);
        const auto lock = enter();
        if (path == "/revoke" || path == "/oauth/v2/token/revoke") return server_.answer_revocation(request);
        if (path == "/me" || path == "/crm/v8/users") return server_.answer_call(request, now_(clock_));
        return {.status = 404};
    }

    /// The user consents in the browser: the grant token that the redirect would carry.
    secret grant(const std::string& user) {
        const auto lock = enter();
        return server_.state.add_grant(user);
    }

    /// How a client reaches this server; `replay_grace` is as the server has it.
    oauth2_provider provider() const {
        const auto lock = enter();
        const fake_server_options& options = server_.options;
        return {.token_endpoint = options.origin + "/token",
                .revocation_endpoint = options.origin + "/revoke",
                .replay_grace = options.grace,
                .client_id = options.client_id,
                .client_secret = options.client_secret};
    }
    /// A data centre of Zoho's that is this server.
    zoho::data_center data_center() const {
        const auto lock = enter();
        const std::string& origin = server_.options.origin;
        return {.accounts = origin, .api = origin, .sandbox = origin, .developer = origin};
    }
    /// The URL of the protected resource; it answers with the user's name, or 401.
    std::string resource() const {
        const auto lock = enter();
        return server_.options.origin + (server_.options.zoho ? "/crm/v8/users?type=CurrentUser" : "/me");
    }

    /// The next token requests meet these faults, in the order in which they were given.
    void next(fault f) {
        const auto lock = enter();
        faults_.push_back(std::move(f));
    }
    void next(fault::kind what) { next(fault{what}); }

    /// The session of that refresh or access token ends on the server's side: the user has withdrawn the consent.
    void revoke(const secret& token) {
        const auto lock = enter();
        server_.state.revoke(token.reveal());
    }
    /// Every access token that is out ends now.
    void expire_access_tokens() {
        const auto lock = enter();
        server_.state.expire_access_tokens(now_(clock_));
    }
    /// Whether that refresh token would be taken now, as the current one of a session that lives. Zoho's limit on how
    /// often does not count.
    bool is_live(const secret& refresh_token) const {
        const auto lock = enter();
        return server_.state.is_live(refresh_token);
    }
    /// Changes how the server behaves from now on. Requests that are under way keep their latency.
    void set_options(fake_server_options options) {
        const auto lock = enter();
        server_.options = std::move(options);
    }

    fake_server_log log() const {
        const auto lock = enter();
        return server_.log;
    }

    /// All that the server knows of its sessions, as JSON. It holds secrets. Requests that are under way are not in it.
    secret save_state() const {
        const auto lock = enter();
        return server_.state.to_json();
    }
    /// The reverse; throws errc::storage_corrupt if the text is no such state. Requests that are still under way meet it.
    void load_state(std::string_view json) {
        const auto lock = enter();
        server_.state = fake_server_state::from_json(json);
    }

  private:
    using time_point = std::chrono::steady_clock::time_point;
    using milliseconds = std::chrono::milliseconds;

    struct late_request {
        http_request request{};
        fault::kind met = fault::kind::none;
    };

    static system_clock& machine_clock() {
        static system_clock clock;
        return clock;
    }

    http_response answer_token_request(const http_request& request) {
        auto lock = enter();
        fault met;
        if (!faults_.empty()) {
            met = std::move(faults_.front());
            faults_.pop_front();
        }
        const time_point start = steady_now_(clock_);
        const milliseconds timeout = std::max(request.timeout, milliseconds{1});
        if (met.what == fault::kind::unreachable) {
            sleep_until(start + std::min(met.latency, timeout), lock);
            throw transport_error("fake_server: no connection", false);
        }
        ++server_.log.token_requests;
        server_.log.most_at_once = std::max(server_.log.most_at_once, ++in_flight_);
        const milliseconds before = server_.options.latency + met.latency;
        const milliseconds until_answer = before + server_.options.latency_after + met.latency_after;

        if (before >= timeout && is_carried_out(met.what)) {
            late_.emplace(start + before, late_request{request, met.what});
            sleep_until(start + timeout, lock);
            give_up();
        }
        sleep_until(start + std::min(before, timeout), lock);
        http_response response;
        if (is_carried_out(met.what)) response = carry_out(request, met.what, now_(clock_), met.members);
        sleep_until(start + std::min(until_answer, timeout), lock);
        --in_flight_;
        if (until_answer >= timeout) give_up();
        return deliver(std::move(response), met);
    }

    static bool is_carried_out(fault::kind met) {
        return met != fault::kind::lost_request && met != fault::kind::answer;
    }

    http_response carry_out(const http_request& request, fault::kind met, timestamp now,
                            const member_changes& changes) const {
        if (met == fault::kind::sent_twice) {
            server_.answer_token_request(request, now, changes);
            ++server_.log.token_requests;
        }
        return server_.answer_token_request(request, now, changes);
    }

    /// What arrives of an answer.
    static http_response deliver(http_response response, fault& met) {
        switch (met.what) {
        case fault::kind::lost_request:
        case fault::kind::lost_answer: throw transport_error("fake_server: connection reset");
        case fault::kind::truncated: response.body.resize(response.body.size() / 2); break;
        case fault::kind::answer_twice: response.body += response.body; break;
        case fault::kind::answer:
        case fault::kind::answer_after: return std::move(met.response);
        default: break;
        }
        return response;
    }

    [[noreturn]] void give_up() {
        ++server_.log.timed_out;
        throw transport_error("fake_server: timed out");
    }

    /// Others are served meanwhile, and what is late by then is carried out.
    void sleep_until(time_point t, std::unique_lock<std::mutex>& lock) const {
        lock.unlock();
        sleep_until_(clock_, t);
        lock.lock();
        catch_up();
    }

    std::unique_lock<std::mutex> enter() const {
        std::unique_lock lock(mutex_);
        catch_up();
        return lock;
    }

    /// Carries out the late requests whose moment has come, each as of that moment.
    void catch_up() const {
        const time_point present = steady_now_(clock_);
        while (!late_.empty() && late_.begin()->first <= present) {
            const auto one = late_.extract(late_.begin());
            const auto ago = std::chrono::floor<milliseconds>(present - one.key());
            carry_out(one.mapped().request, one.mapped().met, now_(clock_) - ago, {});
            --in_flight_;
            ++server_.log.late;
        }
    }

    // What is mutable: whoever looks finds that the late requests have been carried out.
    mutable std::mutex mutex_{};
    mutable fake_server_endpoints server_;
    mutable std::multimap<time_point, late_request> late_{};
    mutable unsigned in_flight_ = 0;
    std::deque<fault> faults_{};
    void* clock_;
    timestamp (*now_)(void*);
    time_point (*steady_now_)(void*);
    void (*sleep_until_)(void*, time_point);
};

}}} // namespace tokenkeep::v0::testing

#endif
