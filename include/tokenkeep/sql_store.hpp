// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_SQL_STORE_HPP
#define TOKENKEEP_SQL_STORE_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/sql/cells.hpp>
#include <tokenkeep/detail/sql/connection.hpp>
#include <tokenkeep/detail/sql/rows.hpp>
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
    using link = detail::sql_link<Connection, Policy>;
    using rows_type = detail::sql_rows<link>;
    using transaction = detail::sql_transaction<link>;
    using change = std::optional<detail::sql_change>;
    using schema = typename Policy::schema;
    using meaning = row_rules<Policy>;
    using mutex = typename Policy::mutex;

  public:
    /// Nothing is connected before the first call.
    explicit sql_store(Connection connection) : link_(std::move(connection)) {}

    /// Makes the connection of these: `sqlite_store store{"tokens.db"}`.
    template <class... Arguments>
        requires std::constructible_from<Connection, Arguments...>
    explicit sql_store(Arguments&&... arguments) : link_(Connection(std::forward<Arguments>(arguments)...)) {}

    sql_store(sql_store&& other) noexcept : link_(std::move(other.link_)), locks_(std::move(other.locks_)) {}
    sql_store& operator=(sql_store&& other) noexcept {
        link_ = std::move(other.link_);
        locks_ = std::move(other.locks_);
        return *this;
    }

    std::optional<token> find_token(const token& probe) {
        return read([&](rows_type& rows) { return meaning::find(rows, probe); });
    }
    std::optional<token> find_token_by_id(const std::string& id) {
        return read([&](rows_type& rows) { return meaning::find_by_id(rows, id); });
    }
    std::vector<token> get_tokens() {
        return read([&](rows_type& rows) { return meaning::all(rows); });
    }

    void save_token(const token& record) {
        const std::lock_guard lock(mutex_);
        detail::sql_write(link_, [&](transaction& rows) -> change {
            std::optional<token> before = meaning::find(rows, record);
            token after = meaning::row_to_save_over(rows, before, record);
            detail::sql_cells<schema>(after).require_fitting();
            if (before)
                rows.update(after);
            else
                rows.insert(after);
            std::string id = after.id;
            return {{std::move(id), std::move(before), std::move(after)}};
        });
    }
    void delete_token(const std::string& id) {
        const std::lock_guard lock(mutex_);
        detail::sql_write(link_, [&](transaction& rows) -> change {
            std::optional<token> before = meaning::find_by_id(rows, id);
            if (!before) return std::nullopt;
            rows.erase(id);
            return {{id, std::move(before), std::nullopt}};
        });
        link_.erase_remains();
    }
    void delete_tokens() {
        const std::lock_guard lock(mutex_);
        detail::sql_write(link_, [](transaction& rows) -> change {
            rows.clear();
            return detail::sql_change{};
        });
        link_.erase_remains();
    }

    /// See comparing_store. The row is compared as it is read, however the database spells and compares it.
    bool replace_token(const token& expected, const token& record) {
        const std::lock_guard lock(mutex_);
        detail::sql_cells<schema>(record).require_fitting();
        return detail::sql_write(link_, [&](transaction& rows) -> change {
            rows.lock(expected.id);
            if (!meaning::may_replace(rows, *detail::as_stored<schema>(expected), record)) return std::nullopt;
            rows.update(record);
            return {{expected.id, expected, record}};
        });
    }
    /// See comparing_store.
    bool remove_token(const token& expected) {
        const std::lock_guard lock(mutex_);
        const bool removed = detail::sql_write(link_, [&](transaction& rows) -> change {
            rows.lock(expected.id);
            if (!meaning::is_unchanged(rows, *detail::as_stored<schema>(expected))) return std::nullopt;
            rows.erase(expected.id);
            return {{expected.id, expected, std::nullopt}};
        });
        link_.erase_remains();
        return removed;
    }

  private:
    template <class Look>
    auto read(Look look) {
        const std::lock_guard lock(mutex_);
        return detail::sql_read(link_, look);
    }

    /// The threads of this store wait among themselves, so that each identity takes one connection for its lock.
    auto lock_identity(const std::string& key, deadline until) {
        auto among_threads = locks_.lock(key, until);
        auto among_all = detail::require_locked(link_.connection().lock(link_.table_key() + " " + key, until));
        return detail::sql_guard<decltype(among_all)>{std::move(among_threads), std::move(among_all)};
    }

    mutex mutex_{};
    link link_;
    detail::key_locks locks_{};
};

}} // namespace tokenkeep::v0

#endif
