// SPDX-License-Identifier: MIT
// A statement takes values.
// expect: tokenkeep: a statement needs bind(std::size_t parameter, std::optional<std::string_view> value); see the concept sql_connection
#include <tokenkeep/sql_store.hpp> // first: compilers name the way to a header before a message about it

#include "whole_connection.hpp"

struct my_statement : whole_statement {
#ifdef MISTAKE
    void bind(std::size_t, std::optional<std::string_view>) = delete;
#endif
};

template void keep<whole_connection<my_statement>>();
