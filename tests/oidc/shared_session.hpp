// SPDX-License-Identifier: MIT
// One session in a store, on the real server, and the processes and threads that share it.
#ifndef TOKENKEEP_TESTS_OIDC_SHARED_SESSION_HPP
#define TOKENKEEP_TESTS_OIDC_SHARED_SESSION_HPP

#include <tokenkeep/file_store.hpp>
#include <tokenkeep/keeper.hpp>

#include "real_server.hpp"
#include "support/catch.hpp"
#include "support/processes.hpp"
#include "support/shared_memory.hpp"
#include "support/temporary.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <future>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace tests {

using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::steady_clock;
using tokenkeep::token;

inline const client app{"app-post", "app-post-secret", tokenkeep::client_authentication::post};
inline const token ada{.user_name = "ada"};

inline bool is_long() { return std::getenv("TOKENKEEP_TORTURE") != nullptr; }

/// Where a session is: in a file. A place gives stores over it; each process makes its own.
struct in_a_file {
    const temporary_directory folder{};

    tokenkeep::file_store store() const { return tokenkeep::file_store{folder / "tokens.tkj"}; }
};

/// Calls that failed, by what they threw; counted by many processes.
struct failed_calls {
    std::array<std::atomic<int>, 64> by_code{};

    void count(const tokenkeep::error& failure) { ++by_code.at(static_cast<std::size_t>(failure.code().value())); }
    int all() const { return std::accumulate(by_code.begin(), by_code.end(), 0); }
    int of(tokenkeep::errc code) const { return by_code.at(static_cast<std::size_t>(code)); }
    json in_words() const {
        json words = json::object();
        for (std::size_t code = 0; code < by_code.size(); ++code)
            if (by_code[code] != 0)
                words[tokenkeep::error_category().message(static_cast<int>(code))] = by_code[code].load();
        return words;
    }
};

static_assert(std::atomic<int>::is_always_lock_free);

/// Ada's session, the server, and who uses them.
template <class Place>
class basic_shared_session {
  public:
    /// How long the server takes before it answers a token request, and how long an access token lives.
    explicit basic_shared_session(std::chrono::milliseconds answer_delay = 0ms, std::chrono::seconds life = 1s)
        : server_({"--access-token-seconds", std::to_string(life.count()), "--token-delay-ms", "30",
                   "--answer-delay-ms", std::to_string(answer_delay.count()), "--seconds", "240"}),
          life_(life) {
        // Another process logs in, because the processes that this one forks may not share what it has opened. The
        // store is made here: it may start the server of its database.
        auto store = place_.store();
        const auto log_in = [&] { tokenkeep::keeper{store, server_.transport, provider_}.access_token(grant()); };
        expect(in_process(log_in), "the login failed");
    }

    const unsigned workers = is_long() ? 8 : 4; ///< As many processes, and threads in each.
    tokenkeep::keeper_options options{.first_backoff = 50ms, .longest_backoff = 100ms};
    std::vector<tokenkeep::errc> may_fail{};                         ///< What a call may throw,
    steady_clock::time_point calm = steady_clock::time_point::max(); ///< if it begins before.
    steady_clock::time_point end{};                                  ///< Of the work.
    const shared_memory<failed_calls> failed{};                      ///< Those that were allowed to.

    /// One of the processes: its threads call the API until the end. Throws what a call throws, unless `may_fail` has
    /// it.
    template <class Transport = curl_transport, class Observer = tokenkeep::ignore_events,
              class Clock = tokenkeep::system_clock>
    void work(Transport transport = Transport(), Observer observer = {}, Clock clock = Clock()) const {
        auto store = place_.store();
        tokenkeep::keeper keep{store, transport, provider_, options, observer, clock};
        call_until_end(*failed, [&] {
            return [&] { return keep.send({.method = "GET", .url = server_.process.url() + "/me"}, ada).status; };
        });
    }

    /// The same with a tokenkeep::session in each thread. Calls that fail are counted in `failed_here`.
    template <class Transport = curl_transport, class Observer = tokenkeep::ignore_events>
    void work_in_sessions(failed_calls& failed_here, Transport transport = Transport(), Observer observer = {}) const {
        auto store = place_.store();
        tokenkeep::keeper keep{store, transport, provider_, options, observer};
        call_until_end(failed_here, [&] {
            return [this, session = keep.session(ada)]() mutable {
                const std::string token(session.access_token().reveal());
                return server_
                    .transport({.method = "GET",
                                .url = server_.process.url() + "/me",
                                .headers = {{"Authorization", "Bearer " + token}}})
                    .status;
            };
        });
    }

