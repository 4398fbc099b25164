// SPDX-License-Identifier: MIT
// A shared session whose users are killed, or hear nothing from the server, and the user who logs in again.
#ifndef TOKENKEEP_TESTS_OIDC_FRAGILE_SESSION_HPP
#define TOKENKEEP_TESTS_OIDC_FRAGILE_SESSION_HPP

#include <tokenkeep/event.hpp>

#include "shared_session.hpp"
#include "support/catch.hpp"
#include "support/shared_memory.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include <signal.h>

namespace tests {

using tokenkeep::errc, tokenkeep::event_kind;

/// Counts that outlive the processes that count.
struct tally {
    std::atomic<int> saved = 0, not_saved = 0, refused = 0, lost = 0, answers = 0, dropped = 0;
    std::atomic<pid_t> spender = 0;

    void operator()(const tokenkeep::event& e) {
        if (e.kind == event_kind::spent) spender = ::getpid();
        if (e.kind == event_kind::saved) ++saved;
        if (e.kind == event_kind::not_saved) ++not_saved;
        if (e.kind == event_kind::refused) ++refused;
        if (e.kind != event_kind::spent && spender == ::getpid()) spender = 0;
    }
};

static_assert(std::atomic<int>::is_always_lock_free && std::atomic<pid_t>::is_always_lock_free);

/// A request without an answer is taken for ended after two seconds. The work goes on for some time, and until a
/// session was lost: what is slow cannot keep that from happening.
template <class Place>
struct basic_fragile_session : basic_shared_session<Place> {
    basic_fragile_session(std::chrono::milliseconds answer_delay, std::chrono::seconds least)
        : basic_shared_session<Place>(answer_delay), least_(steady_clock::now() + least) {
        this->end = steady_clock::now() + least + 100s; // at the latest
        this->options.doubt_expires_after = 2s;
        this->may_fail = {errc::outcome_unknown, errc::reauthorization_required, errc::lock_timeout,
                          errc::transport_failure};
    }

    /// The user logs in again until the end, whenever the session is lost. When that has happened, and the time is
    /// over, the user waits for a second of calm, and then ends the work.
    void look_after(tally& seen) const {
        for (; !this->is_over(); std::this_thread::sleep_for(50ms)) {
            if (this->log_in_if_lost(std::ref(seen))) ++seen.lost;
            if (seen.lost == 0 || steady_clock::now() < least_) continue;
            if (is_calm()) {
                std::this_thread::sleep_for(1s);
                this->finish();
            }
            *is_calm_ = true;
        }
    }

    std::chrono::milliseconds longest_pause = 350ms; ///< Between two kills.

    /// Whether no process is killed any more, and no connection ended.
    bool is_calm() const { return *is_calm_ || steady_clock::now() >= this->end - 1s; }

    /// Runs `work(n)` in each of the processes until the end, and until there is calm kills one after the other, at
    /// first and then every other time the one that is just spending a token, and starts it again. How many it has
    /// killed.
    template <class Work>
    int share_among_mortals(tally& seen, Work work) const {
        std::vector<pid_t> processes;
        const auto start = [&](std::size_t n) { return start_process([&] { work(n); }); };
        for (std::size_t n = 0; n < this->workers; ++n) processes.push_back(start(n));

        const auto seed = std::random_device{}();
        CAPTURE(seed);
        std::minstd_rand chance{seed};
        int kills = 0;
        for (; !is_calm(); ++kills) {
            while (kills == 0 && seen.spender == 0 && !is_calm()) std::this_thread::sleep_for(1ms);
            std::uniform_int_distribution<std::chrono::milliseconds::rep> pause(
                50, (kills == 0 ? 150ms : longest_pause).count());
            std::this_thread::sleep_for(std::chrono::milliseconds(pause(chance)));
            if (is_calm()) break;
            const auto spender = std::find(processes.begin(), processes.end(), seen.spender.load());
            const bool hits_spender = spender != processes.end() && (kills == 0 || chance() % 2 == 0);
            const std::size_t n =
                hits_spender ? static_cast<std::size_t>(spender - processes.begin()) : chance() % processes.size();
            ::kill(processes[n], SIGKILL);
            int status = 0;
            ::waitpid(processes[n], &status, 0);
            CHECK(WIFSIGNALED(status)); // one that has ended by itself has failed
            processes[n] = start(n);
        }
        for (const pid_t each : processes) CHECK(ended_well(each));
        return kills;
    }

    /// After all that: what was lost is what was not saved, was found out by one request each, and the session lives.
    json check_losses(tally& seen) const {
        if (this->log_in_if_lost(std::ref(seen))) ++seen.lost;
        json log = this->log();
        const int lost = seen.lost, rotations = log["successes_by_grant_type"]["refresh_token"];
        const int logins = log["successes_by_grant_type"]["authorization_code"].template get<int>() - 1;
        CAPTURE(log, lost, seen.saved.load(), seen.refused.load(), this->failed->in_words());
        CHECK(lost > 0);
        CHECK(lost <= rotations - (seen.saved - logins)); // each login was saved too
        CHECK(log["reuse_detected"] == lost);
        CHECK(log["most_in_flight"] == 1);
        CHECK(log["resource_rejected"] == 0); // no access token ended before its time
        CHECK_NOTHROW(this->access_token());
        CHECK(this->is_alive());
        return log;
    }

  private:
    const steady_clock::time_point least_;
    const shared_memory<std::atomic<bool>> is_calm_{};
};

} // namespace tests

#endif
