// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_TURNS_HPP
#define TOKENKEEP_DETAIL_STORE_TURNS_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/error.hpp>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The threads of a store take turns. Each waits for its turn until its own deadline. `Mutex` is the policy's. If it
/// has no function with a deadline, a thread waits for its turn without one.
template <class Mutex>
class turns {
  public:
    /// Gives act(), while no other thread has a turn. Throws errc::lock_timeout if `until` comes first.
    template <class Act>
    auto take(deadline until, Act act) {
        const turn mine(mutex_, until);
        return act();
    }

    /// Gives look(). If the mutex has lock_shared(), several threads may look at once. Throws as take does.
    template <class Look>
    auto share(deadline until, Look look) {
        if constexpr (requires(Mutex & mutex) { mutex.lock_shared(); }) {
            const shared_turn ours(mutex_, until);
            return look();
        } else {
            return take(until, look);
        }
    }

  private:
    class turn {
      public:
        turn(Mutex& mutex, deadline until) : mutex_(mutex) {
            if constexpr (requires { mutex.try_lock_until(until); }) {
                if (!mutex.try_lock_until(until)) throw too_late();
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

    class shared_turn {
      public:
        shared_turn(Mutex& mutex, deadline until) : mutex_(mutex) {
            if constexpr (requires { mutex.try_lock_shared_until(until); }) {
                if (!mutex.try_lock_shared_until(until)) throw too_late();
            } else {
                mutex.lock_shared();
            }
        }
        shared_turn(const shared_turn&) = delete;
        shared_turn& operator=(const shared_turn&) = delete;
        ~shared_turn() { mutex_.unlock_shared(); }

      private:
        Mutex& mutex_;
    };

    static error too_late() {
        return error(errc::lock_timeout, "tokenkeep: other threads of this program keep the store busy");
    }

    Mutex mutex_{};
};

}}} // namespace tokenkeep::v1::detail

#endif
