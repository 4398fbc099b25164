// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_SQL_CONNECTION_HPP
#define TOKENKEEP_SQL_CONNECTION_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/clock.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/store.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 {

/// What went wrong at a database. An sql_store acts on it, and turns it into an errc:
///
///   fault           | what the store does                           | errc that the caller gets
///   ----------------|-----------------------------------------------|------------------------------------------
///   connection_lost | connects again, once a call                   | storage_failure, not_saved, indeterminate
///   conflict        | repeats the change until store_lock_timeout   | lock_timeout, not_saved
///   already_exists  | repeats the change, at most three times       | not_saved
///   bad_value       | nothing                                       | invalid_record
///   denied          | nothing                                       | permissions
///   corrupt         | nothing                                       | storage_corrupt
///   other           | nothing                                       | storage_failure, not_saved
enum class sql_fault {
    connection_lost, ///< The connection has ended. The database rolls an open transaction back.
    conflict,        ///< Another session was in the way: a deadlock, or a lock that took too long.
    already_exists,  ///< The table, the index, or a row of that key exists already.
    bad_value,       ///< A value is too long, or the database cannot represent it.
    denied,          ///< The database user has no right to do this.
    corrupt,         ///< The database is damaged.
    other,           ///< Any other failure.
};

/// The exception of a connection. It has a code of errc; its message has the database's number, and never the
/// database's own text, which can repeat values.
///   catch (const sql_error& failure) { log(failure.what()); }   // ends in "(MySQL error 2013)"
class sql_error : public error {
  public:
    /// `number` is the database's own code, such as "MySQL error 1406". The errc follows from the fault.
    ///   throw sql_error(sql_fault::bad_value, "MySQL error 1406");
    sql_error(sql_fault fault, const std::string& number) : sql_error(fault, code_of(fault), number) {}

    /// A copy with another code, for a caller that knows more about what the fault means.
    ///   throw failure.with(errc::not_saved);
    sql_error with(errc code) const { return {fault_, code, number_}; }

    sql_fault fault() const noexcept { return fault_; }

  private:
    sql_error(sql_fault fault, errc code, const std::string& number)
        : error(code, std::string("tokenkeep: ") + sentence_of(fault) + " (" + number + ")"),
          fault_(fault),
          number_(number) {}

    static errc code_of(sql_fault fault) noexcept {
        switch (fault) {
        case sql_fault::conflict: return errc::lock_timeout;
        case sql_fault::bad_value: return errc::invalid_record;
        case sql_fault::denied: return errc::permissions;
        case sql_fault::corrupt: return errc::storage_corrupt;
        case sql_fault::connection_lost:
        case sql_fault::already_exists:
        case sql_fault::other: break;
        }
        return errc::storage_failure;
    }

    static const char* sentence_of(sql_fault fault) noexcept {
        switch (fault) {
        case sql_fault::connection_lost: return "there is no connection to the database";
        case sql_fault::conflict: return "others use the same rows of the database all the time";
        case sql_fault::already_exists: return "the database has it already";
        case sql_fault::bad_value: return "the database cannot hold a value";
        case sql_fault::denied: return "the database does not allow it";
        case sql_fault::corrupt: return "the database is damaged";
        case sql_fault::other: break;
        }
        return "the database failed";
    }

    sql_fault fault_;
    std::string number_;
};

