// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_CONNECTION_HPP
#define TOKENKEEP_DETAIL_SQL_CONNECTION_HPP

#include <tokenkeep/container.hpp>
#include <tokenkeep/detail/sql/cells.hpp>
#include <tokenkeep/detail/sql/statement.hpp>
#include <tokenkeep/detail/sql/tables.hpp>
#include <tokenkeep/detail/sql/text.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/sql_connection.hpp>
#include <tokenkeep/sql_schema.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v0 { namespace detail {

/// A connection with its table and its prepared statements. What becomes of rows when it fails is said in
/// sql_transactions. Not thread-safe; the store locks.
template <class Connection, class Policy>
class sql_session {
    using schema = typename Policy::schema;
    using rules = typename Policy::rules;
    using cells_type = sql_cells<schema>;
    using statement = decltype(std::declval<Connection&>().prepare(std::declval<const std::string&>()));
    /// What a statement is run with, in the order of its parameters.
    struct values {
        void add(std::optional<std::string_view> value) { all[size++] = value; }
        sql_parameters view() const { return std::span(all).first(size); }

        std::array<std::optional<std::string_view>, schema::columns> all{};
        std::size_t size = 0;
    };
    /// The statements that are kept: those that find by a column, by its number, and these.
    enum kind : std::size_t {
        all_rows = schema::columns,
        insert_row,
        update_row,
        erase_row,
        clear_rows,
        lock_row,
        lock_version,
        number_of_kinds
    };

  public:
    /// How long others may keep a change waiting.
    static constexpr std::chrono::milliseconds patience = Policy::store_lock_timeout;

    explicit sql_session(Connection connection)
        : connection_(std::move(connection)), text_(Connection::dialect, table_of(connection_)) {}
    sql_session(sql_session&&) noexcept = default;
    sql_session& operator=(sql_session&& other) noexcept {
        disconnect(); // no statement outlives its connection
        connection_ = std::move(other.connection_);
        text_ = std::move(other.text_);
        statements_ = std::move(other.statements_);
        is_connected_ = other.is_connected_;
        return *this;
    }

    Connection& connection() noexcept { return connection_; }
    /// The same for every store of one table.
    const std::string& table_key() const noexcept { return text_.name_in_schema(); }
    /// A row as it comes back from the table.
    static std::optional<token> as_stored(std::optional<token> row) {
        if (row) row = first_fields(std::move(*row), schema::columns);
        return row;
    }

    // ---- Rows, for row_rules ----

    template <class Visit>
    void for_each(Visit&& visit) {
        run(all_rows, {}, visit);
    }
    /// The rows that matches<Rule>(probe, row) holds for. The database may compare names as it likes; what it finds is
    /// looked at again, byte for byte.
    template <class Rule, class Visit>
    void for_each_match(const token& probe, Visit&& visit) {
        constexpr std::size_t column = place_of_key<Rule>();
        static_assert(column < schema::columns, "tokenkeep: a rule looks up a field that the policy's schema has no "
                                                "column for; see tokenkeep/sql_schema.hpp");
        look_up(column, column, view_of(probe.*Rule::key), [&](token&& row) {
            if (matches<Rule>(probe, row)) visit(std::move(row));
        });
    }
    std::optional<token> find_by_id(const std::string& id) {
        std::optional<token> found;
        for_each_match<by_id>({.id = id}, [&](token&& row) { found = std::move(row); });
        return found;
    }

    // ---- Changes, between begin and commit ----

    /// Keeps others from changing the row until the transaction ends, also those who take no turns.
    void lock(const std::string& id) {
        if constexpr (!Connection::dialect.for_update.empty()) look_up(lock_row, 0, id, [](token&&) {});
    }
    void insert(const token& row) {
        const cells_type cells(row);
        values to{};
        for (std::size_t n = 0; n < schema::columns; ++n) to.add(cells.cell(n));
        run(insert_row, to);
    }
    void update(const token& row) {
        const cells_type cells(row);
        values to{};
        for (std::size_t n = 1; n < schema::columns; ++n) to.add(cells.cell(n));
        to.add(row.id);
        if (run(update_row, to) != 1) throw sql_error(sql_fault::conflict, "the row is gone");
    }
    void erase(const std::string& id) { run(erase_row, one(id)); }
    void clear() { run(clear_rows, {}); }

