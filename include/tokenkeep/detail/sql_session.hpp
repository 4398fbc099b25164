// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_SESSION_HPP
#define TOKENKEEP_DETAIL_SQL_SESSION_HPP

#include <tokenkeep/container.hpp>
#include <tokenkeep/detail/sql_text.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/sql_connection.hpp>
#include <tokenkeep/sql_schema.hpp>
#include <tokenkeep/text/utf8.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep::inline v0::detail {

/// What a change did to a row, so that it can be told afterwards whether it took place.
struct sql_change {
    bool made = false; ///< False: nothing is to be changed, and the transaction ends without effect.
    std::string id{};  ///< Empty: of all rows, and the change may be made twice.
    std::optional<token> before{}, after{};
};

/// A connection with its table and its prepared statements: reads and writes rows, connects when there is need, and
/// knows after each failure what it means for the rows. Not thread-safe; the store locks.
template <class Connection, class Policy>
class sql_session {
    using schema = typename schema_of<Policy>::type;
    using rules = typename Policy::rules;
    using statement = decltype(std::declval<Connection&>().prepare(std::declval<const std::string&>()));
    using values = std::array<std::optional<std::string_view>, 2 * schema::columns + 1>;
    enum kind : std::size_t {
        all = schema::columns,
        insert_row,
        update_row,
        replace_row,
        remove_row,
        erase_row,
        clear_rows,
        lock,
        count
    };

  public:
    explicit sql_session(Connection connection)
        : connection_(std::move(connection)), text_(Connection::dialect, table_of(connection_)) {}
    sql_session(sql_session&&) noexcept = default;
    sql_session& operator=(sql_session&& other) noexcept {
        disconnect(); // no statement outlives its connection
        connection_ = std::move(other.connection_);
        text_ = std::move(other.text_);
        statements_ = std::move(other.statements_);
        is_connected_ = std::exchange(other.is_connected_, false);
        return *this;
    }

    Connection& connection() noexcept { return connection_; }
    const std::string& table() const noexcept { return text_.table(); }

    // ---- Rows, for row_set ----

    template <class Visit>
    void for_each(Visit&& visit) {
        run(all, {}, 0, visit);
    }
    /// The rows that matches<Rule>(probe, row) holds for. The database may compare names as it likes; what it finds is
    /// looked at again, byte for byte.
    template <class Rule, class Visit>
    void for_each_match(const token& probe, Visit&& visit) {
        constexpr std::size_t column = column_of_rule<Rule>();
        static_assert(column < schema::columns, "tokenkeep: a rule looks up a field that the policy's schema has no "
                                                "column for; see tokenkeep/sql_schema.hpp");
        const std::string_view key = view_of(probe.*Rule::key);
        if (key.empty()) return;
        values keys{key};
        try {
            run(column, keys, 1, [&](token&& row) {
                if (matches<Rule>(probe, row)) visit(std::move(row));
            });
        } catch (const sql_error& failure) {
            // What a column of characters cannot hold is in no row.
            if (failure.fault() != sql_fault::value || schema::longest(fields[column].name) == 0) throw;
        }
    }

    // ---- Changes, within write() ----

    void insert(const token& row) {
        const bound_row bound(row);
        values cells{};
        for (std::size_t n = 0; n < schema::columns; ++n) cells[n] = bound.cell(n);
        run(insert_row, cells, schema::columns);
    }
    void update(const token& row) {
        const bound_row bound(row);
        values cells{};
        if (run(update_row, cells, put_update(cells, bound)) != 1)
            throw sql_error(sql_fault::conflict, "the row is gone");
    }
    /// Whether the row was `expected`, and is `row` now.
    bool replace(const token& expected, const token& row) {
        const bound_row bound(row), wanted(expected);
        values cells{};
        std::size_t size = put_update(cells, bound);
        cells[size - 1] = wanted.cell(0);
        size = put_comparison(cells, size, wanted);
        return run(replace_row, cells, size) == 1;
    }
    bool remove(const token& expected) {
        const bound_row wanted(expected);
        values cells{wanted.cell(0)};
        return run(remove_row, cells, put_comparison(cells, 1, wanted)) == 1;
    }
    void erase(const std::string& id) {
        values cells{id};
        run(erase_row, cells, 1);
    }
    void clear() { run(clear_rows, {}, 0); }

