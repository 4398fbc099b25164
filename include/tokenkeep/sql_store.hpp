// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_SQL_STORE_HPP
#define TOKENKEEP_SQL_STORE_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/sql/cells.hpp>
#include <tokenkeep/detail/sql/connection.hpp>
#include <tokenkeep/detail/sql/transactions.hpp>
#include <tokenkeep/detail/store/abilities.hpp>
#include <tokenkeep/detail/store/key_locks.hpp>
#include <tokenkeep/fwd.hpp>
#include <tokenkeep/row_rules.hpp>
#include <tokenkeep/sql_connection.hpp>
#include <tokenkeep/store.hpp>

#include <concepts>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v0 {

namespace detail {

/// The lock on one identity, given back in the reverse order.
template <class Guard>
struct sql_guard {
    key_locks::guard among_threads;
    Guard among_all;
};

} // namespace detail

/// A store over a database. One row of a table is one token; the table is made at the first call, with an index for
/// each field that the policy's rules look up. It is a comparing_store, and a locking_store where the connection has a
/// lock.
///
/// Cost: a look-up is one indexed SELECT, by whichever rule; a save is one transaction of a few indexed SELECTs and one
/// INSERT or UPDATE. One connection is kept, on which threads take turns; each identity that is locked keeps another, with
/// a server, of which up to four stay for the next locks.
///
/// Writers of one table take turns, on whatever machine, so that there are never two rows for one identity. A connection
/// that was lost is made anew, once a call; a change whose commit gave no answer is looked up, not guessed.
///
/// Throws, besides what token_store says, sql_error: errc::not_saved for a change of which nothing took place;
/// errc::indeterminate for one that may have; errc::lock_timeout where others kept it waiting for
/// Policy::store_lock_timeout; errc::invalid_record for what the database cannot hold; errc::permissions; and
/// errc::unsupported_version for a table of a newer version. Where a deletion throws errc::storage_failure the rows are
/// gone, but not erased from SQLite's files, as somebody reads them; the next deletion, of whatever row, tries again.
///
/// It may be moved while nobody else uses it; what it was moved from may only be destroyed or assigned to. A child made
/// by fork makes its own.
template <class Connection, class Policy>
class sql_store : public detail::locking_ability<sql_store<Connection, Policy>, detail::can_lock<Connection>> {
    static_assert(detail::explain_sql_connection<Connection>() && detail::explain_lock<Connection>());
    static_assert(detail::explain_policy<Policy>());
    friend detail::locking_ability<sql_store, true>;
    using session_type = detail::sql_session<Connection, Policy>;
    using cells_type = detail::sql_cells<typename Policy::schema>;
    using meaning = row_rules<Policy>;
    using mutex = typename Policy::mutex;

  public:
    /// Nothing is connected before the first call.
    explicit sql_store(Connection connection) : session_(std::move(connection)) {}

    /// Makes the connection of these: `sqlite_store store{"tokens.db"}`.
    template <class... Arguments>
        requires std::constructible_from<Connection, Arguments...>
    explicit sql_store(Arguments&&... arguments) : session_(Connection(std::forward<Arguments>(arguments)...)) {}

    sql_store(sql_store&& other) noexcept : session_(std::move(other.session_)), locks_(std::move(other.locks_)) {}
    sql_store& operator=(sql_store&& other) noexcept {
        session_ = std::move(other.session_);
        locks_ = std::move(other.locks_);
        return *this;
    }

    std::optional<token> find_token(const token& probe) {
        const std::lock_guard lock(mutex_);
        return detail::sql_read(session_, [&] { return meaning::find(session_, probe); });
    }
    std::optional<token> find_token_by_id(const std::string& id) {
        const std::lock_guard lock(mutex_);
        return detail::sql_read(session_, [&] { return meaning::find_by_id(session_, id); });
    }
    std::vector<token> get_tokens() {
        const std::lock_guard lock(mutex_);
        return detail::sql_read(session_, [&] { return meaning::all(session_); });
    }

    void save_token(const token& record) {
        const std::lock_guard lock(mutex_);
        detail::sql_write(session_, [&] {
            std::optional<token> before = meaning::find(session_, record);
            token after = meaning::row_to_save_over(session_, before, record);
            cells_type(after).require_fitting();
            if (before)
                session_.update(after);
            else
                session_.insert(after);
            std::string id = after.id;
            return detail::sql_change{true, std::move(id), std::move(before), std::move(after)};
        });
    }
    void delete_token(const std::string& id) {
        const std::lock_guard lock(mutex_);
        detail::sql_write(session_, [&] {
            std::optional<token> before = meaning::find_by_id(session_, id);
            if (!before) return detail::sql_change{};
            session_.erase(id);
            return detail::sql_change{true, id, std::move(before), std::nullopt};
        });
        session_.erase_remains();
    }
    void delete_tokens() {
        const std::lock_guard lock(mutex_);
        detail::sql_write(session_, [&] {
            session_.clear();
            return detail::sql_change{.made = true};
        });
        session_.erase_remains();
    }

    /// See comparing_store. The row is compared as it is read, however the database spells and compares it.
    bool replace_token(const token& expected, const token& record) {
        const std::lock_guard lock(mutex_);
        cells_type(record).require_fitting();
        return detail::sql_write(session_, [&] {
            session_.lock(expected.id);
            if (!meaning::may_replace(session_, *session_type::as_stored(expected), record))
                return detail::sql_change{};
            session_.update(record);
            return detail::sql_change{true, expected.id, expected, record};
        });
    }
    /// See comparing_store.
    bool remove_token(const token& expected) {
        const std::lock_guard lock(mutex_);
        const bool removed = detail::sql_write(session_, [&] {
            session_.lock(expected.id);
            if (!meaning::is_unchanged(session_, *session_type::as_stored(expected))) return detail::sql_change{};
            session_.erase(expected.id);
            return detail::sql_change{true, expected.id, expected, std::nullopt};
        });
        session_.erase_remains();
        return removed;
    }

  private:
    /// The threads of this store wait among themselves, so that each identity takes one connection for its lock.
    auto lock_identity(const std::string& key, deadline until) {
        auto among_threads = locks_.lock(key, until);
        auto among_all = detail::require_locked(session_.connection().lock(session_.table_key() + " " + key, until));
        return detail::sql_guard<decltype(among_all)>{std::move(among_threads), std::move(among_all)};
    }

    mutex mutex_{};
    session_type session_;
    detail::key_locks locks_{};
};

}} // namespace tokenkeep::v0

#endif
