// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_FAKE_SERVER_HPP
#define TOKENKEEP_TESTING_FAKE_SERVER_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/clock.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/testing/detail/wire.hpp>
#include <tokenkeep/testing/fake_server_endpoints.hpp>
#include <tokenkeep/testing/fake_server_options.hpp>
#include <tokenkeep/testing/fake_server_state.hpp>
#include <tokenkeep/text/url.hpp>
#include <tokenkeep/zoho/provider.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace testing {

/// An authorization server with a protected resource, within the process. It is a transport: give it to a keeper.
///
///   testing::virtual_clock clock;
///   testing::fake_server server{{.token_life = 60s}, clock};
///   keeper keep{store, server, server.provider(), {}, ignore_events{}, clock};
///   keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
///
/// fake_server_options say how the server behaves: rotation with reuse detection, grace, expiry, latency, odd
/// responses, and Zoho's way to speak with its limits. A fault changes what happens to one request. On a virtual_clock
/// everything happens in the same way every time. save_state and load_state carry the sessions to the next run of a
/// program, because a real server outlives its clients. Many threads may call the server at once.
///
/// Time: the server waits for the latency, carries the token request out, waits for latency_after and responds. If that
/// takes as long as the request's timeout or longer, the client gets a transport_error at its timeout and never gets a
/// response. If the server has not carried the request out by then, the request is late: the server carries it out when
/// the latency is over, although its client no longer waits. Every later request to the server sees the effect.
class fake_server {
  public:
    /// A server on the machine's clock.
    explicit fake_server(fake_server_options options = {}) : fake_server(std::move(options), machine_clock()) {}

    /// A server on a clock of the test. The clock must outlive the server.
    template <clock Clock>
    fake_server(fake_server_options options, Clock& clock)
        : server_{.options = std::move(options)},
          now_([&clock] { return clock.now(); }),
          steady_now_([&clock] { return clock.steady_now(); }),
          sleep_until_([&clock](deadline t) { clock.sleep_until(t); }) {}

    /// Carries out a request to any endpoint. A token request throws transport_error if it meets such a fault, or if it
    /// times out.
    http_response operator()(const http_request& request) {
        const auto url = text::parse_url(request.url);
        const std::string_view path = url ? url->target.substr(0, url->target.find('?')) : std::string_view();
        for (const detail::wire& wire : {detail::oauth_wire, detail::zoho_wire}) {
            if (path == wire.token_path) return answer_token_request(request);
            const auto lock = enter();
            if (path == wire.revocation_path) return server_.answer_revocation(request);
            if (path == wire.device_path && !path.empty()) return server_.answer_device_request(request, now_());
            if (path == wire.resource_path) return server_.answer_call(request, now_());
        }
        return {.status = 404};
    }

    /// A new grant token, as the browser brings it back after the user has consented.
    ///   keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
    secret grant(const std::string& user) {
        const auto lock = enter();
        return server_.state.add_grant(user);
    }

    /// The provider for a keeper of this server: endpoints, client id and secret, and the server's grace.
    oauth2_provider provider() const {
        const auto lock = enter();
        const fake_server_options& options = server_.options;
        return {.token_endpoint = options.origin + std::string(detail::oauth_wire.token_path),
                .revocation_endpoint = options.origin + std::string(detail::oauth_wire.revocation_path),
                .replay_grace = options.grace,
                .client_id = options.client_id,
                .client_secret = options.client_secret,
                .device_authorization_endpoint = options.origin + std::string(detail::oauth_wire.device_path)};
    }
    /// A data centre of Zoho's whose every URL leads to this server.
    ///   zoho::provider provider{server.data_center(), zoho::environment::production};
    zoho::data_center data_center() const {
        const auto lock = enter();
        const std::string& origin = server_.options.origin;
        return {.accounts = origin, .api = origin, .sandbox = origin, .developer = origin};
    }
    /// The URL of the protected resource. A call with a valid access token gets the user's name; any other gets 401.
    ///   keep.send({.method = "GET", .url = server.resource()}, {.user_name = "ada"});
    std::string resource() const {
        const auto lock = enter();
        return (server_.options.origin + std::string(server_.wire().resource_path))
            .append(server_.wire().resource_query);
    }

    /// Gives the next token request a fault. Faults wait in a queue: each token request takes one.
    ///   server.next(testing::fault::http(503));
    ///   server.next(testing::fault::kind::lost_answer);
    void next(fault f) {
        const auto lock = enter();
        faults_.push_back(std::move(f));
    }
    void next(fault::kind what) { next(fault{what}); }

