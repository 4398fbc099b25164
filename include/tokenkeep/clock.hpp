// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_CLOCK_HPP
#define TOKENKEEP_CLOCK_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <algorithm>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <limits>
#include <mutex>
#include <thread>

namespace tokenkeep { inline namespace v1 {

/// A moment in UTC, to the millisecond. Stores keep it as milliseconds since 1970.
using timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

/// A moment until which a caller waits, on the clock that never goes back:
///   keep.access_token(probe, std::chrono::steady_clock::now() + 2s);
using deadline = std::chrono::steady_clock::time_point;

/// Where a keeper gets the time and how it waits, so that a test can control both.
///
/// Shape (the least model):
///   struct c {
///       timestamp                             now();
///       std::chrono::steady_clock::time_point steady_now();
///       void sleep_until(std::chrono::steady_clock::time_point t);
///       bool wait_until(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
///                       std::chrono::steady_clock::time_point t, bool (*predicate)());
///   };
/// Meaning:
///   C1  now gives the wall clock, which may jump. steady_now never goes back.
///   C2  sleep_until returns when steady_now() >= t.
///   C3  wait_until waits on `changed` with `lock` until predicate() is true or steady_now() >= t. It gives
///       predicate(). The keeper passes other callables than function pointers too.
/// May:   not rely on one thread: a keeper calls it from many threads at once.
///   optional: `coarse_now()` gives steady_now(), at most 10 ms late, if that is cheaper. Without it, steady_now is
///   called. Sessions and cached tokens ask it. It counts only if coarse_now and steady_now are functions of the same
///   class.
/// Models: system_clock; testing::virtual_clock.
template <class C>
concept clock = requires(C& c, std::chrono::steady_clock::time_point t, std::condition_variable& changed,
                         std::unique_lock<std::mutex>& lock, bool (*predicate)()) {
    { c.now() } -> std::convertible_to<timestamp>;
    { c.steady_now() } -> std::convertible_to<std::chrono::steady_clock::time_point>;
    c.sleep_until(t);
    { c.wait_until(changed, lock, t, predicate) } -> std::convertible_to<bool>;
};

/// The clocks of the operating system. The default.
struct system_clock {
    timestamp now() const { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }
    std::chrono::steady_clock::time_point steady_now() const { return std::chrono::steady_clock::now(); }
#ifdef CLOCK_MONOTONIC_COARSE // Linux
    /// At a fifth of the cost of steady_now.
    std::chrono::steady_clock::time_point coarse_now() const {
        timespec t{};
        if (::clock_gettime(CLOCK_MONOTONIC_COARSE, &t) != 0) return steady_now();
        return std::chrono::steady_clock::time_point(std::chrono::seconds(t.tv_sec) +
                                                     std::chrono::nanoseconds(t.tv_nsec));
    }
#endif
    void sleep_until(std::chrono::steady_clock::time_point t) const { std::this_thread::sleep_until(t); }
    template <class Predicate>
    bool wait_until(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
                    std::chrono::steady_clock::time_point t, Predicate predicate) const {
        return changed.wait_until(lock, t, predicate);
    }
};

namespace detail {

/// The time from `from` to `to`. It is zero if `to` is earlier, and the longest time if the difference does not fit.
inline std::chrono::milliseconds time_between(timestamp from, timestamp to) {
    if (to <= from) return std::chrono::milliseconds{0};
    const auto gap = static_cast<std::uint64_t>(to.time_since_epoch().count()) -
                     static_cast<std::uint64_t>(from.time_since_epoch().count());
    constexpr auto most = static_cast<std::uint64_t>((std::numeric_limits<std::int64_t>::max)());
    return std::chrono::milliseconds{static_cast<std::int64_t>((std::min)(gap, most))};
}

/// The moment that is `time` before t, or after it if `time` is negative. If that does not fit, the first or the last
/// moment that there is.
inline timestamp time_before(timestamp t, std::chrono::milliseconds time) {
    if (time.count() > 0 && t < (timestamp::min)() + time) return (timestamp::min)();
    if (time.count() < 0 && t > (timestamp::max)() + time) return (timestamp::max)();
    return t - time;
}

/// The moment that comes `time` after t; the last moment that there is if that does not fit.
inline std::chrono::steady_clock::time_point time_after(std::chrono::steady_clock::time_point t,
                                                        std::chrono::milliseconds time) {
    using time_point = std::chrono::steady_clock::time_point;
    const auto room = std::chrono::duration_cast<std::chrono::milliseconds>((time_point::max)() - t);
    return time < room ? t + time : (time_point::max)();
}

} // namespace detail

}} // namespace tokenkeep::v1

#endif
