// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OS_WAIT_FOR_LOCK_HPP
#define TOKENKEEP_OS_WAIT_FOR_LOCK_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/error.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

namespace tokenkeep { inline namespace v0 { namespace detail {

/// Asks `try_lock()` until it is true: a few times at once, as most locks are held for less than a pause lasts, then in
/// growing pauses of real time. Throws errc::lock_timeout when `deadline` passes.
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
        const auto lag = pause * (now.time_since_epoch().count() % 16) / 32; // lest those who wait wake together
        std::this_thread::sleep_until(std::min(until, now + pause - lag));
        pause = std::min(pause * 2, longest);
    }
}

}}} // namespace tokenkeep::v0::detail

#endif
