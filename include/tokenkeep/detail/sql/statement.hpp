// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_STATEMENT_HPP
#define TOKENKEEP_DETAIL_SQL_STATEMENT_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The values of a statement's parameters, in their order.
using sql_parameters = std::span<const std::optional<std::string_view>>;

/// Runs a statement to its end, and calls `visit(statement)` at each row of the result. Gives the number of rows
/// changed.
template <class Statement, class Visit>
std::uint64_t run_sql(Statement& prepared, sql_parameters with, Visit visit) {
    const struct ending {
        Statement& of;
        ~ending() { of.reset(); }
    } at_end{prepared};
    for (std::size_t n = 0; n < with.size(); ++n) prepared.bind(n, with[n]);
    while (prepared.step()) visit(prepared);
    return prepared.changes();
}

}}} // namespace tokenkeep::v1::detail

#endif