    /// Throws errc::invalid_record where the schema has a column that is too short for the record.
    static void require_fitting(const token& row) {
        const bound_row bound(row);
        for (std::size_t n = 0; n < schema::columns; ++n) {
            const std::size_t longest = schema::longest(fields[n].name);
            const std::optional<std::string_view> cell = bound.cell(n);
            if (longest == 0 || !cell) continue;
            if (!text::is_utf8(*cell) || characters_of(*cell) > longest)
                throw error(errc::invalid_record, "tokenkeep: the column " + std::string(fields[n].name) +
                                                      " takes at most " + std::to_string(longest) +
                                                      " characters of UTF-8");
        }
    }

    // ---- Transactions ----

    /// What `look()` gives. If the connection is lost it is made anew and `look` is called once more.
    template <class Look>
    auto read(Look look) {
        for (bool again = false;; again = true) {
            try {
                require_connection();
                return look();
            } catch (const sql_error& failure) {
                if (failure.fault() == sql_fault::lost) disconnect();
                if (failure.fault() != sql_fault::lost || again) throw;
            }
        }
    }

    /// Makes the change that `work()` describes and does, in one transaction that no other writer of the table comes
    /// between: all of it or nothing. Whether it was made. Throws errc::indeterminate if the connection was lost when the
    /// transaction was being committed and the row does not tell either; for anything else nothing has changed.
    template <class Work>
    bool write(Work work) {
        const auto deadline = std::chrono::steady_clock::now() + store_lock_timeout_of<Policy>();
        bool was_lost = false, is_in_doubt = false; // whether an earlier attempt may have taken place
        int existed = 0; // what another program put in between is seen the next time, so that a few will do
        // Whether to try again after a failure that left everything as it was.
        const auto may_repeat = [&](const sql_error& failure) {
            if (failure.fault() == sql_fault::lost) return !std::exchange(was_lost, true);
            if (failure.fault() == sql_fault::exists) return ++existed < 4;
            return failure.fault() == sql_fault::conflict && std::chrono::steady_clock::now() < deadline;
        };
        for (;;) {
            sql_change change;
            try {
                require_connection();
                begin();
                change = work();
            } catch (const sql_error& failure) {
                abandon(failure);
                if (may_repeat(failure)) continue;
                if (is_in_doubt) throw failure.with(errc::indeterminate);
                if (failure.code() == errc::storage_failure) throw failure.with(errc::not_saved);
                throw;
            } catch (...) {
                abandon();
                if (is_in_doubt)
                    std::throw_with_nested(error(errc::indeterminate, "tokenkeep: the rows may or may not be gone"));
                throw;
            }
            if (!change.made) return abandon(), false;
            try {
                connection_.execute("COMMIT");
                return true;
            } catch (const sql_error& failure) {
                abandon(failure);
                if (failure.fault() == sql_fault::conflict && may_repeat(failure)) continue;
                const std::optional<bool> took_place = find_out(change, failure);
                if (took_place == true) return true;
                is_in_doubt = is_in_doubt || !took_place;
                if ((took_place == false || change.id.empty()) && may_repeat(failure)) continue;
                throw failure.with(is_in_doubt ? errc::indeterminate : errc::not_saved);
            }
        }
    }

    /// After rows were deleted: lets nothing of them stay in the database's files, as far as it can.
    void erase_remains() {
        if constexpr (!Connection::dialect.erase.empty() && erases_deleted_tokens_of<Policy>()) {
            try {
                require_connection();
                connection_.execute(std::string(Connection::dialect.erase));
            } catch (const sql_error& failure) {
                if (failure.fault() == sql_fault::lost) disconnect();
                std::throw_with_nested(
                    error(errc::storage_failure, "tokenkeep: the rows are gone, but not erased from the database"));
            }
        }
    }

