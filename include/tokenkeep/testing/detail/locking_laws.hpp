// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_DETAIL_LOCKING_LAWS_HPP
#define TOKENKEEP_TESTING_DETAIL_LOCKING_LAWS_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/testing/detail/law_check.hpp>
#include <tokenkeep/testing/detail/watched_call.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <future>
#include <latch>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace testing::detail {

/// Asks a store for locks on other threads, and watches these threads. If lock_token does not come back, this reports
/// that L2 is broken and releases the lock that the call waits for, so that the thread can end.
template <class Store, class Check>
class lock_watch {
  public:
    using milliseconds = std::chrono::milliseconds;
    using guard = decltype(std::declval<Store&>().lock_token(std::declval<const std::string&>(), deadline()));
    using lock = std::unique_ptr<guard>; // null if the lock was not obtained

    /// What became of one call of lock_token.
    struct attempt {
        lock obtained{};
        deadline until{};
        deadline ended{};
    };

    static constexpr milliseconds brief{30};

    /// `ample` is the time for what must succeed. It is long, because the machine may be busy. A store that once needed
    /// all of it gets less from then on.
    lock_watch(std::shared_ptr<Store> store, Check& check, milliseconds& ample)
        : store_(std::move(store)), check_(check), ample_(ample) {}

    /// Obtains a lock that is free. Null if that fails.
    lock take(const std::string& key) {
        lock taken = finish(start(key, ample_)).obtained;
        if (!taken) lose_patience();
        return taken;
    }

    /// Whether another thread obtains the lock while `held` is held. If its call does not come back, `held` is null
    /// afterwards.
    bool others_obtain(const std::string& key, lock& held) {
        return finish(start(key, brief), &held).obtained != nullptr;
    }

    /// Whether a thread that holds the lock obtains it a second time.
    bool holder_obtains(const std::string& key) {
        std::promise<attempt> promise;
        std::future<attempt> first = promise.get_future();
        watched_call<attempt> second([store = store_, key, ample = ample_, promise = std::move(promise)]() mutable {
            promise.set_value(ask(*store, key, after(ample)));
            return ask(*store, key, after(brief));
        });
        if (first.wait_for(2 * ample_) != std::future_status::ready) return blame(), false;
        lock held = first.get().obtained;
        return finish(std::move(second), &held).obtained != nullptr;
    }

    /// Calls lock_token on another thread.
    watched_call<attempt> start(const std::string& key, milliseconds patience) const {
        return watched_call<attempt>([store = store_, key, patience] { return ask(*store, key, after(patience)); });
    }

    /// Waits for that call, at least until ample time after its deadline.
    attempt finish(watched_call<attempt> call, lock* in_the_way = nullptr) {
        if (call.is_over_by(after(2 * ample_))) return call.result();
        blame();
        if (in_the_way != nullptr) in_the_way->reset();
        (void)call.is_over_by(after(ample_));
        return {};
    }

    /// Calls lock_token. Nothing is obtained if the store says lock_timeout, in either of the two ways.
    static attempt ask(Store& store, const std::string& key, deadline until) {
        attempt made{.until = until};
        try {
            made.obtained.reset(new guard(tokenkeep::detail::require_locked(store.lock_token(key, until))));
        } catch (const std::system_error& fault) {
            if (fault.code() != errc::lock_timeout) throw;
        }
        made.ended = std::chrono::steady_clock::now();
        return made;
    }

    /// Reports a call that does not come back.
    void blame() {
        check_.law("L2", [&] {
            check_.expect(false, "lock_token comes back at its deadline; one call was still waiting long after it");
        });
        lose_patience();
    }
    void lose_patience() { ample_ = (std::min)(ample_, milliseconds{500}); }

    static deadline after(milliseconds time) { return std::chrono::steady_clock::now() + time; }

  private:
    std::shared_ptr<Store> store_; // a thread that is left behind goes on using it
    Check& check_;
    milliseconds& ample_;
};

/// What the threads of one test share.
template <class Store>
struct lock_crowd {
    std::shared_ptr<Store> store{};
    std::latch all_are_here{static_cast<std::ptrdiff_t>(threads_of_a_law)};
    std::atomic<int> inside = 0, collisions = 0, rounds = 0;
};

