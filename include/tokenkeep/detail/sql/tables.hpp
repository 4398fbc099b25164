// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_TABLES_HPP
#define TOKENKEEP_DETAIL_SQL_TABLES_HPP

#include <tokenkeep/detail/sql/columns.hpp>
#include <tokenkeep/detail/sql/statement.hpp>
#include <tokenkeep/detail/sql/text.hpp>
#include <tokenkeep/detail/store/sealed_row.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/sql_connection.hpp>
#include <tokenkeep/token.hpp>

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

// The table `tokenkeep_schema` holds the version of each table of tokens.
//
//   version    | what the table is
//   -----------|-------------------------------------------------------------------------------------------------------
//   1, 2       | plain: the version of the newest field that has a column
//   1 sealed L | on its way to be sealed. A store with a sealer inserts this version before it adds the columns and
//              | indexes that are missing, so that no store without a sealer writes rows meanwhile
//   3 L        | sealed. L is sql_columns::layout
inline constexpr std::string_view sealing_began = "1 sealed ", sealing_done = "3 ";

/// The stored version of a table; nullopt if there is no such table. `run(parameters, visit)` runs the SELECT.
template <class Run>
std::optional<std::string> stored_sql_version(std::string_view table, Run run) {
    const std::optional<std::string_view> parameters[] = {table};
    std::optional<std::string> found;
    run(sql_parameters(parameters), [&](auto& row) { found = row.column(0).value_or(""); });
    return found;
}

/// The version as a number. Throws errc::store_gone if there is no version, errc::unsupported_version if it is newer
/// than this library, errc::permissions if the table is sealed and the policy has no sealer, or the reverse, and
/// errc::request_rejected if the table was sealed by a policy with other columns.
template <class Policy>
unsigned require_sql_version(const std::optional<std::string>& found) {
    if (!found) throw error(errc::store_gone, "tokenkeep: the table of tokens has disappeared");
    const std::string_view version = *found;
    const bool is_sealed = version.starts_with(sealing_done);
    if (is_sealed || version.starts_with(sealing_began)) {
        if constexpr (!sql_columns<Policy>::are_sealed)
            throw sealed_table();
        else if (version.substr(version.rfind(' ') + 1) != sql_columns<Policy>::layout())
            throw differently_sealed_table();
        return is_sealed ? sealed_table_version : 1;
    }
    unsigned number = 0;
    const auto [end, fault] = std::from_chars(version.data(), version.data() + version.size(), number);
    if (fault != std::errc{} || end != version.data() + version.size() || number > version_of_fields())
        throw error(errc::unsupported_version, "tokenkeep: the table of tokens is of a newer version");
    if (sql_columns<Policy>::are_sealed) throw plain_table();
    return number;
}

/// Makes the tables of a store if they are missing, and adds the columns that newer fields need.
template <class Connection, class Policy>
class sql_tables {
    using columns = sql_columns<Policy>;
    static constexpr unsigned newest =
        columns::are_sealed ? sealed_table_version : version_of_fields(Policy::schema::columns);

  public:
    sql_tables(Connection& connection, const sql_text<Policy>& text) : connection_(connection), text_(text) {}

    /// Only this needs the right to make and to alter tables, and only if something is to be done. A plain table is
    /// made as the first version of the library made it, and then altered. So it does not matter which program makes
    /// it, and where one that makes it is cut off. Whether a new table becomes plain or sealed is settled when its
    /// version is inserted.
    void prepare() {
        std::optional<std::string> found;
        try {
            found = version(text_.version());
        } catch (const sql_error& failure) {
            if (failure.fault() != sql_fault::other) throw; // `other` means that there is no such table
        }
        if (!found) {
            for (const std::string& sql : text_.create()) make([&] { connection_.execute(sql); });
            refuse_rows_of_other_kind();
            make([&] { run(text_.insert_version(), text_.name_in_schema(), version_of_new_table()); });
            found = version(text_.version());
        }
        require_one_spelling();
        if (require_sql_version<Policy>(found) < newest) alter();
        if constexpr (columns::are_sealed) require_columns();
    }

  private:
    static std::string version_of_new_table() {
        if constexpr (columns::are_sealed)
            return std::string(sealing_began) + columns::layout();
        else
            return "1";
    }
    static std::string newest_version() {
        if constexpr (columns::are_sealed)
            return std::string(sealing_done) + columns::layout();
        else
            return std::to_string(newest);
    }