/// How a database spells the statements of an sql_store. Every member is SQL; none is ever a value.
///   static constexpr sql_dialect dialect{.bytes = "BYTEA", .key_bytes = "BYTEA", .for_update = " FOR UPDATE"};
struct sql_dialect {
    std::string_view bytes = "BLOB";     ///< The type of a column for any bytes. It takes at least 64 KiB.
    std::string_view key_bytes = "BLOB"; ///< The type of the primary key, for any bytes, as long as it can be. Also of
                                         ///< `row_key` in a sealed table, which has an index, and is asked for with
                                         ///< ORDER BY and LIMIT 1.
    std::string_view table_options{};    ///< Text after the columns of a new table: " ENGINE=InnoDB".
    std::string_view if_missing{};       ///< " IF NOT EXISTS", if the database has it for tables and indexes.
    std::string_view index_method{};     ///< Text before the column of an index: " USING hash".
    std::string_view index_length{};     ///< Text after it, for a column of bytes: "(1024)".
    std::string_view index_characters{}; ///< Text after it, for a column of characters: "(191)".
    std::string_view begin = "BEGIN";    ///< Begins a transaction that writes.
    std::string_view for_update{};       ///< Text after a SELECT that locks the row it reads: " FOR UPDATE". If it is
                                         ///< empty, `begin` must keep other writers out.
    /// A SELECT that gives a row if there is another table of tokens whose name differs from $2 only in upper and lower
    /// case; $1 is that name in lower case. Such a table has an index with a hyphen in its name. Empty if the database
    /// takes both names for one table.
    std::string_view other_spelling{};
    std::string_view erase{}; ///< A statement that removes the bytes of deleted rows, if one is needed.
    char quote = '"';         ///< The quotation mark around names of tables and indexes.
    bool numbered = false;    ///< Whether parameters are $1, $2 and so on, instead of question marks.
};

namespace detail {

template <class S>
concept can_bind = requires(S& statement, std::size_t parameter, std::optional<std::string_view> value) {
    statement.bind(parameter, value);
};
template <class S>
concept can_step = requires(S& statement) {
    { statement.step() } -> std::convertible_to<bool>;
    statement.reset();
};
template <class S>
concept can_read_columns = requires(S& statement, std::size_t column) {
    { statement.column(column) } -> std::convertible_to<std::optional<std::string_view>>;
};
template <class S>
concept can_count = requires(S& statement) {
    { statement.changes() } -> std::convertible_to<std::uint64_t>;
};
template <class S>
concept sql_statement = std::move_constructible<S> && can_bind<S> && can_step<S> && can_read_columns<S> && can_count<S>;

template <class C>
concept has_dialect = requires {
    { C::dialect } -> std::convertible_to<const sql_dialect&>;
};
template <class C>
concept can_connect = requires(C& connection, std::chrono::milliseconds patience) {
    connection.connect(patience);
};
template <class C>
concept can_execute = requires(C& connection, const std::string& sql) {
    connection.execute(sql);
};
template <class C>
concept can_prepare = requires(C& connection, const std::string& sql) {
    connection.prepare(sql);
};
template <class C>
concept names_table = requires(const C& connection) {
    { connection.table() } -> std::convertible_to<std::string>;
};
template <class C>
concept takes_deadline = requires(C& connection, deadline until) {
    connection.set_deadline(until);
};

struct named_set_deadline {
    int set_deadline;
};
template <class C>
concept names_set_deadline = can_be_base<C> && !requires {
    &with_name<C, named_set_deadline>::set_deadline;
};

} // namespace detail

