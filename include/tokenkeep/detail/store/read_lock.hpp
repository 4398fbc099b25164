// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_READ_LOCK_HPP
#define TOKENKEEP_DETAIL_STORE_READ_LOCK_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/error.hpp>

namespace tokenkeep { inline namespace v1 { namespace detail {

inline error no_turn() {
    return error(errc::lock_timeout, "tokenkeep: other threads of this program keep the store busy");
}

/// Locks a mutex for reading. If the mutex has lock_shared(), several readers may hold it at once.
template <class Mutex>
class read_lock {
  public:
    explicit read_lock(Mutex& mutex) : mutex_(mutex) {
        if constexpr (shared)
            mutex_.lock_shared();
        else
            mutex_.lock();
    }
    /// Throws errc::lock_timeout if `until` comes first. A mutex that cannot wait with a deadline waits without one.
    read_lock(Mutex& mutex, deadline until) : mutex_(mutex) {
        if constexpr (requires { mutex.try_lock_shared_until(until); }) {
            if (!mutex.try_lock_shared_until(until)) throw no_turn();
        } else if constexpr (!shared && requires { mutex.try_lock_until(until); }) {
            if (!mutex.try_lock_until(until)) throw no_turn();
        } else if constexpr (shared) {
            mutex.lock_shared();
        } else {
            mutex.lock();
        }
    }
    read_lock(const read_lock&) = delete;
    read_lock& operator=(const read_lock&) = delete;
    ~read_lock() {
        if constexpr (shared)
            mutex_.unlock_shared();
        else
            mutex_.unlock();
    }

  private:
    static constexpr bool shared = requires(Mutex & mutex) { mutex.lock_shared(); };
    Mutex& mutex_;
};

}}} // namespace tokenkeep::v1::detail

#endif