template <class Make, class Check>
void locking_laws(Make& make, Check& check) {
    using store = std::remove_cvref_t<decltype(make())>;
    using watch = lock_watch<store, Check>;
    std::chrono::milliseconds ample{5'000};
    const auto new_store = [&] { return std::shared_ptr<store>(new store(make())); };
    const auto watch_new_store = [&] { return watch(new_store(), check, ample); };

    check.law("L1", [&] {
        watch locks = watch_new_store();
        auto held = locks.take("key");
        check.expect(held != nullptr, "a free lock is obtained");
        if (!held) return;
        check.expect(!locks.others_obtain("key", held), "another thread does not obtain a lock that is held");
        if (!held) return;
        check.expect(locks.take("other") != nullptr, "another key is free");
        check.expect(locks.take("ke") != nullptr, "a key that is the beginning of one that is held is free");
    });

    check.law("L1", [&] {
        check.expect(!watch_new_store().holder_obtains("key"),
                     "the thread that holds it does not obtain it a second time");
    });

    check.law("L1", [&] {
        const auto shared = new_store();
        watch locks(shared, check, ample);
        shared->save_token(login("ada"));
        auto held = locks.take("key");
        watched_call<std::array<bool, 3>> work([shared] {
            shared->save_token(login("bob"));
            const bool is_found = shared->find_token({.user_name = "bob"}).has_value();
            const bool both_given = rows_of(*shared).size() == 2;
            shared->delete_token(only_row_of(*shared, "bob").id);
            shared->delete_tokens();
            return std::array{is_found, both_given, rows_of(*shared).empty()};
        });
        const bool all_work = work.is_over_by(watch::after(2 * ample));
        check.expect(all_work, "the six operations do not wait for the lock");
        held.reset();
        if (!all_work && !work.is_over_by(watch::after(ample))) return;
        const auto [is_found, both_given, are_gone] = work.result();
        check.expect(is_found, "find and save work under the lock");
        check.expect(both_given, "get_tokens works under the lock");
        check.expect(are_gone, "deleting works under the lock");
    });

    check.law("L1", [&] {
        const std::shared_ptr<lock_crowd<store>> crowd(new lock_crowd<store>{new_store()});
        watch locks(crowd->store, check, ample);
        std::vector<watched_call<void>> threads;
        for (std::size_t n = 0; n < threads_of_a_law; ++n)
            threads.emplace_back([crowd, ample] {
                crowd->all_are_here.arrive_and_wait();
                for (int round = 0; round < 10; ++round) {
                    const auto held = watch::ask(*crowd->store, "key", watch::after(ample)).obtained;
                    if (!held) return;
                    if (++crowd->inside > 1) ++crowd->collisions;
                    std::this_thread::sleep_for(std::chrono::microseconds(200));
                    --crowd->inside;
                    ++crowd->rounds;
                }
            });
        for (int seen = -1; const auto& thread : threads) {
            while (!thread.is_over_by(watch::after(2 * ample)) && seen != crowd->rounds) seen = crowd->rounds;
            if (!thread.is_over_by(deadline())) return locks.blame();
        }
        check.expect(crowd->collisions == 0, "no two threads are under one key at once");
        const bool all_in_time = crowd->rounds == 10 * static_cast<int>(threads_of_a_law);
        check.expect(all_in_time, "every thread obtains the lock in time");
        if (!all_in_time) locks.lose_patience();
        for (auto& thread : threads) thread.result();
    });

    check.law("L2", [&] {
        watch locks = watch_new_store();
        auto held = locks.take("key");
        for (int round = 0; held && round < 3; ++round) {
            const auto second = locks.finish(locks.start("key", watch::brief), &held);
            check.expect(!second.obtained, "a deadline that passes is errc::lock_timeout");
            check.expect(second.ended >= second.until && second.ended < second.until + ample,
                         "the wait ends at the deadline, in real time");
        }
    });

    check.law("L3", [&] {
        watch locks = watch_new_store();
        std::thread([taken = locks.take("key")]() mutable { taken.reset(); }).join();
        check.expect(locks.take("key") != nullptr, "a guard destroyed on another thread releases the lock");
        check.expect(locks.take("key") != nullptr, "a guard destroyed releases the lock");
    });

    check.law("L3", [&] {
        watch locks = watch_new_store();
        auto held = locks.take("key");
        auto waiting = locks.start("key", ample);
        std::this_thread::sleep_for(watch::brief); // by now it most likely waits
        held.reset();
        check.expect(locks.finish(std::move(waiting)).obtained != nullptr,
                     "a thread that waits obtains the lock when it is released");
    });

    check.law("L4", [&] {
        using guard = typename watch::guard;
        watch locks = watch_new_store();
        auto held = locks.take("key");
        check.expect(held != nullptr, "a free lock is obtained");
        if (!held) return;
        auto moved = std::make_unique<guard>(guard(std::move(*held)));
        held.reset();
        check.expect(!locks.others_obtain("key", moved), "a guard that was moved still holds the lock");
        moved.reset();
        check.expect(locks.take("key") != nullptr, "the guard it was moved to releases it");
    });
}

}}} // namespace tokenkeep::v1::testing::detail

#endif
