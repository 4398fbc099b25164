// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_SQL_STORE_HPP
#define TOKENKEEP_SQL_STORE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/sql_connection.hpp> // first: compilers name the way to a header before a message about it

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/sql/cells.hpp>
#include <tokenkeep/detail/sql/connection.hpp>
#include <tokenkeep/detail/sql/rows.hpp>
#include <tokenkeep/detail/sql/transactions.hpp>
#include <tokenkeep/detail/store/abilities.hpp>
#include <tokenkeep/detail/store/key_locks.hpp>
#include <tokenkeep/fwd.hpp>
#include <tokenkeep/row_rules.hpp>
#include <tokenkeep/store.hpp>

#include <concepts>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

namespace detail {

/// The lock on one identity: first among the threads of the store, then among all programs. Released in reverse.
template <class Guard>
struct sql_guard {
    key_locks::guard among_threads;
    Guard among_all;
};

} // namespace detail

/// A store in a database: one row of a table is one token. Programs on several machines can share it through a server.
///   sqlite_store    store{"tokens.db"};                                         // tokenkeep/sqlite.hpp
///   mysql_store     store{mysql_parameters{.host = "db.example", .database = "app", .user = "app", .password = pw}};
///   postgres_store  store{"host=db.example dbname=app user=app sslmode=verify-full"};
///   sql_store       store{odbc_connection{"Driver=SQLite3;Database=tokens.db"}};  // a connection of your own
/// It is a comparing_store. It is a locking_store too if the connection has a lock: all three of the library have one.
///
/// Promised:
///   - The first call makes the table `tokenkeep_tokens`, with one column for each field that the schema stores and
///     an index for each field that a rule of the policy looks up (see sql_schema.hpp, rules.hpp, policy.hpp). Fields
///     after those of the schema are not stored. The first call also makes the table `tokenkeep_schema`, which holds
///     the version of each table of tokens. The database itself must exist. Rights to make tables are needed only if
///     the tables are missing, or were made by an older version of the library.
///   - When a save has returned, it is as durable as the database makes a commit; see the header of the database.
///   - A save is one transaction: all of it happens, or nothing. Writers of one table take turns, on all machines, so
///     that one identity (see identity_key.hpp) never has two rows.
///   - Values are bound parameters, never part of SQL. They are compared byte for byte, whatever the collation.
///   - A value of a stored field is stored whole or refused (errc::invalid_record), never cut.
///   - If the connection is lost, the store connects again and repeats the call, once. If a commit fails, the store
///     first reads the row to find out whether the change was made. delete_tokens has no one row to read: if the
///     connection is lost during its commit, the store repeats it.
///   - The lock on an identity ends with the process that holds it. With a server it is a lock of the database. With
///     SQLite it is a lock of the kernel. It is not a row. It does not expire while its holder lives and is connected.
///
/// Not promised:
///   - A pooler or proxy that spreads one connection over several sessions of the server breaks the locks.
///   - A child made by fork must not use its parent's store. It makes its own.
///   - What the database keeps outside its tables (logs, replicas, backups) is not erased when a token is deleted.
///
/// Cost: a look-up is one SELECT with an index. A save is one transaction of a few SELECTs with indexes and one INSERT
/// or UPDATE. The store keeps one connection, which its threads use in turn. With a server, each identity that is
/// locked uses one more connection; up to four of these are kept for the next locks.
///
///   errc                | when                                                   | what to do
///   --------------------|--------------------------------------------------------|---------------------------------
///   storage_failure     | a look-up or a lock: the database cannot be reached,   | try later
///                       | or failed. Changes say not_saved or indeterminate      |
///   storage_failure     | a deletion: the rows are gone, but their bytes may be  | try later; the next deletion
///                       | in SQLite's files, because another process reads them  | erases those bytes too
///   not_saved           | a change failed; nothing was changed                   | try later
///   indeterminate       | a change may have been made, or not: the commit failed | look the row up, or repeat the
///                       | and the row does not tell                              | change
///   lock_timeout        | other programs kept the call waiting for               | try later
///                       | Policy::store_lock_timeout, or a lock till its         |
///                       | deadline. Threads of one store take turns before that, |
///                       | without a limit                                        |
///   invalid_record      | the database cannot hold a value, or the record has    | change the record
///                       | no token                                               |
///   invalid_record      | the name of the table is not plain, or there is a      | name another table, or rename
///                       | table of tokens whose name differs only in upper and   | that one
///                       | lower case (see sql_schema.hpp)                        |
///   ambiguous           | the probe means several rows, or the save would        | name the user and the client
///   permissions         | the password or a right is missing                     | change the configuration
///   unsupported_version | a newer version of the library made the table          | update the library
///   store_gone          | a change found that the row of the table in            | restore it, or log users in again
///                       | tokenkeep_schema is gone; or SQLite's file is gone. If |
///                       | the table is gone too, a program that connects later   |
///                       | makes a new, empty one                                 |
///   storage_corrupt     | the database says that it is damaged                   | restore it from a backup
///
/// Most errors of the database are sql_error, whose message has the database's number. If a deletion could not erase
/// the bytes, it throws error, with the sql_error nested. A store may be moved while no other thread uses it. What it
/// was moved from may only be destroyed or assigned to.
template <class Connection, class Policy>
class sql_store : public detail::locking_ability<sql_store<Connection, Policy>, detail::can_lock<Connection>> {
    static_assert(detail::explain_sql_connection<Connection>() && detail::explain_lock<Connection>());
    static_assert(detail::explain_policy<Policy>());
    static_assert(
        detail::has_columns_of_rules<Policy>(),
        "tokenkeep: the policy's schema needs a column for each field that a rule of the policy looks up; see "
        "the struct sql_schema");
    friend detail::locking_ability<sql_store, true>;
    using link = detail::sql_link<Connection, Policy>;
    using rows_type = detail::sql_rows<link>;
    using transaction = detail::sql_transaction<link>;
    using change = std::optional<detail::sql_change>;
    using schema = typename Policy::schema;
    using meaning = row_rules<Policy>;
    using mutex = typename Policy::mutex;

