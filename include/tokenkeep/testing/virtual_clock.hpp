// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_VIRTUAL_CLOCK_HPP
#define TOKENKEEP_TESTING_VIRTUAL_CLOCK_HPP

#include <tokenkeep/clock.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace tokenkeep { inline namespace v0 { namespace testing {

/// Time that a test owns. It stands still until the test advances it, or a thread sleeps: a sleep takes no time at all
/// and leaves the clock at the moment it was to last until. A thread that waits for others goes on when they let it,
/// or when the time has come.
class virtual_clock {
  public:
    using time_point = std::chrono::steady_clock::time_point;

    explicit virtual_clock(timestamp start = timestamp{std::chrono::milliseconds{1'700'000'000'000}}) : wall_(start) {}

    timestamp now() const {
        const std::lock_guard lock(mutex_);
        return wall_;
    }
    time_point steady_now() const {
        const std::lock_guard lock(mutex_);
        return steady_;
    }

    /// Time passes.
    void advance(std::chrono::milliseconds time) {
        const std::lock_guard lock(mutex_);
        wall_ += time;
        steady_ += time;
    }

    /// Somebody sets the wall clock, forward or back; steady time does not pass.
    void jump(std::chrono::milliseconds time) {
        const std::lock_guard lock(mutex_);
        wall_ += time;
    }

    void sleep_until(time_point t) {
        const std::lock_guard lock(mutex_);
        if (t <= steady_) return;
        const auto time = std::chrono::ceil<std::chrono::milliseconds>(t - steady_);
        wall_ += time;
        steady_ += time;
    }

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

}}} // namespace tokenkeep::v0::testing

#endif