    /// Ends the session of that refresh or access token, as if the user had withdrawn the consent.
    void revoke(const secret& token) {
        const auto lock = enter();
        server_.state.revoke(token.reveal());
    }
    /// The user types in the code that a device shows, and consents.
    ///   keep.log_in_with_device({.user_name = "ada"}, [&](const device_prompt& prompt) {
    ///       server.approve(prompt.user_code, "ada");
    ///   });
    void approve(std::string_view user_code, std::string_view user) {
        const auto lock = enter();
        server_.decide_device(user_code, user, true);
    }
    /// The user types in the code that a device shows, and refuses.
    void deny(std::string_view user_code) {
        const auto lock = enter();
        server_.decide_device(user_code, {}, false);
    }
    /// Ends every access token. The sessions go on.
    void expire_access_tokens() {
        const auto lock = enter();
        server_.state.expire_access_tokens(now_());
    }
    /// Whether the server would accept that refresh token now, as the current one of a session that has not ended.
    /// Zoho's limit on how often a refresh token may be used does not count here.
    bool is_live(const secret& refresh_token) const {
        const auto lock = enter();
        return server_.state.is_live(refresh_token);
    }
    /// Changes how the server behaves from now on. A request that is under way keeps its latency.
    ///   server.set_options({.rotate = false});
    void set_options(fake_server_options options) {
        const auto lock = enter();
        server_.options = std::move(options);
    }

    /// What the server has seen so far.
    ///   CHECK(server.log().refreshes == 1);
    fake_server_log log() const {
        const auto lock = enter();
        return server_.log;
    }

    /// The server's sessions as JSON. The text holds secrets. Requests that are under way are not in it.
    ///   file.save(server.save_state().reveal());
    secret save_state() const {
        const auto lock = enter();
        return server_.state.to_json();
    }
    /// Replaces the server's sessions by those of save_state. Throws errc::storage_corrupt if the text is something
    /// else. Requests that are under way meet the new sessions.
    ///   if (const auto state = file.load()) server.load_state(state->reveal());
    void load_state(std::string_view json) {
        const auto lock = enter();
        server_.state = fake_server_state::from_json(json);
    }

  private:
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
        const deadline start = steady_now_();
        const milliseconds timeout = (std::max)(request.timeout, milliseconds{1});
        if (met.what == fault::kind::unreachable) {
            sleep_until(start + (std::min)(met.latency, timeout), lock);
            throw transport_error("fake_server: no connection", false);
        }
        ++server_.log.token_requests;
        server_.log.most_at_once = (std::max)(server_.log.most_at_once, ++in_flight_);
        const milliseconds before = server_.options.latency + met.latency;
        const milliseconds until_answer = before + server_.options.latency_after + met.latency_after;

        if (before >= timeout && is_carried_out(met.what)) {
            late_.emplace(start + before, late_request{request, met.what});
            sleep_until(start + timeout, lock);
            give_up();
        }
        sleep_until(start + (std::min)(before, timeout), lock);
        http_response response;
        if (is_carried_out(met.what)) response = carry_out(request, met.what, now_(), met.members);
        sleep_until(start + (std::min)(until_answer, timeout), lock);
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

    /// What the client receives of a response.
    static http_response deliver(http_response response, fault& met) {
        switch (met.what) {
        case fault::kind::lost_request:
        case fault::kind::lost_answer: throw transport_error("fake_server: connection reset");
        case fault::kind::truncated: response.body.resize(response.body.size() / 2); break;
        case fault::kind::answer_twice: response.body += response.body; break;
        case fault::kind::answer:
        case fault::kind::answer_after: return std::move(met.response);
        case fault::kind::none:
        case fault::kind::unreachable:
        case fault::kind::sent_twice: break;
        }
        return response;
    }

    [[noreturn]] void give_up() {
        ++server_.log.timed_out;
        throw transport_error("fake_server: timed out");
    }

    /// Meanwhile the server serves others. It carries out what is late by then.
    void sleep_until(deadline t, std::unique_lock<std::mutex>& lock) const {
        lock.unlock();
        sleep_until_(t);
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
        const deadline present = steady_now_();
        while (!late_.empty() && late_.begin()->first <= present) {
            const auto one = late_.extract(late_.begin());
            const auto ago = std::chrono::floor<milliseconds>(present - one.key());
            carry_out(one.mapped().request, one.mapped().met, now_() - ago, {});
            --in_flight_;
            ++server_.log.late;
        }
    }

    // Even a look at the server first carries out the late requests; hence `mutable`.
    mutable std::mutex mutex_{};
    mutable fake_server_endpoints server_;
    mutable std::multimap<deadline, late_request> late_{};
    mutable unsigned in_flight_ = 0;
    std::deque<fault> faults_{};
    std::function<timestamp()> now_;
    std::function<deadline()> steady_now_;
    std::function<void(deadline)> sleep_until_;
};

}}} // namespace tokenkeep::v1::testing

#endif
