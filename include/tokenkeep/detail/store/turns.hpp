// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_TURNS_HPP
#define TOKENKEEP_DETAIL_STORE_TURNS_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/error.hpp>

#include <mutex>
#include <shared_mutex>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The threads of a store take turns. Each waits for its turn until its own deadline. `Mutex` is the policy's. If it
/// has no function with a deadline, a thread waits for its turn without one.
template <class Mutex>
class turns {
  public:
    /// Gives act(), while no other thread has a turn. Throws errc::lock_timeout if `until` comes first.
    template <class Act>
    auto take(deadline until, Act act) {
        if constexpr (requires { mutex_.try_lock_until(until); }) {
            const std::unique_lock mine(mutex_, until);
            require(mine.owns_lock());
            return act();
        } else {
            const std::lock_guard mine(mutex_);
            return act();
        }
    }

    /// Gives look(). If the mutex has lock_shared(), several threads may look at once. Throws as take does.
    template <class Look>
    auto share(deadline until, Look look) {
        if constexpr (requires { mutex_.try_lock_shared_until(until); }) {
            const std::shared_lock ours(mutex_, until);
            require(ours.owns_lock());
            return look();
        } else if constexpr (requires { mutex_.lock_shared(); }) {
            const std::shared_lock ours(mutex_);
            return look();
        } else {
            return take(until, look);
        }
    }

  private:
    static void require(bool is_locked) {
        if (!is_locked) throw error(errc::lock_timeout, "tokenkeep: other threads of this program keep the store busy");
    }

    Mutex mutex_{};
};

}}} // namespace tokenkeep::v1::detail

#endif
