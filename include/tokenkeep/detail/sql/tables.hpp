// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_TABLES_HPP
#define TOKENKEEP_DETAIL_SQL_TABLES_HPP

#include <tokenkeep/detail/sql/statement.hpp>
#include <tokenkeep/detail/sql/text.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/sql_connection.hpp>
#include <tokenkeep/sql_schema.hpp>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v0 { namespace detail {

/// The version of a table of tokens. The table `tokenkeep_schema` holds it, for each table of tokens.
inline constexpr unsigned sql_schema_version = 1;

/// The stored version of a table; nullopt if there is no such table. `run(parameters, visit)` runs the SELECT.
template <class Run>
std::optional<std::string> stored_sql_version(std::string_view table, Run run) {
    const std::optional<std::string_view> parameters[] = {table};
    std::optional<std::string> found;
    run(sql_parameters(parameters), [&](auto& row) { found = row.column(0).value_or(""); });
    return found;
}

/// Throws errc::store_gone if there is no version, and errc::unsupported_version if it is newer than this library.
inline void require_sql_version(const std::optional<std::string>& found) {
    if (!found) throw error(errc::store_gone, "tokenkeep: the table of tokens has disappeared");
    unsigned version = 0;
    const auto [end, fault] = std::from_chars(found->data(), found->data() + found->size(), version);
    if (fault != std::errc{} || end != found->data() + found->size() || version > sql_schema_version)
        throw error(errc::unsupported_version, "tokenkeep: the table of tokens is of a newer version");
}

/// Makes the tables if they are missing; only this needs the right to make tables. Then requires their version.
template <class Rules, class Connection, class Schema>
void prepare_sql_tables(Connection& connection, const sql_text<Schema>& text) {
    const auto version = [&] {
        auto asking = connection.prepare(text.version());
        return stored_sql_version(text.name_in_schema(), [&](auto with, auto visit) { run_sql(asking, with, visit); });
    };
    const auto make = [](auto&& part) {
        try {
            part();
        } catch (const sql_error& failure) {
            if (failure.fault() != sql_fault::already_exists) throw; // another program has just made it
        }
    };
    std::optional<std::string> found;
    try {
        found = version();
    } catch (const sql_error& failure) {
        if (failure.fault() != sql_fault::other) throw; // `other` means that there is no such table
    }
    if (!found) {
        for (const std::string& sql : text.template create<Rules>()) make([&] { connection.execute(sql); });
        make([&] {
            const std::string current = std::to_string(sql_schema_version);
            auto insert = connection.prepare(text.insert_version());
            const std::optional<std::string_view> row[] = {text.name_in_schema(), current};
            run_sql(insert, row, [](auto&) {});
        });
        found = version();
    }
    require_sql_version(found);
}

}}} // namespace tokenkeep::v0::detail

#endif
