// SPDX-License-Identifier: MIT
// Readers and writers of a fair_mutex, for the thread sanitizer, by every way in: what the mutex guards is plain data.
// It counts turns without a clock.
#include <tokenkeep/os/fair_mutex.hpp>

#include "support/turns.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <shared_mutex>

int main() {
    tokenkeep::detail::fair_mutex mutex;
    long value = 0; // guarded by the mutex
    std::atomic<int> failures = 0;
    const auto soon = [] { return std::chrono::steady_clock::now() + std::chrono::microseconds(20); };
    const auto look = [&] {
        if (value % 2 != 0) ++failures;
    };
    const auto change = [&] {
        ++value;
        ++value;
    };
    const auto read = [&] {
        const std::shared_lock lock(mutex);
        look();
    };
    const auto write = [&] {
        const std::lock_guard lock(mutex);
        change();
    };
    const auto read_soon = [&] {
        if (!mutex.try_lock_shared_until(soon())) return;
        look();
        mutex.unlock_shared();
    };
    const auto write_soon = [&] {
        if (!mutex.try_lock_until(soon())) return;
        change();
        mutex.unlock();
    };
    const auto everything = [&] {
        write_soon();
        read();
        read_soon();
        write();
    };
    constexpr long patience = 1'000'000;
    if (tests::turns_beside_a_crowd(8, read, 200, write, patience) != 200) ++failures;
    if (tests::turns_beside_a_crowd(4, write, 200, read, patience) != 200) ++failures;
    if (tests::turns_beside_a_crowd(6, everything, 500, everything, patience) != 500) ++failures;
    std::printf("%d failures\n", failures.load());
    return failures == 0 ? 0 : 1;
}
