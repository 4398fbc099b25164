// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OS_WAIT_FOR_LOCK_HPP
#define TOKENKEEP_OS_WAIT_FOR_LOCK_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/error.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Calls `try_lock()` until it returns true: a few times at once, because most locks are held for less than a pause
/// lasts; then after pauses of real time, which grow from `pause` to `longest`. Throws errc::lock_timeout after
/// `until`.
template <class TryLock>
void wait_for_lock(TryLock try_lock, const std::string& path, deadline until, std::chrono::microseconds pause,
                   std::chrono::microseconds longest) {
    for (int tries = 1; !try_lock(); ++tries) {
        const auto now = std::chrono::steady_clock::now();
        if (now >= until) throw error(errc::lock_timeout, "tokenkeep: another holds the lock on " + path);
        if (tries <= 5) {
            std::this_thread::yield();
            continue;
        }
        const auto lag = pause * (now.time_since_epoch().count() % 16) / 32; // so that not all threads wake together
        std::this_thread::sleep_until((std::min)(until, now + pause - lag));
        pause = (std::min)(pause * 2, longest);
    }
}

}}} // namespace tokenkeep::v1::detail

#endif
