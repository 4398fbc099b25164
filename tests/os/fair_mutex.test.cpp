// SPDX-License-Identifier: MIT
#include <tokenkeep/os/fair_mutex.hpp>

#include "support/catch.hpp"
#include "support/turns.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

using tokenkeep::detail::fair_mutex;
using namespace std::chrono_literals;

namespace {

const auto now = [] { return std::chrono::steady_clock::now(); };

/// Returns when a writer waits, or has given up: if others hold the mutex for reading, new readers then cannot enter.
void wait_until_a_writer_waits(fair_mutex& mutex, const std::atomic<bool>& has_given_up = false) {
    const auto end = now() + 60s;
    while (!has_given_up && mutex.try_lock_shared()) {
        mutex.unlock_shared();
        REQUIRE(now() < end);
        std::this_thread::yield();
    }
}

} // namespace

TEST_CASE("fair_mutex: readers share it, a writer has it alone, and a thread that finds it taken is told so", "[os]") {
    fair_mutex mutex;
    CHECK(mutex.try_lock_shared());
    CHECK(mutex.try_lock_shared());
    CHECK(mutex.try_lock_shared_until(now()));
    CHECK_FALSE(mutex.try_lock());
    CHECK_FALSE(mutex.try_lock_until(now() + 1ms));
    for (int reader = 0; reader < 3; ++reader) mutex.unlock_shared();
    CHECK(mutex.try_lock());
    CHECK_FALSE(mutex.try_lock());
    CHECK_FALSE(mutex.try_lock_shared());
    CHECK_FALSE(mutex.try_lock_until(now() + 1ms));
    CHECK_FALSE(mutex.try_lock_shared_until(now() + 1ms));
    mutex.unlock();
    CHECK(mutex.try_lock_until(now())); // those that gave up have left nothing behind
    mutex.unlock();
    CHECK(mutex.try_lock_shared_until(now()));
    mutex.unlock_shared();
    const std::lock_guard alone(mutex);
}

TEST_CASE("fair_mutex: a timed writer gives up no earlier than it was told, and readers then enter again", "[os]") {
    fair_mutex mutex;
    mutex.lock_shared();
    std::atomic<bool> has_given_up = false;
    std::atomic<int> entered = 0;
    const auto until = now() + 100ms;
    std::thread writer([&] { has_given_up = !mutex.try_lock_until(until); });
    wait_until_a_writer_waits(mutex, has_given_up);
    std::vector<std::thread> readers;
    for (int n = 0; n < 3; ++n) {
        readers.emplace_back([&] {
            mutex.lock_shared();
            ++entered;
            mutex.unlock_shared();
        });
    }
    for (std::thread& reader : readers) reader.join(); // although the first reader never leaves
    writer.join();
    CHECK(has_given_up);
    CHECK(now() >= until);
    CHECK(entered == 3);
    CHECK(mutex.try_lock_shared());
    mutex.unlock_shared();
    mutex.unlock_shared();
    CHECK(mutex.try_lock());
    mutex.unlock();
}

TEST_CASE("fair_mutex: while a writer waits new readers wait, and all of them enter when it leaves", "[os]") {
    fair_mutex mutex;
    mutex.lock_shared();
    int value = 0; // guarded by the mutex
    std::thread writer([&] {
        const std::lock_guard lock(mutex);
        value = 1;
    });
    wait_until_a_writer_waits(mutex);
    CHECK_FALSE(mutex.try_lock_shared_until(now() + 1ms));
    std::atomic<int> seen = 0;
    std::vector<std::thread> readers;
    for (int n = 0; n < 3; ++n) {
        readers.emplace_back([&] {
            const std::shared_lock lock(mutex);
            seen += value;
        });
    }
    CHECK(value == 0);
    mutex.unlock_shared();
    writer.join();
    for (std::thread& reader : readers) reader.join();
    CHECK(seen == 3);
}

TEST_CASE("fair_mutex: eight readers do not keep a writer out, and writers do not keep a reader out", "[os]") {
    fair_mutex mutex;
    long value = 0; // guarded by the mutex
    std::atomic<bool> is_torn = false;
    const auto read = [&] {
        const std::shared_lock lock(mutex);
        if (value % 2 != 0) is_torn = true;
    };
    const auto write = [&] {
        const std::lock_guard lock(mutex);
        ++value;
        ++value;
    };
    const auto write_slowly = [&] {
        const std::lock_guard lock(mutex);
        ++value;
        std::this_thread::yield(); // so that another writer waits when this one leaves
        ++value;
    };
    CHECK(tests::turns_beside_a_crowd(8, read, 200, write, 10'000'000) == 200);
    CHECK(value == 400);
    CHECK(tests::turns_beside_a_crowd(4, write_slowly, 200, read, 100'000) == 200);
    CHECK_FALSE(is_torn);
}

TEST_CASE("fair_mutex: each that waits is woken, also among those that give up", "[os]") {
    fair_mutex mutex;
    long written = 0; // guarded by the mutex
    std::atomic<long> expected = 0;
    std::vector<std::thread> threads;
    for (unsigned n = 0; n < 8; ++n) {
        threads.emplace_back([&, n] {
            for (int round = 0; round < 2'000; ++round) {
                const auto soon = now() + std::chrono::microseconds((round * 7 + 13 * static_cast<int>(n)) % 50);
                switch ((static_cast<unsigned>(round) + n) % 4) {
                case 0: mutex.lock(); break;
                case 1:
                    if (!mutex.try_lock_until(soon)) continue;
                    break;
                case 2: {
                    const std::shared_lock lock(mutex);
                    std::this_thread::yield();
                    continue;
                }
                default:
                    if (mutex.try_lock_shared_until(soon)) mutex.unlock_shared();
                    continue;
                }
                ++written;
                ++expected;
                mutex.unlock();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(written == expected);
    CHECK(written >= 8 * 500);
    CHECK(mutex.try_lock());
}