  public:
    using policy_type = Policy;

    /// A store over this connection. The store connects at its first call.
    explicit sql_store(Connection connection) : link_(std::move(connection)) {
        detail::trust_as_policy<Policy>(link_.connection());
    }

    /// A store over a connection that is made from these arguments:
    ///   sqlite_store store{"tokens.db"};
    template <class... Arguments>
        requires std::constructible_from<Connection, Arguments...>
    explicit sql_store(Arguments&&... arguments) : sql_store(Connection(std::forward<Arguments>(arguments)...)) {}

    sql_store(sql_store&& other) noexcept : link_(std::move(other.link_)), locks_(std::move(other.locks_)) {}
    sql_store& operator=(sql_store&& other) noexcept {
        link_ = std::move(other.link_);
        locks_ = std::move(other.locks_);
        return *this;
    }

    /// The row that the probe means; nullopt if there is none. A probe is a record that says whose row you want; see
    /// token.hpp.
    ///   std::optional<token> ada = store.find_token({.user_name = "ada"});
    std::optional<token> find_token(const token& probe) {
        return read([&](rows_type& rows) { return meaning::find(rows, probe); });
    }
    /// The row of exactly that id; nullopt if there is none.
    std::optional<token> find_token_by_id(const std::string& id) {
        return read([&](rows_type& rows) { return meaning::find_by_id(rows, id); });
    }
    /// Every row, in no particular order.
    std::vector<token> get_tokens() {
        return read([&](rows_type& rows) { return meaning::all(rows); });
    }

    /// Changes the row that the record means, or inserts a row. A field that the record leaves empty keeps its value;
    /// see merge for the exception of a new access token.
    ///   store.save_token({.user_name = "ada", .refresh_token = "rt-1", .access_token = "at-1"});
    void save_token(const token& record) {
        const std::lock_guard lock(mutex_);
        detail::sql_write(link_, [&](transaction& rows) -> change {
            std::optional<token> before = meaning::find_to_save(rows, record);
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
    /// Deletes the row of that id, if there is one.
    ///   store.delete_token(ada->id);
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
    /// Deletes every row of the table.
    void delete_tokens() {
        const std::lock_guard lock(mutex_);
        detail::sql_write(link_, [](transaction& rows) -> change {
            rows.clear();
            return detail::sql_change{};
        });
        link_.erase_remains();
    }

    /// Makes the row `record` if it still is `expected`, and says whether it did; see comparing_store. The store reads
    /// the row and compares its bytes itself, so the database's collation does not matter.
    ///   token next = *ada;  next.access_token = "at-2";
    ///   bool done = store.replace_token(*ada, next);
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
    /// Deletes the row if it still is `expected`, and says whether it did; see comparing_store.
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

    /// The threads of this store wait for each other first, so that each identity uses only one connection for its
    /// lock.
    auto lock_identity(const std::string& key, deadline until) {
        auto among_threads = locks_.lock(key, until);
        auto among_all = detail::require_locked(link_.connection().lock(link_.table_key() + " " + key, until));
        return detail::sql_guard<decltype(among_all)>{std::move(among_threads), std::move(among_all)};
    }

    mutex mutex_{};
    link link_;
    detail::key_locks locks_{};
};

}} // namespace tokenkeep::v1

#endif