  private:
    /// The cells of a record as they are bound: views into it, and the times as text.
    class bound_row {
      public:
        explicit bound_row(const token& row) : row_(row) {
            std::size_t next = 0;
            for (std::size_t n = 0; n < schema::columns; ++n)
                if (fields[n].time != nullptr) {
                    if (const auto& time = row.*fields[n].time) times_[next] = to_text(*time);
                    ++next;
                }
        }

        /// Nullopt for an absent field.
        std::optional<std::string_view> cell(std::size_t column) const {
            const std::string_view text = view(column);
            return text.empty() ? std::nullopt : std::optional(text);
        }
        std::string_view view(std::size_t column) const {
            if (fields[column].text != nullptr) return row_.*fields[column].text;
            if (fields[column].secret_text != nullptr) return (row_.*fields[column].secret_text).reveal();
            std::size_t time = 0;
            for (std::size_t n = 0; n < column; ++n) time += fields[n].time != nullptr ? 1u : 0u;
            return times_[time];
        }

      private:
        static constexpr std::size_t number_of_times() {
            std::size_t times = 0;
            for (const field& f : fields) times += f.time != nullptr ? 1u : 0u;
            return times;
        }

        const token& row_;
        std::array<std::string, number_of_times()> times_{};
    };

    static std::size_t characters_of(std::string_view utf8) {
        std::size_t characters = 0;
        for (const char byte : utf8) characters += (static_cast<unsigned char>(byte) & 0xc0) != 0x80 ? 1u : 0u;
        return characters;
    }

    static std::size_t put_update(values& cells, const bound_row& row) {
        for (std::size_t n = 1; n < schema::columns; ++n) cells[n - 1] = row.cell(n);
        cells[schema::columns - 1] = row.cell(0);
        return schema::columns;
    }
    static std::size_t put_comparison(values& cells, std::size_t size, const bound_row& row) {
        for (std::size_t n = 0; n < schema::columns; ++n) cells[size++] = row.view(n);
        return size;
    }

    static std::string table_of(const Connection& connection) {
        std::string table;
        if constexpr (names_table<Connection>) table = connection.table();
        return table.empty() ? std::string(schema::table) : table;
    }

    std::string text_of(std::size_t which) const {
        switch (which) {
        case all: return text_.select();
        case insert_row: return text_.insert();
        case update_row: return text_.update();
        case replace_row: return text_.replace();
        case remove_row: return text_.remove();
        case erase_row: return text_.erase();
        case clear_rows: return text_.clear();
        case lock: return text_.lock_version();
        default: return text_.find_by(which);
        }
    }

    /// Runs a statement to its end; `visit(token&&)` sees its rows. How many rows it changed.
    template <class Visit>
    std::uint64_t run(std::size_t which, const values& cells, std::size_t size, Visit&& visit) {
        if (!statements_[which]) statements_[which].emplace(connection_.prepare(text_of(which)));
        return run_statement(*statements_[which], cells, size, [&](statement& row) { visit(read_row(row)); });
    }
    std::uint64_t run(std::size_t which, const values& cells, std::size_t size) {
        return run(which, cells, size, [](token&&) {});
    }

    template <class Visit>
    static std::uint64_t run_statement(statement& prepared, const values& cells, std::size_t size, Visit visit) {
        const struct ending {
            statement& of;
            ~ending() { of.reset(); }
        } at_end{prepared};
        for (std::size_t n = 0; n < size; ++n) prepared.bind(n, cells[n]);
        while (prepared.step()) visit(prepared);
        return prepared.changes();
    }

    static token read_row(statement& cells) {
        token row;
        for (std::size_t n = 0; n < schema::columns; ++n)
            if (const std::optional<std::string_view> cell = cells.column(n)) read_cell(fields[n], row, *cell);
        return row;
    }

    // ---- The connection ----

    void require_connection() {
        if (is_connected_) return;
        disconnect();
        connection_.connect(store_lock_timeout_of<Policy>());
        prepare_schema();
        is_connected_ = true;
    }

    void disconnect() noexcept {
        for (auto& each : statements_) each.reset();
        is_connected_ = false;
    }

