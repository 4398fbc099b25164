// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_SQL_SCHEMA_HPP
#define TOKENKEEP_SQL_SCHEMA_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/token.hpp>

#include <cstddef>
#include <iterator>
#include <string_view>

namespace tokenkeep { inline namespace v1 {

/// The table of an sql_store: its name, its columns, and how long a value may be. By default every field of the record
/// has a column for any bytes. To choose another table, inherit from this and name it in the policy:
///   struct my_schema : sql_schema { static constexpr std::string_view table = "my_tokens"; };
///   struct ours : defaults { using schema = my_schema; };
struct sql_schema {
    /// At most 48 letters, digits and underscores. If there is another table of tokens whose name differs only in upper
    /// and lower case, the store throws errc::invalid_record and uses neither.
    static constexpr std::string_view table = "tokenkeep_tokens";

    /// How many fields are stored: the first ones of `fields`. The others are not stored. A table of an older version
    /// of the library gets the columns that it lacks at the first use.
    static constexpr std::size_t columns = std::size(fields);

    /// How many characters of UTF-8 a column takes; the column is then a VARCHAR. 0 means any bytes of any length. If a
    /// value is too long, the save throws errc::invalid_record and writes nothing. In a sealed table, this is about the
    /// sealed text, which is longer than the value.
    static constexpr std::size_t longest(std::string_view /*column*/) { return 0; }

    /// Whether other programs read the table, which could not open sealed rows. A store with a sealer then does not
    /// compile.
    static constexpr bool refuses_sealer = false;
};

}} // namespace tokenkeep::v1

#endif