    // ---- The connection ----

    /// Connects, unless it is connected, and sees to it that there is a table.
    void require_connection() {
        if (is_connected_) return;
        disconnect();
        connection_.connect(patience);
        prepare_sql_tables<rules>(connection_, text_);
        is_connected_ = true;
    }

    void disconnect() noexcept {
        for (auto& each : statements_) each.reset();
        is_connected_ = false;
    }

    /// Begins a transaction, in which no other writer of the table comes between.
    void begin() {
        connection_.execute(std::string(Connection::dialect.begin));
        if (!statements_[lock_version]) statements_[lock_version].emplace(connection_.prepare(text_of(lock_version)));
        require_sql_version(stored_sql_version(*statements_[lock_version], table_key()));
    }

    void commit() { connection_.execute("COMMIT"); }
    void abandon() noexcept {
        if (!is_connected_) return; // nothing was begun, and there may be nothing to ask
        try {
            connection_.execute("ROLLBACK");
        } catch (...) {
            disconnect(); // whatever it was, it is over then
        }
    }
    void abandon(const sql_error& failure) noexcept {
        if (failure.fault() == sql_fault::connection_lost)
            disconnect();
        else
            abandon();
    }
    /// After rows were deleted: lets nothing of them stay in the database's files, as far as it can.
    void erase_remains() {
        if constexpr (!Connection::dialect.erase.empty() && Policy::erases_deleted_tokens) {
            try {
                require_connection();
                connection_.execute(std::string(Connection::dialect.erase));
            } catch (const sql_error& failure) {
                if (failure.fault() == sql_fault::connection_lost) disconnect();
                std::throw_with_nested(
                    error(errc::storage_failure, "tokenkeep: the rows are gone, but not erased from the database"));
            }
        }
    }

  private:
    static values one(std::string_view value) {
        values of{};
        of.add(value);
        return of;
    }

    static std::string table_of(const Connection& connection) {
        std::string table;
        if constexpr (names_table<Connection>) table = connection.table();
        return table.empty() ? std::string(schema::table) : table;
    }

    std::string text_of(std::size_t which) const {
        switch (which) {
        case all_rows: return text_.select();
        case insert_row: return text_.insert();
        case update_row: return text_.update();
        case erase_row: return text_.erase();
        case clear_rows: return text_.clear();
        case lock_row: return text_.lock_row();
        case lock_version: return text_.lock_version();
        default: return text_.find_by(which);
        }
    }

    /// Runs a statement that looks for a value in a column. What a column of characters cannot hold is in no row.
    template <class Visit>
    void look_up(std::size_t which, std::size_t column, std::string_view value, Visit visit) {
        if (value.empty()) return;
        try {
            run(which, one(value), visit);
        } catch (const sql_error& failure) {
            if (failure.fault() != sql_fault::bad_value || schema::longest(fields[column].name) == 0) throw;
        }
    }

    /// Runs a statement to its end; `visit(token&&)` sees its rows. How many rows it changed.
    template <class Visit>
    std::uint64_t run(std::size_t which, const values& with, Visit&& visit) {
        if (!statements_[which]) statements_[which].emplace(connection_.prepare(text_of(which)));
        return run_sql(*statements_[which], with.view(), [&](statement& row) { visit(read_sql_row<schema>(row)); });
    }
    std::uint64_t run(std::size_t which, const values& with) {
        return run(which, with, [](token&&) {});
    }

    Connection connection_;
    sql_text<schema> text_;
    std::array<std::optional<statement>, number_of_kinds> statements_{};
    bool is_connected_ = false;
};

}}} // namespace tokenkeep::v0::detail

/// For look-ups only: the session changes its rows itself.
template <class Connection, class Policy>
struct tokenkeep::container_traits<tokenkeep::detail::sql_session<Connection, Policy>> {
    using rows = tokenkeep::detail::sql_session<Connection, Policy>;

    template <class Visit>
    static void for_each(rows& from, Visit&& visit) {
        from.for_each(visit);
    }
    template <class Rule, class Visit>
    static void for_each_match(rows& from, Rule, const tokenkeep::token& probe, Visit&& visit) {
        from.template for_each_match<Rule>(probe, visit);
    }
};

#endif
