// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_TURNS_HPP
#define TOKENKEEP_DETAIL_STORE_TURNS_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/store/read_lock.hpp>
#include <tokenkeep/error.hpp>

#include <atomic>
#include <chrono>
#include <exception>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The threads of a store take turns. Each waits for its turn until its own deadline. `Mutex` is the policy's.
///
/// What a thread does in its turn may wait too, for another process or for a server, and fail because its time is over.
/// A thread that has waited through such a failure throws errc::lock_timeout with that failure nested, unless it has
/// more time left than the other one had.
template <class Mutex>
class turns {
  public:
    /// Gives act(), while no other thread has a turn. Throws errc::lock_timeout if `until` comes first.
    template <class Act>
    auto take(deadline until, Act act) {
        const unsigned seen = failures_.load(std::memory_order_relaxed);
        const turn mine(mutex_, until);
        const deadline begun = std::chrono::steady_clock::now();
        if (failures_.load(std::memory_order_relaxed) != seen && until - begun < had_) fail_too();
        try {
            return act();
        } catch (...) {
            if (std::chrono::steady_clock::now() >= until) {
                had_ = until - begun;
                why_ = std::current_exception();
                failures_.fetch_add(1, std::memory_order_relaxed);
            }
            throw;
        }
    }

    /// Gives look(), while no other thread has a turn, but perhaps others look too. Throws as take does.
    template <class Look>
    auto share(deadline until, Look look) {
        const read_lock<Mutex> reading(mutex_, until);
        return look();
    }

  private:
    class turn {
      public:
        turn(Mutex& mutex, deadline until) : mutex_(mutex) {
            if constexpr (requires { mutex.try_lock_until(until); }) {
                if (!mutex.try_lock_until(until)) throw no_turn();
            } else {
                mutex.lock();
            }
        }
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;
        ~turn() { mutex_.unlock(); }

      private:
        Mutex& mutex_;
    };

    [[noreturn]] void fail_too() const {
        try {
            std::rethrow_exception(why_);
        } catch (...) {
            std::throw_with_nested(no_turn()); // what the other one says of its change is not true of this one
        }
    }

    Mutex mutex_{};
    std::atomic<unsigned> failures_{0}; ///< How many turns failed because their time was over.
    // Guarded by the mutex; about the last of these:
    std::chrono::steady_clock::duration had_{0}; ///< How much time it had.
    std::exception_ptr why_{};
};

}}} // namespace tokenkeep::v1::detail

#endif