    /// Makes the tables, unless they are there. Rights to make tables are needed only then.
    void prepare_schema() {
        std::optional<std::string> found;
        try {
            found = stored_version();
        } catch (const sql_error& failure) {
            if (failure.fault() != sql_fault::other) throw; // otherwise there is no such table
        }
        if (!found) {
            for (const std::string& sql : text_.template create<rules>())
                ignoring_what_exists([&] { connection_.execute(sql); });
            ignoring_what_exists([&] {
                const std::string version = std::to_string(sql_schema_version);
                statement made = connection_.prepare(text_.insert_version());
                run_statement(made, {text_.table(), version}, 2, [](statement&) {});
            });
            found = stored_version();
        }
        require_version(found);
    }

    std::optional<std::string> stored_version() {
        statement asked = connection_.prepare(text_.version());
        return version_in(asked);
    }

    std::optional<std::string> version_in(statement& asked) {
        std::optional<std::string> found;
        run_statement(asked, {text_.table()}, 1, [&](statement& row) { found = row.column(0).value_or(""); });
        return found;
    }

    static void require_version(const std::optional<std::string>& found) {
        if (!found) throw error(errc::store_gone, "tokenkeep: the table of tokens has disappeared");
        unsigned version = 0;
        const auto [end, fault] = std::from_chars(found->data(), found->data() + found->size(), version);
        if (fault != std::errc{} || end != found->data() + found->size() || version > sql_schema_version)
            throw error(errc::unsupported_version, "tokenkeep: the table of tokens is of a newer version");
    }

    template <class Act>
    static void ignoring_what_exists(Act act) {
        try {
            act();
        } catch (const sql_error& failure) {
            if (failure.fault() != sql_fault::exists) throw;
        }
    }

    void begin() {
        connection_.execute(std::string(Connection::dialect.begin));
        if (!statements_[lock]) statements_[lock].emplace(connection_.prepare(text_of(lock)));
        require_version(version_in(*statements_[lock]));
    }

    void abandon() noexcept {
        if (!is_connected_) return; // nothing was begun, and there may be nothing to ask
        try {
            connection_.execute("ROLLBACK");
        } catch (...) {
            disconnect(); // whatever it was, it is over then
        }
    }
    void abandon(const sql_error& failure) noexcept {
        if (failure.fault() == sql_fault::lost)
            disconnect();
        else
            abandon();
    }

    /// Whether a change took place whose commit gave no answer; nullopt if the row is neither as it was nor as it was to
    /// be. The transaction in which it is read waits for the end of that one, should it still be under way.
    std::optional<bool> find_out(const sql_change& change, const sql_error& failure) {
        if (change.id.empty()) return failure.fault() == sql_fault::lost ? std::nullopt : std::optional(false);
        try {
            disconnect();
            require_connection();
            begin();
            std::optional<token> now;
            for_each_match<by_id>({.id = change.id}, [&](token&& row) { now = std::move(row); });
            abandon();
            if (is_same(now, change.after)) return true;
            if (is_same(now, change.before)) return false;
            return std::nullopt;
        } catch (const std::exception&) {
            abandon();
            std::throw_with_nested(failure.with(errc::indeterminate));
        }
    }

    /// As far as the schema has columns.
    static bool is_same(const std::optional<token>& one, const std::optional<token>& other) {
        if (!one || !other) return one.has_value() == other.has_value();
        for (std::size_t n = 0; n < schema::columns; ++n)
            if (!fields[n].visit([&](auto member) { return (*one).*member == (*other).*member; })) return false;
        return true;
    }

    Connection connection_;
    sql_text<schema> text_;
    std::array<std::optional<statement>, count> statements_{};
    bool is_connected_ = false;
};

/// The rows of a session, as row_set sees them.
template <class Session>
struct sql_rows {
    Session* session = nullptr;
};

} // namespace tokenkeep::inline v0::detail

template <class Session>
struct tokenkeep::container_traits<tokenkeep::detail::sql_rows<Session>> {
    using rows = tokenkeep::detail::sql_rows<Session>;

    template <class Visit>
    static void for_each(const rows& from, Visit&& visit) {
        from.session->for_each(visit);
    }
    template <class Rule, class Visit>
    static void for_each_match(const rows& from, Rule, const tokenkeep::token& probe, Visit&& visit) {
        from.session->template for_each_match<Rule>(probe, visit);
    }
};

#endif
