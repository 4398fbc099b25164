// SPDX-License-Identifier: MIT
// A row of a result has columns.
// expect: tokenkeep: a statement needs column(std::size_t), giving std::optional<std::string_view>; see the concept sql_connection
#include <tokenkeep/sql_store.hpp> // first: compilers name the way to a header before a message about it

#include "whole_connection.hpp"

struct my_statement : whole_statement {
#ifdef MISTAKE
    std::optional<std::string_view> column(std::size_t) = delete;
#endif
};

template void keep<whole_connection<my_statement>>();
