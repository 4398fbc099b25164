// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_READ_LOCK_HPP
#define TOKENKEEP_DETAIL_STORE_READ_LOCK_HPP

namespace tokenkeep { inline namespace v1 { namespace detail {

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
