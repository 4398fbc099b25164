// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_DETAIL_LOCKING_LAWS_HPP
#define TOKENKEEP_TESTING_DETAIL_LOCKING_LAWS_HPP

#include <tokenkeep/testing/detail/law_check.hpp>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v0 { namespace testing::detail {

using std::chrono::milliseconds;

/// A guard, or nullopt where the store says lock_timeout in either way.
template <class Store>
auto lock_within(Store& store, const std::string& key, milliseconds patience) {
    using guard = decltype(store.lock_token(key, std::chrono::steady_clock::now()));
    try {
        return std::optional<guard>(
            tokenkeep::detail::require_locked(store.lock_token(key, std::chrono::steady_clock::now() + patience)));
    } catch (const std::system_error& fault) {
        if (fault.code() != errc::lock_timeout) throw;
        return std::optional<guard>();
    }
}

/// Whether another thread obtains the lock.
template <class Store>
bool others_lock_within(Store& store, const std::string& key, milliseconds patience) {
    bool obtained = false;
    std::thread other([&] {
        try {
            obtained = lock_within(store, key, patience).has_value();
        } catch (const std::exception&) {
            obtained = false;
        }
    });
    other.join();
    return obtained;
}

template <class Make, class Check>
void locking_laws(Make& make, Check& check) {
    constexpr milliseconds brief{30}, ample{2'000};

    check.law("L1", [&] {
        auto store = make();
        store.save_token(login("ada"));
        const auto held = lock_within(store, "key", ample);
        check.expect(held.has_value(), "a free lock is obtained");
        check.expect(!others_lock_within(store, "key", brief), "another thread does not obtain a lock that is held");
        check.expect(!lock_within(store, "key", brief), "the thread that holds it does not obtain it a second time");
        check.expect(others_lock_within(store, "other", ample), "another key is free");
        check.expect(others_lock_within(store, "ke", ample), "a key that is the beginning of one that is held is free");
        std::thread other([&] {
            check.law("L1", [&] {
                store.save_token(login("bob"));
                check.expect(store.find_token({.user_name = "bob"}).has_value(), "find and save work under the lock");
                check.expect(rows_of(store).size() == 2, "get_tokens works under the lock");
                store.delete_token(only_row_of(store, "bob").id);
                store.delete_tokens();
                check.expect(rows_of(store).empty(), "deleting works under the lock");
            });
        });
        other.join();
    });

    check.law("L1", [&] {
        auto store = make();
        std::atomic<int> inside = 0, collisions = 0, rounds = 0;
        std::vector<std::thread> threads;
        for (int n = 0; n < 4; ++n)
            threads.emplace_back([&] {
                try {
                    for (int i = 0; i < 10; ++i) {
                        const auto held = lock_within(store, "key", ample);
                        if (!held) return;
                        if (++inside > 1) ++collisions;
                        std::this_thread::sleep_for(std::chrono::microseconds(200));
                        --inside;
                        ++rounds;
                    }
                } catch (const std::exception&) {
                    ++collisions;
                }
            });
        for (std::thread& thread : threads) thread.join();
        check.expect(collisions == 0, "no two threads are under one key at once, and none fails");
        check.expect(rounds == 40, "every thread has its turn in time");
    });

    check.law("L2", [&] {
        auto store = make();
        const auto held = lock_within(store, "key", ample);
        const auto start = std::chrono::steady_clock::now();
        check.expect(!lock_within(store, "key", brief), "a deadline that passes is errc::lock_timeout");
        const auto waited = std::chrono::steady_clock::now() - start;
        check.expect(waited >= brief && waited < ample, "the wait ends at the deadline, in real time");
    });

    check.law("L3", [&] {
        auto store = make();
        auto held = lock_within(store, "key", ample);
        std::thread other([taken = std::move(held)]() mutable { taken.reset(); });
        other.join();
        check.expect(lock_within(store, "key", ample).has_value(),
                     "a guard destroyed on another thread releases the lock");
        check.expect(others_lock_within(store, "key", ample), "a guard destroyed releases the lock");
    });

    check.law("L3", [&] {
        auto store = make();
        auto held = lock_within(store, "key", ample);
        std::thread other([&] {
            std::this_thread::sleep_for(brief);
            held.reset();
        });
        check.expect(lock_within(store, "key", ample).has_value(), "who waits obtains the lock once it is released");
        other.join();
    });

    check.law("L4", [&] {
        auto store = make();
        auto held = lock_within(store, "key", ample);
        {
            const auto moved = std::move(held);
            held.reset();
            check.expect(!others_lock_within(store, "key", brief), "a guard that was moved still holds the lock");
        }
        check.expect(others_lock_within(store, "key", ample), "the guard it was moved to releases it");
    });
}

}}} // namespace tokenkeep::v0::testing::detail

#endif
