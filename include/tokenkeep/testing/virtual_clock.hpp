// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_VIRTUAL_CLOCK_HPP
#define TOKENKEEP_TESTING_VIRTUAL_CLOCK_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/clock.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace tokenkeep { inline namespace v1 { namespace testing {

/// A clock that only the test moves. Give it to a keeper and to a fake_server, and hours pass at once.
///
///   testing::virtual_clock clock;
///   keeper keep{store, transport, provider, {}, ignore_events{}, clock};
///   clock.advance(1h);
///
/// A sleep returns immediately and moves the clock to the moment at which the sleep ends. A wait for another thread is
/// a real wait. It ends when the other thread makes the predicate true, or when the clock reaches the given moment.
/// Many threads may use the clock at once.
class virtual_clock {
  public:
    using time_point = std::chrono::steady_clock::time_point;

    /// A clock that shows `start`.
    explicit virtual_clock(timestamp start = timestamp{std::chrono::milliseconds{1'700'000'000'000}}) : wall_(start) {}

    /// The wall clock. advance, jump and sleep_until change it.
    timestamp now() const {
        const std::lock_guard lock(mutex_);
        return wall_;
    }
    /// The clock that never goes back. advance and sleep_until change it.
    time_point steady_now() const {
        const std::lock_guard lock(mutex_);
        return steady_;
    }

    /// Moves both clocks.
    ///   clock.advance(59min);
    void advance(std::chrono::milliseconds time) {
        const std::lock_guard lock(mutex_);
        wall_ += time;
        steady_ += time;
    }

    /// Moves the wall clock only, forward or back, as when a user corrects the machine's time.
    ///   clock.jump(-1h);
    void jump(std::chrono::milliseconds time) {
        const std::lock_guard lock(mutex_);
        wall_ += time;
    }

    /// Moves both clocks to `t`, unless that moment has passed.
    void sleep_until(time_point t) {
        const std::lock_guard lock(mutex_);
        if (t <= steady_) return;
        const auto time = std::chrono::ceil<std::chrono::milliseconds>(t - steady_);
        wall_ += time;
        steady_ += time;
    }

    /// Waits until predicate() is true or the steady clock has reached `t`; gives predicate().
    template <class Predicate>
    bool wait_until(std::condition_variable& changed, std::unique_lock<std::mutex>& lock, time_point t,
                    Predicate predicate) {
        while (!predicate()) {
            if (steady_now() >= t) return false;
            changed.wait_for(lock, std::chrono::milliseconds{1});
        }
        return true;
    }

  private:
    mutable std::mutex mutex_{};
    timestamp wall_;
    time_point steady_{std::chrono::hours{1}};
};

}}} // namespace tokenkeep::v1::testing

#endif
