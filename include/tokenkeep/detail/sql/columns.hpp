// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_COLUMNS_HPP
#define TOKENKEEP_DETAIL_SQL_COLUMNS_HPP

#include <tokenkeep/detail/store/sealed_row.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/rules.hpp>
#include <tokenkeep/sealer.hpp>
#include <tokenkeep/text/sha256.hpp>
#include <tokenkeep/token.hpp>

#include <array>
#include <cstddef>
#include <iterator>
#include <string>
#include <type_traits>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The version of a sealed table. A plain table has that of the newest field that has a column.
inline constexpr unsigned sealed_table_version = 3;

/// The columns of a policy's table.
///
///   column             | in which table | what its cells hold
///   -------------------|----------------|------------------------------------------------------------------------
///   those of the       | every          | the fields of the row; NULL if a field is empty. Column n is `fields[n]`.
///   schema             |                | Cells of a sealed field hold base64url of what the sealer made
///   `row_mac`          | sealed         | which key sealed the row, and a fingerprint of all its other cells
///   `<name>_index`,    | sealed         | a fingerprint of the sealed field `<name>`, by which rows are found. Only
///   several            |                | fields that a rule looks up have one
///   `row_key`          | sealed         | the id of the key that sealed the row, with an index: so a store finds out,
///                      |                | without a scan, whether other keys sealed any rows
template <class Policy>
struct sql_columns {
    using schema = typename Policy::schema;

    static constexpr bool are_sealed = has_table_sealer<Policy>;

    /// Whether the cells of a field are sealed.
    static constexpr bool seals(std::size_t field) { return seals_field<Policy>(field); }

    /// The first columns that only a sealed table has.
    static constexpr std::size_t row_mac = schema::columns;
    static constexpr std::size_t first_index = row_mac + 1;

    /// The fields that have an index column, in the order of these columns.
    struct indexed_fields {
        std::array<std::size_t, std::size(fields)> places{};
        std::size_t count = 0;
    };
    static constexpr indexed_fields indexed() {
        indexed_fields found;
        for (std::size_t n = 0; n < schema::columns; ++n)
            if (seals(n) && is_looked_up(n)) found.places[found.count++] = n;
        return found;
    }

    /// The last column of a sealed table.
    static constexpr std::size_t row_key() { return first_index + indexed().count; }

    static constexpr std::size_t count() { return are_sealed ? row_key() + 1 : schema::columns; }

    static std::string name(std::size_t column) {
        if (column < schema::columns) return std::string(fields[column].name);
        if (column == row_mac) return "row_mac";
        if (column == row_key()) return "row_key";
        return std::string(fields[indexed().places[column - first_index]].name) + "_index";
    }

    /// Names the columns of a sealed table and which of them are sealed, in 8 hex digits. All programs of the table
    /// must agree about both: a row that lacks a fingerprint would not be found.
    static std::string layout() {
        std::string names;
        for (std::size_t n = 0; n < count(); ++n)
            names.append(n < schema::columns && seals(n) ? "sealed " : "").append(name(n)).append("\n");
        return text::sha256_hex(names).substr(0, 8);
    }

    /// The version in which the column was new.
    static constexpr unsigned since(std::size_t column) {
        return column < schema::columns ? fields[column].since : sealed_table_version;
    }

    /// How many characters a cell takes; 0 means any bytes.
    static constexpr std::size_t longest(std::size_t column) {
        return column < schema::columns ? schema::longest(fields[column].name) : 0;
    }

    /// The column by which rows are found that have a value in that field.
    static constexpr std::size_t look_up(std::size_t field) {
        if (!seals(field)) return field;
        std::size_t column = first_index;
        for (std::size_t n = 0; n < field; ++n)
            if (seals(n) && is_looked_up(n)) ++column;
        return column;
    }

  private:
    static constexpr bool is_looked_up(std::size_t field) {
        bool found = false;
        rules_of<Policy>::list::for_each([&](auto rule) { found = found || place_of_key<decltype(rule)>() == field; });
        return found;
    }
};

/// Whether the table has a column for each field that a rule looks up.
template <class Policy>
consteval bool has_columns_of_rules() {
    bool found = true;
    rules_of<Policy>::list::for_each(
        [&](auto rule) { found = found && place_of_key<decltype(rule)>() < Policy::schema::columns; });
    return found;
}

template <class Policy>
concept has_shared_table = requires {
    requires bool(Policy::schema::refuses_sealer);
};

/// Says in a sentence why a table cannot be sealed.
template <class Policy>
consteval bool explain_sealed_table() {
    if constexpr (!std::is_same_v<sealer_of<Policy>, no_seal>)
        static_assert(!has_shared_table<Policy>,
                      "tokenkeep: other programs read the tables of this schema, and cannot open sealed rows: take a "
                      "policy without a sealer, or another schema; see the struct sql_schema");
    return true;
}

}}} // namespace tokenkeep::v1::detail

#endif
