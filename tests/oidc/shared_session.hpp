// SPDX-License-Identifier: MIT
// One session in a file, on the real server, and the processes and threads that share it.
#ifndef TOKENKEEP_TESTS_OIDC_SHARED_SESSION_HPP
#define TOKENKEEP_TESTS_OIDC_SHARED_SESSION_HPP

#include <tokenkeep/file_store.hpp>
#include <tokenkeep/keeper.hpp>

#include "catch.hpp"
#include "processes.hpp"
#include "real_server.hpp"
#include "temporary.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <future>
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

/// Ada's session in a file, the server, and who uses them.
class shared_session {
  public:
    /// How long the server takes before it answers a token request.
    explicit shared_session(std::chrono::milliseconds answer_delay = 0ms)
        : server_({"--access-token-seconds", "1", "--token-delay-ms", "30", "--answer-delay-ms",
                   std::to_string(answer_delay.count()), "--seconds", "240"}) {
        tokenkeep::keeper{store_, server_.transport, provider_}.access_token(grant());
    }

    const unsigned workers = is_long() ? 8 : 4; ///< As many processes, and threads in each.
    tokenkeep::keeper_options options{.first_backoff = 50ms, .longest_backoff = 100ms};
    std::vector<tokenkeep::errc> may_fail{}; ///< What a call may throw.
    steady_clock::time_point end{};          ///< Of the work.

    /// One of the processes: its threads call the API until the end. Throws what a call throws, unless `may_fail` has it.
    template <class Transport = curl_transport, class Observer = tokenkeep::ignore_events,
              class Clock = tokenkeep::system_clock>
    void work(Transport transport = {}, Observer observer = {}, Clock clock = Clock()) const {
        tokenkeep::file_store store{path_};
        tokenkeep::keeper keep{store, transport, provider_, options, observer, clock};
        const auto call = [&] {
            try {
                expect(keep.send({.method = "GET", .url = server_.process.url() + "/me"}, ada).status == 200,
                       "a call is refused");
            } catch (const tokenkeep::error& failure) {
                if (!is_expected(failure)) throw;
            }
        };
        std::vector<std::future<void>> threads;
        for (unsigned n = 0; n < workers; ++n)
            threads.push_back(std::async(std::launch::async, [&] {
                for (; steady_clock::now() < end; std::this_thread::sleep_for(20ms)) call();
            }));
        for (auto& each : threads) each.get();
    }

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
        tokenkeep::file_store store{path_};
        tokenkeep::keeper keep{store, curl_transport{}, provider_, options, observer};
        try {
            keep.access_token(ada);
        } catch (const tokenkeep::error& failure) {
            if (failure.code() != tokenkeep::errc::reauthorization_required) {
                if (!is_expected(failure)) throw;
                return false;
            }
            keep.access_token(grant());
            return true;
        }
        return false;
    }

    /// A call that is to succeed.
    void access_token() { tokenkeep::keeper{store_, server_.transport, provider_, options}.access_token(ada); }

    json log() const { return server_.log(); }
    /// Whether what is stored is the live token of a session.
    bool is_alive() { return server_.is_alive(store_.find_token(ada).value().refresh_token); }

  private:
    bool is_expected(const tokenkeep::error& failure) const {
        const auto is_it = [&](tokenkeep::errc code) { return failure.code() == code; };
        return std::any_of(may_fail.begin(), may_fail.end(), is_it);
    }

    token grant() const { return server_.grant(app, "ada"); }

    const real_server server_;
    const tokenkeep::oauth2_provider provider_ = server_.provider(app);
    const temporary_directory where_{};
    const std::string path_ = where_ / "tokens.tkj";
    tokenkeep::file_store store_{path_};
};

} // namespace tests

#endif