    /// How many threads, of all processes, have made a call that succeeded.
    unsigned at_work() const { return *at_work_; }

    /// Brings the end forward, for all processes.
    void finish() const { *is_over_ = true; }
    bool is_over() const { return *is_over_ || steady_clock::now() >= end; }

    /// Runs `act(n)` in each of the processes, all at once.
    template <class Act>
    void share(Act act) {
        std::vector<pid_t> processes;
        for (unsigned n = 0; n < workers; ++n) processes.push_back(start_process([&] { act(n); }));
        for (const pid_t each : processes) CHECK(ended_well(each));
    }

    /// The user: asks for a token, and logs in again if the session is over. Whether it was.
    template <class Observer = tokenkeep::ignore_events>
    bool log_in_if_lost(Observer observer = {}) const {
        auto store = place_.store();
        tokenkeep::keeper keep{store, curl_transport{}, provider_, options, observer};
        try {
            keep.access_token(ada);
        } catch (const tokenkeep::error& failure) {
            if (failure.code() != tokenkeep::errc::reauthorization_required) {
                if (!is_expected(failure)) throw;
                return false;
            }
            log_in(keep);
            return true;
        }
        return false;
    }

    /// A call that is to succeed.
    void access_token() const {
        tokenkeep::keeper{place_.store(), server_.transport, provider_, options}.access_token(ada);
    }

    json log() const { return server_.log(); }
    /// Whether what is stored is the live token of a session.
    bool is_alive() const { return server_.is_alive(place_.store().find_token(ada).value().refresh_token); }

    /// The session lives, what is stored is its live token, and no refresh token was sent twice or beside another. How
    /// often it was refreshed.
    int check_unharmed() const {
        const json log = server_.log();
        CAPTURE(log, failed->in_words());
        CHECK(log["invalid_grant"] == 0);
        CHECK(log["reuse_detected"] == 0);
        CHECK(log["most_in_flight"] == 1);
        CHECK(log["by_grant_type"]["authorization_code"] == 1);
        CHECK(log["by_grant_type"] == log["successes_by_grant_type"]);
        CHECK(is_alive());
        return log["by_grant_type"]["refresh_token"];
    }

    /// How often its token is refreshed at the most: a fifth before its end.
    int most_refreshes(std::chrono::seconds time) const { return static_cast<int>(time / (life_ * 0.8)) + 1; }

  private:
    /// The threads of a process. `new_call()` gives each a call of its own, which gives the status of the answer.
    template <class NewCall>
    void call_until_end(failed_calls& failed_here, NewCall new_call) const {
        const auto succeeds = [&](auto& call) {
            const auto began = steady_clock::now();
            try {
                expect(call() == 200, "a call is refused");
                return true;
            } catch (const tokenkeep::error& failure) {
                if (!is_expected(failure) || began >= calm) throw;
                failed_here.count(failure);
                return false;
            }
        };
        std::vector<std::future<void>> threads;
        for (unsigned n = 0; n < workers; ++n)
            threads.push_back(std::async(std::launch::async, [&] {
                bool has_succeeded = false;
                for (auto call = new_call(); !is_over(); std::this_thread::sleep_for(20ms))
                    if (succeeds(call) && !std::exchange(has_succeeded, true)) ++*at_work_;
            }));
        for (auto& each : threads) each.get();
    }

    /// A login may be cut off like any call; then the user tries once more.
    template <class Keeper>
    void log_in(Keeper& keep) const {
        for (int tries = 1;; ++tries) {
            try {
                keep.access_token(grant());
                return;
            } catch (const tokenkeep::error& failure) {
                if (!is_expected(failure) || tries == 5) throw;
            }
        }
    }

    bool is_expected(const tokenkeep::error& failure) const {
        const auto is_it = [&](tokenkeep::errc code) { return failure.code() == code; };
        return std::any_of(may_fail.begin(), may_fail.end(), is_it);
    }

    token grant() const { return server_.grant(app, "ada"); }

    const real_server server_;
    const tokenkeep::oauth2_provider provider_ = server_.provider(app);
    const std::chrono::seconds life_;
    const Place place_{};
    const shared_memory<std::atomic<unsigned>> at_work_{};
    const shared_memory<std::atomic<bool>> is_over_{};
};

using shared_session = basic_shared_session<in_a_file>;

} // namespace tests

#endif
