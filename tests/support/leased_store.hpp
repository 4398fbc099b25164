// SPDX-License-Identifier: MIT
// A store whose lock is a lease.
#ifndef TOKENKEEP_TESTS_SUPPORT_LEASED_STORE_HPP
#define TOKENKEEP_TESTS_SUPPORT_LEASED_STORE_HPP

#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/store.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace tests {

/// Rows in memory, and locks that end after an hour unless they are renewed for another time.
class leased_store {
    using deadline = tokenkeep::deadline;
    struct lease {
        unsigned ticket;
        deadline end;
    };
    struct leases {
        std::mutex mutex{};
        std::map<std::string, lease> by_key{};
        unsigned tickets = 0;
    };

  public:
    using policy_type = tokenkeep::memory_store::policy_type;
    static constexpr bool lock_may_lapse = true;

    class guard {
      public:
        guard(std::shared_ptr<leases> of, std::string key, unsigned ticket)
            : of_(std::move(of)), key_(std::move(key)), ticket_(ticket) {}
        guard(guard&&) = default;
        guard& operator=(guard&&) = delete;
        ~guard() {
            if (!of_) return;
            const std::lock_guard lock(of_->mutex);
            if (is_mine()) of_->by_key.erase(key_);
        }
        void renew(std::chrono::milliseconds time) {
            const std::lock_guard lock(of_->mutex);
            if (is_mine()) of_->by_key.at(key_).end = std::chrono::steady_clock::now() + time;
        }

      private:
        bool is_mine() const {
            const auto found = of_->by_key.find(key_);
            return found != of_->by_key.end() && found->second.ticket == ticket_;
        }

        std::shared_ptr<leases> of_;
        std::string key_;
        unsigned ticket_;
    };

    std::optional<tokenkeep::token> find_token(const tokenkeep::token& probe) { return inner.find_token(probe); }
    void save_token(const tokenkeep::token& record) { inner.save_token(record); }
    void delete_token(const std::string& id) { inner.delete_token(id); }
    std::vector<tokenkeep::token> get_tokens() { return inner.get_tokens(); }
    void delete_tokens() { inner.delete_tokens(); }
    std::optional<tokenkeep::token> find_token_by_id(const std::string& id) { return inner.find_token_by_id(id); }
    bool remove_token(const tokenkeep::token& expected) { return inner.remove_token(expected); }
    bool replace_token(const tokenkeep::token& expected, const tokenkeep::token& record) {
        before_replacing();
        return inner.replace_token(expected, record);
    }

    guard lock_token(const std::string& key, deadline until) {
        for (;; std::this_thread::sleep_for(std::chrono::milliseconds(1))) {
            const auto now = std::chrono::steady_clock::now();
            const std::lock_guard lock(leases_->mutex);
            const auto [at, is_free] = leases_->by_key.try_emplace(key);
            if (is_free || at->second.end <= now) {
                at->second = {++leases_->tickets, now + std::chrono::hours(1)};
                return {leases_, key, leases_->tickets};
            }
            if (now >= until) throw tokenkeep::error(tokenkeep::errc::lock_timeout, "the lock was not obtained");
        }
    }

    /// Lets all leases end now.
    void let_lapse() {
        const std::lock_guard lock(leases_->mutex);
        leases_->by_key.clear();
    }
    /// Until when the lock that is held is leased.
    std::optional<deadline> end_of_lease() {
        const std::lock_guard lock(leases_->mutex);
        return leases_->by_key.empty() ? std::nullopt : std::optional(leases_->by_key.begin()->second.end);
    }

    tokenkeep::memory_store inner{};
    std::function<void()> before_replacing = [] {}; ///< It may throw.

  private:
    std::shared_ptr<leases> leases_ = std::make_shared<leases>();
};
static_assert(tokenkeep::locking_store<leased_store> && tokenkeep::comparing_store<leased_store>);

} // namespace tests

#endif
