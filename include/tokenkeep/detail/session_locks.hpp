// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SESSION_LOCKS_HPP
#define TOKENKEEP_DETAIL_SESSION_LOCKS_HPP

#include <tokenkeep/error.hpp>
#include <tokenkeep/sql_connection.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenkeep::inline v0::detail {

/// Locks that a database server keeps for a session and drops when the session ends, be it because the process was
/// killed. Each is held by a session of its own, as one session excludes none of its own threads; sessions are used
/// again. A Session has connect(patience), try_lock(name, deadline) -> bool and unlock(name).
template <class Session>
class session_locks {
    struct idle_sessions {
        std::mutex mutex{};
        std::vector<Session> sessions{};

        void add(Session session) {
            const std::lock_guard lock(mutex);
            if (sessions.size() < 4) sessions.push_back(std::move(session));
        }
    };

  public:
    class guard {
      public:
        guard(std::shared_ptr<idle_sessions> from, Session session, std::string name)
            : from_(std::move(from)), session_(std::move(session)), name_(std::move(name)) {}
        guard(guard&&) noexcept = default;
        guard& operator=(guard&& other) noexcept {
            std::swap(from_, other.from_);
            std::swap(session_, other.session_);
            std::swap(name_, other.name_);
            return *this;
        }
        ~guard() {
            if (!from_) return;
            try {
                session_.unlock(name_);
                from_->add(std::move(session_));
            } catch (...) { // the session is gone, or ends here, and the lock with it
            }
        }

      private:
        std::shared_ptr<idle_sessions> from_;
        Session session_;
        std::string name_;
    };

    /// `fresh` is a session that is not connected. Throws errc::lock_timeout when `deadline` passes.
    guard lock(Session fresh, const std::string& name, std::chrono::steady_clock::time_point deadline) {
        if (std::optional<Session> used = take()) {
            try {
                return lock_with(*std::move(used), name, deadline);
            } catch (const sql_error& failure) {
                if (failure.fault() != sql_fault::lost) throw;
            }
        }
        fresh.connect(std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()));
        return lock_with(std::move(fresh), name, deadline);
    }

  private:
    std::optional<Session> take() {
        const std::lock_guard lock(idle_->mutex);
        if (idle_->sessions.empty()) return std::nullopt;
        std::optional<Session> taken(std::move(idle_->sessions.back()));
        idle_->sessions.pop_back();
        return taken;
    }

    guard lock_with(Session session, const std::string& name, std::chrono::steady_clock::time_point deadline) {
        if (session.try_lock(name, deadline)) return guard(idle_, std::move(session), name);
        idle_->add(std::move(session));
        throw error(errc::lock_timeout, "tokenkeep: another holds the lock on this identity");
    }

    std::shared_ptr<idle_sessions> idle_ = std::make_shared<idle_sessions>();
};

} // namespace tokenkeep::inline v0::detail

#endif