/// A connection to a database, as an sql_store uses it. Write one for a database that the library has no header for:
///   using odbc_store = sql_store<odbc_connection>;
///
/// Shape (the least model):
///   struct c {
///       static constexpr sql_dialect dialect{};
///       void connect(std::chrono::milliseconds patience);
///       void execute(const std::string& sql);
///       st   prepare(const std::string& sql);
///   };
///   struct st {
///       void                            bind(std::size_t parameter, std::optional<std::string_view> value);
///       bool                            step();
///       std::optional<std::string_view> column(std::size_t column);
///       std::uint64_t                   changes();
///       void                            reset();
///   };
/// Meaning:
///   Q1  connect opens the connection. The store calls it before its first statement, and again after the connection
///       was lost. A statement waits for other sessions for at most about `patience`.
///   Q2  execute runs a statement without parameters. When `COMMIT` returns, the changes are durable; so are those of a
///       statement outside of a transaction. `ROLLBACK` undoes every change since `dialect.begin`.
///   Q3  prepare gives a statement that can be run many times. The store destroys it before the next connect.
///   Q4  bind gives a parameter its bytes, or NULL. Parameters count from 0. The store keeps the bytes until reset.
///   Q5  The first step runs the statement. Each step gives true for one row of the result, and false at its end.
///       column gives the bytes of a cell, or nullopt for NULL; columns count from 0. The connection keeps the bytes
///       until the next step or reset. Other statements may run between two steps.
///   Q6  changes gives the number of rows that an UPDATE or a DELETE found, including rows that it left as they were.
///   Q7  Every failure is an sql_error with the right fault and without a value in its message. If the connection is
///       lost, the database rolls the transaction back, unless it was being committed.
/// May:   be used by one thread at a time only: the store locks. These members are optional:
///
///   expression                 | what it gives you                                | without it
///   ---------------------------|--------------------------------------------------|-----------------------------------
///   `lock(name, until)` gives  | a locking_store. lock must be thread-safe, also  | a comparing_store only: the keeper
///   a guard; see locking_store | while a statement runs. name: const std::string& | excludes others by its marker
///   `table()` gives            | a table name from the connection. If it is       | the table that the policy's
///   std::string                | empty, the policy's name is used.                | schema names
///   `trust(const file_trust&)` | the connection is told which links and groups    | it decides itself
///                              | the policy trusts, if any                        |
///   `set_deadline(until)`      | sql_store::until also ends the waiting for the   | a call waits as long as the
///   until: a time_point of     | database. The store calls set_deadline at the    | connection waits for the database
///   steady_clock               | beginning of each call. What follows ends by     |
///                              | then: the connection closes, and throws          |
///                              | sql_fault::connection_lost. What waits for other |
///                              | sessions may throw sql_fault::conflict instead.  |
///   `connections()` gives      | a store that uses up to so many connections, so  | the threads of a store use one
///   std::size_t, and           | that calls of its threads run side by side.      | connection in turn
///   `another()` a connection   | another() gives one more, not connected yet. The |
///   of the same type           | first one locks for all of them.                 |
///   `lock(name, until, end)`   | the same for locks: lock waits for others till   | locks take as long as the
///   besides the lock above     | `until`, and for the database till `end`         | connection waits
///
/// Models: sqlite_connection, mysql_connection, postgres_connection; examples/odbc_connection.hpp.
template <class C>
concept sql_connection =
    detail::has_dialect<C> && detail::can_connect<C> && detail::can_execute<C> && detail::can_prepare<C> &&
    detail::sql_statement<decltype(std::declval<C&>().prepare(std::declval<const std::string&>()))>;

namespace detail {

template <class C>
consteval bool explain_sql_connection() {
    static_assert(has_dialect<C>, "tokenkeep: a connection needs `static constexpr sql_dialect dialect`; see the "
                                  "concept sql_connection");
    if constexpr (has_dialect<C>)
        static_assert(can_connect<C>, "tokenkeep: a connection needs connect(std::chrono::milliseconds patience); see "
                                      "the concept sql_connection");
    if constexpr (has_dialect<C> && can_connect<C>)
        static_assert(can_execute<C>, "tokenkeep: a connection needs execute(const std::string& sql); see the concept "
                                      "sql_connection");
    if constexpr (has_dialect<C> && can_connect<C> && can_execute<C>)
        static_assert(can_prepare<C>, "tokenkeep: a connection needs prepare(const std::string& sql), giving a "
                                      "statement; see the concept sql_connection");
    if constexpr (has_dialect<C> && can_connect<C> && can_execute<C> && can_prepare<C>) {
        using statement = decltype(std::declval<C&>().prepare(std::declval<const std::string&>()));
        static_assert(
            can_bind<statement>,
            "tokenkeep: a statement needs bind(std::size_t parameter, std::optional<std::string_view> value); "
            "see the concept sql_connection");
        if constexpr (can_bind<statement>)
            static_assert(can_step<statement>,
                          "tokenkeep: a statement needs bool step() and reset(); see the concept sql_connection");
        if constexpr (can_bind<statement> && can_step<statement>)
            static_assert(can_read_columns<statement>, "tokenkeep: a statement needs column(std::size_t), giving "
                                                       "std::optional<std::string_view>; see the concept "
                                                       "sql_connection");
        if constexpr (can_bind<statement> && can_step<statement> && can_read_columns<statement>)
            static_assert(can_count<statement>, "tokenkeep: a statement needs changes(), giving how many rows it "
                                                "found; see the concept sql_connection");
    }
    if constexpr (names_set_deadline<C>)
        static_assert(takes_deadline<C>, "tokenkeep: set_deadline of a connection must take a "
                                         "steady_clock::time_point; see the concept sql_connection");
    return true;
}

} // namespace detail

}} // namespace tokenkeep::v1

#endif
