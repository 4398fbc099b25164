// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_KEY_LOCKS_HPP
#define TOKENKEEP_DETAIL_STORE_KEY_LOCKS_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/error.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Locks by name, among the threads of one process. Any thread may release a guard. A guard may outlive the locks.
class key_locks {
    struct state {
        std::mutex mutex{};
        std::condition_variable released{};
        std::set<std::string> held{};
    };

  public:
    class guard {
      public:
        guard(std::shared_ptr<state> owner, std::string key) : owner_(std::move(owner)), key_(std::move(key)) {}
        guard(guard&&) noexcept = default;
        guard& operator=(guard&& other) noexcept {
            std::swap(owner_, other.owner_);
            std::swap(key_, other.key_);
            return *this;
        }
        ~guard() {
            if (!owner_) return;
            {
                const std::lock_guard lock(owner_->mutex);
                owner_->held.erase(key_);
            }
            owner_->released.notify_all();
        }

      private:
        std::shared_ptr<state> owner_;
        std::string key_;
    };

    /// Waits until no other guard has that key. Throws errc::lock_timeout when `until` has passed.
    guard lock(const std::string& key, deadline until) {
        std::string name = key;
        std::unique_lock lock(state_->mutex);
        if (!state_->released.wait_until(lock, until, [&] { return !state_->held.contains(key); }))
            throw error(errc::lock_timeout, "tokenkeep: another holds the lock on this identity");
        state_->held.insert(key);
        return guard(state_, std::move(name));
    }

  private:
    std::shared_ptr<state> state_ = std::make_shared<state>();
};

}}} // namespace tokenkeep::v1::detail

#endif
