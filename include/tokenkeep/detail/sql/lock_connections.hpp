// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_LOCK_CONNECTIONS_HPP
#define TOKENKEEP_DETAIL_SQL_LOCK_CONNECTIONS_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/sql_connection.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Locks that a database server holds for a session, and releases when the session ends, also if its process is killed.
/// Each lock has a session of its own, because a session does not lock itself out. Idle sessions are used again for 30
/// seconds. A Session has connect_for_lock(end), try_lock(name, until, end) -> bool and unlock(name, end). They end by
/// `end`. If the server does not answer for ten seconds, they end earlier.
template <class Session>
class lock_connections {
    using clock = std::chrono::steady_clock;

    class idle_sessions {
        struct idle_session {
            Session session;
            clock::time_point since;
        };

      public:
        void add(Session session) {
            const std::lock_guard lock(mutex_);
            if (sessions_.size() < 4) sessions_.push_back({std::move(session), clock::now()});
        }
        /// The session that was added last. If it was idle for too long, a firewall may have dropped its connection and
        /// those of the older ones: then nullopt.
        std::optional<Session> take() {
            const std::lock_guard lock(mutex_);
            if (sessions_.empty()) return std::nullopt;
            idle_session last = std::move(sessions_.back());
            sessions_.pop_back();
            if (clock::now() - last.since < std::chrono::seconds(30)) return std::move(last.session);
            sessions_.clear();
            return std::nullopt;
        }

      private:
        std::mutex mutex_{};
        std::vector<idle_session> sessions_{};
    };

  public:
    class guard {
      public:
        guard(std::shared_ptr<idle_sessions> from, Session session, std::string name, deadline end)
            : from_(std::move(from)), session_(std::move(session)), name_(std::move(name)), end_(end) {}
        guard(guard&&) noexcept = default;
        guard& operator=(guard&& other) noexcept {
            std::swap(from_, other.from_);
            std::swap(session_, other.session_);
            std::swap(name_, other.name_);
            std::swap(end_, other.end_);
            return *this;
        }
        /// Waits for the server for at most two seconds, and hardly at all after `end`.
        ~guard() {
            if (!from_) return;
            try {
                using namespace std::chrono_literals;
                const deadline now = clock::now();
                session_.unlock(name_, std::clamp<deadline>(end_, now + 50ms, now + 2s));
                from_->add(std::move(session_));
            } catch (...) { // the session ends, and its lock with it
            }
        }

      private:
        std::shared_ptr<idle_sessions> from_;
        Session session_;
        std::string name_;
        deadline end_;
    };

    /// `fresh` is a session that is not connected yet. Throws errc::lock_timeout if others hold the lock until `until`.
    /// If the server does not answer, throws sql_fault::connection_lost, at `end` or earlier. That has nothing to do
    /// with `until`: a caller may ask in short slices, and a slow server would never give it a lock if each slice ended
    /// the connection.
    guard lock(Session fresh, const std::string& name, deadline until, deadline end) {
        // The server is to say that others hold the lock before `end` closes the connection.
        const deadline now = clock::now();
        if (end > now) until = (std::min)(until, end - (std::min)((end - now) / 16, margin));
        if (std::optional<Session> used = idle_->take()) {
            try {
                return lock_with(*std::move(used), name, until, end);
            } catch (const sql_error& failure) {
                if (failure.fault() != sql_fault::connection_lost || clock::now() >= end) throw;
            }
        }
        fresh.connect_for_lock((std::min)(end, clock::now() + std::chrono::seconds(10)));
        return lock_with(std::move(fresh), name, until, end);
    }

  private:
    static constexpr clock::duration margin = std::chrono::milliseconds(100);

    guard lock_with(Session session, const std::string& name, deadline until, deadline end) {
        if (session.try_lock(name, until, end)) return guard(idle_, std::move(session), name, end);
        idle_->add(std::move(session));
        throw error(errc::lock_timeout, "tokenkeep: another holds the lock on this identity");
    }

    std::shared_ptr<idle_sessions> idle_ = std::make_shared<idle_sessions>();
};

}}} // namespace tokenkeep::v1::detail

#endif