    /// A table that has rows and no version has lost its row in tokenkeep_schema. Its rows may be plain, or sealed.
    void refuse_rows_of_other_kind() {
        const bool may_be_sealed = has_column(columns::row_mac);
        if constexpr (columns::are_sealed) {
            if (has_rows(may_be_sealed ? text_.plain_ids() : text_.ids())) throw plain_table();
        } else {
            if (may_be_sealed && has_rows(text_.sealed_ids())) throw sealed_table();
        }
    }
    bool has_rows(const std::string& sql) {
        auto asking = connection_.prepare(sql);
        const bool is_there = asking.step();
        asking.reset();
        return is_there;
    }

    /// Another table may have taken the place of the sealed one, though the version stayed.
    void require_columns() {
        if (succeeds(text_.look_for_all_columns())) return;
        if (!has_column(columns::row_mac)) throw plain_table();
        throw error(errc::request_rejected, "tokenkeep: the sealed table lacks a column; restore it, or copy the "
                                            "rows into a new table with migrate");
    }

    /// Tables whose names differ only in case would share their version and their locks. A database that has both would
    /// upgrade only one of them.
    void require_one_spelling() {
        const std::string_view sql = Connection::dialect.other_spelling;
        if (sql.empty()) return;
        bool is_there = false;
        run(std::string(sql), text_.name_in_schema(), text_.name(), [&](auto&) { is_there = true; });
        if (is_there)
            throw error(errc::invalid_record,
                        "tokenkeep: the database has a table of tokens whose name differs only in "
                        "upper and lower case; choose another name, or rename that table");
    }

    /// One transaction. A table may have some of the columns already: if the database commits at each ALTER, and a
    /// program was cut off there; or if its row in tokenkeep_schema was lost.
    void alter() {
        const std::vector<std::size_t> missing = missing_columns();
        connection_.execute(std::string(Connection::dialect.begin));
        try {
            const unsigned found = require_sql_version<Policy>(version(text_.lock_version()));
            if (found < newest) { // else another program has just done it
                for (const std::size_t column : missing) make([&] { connection_.execute(text_.add_column(column)); });
                for (const std::string& sql : text_.new_indexes(found)) make([&] { connection_.execute(sql); });
                run(text_.update_version(), newest_version(), text_.name_in_schema());
            }
            connection_.execute("COMMIT");
        } catch (...) {
            try {
                connection_.execute("ROLLBACK");
            } catch (const sql_error&) { // the transaction ends with the connection
            }
            throw;
        }
    }

    /// Asked outside of the transaction, which a statement that fails would end in some databases.
    std::vector<std::size_t> missing_columns() {
        std::vector<std::size_t> missing;
        if constexpr (columns::are_sealed)
            if (succeeds(text_.look_for_all_columns())) return missing;
        for (std::size_t n = 0; n < columns::count(); ++n)
            if (columns::since(n) > 1 && !has_column(n)) missing.push_back(n);
        return missing;
    }
    bool has_column(std::size_t column) { return succeeds(text_.look_for_column(column)); }
    /// False if there is no such column.
    bool succeeds(const std::string& sql) {
        try {
            auto asking = connection_.prepare(sql);
            run_sql(asking, {}, [](auto&) {});
            return true;
        } catch (const sql_error& failure) {
            if (failure.fault() != sql_fault::other) throw; // `other` means that there is no such column
            return false;
        }
    }

    std::optional<std::string> version(const std::string& sql) {
        auto asking = connection_.prepare(sql);
        return stored_sql_version(text_.name_in_schema(), [&](auto with, auto visit) { run_sql(asking, with, visit); });
    }

    void run(const std::string& sql, std::string_view first, std::string_view second) {
        run(sql, first, second, [](auto&) {});
    }
    template <class Visit>
    void run(const std::string& sql, std::string_view first, std::string_view second, Visit visit) {
        auto statement = connection_.prepare(sql);
        const std::optional<std::string_view> parameters[] = {first, second};
        run_sql(statement, parameters, visit);
    }

    template <class Part>
    static void make(Part part) {
        try {
            part();
        } catch (const sql_error& failure) {
            if (failure.fault() != sql_fault::already_exists) throw; // another program has just made it
        }
    }

    Connection& connection_;
    const sql_text<Policy>& text_;
};

}}} // namespace tokenkeep::v1::detail

#endif
