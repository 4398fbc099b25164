// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_SQL_CONNECTION_HPP
#define TOKENKEEP_SQL_CONNECTION_HPP

#include <tokenkeep/error.hpp>
#include <tokenkeep/store.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v0 {

/// What went wrong at a database, as an sql_store tells cases apart.
enum class sql_fault {
    connection_lost, ///< The connection is gone, and an open transaction with it.
    conflict,        ///< Others were in the way: a deadlock, a wait that took too long. Trying again makes sense.
    already_exists,  ///< What was to be made is there: a table, an index, a row of that key.
    bad_value,       ///< A value is too long, or the database cannot represent it.
    denied,          ///< There is no right to do this.
    corrupt,         ///< The database is damaged.
    other,
};

/// What a connection throws. Its message never holds what the database said, which can repeat values.
class sql_error : public error {
  public:
    /// `number` is the database's own code for it, such as "MySQL error 1406".
    sql_error(sql_fault fault, const std::string& number) : sql_error(fault, code_of(fault), number) {}

    /// The same fault with another code: what it means is known further up.
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
        default: return errc::storage_failure;
        }
    }

    static const char* sentence_of(sql_fault fault) noexcept {
        switch (fault) {
        case sql_fault::connection_lost: return "there is no connection to the database";
        case sql_fault::conflict: return "others use the same rows of the database all the time";
        case sql_fault::already_exists: return "the database has it already";
        case sql_fault::bad_value: return "the database cannot hold a value";
        case sql_fault::denied: return "the database does not allow it";
        case sql_fault::corrupt: return "the database is damaged";
        default: return "the database failed";
        }
    }

    sql_fault fault_;
    std::string number_;
};

/// How a database spells what an sql_store asks of it. Every member is SQL, none is ever a value.
struct sql_dialect {
    std::string_view bytes = "BLOB";     ///< The type of a column for any bytes, 64 KiB of them and more.
    std::string_view key_bytes = "BLOB"; ///< The same for the primary key, as long as it can be.
    std::string_view table_options{};    ///< What follows the columns of a new table.
    std::string_view if_missing{};       ///< " IF NOT EXISTS", where tables and indexes have it.
    std::string_view index_method{};     ///< What stands before the column of an index: " USING hash".
    std::string_view index_length{};     ///< What stands behind it: "(1024)", of a column that is longer.
    std::string_view index_characters{}; ///< The same for a column of characters: "(191)".
    std::string_view begin = "BEGIN";    ///< Begins a transaction that will write.
    std::string_view for_update{}; ///< Locks the row that is read: " FOR UPDATE". Empty: `begin` keeps others out.
    std::string_view erase{};      ///< Run after rows were deleted, if their bytes would otherwise stay.
    char quote = '"';              ///< Around the names of tables and indexes.
    bool numbered = false;         ///< Parameters are $1, $2 and so on, instead of question marks.
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

} // namespace detail

/// A connection to a database, as an sql_store uses it.
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
///   Q1  connect opens the connection, or opens it anew after it was lost. A statement waits at most about `patience`
///       for others. Nothing is connected before.
///   Q2  execute runs a statement without parameters. What changes rows is durable when `COMMIT`, or a statement
///       outside of a transaction, has returned. `ROLLBACK` takes back what was done since `dialect.begin`.
///   Q3  prepare gives a statement that may be run many times, until the next connect; no statement outlives it.
///   Q4  bind gives a parameter its bytes, or NULL; counted from 0. The bytes live until reset.
///   Q5  step runs the statement, and gives true for each row of its result, then false. column gives the bytes of the
///       row's column, counted from 0, or nullopt for NULL; they live until the next step or reset. Other statements may run
///       meanwhile.
///   Q6  changes gives how many rows an UPDATE or DELETE has found, whether or not they were the same before.
///   Q7  Every failure is an sql_error with the fault that it is; after sql_fault::connection_lost the transaction is rolled back,
///       unless it was just being committed. None has a value in its message.
/// May:   be used by one thread at a time only: the store locks. Two abilities make more of the store:
///        `g lock(const std::string& name, deadline until)`, thread-safe even while the
///        connection is in use, with guards as locking_store says, makes it a locking_store;
///        `std::string table() const` gives the name of the table, if it is not to be the policy's (empty: it is).
/// Models: sqlite_connection, mysql_connection, postgres_connection; examples/odbc_connection.hpp.
template <class C>
concept sql_connection =
    detail::has_dialect<C> && detail::can_connect<C> && detail::can_execute<C> && detail::can_prepare<C> &&
    detail::sql_statement<decltype(std::declval<C&>().prepare(std::declval<const std::string&>()))>;

namespace detail {

template <class C>
consteval bool explain_sql_connection() {
    static_assert(has_dialect<C>, "tokenkeep: a connection needs `static constexpr sql_dialect dialect`; see "
                                  "sql_connection in tokenkeep/sql_connection.hpp");
    if constexpr (has_dialect<C>)
        static_assert(can_connect<C>, "tokenkeep: a connection needs connect(std::chrono::milliseconds patience); see "
                                      "tokenkeep/sql_connection.hpp");
    if constexpr (has_dialect<C> && can_connect<C>)
        static_assert(can_execute<C>, "tokenkeep: a connection needs execute(const std::string& sql); see "
                                      "tokenkeep/sql_connection.hpp");
    if constexpr (has_dialect<C> && can_connect<C> && can_execute<C>)
        static_assert(can_prepare<C>, "tokenkeep: a connection needs prepare(const std::string& sql), giving a "
                                      "statement; see tokenkeep/sql_connection.hpp");
    if constexpr (has_dialect<C> && can_connect<C> && can_execute<C> && can_prepare<C>) {
        using statement = decltype(std::declval<C&>().prepare(std::declval<const std::string&>()));
        static_assert(can_bind<statement>, "tokenkeep: a statement needs bind(std::size_t parameter, "
                                           "std::optional<std::string_view> value); see tokenkeep/sql_connection.hpp");
        if constexpr (can_bind<statement>)
            static_assert(can_step<statement>,
                          "tokenkeep: a statement needs bool step() and reset(); see tokenkeep/sql_connection.hpp");
        if constexpr (can_bind<statement> && can_step<statement>)
            static_assert(can_read_columns<statement>, "tokenkeep: a statement needs column(std::size_t), giving "
                                                       "std::optional<std::string_view>; see "
                                                       "tokenkeep/sql_connection.hpp");
        if constexpr (can_bind<statement> && can_step<statement> && can_read_columns<statement>)
            static_assert(can_count<statement>, "tokenkeep: a statement needs changes(), giving how many rows it "
                                                "found; see tokenkeep/sql_connection.hpp");
    }
    return true;
}

} // namespace detail

}} // namespace tokenkeep::v0

#endif
