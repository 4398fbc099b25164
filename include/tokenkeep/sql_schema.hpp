// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_SQL_SCHEMA_HPP
#define TOKENKEEP_SQL_SCHEMA_HPP

#include <tokenkeep/token.hpp>

#include <cstddef>
#include <iterator>
#include <string_view>

namespace tokenkeep { inline namespace v0 {

/// The table of an sql_store: every field of the record in a column for any bytes. To choose another, inherit and
/// override, and name it in the policy: `struct ours : defaults { using schema = my_schema; };`
struct sql_schema {
    static constexpr std::string_view table = "tokenkeep_tokens"; ///< Letters, digits and underscores. Tables of one
                                                                  ///< database differ in more than case.
    static constexpr std::size_t columns = std::size(fields);     ///< So many fields, from the table's first, are kept.

    /// How many characters of UTF-8 a column takes at most, which is then a VARCHAR; 0 for any bytes. What is longer is
    /// errc::invalid_record, and nothing is written.
    static constexpr std::size_t longest(std::string_view) { return 0; }
};

}} // namespace tokenkeep::v0

#endif
