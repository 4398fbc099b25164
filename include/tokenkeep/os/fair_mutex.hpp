// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OS_FAIR_MUTEX_HPP
#define TOKENKEEP_OS_FAIR_MUTEX_HPP

#include <tokenkeep/clock.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// A mutex that readers share. Readers and writers take turns:
///   - While a writer waits, a new reader waits too. So readers cannot keep a writer out.
///   - If readers wait when a writer leaves, all of them enter before the next writer. So writers cannot keep a reader
///     out.
///   - If several writers wait, any of them may be the next.
/// With glibc's std::shared_mutex, in contrast, readers that read all the time keep a writer out for seconds.
///
/// It is not recursive: if a thread that holds it for reading asks for it again while a writer waits, both wait for
/// ever. Without contention, each function is one atomic operation. Nothing is allocated.
class fair_mutex {
  public:
    fair_mutex() = default;
    fair_mutex(const fair_mutex&) = delete;
    fair_mutex& operator=(const fair_mutex&) = delete;

    void lock() {
        if (!try_lock()) wait_to_write(nullptr);
    }
    bool try_lock() noexcept {
        std::uint32_t free = 0;
        return state_.compare_exchange_strong(free, writing, std::memory_order_acquire, std::memory_order_relaxed);
    }
    /// False if the mutex was not free by then.
    bool try_lock_until(deadline until) { return try_lock() || wait_to_write(&until); }
    void unlock() noexcept {
        std::uint32_t one_writer = writing;
        if (state_.compare_exchange_strong(one_writer, 0, std::memory_order_release, std::memory_order_relaxed)) return;
        const std::lock_guard lock(mutex_);
        state_.fetch_and(~writing, std::memory_order_release);
        if (waiting_readers_ != 0)
            admit_readers();
        else
            writer_may_enter_.notify_one();
    }

    void lock_shared() {
        if (!try_lock_shared()) wait_to_read(nullptr);
    }
    bool try_lock_shared() noexcept {
        std::uint32_t state = state_.load(std::memory_order_relaxed);
        while ((state & (writing | waiting)) == 0)
            if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acquire, std::memory_order_relaxed))
                return true;
        return false;
    }
    /// False if no reader could enter by then.
    bool try_lock_shared_until(deadline until) { return try_lock_shared() || wait_to_read(&until); }
    void unlock_shared() noexcept {
        if (state_.fetch_sub(1, std::memory_order_release) != (waiting | 1)) return;
        const std::lock_guard lock(mutex_); // this was the last reader, and a writer waits
        writer_may_enter_.notify_one();
    }

  private:
    // state_ is the number of readers that hold the mutex, and these bits.
    static constexpr std::uint32_t writing = 0x8000'0000; ///< A writer holds the mutex.
    /// Threads wait. A thread then needs mutex_ to enter. If no writer holds the mutex, at least one writer waits.
    static constexpr std::uint32_t waiting = 0x4000'0000;

    /// Waits until the mutex is free, and takes it. Gives false if `until` came first; null means for ever.
    bool wait_to_write(const deadline* until) {
        std::unique_lock lock(mutex_);
        state_.fetch_or(waiting, std::memory_order_relaxed);
        ++waiting_writers_;
        const auto is_free = [this] { return (state_.load(std::memory_order_acquire) & ~waiting) == 0; };
        const bool enters = wait(writer_may_enter_, lock, until, is_free);
        --waiting_writers_;
        if (enters)
            state_.fetch_or(writing, std::memory_order_relaxed);
        else if (waiting_writers_ == 0 && (state_.load(std::memory_order_relaxed) & writing) == 0)
            admit_readers(); // they waited only for this writer
        forget_waiting_if_none();
        return enters;
    }

    /// Waits until a writer lets the readers in. Gives false if `until` came first; null means for ever.
    bool wait_to_read(const deadline* until) {
        std::unique_lock lock(mutex_);
        const std::uint32_t before = state_.fetch_or(waiting, std::memory_order_acquire);
        const bool is_open = (before & (writing | waiting)) == 0; // the writer has left meanwhile
        ++waiting_readers_;
        if (is_open) admit_readers();
        const std::uint64_t turn = turn_;
        if (is_open || wait(readers_entered_, lock, until, [this, turn] { return turn_ != turn; })) return true;
        --waiting_readers_;
        forget_waiting_if_none();
        return false;
    }

    template <class Condition>
    static bool wait(std::condition_variable& changed, std::unique_lock<std::mutex>& lock, const deadline* until,
                     Condition condition) {
        if (until != nullptr) return changed.wait_until(lock, *until, condition);
        changed.wait(lock, condition);
        return true;
    }

    // The next two are called with mutex_.

    /// All readers that wait hold the mutex from now on.
    void admit_readers() noexcept {
        state_.fetch_add(waiting_readers_, std::memory_order_relaxed);
        waiting_readers_ = 0;
        ++turn_;
        forget_waiting_if_none();
        readers_entered_.notify_all();
    }
    void forget_waiting_if_none() noexcept {
        if (waiting_writers_ == 0 && waiting_readers_ == 0) state_.fetch_and(~waiting, std::memory_order_relaxed);
    }

    std::atomic<std::uint32_t> state_{0};
    std::mutex mutex_{};
    std::condition_variable writer_may_enter_{}, readers_entered_{};
    // Guarded by mutex_:
    std::uint32_t waiting_writers_ = 0, waiting_readers_ = 0;
    std::uint64_t turn_ = 0; ///< How often readers that waited were let in.
};

}}} // namespace tokenkeep::v1::detail

#endif
