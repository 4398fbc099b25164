// SPDX-License-Identifier: MIT
// A statement takes values.
// expect: tokenkeep: a statement needs bind(std::size_t parameter, std::optional<std::string_view> value); see the concept sql_connection
// within: 11 (g++ first names the headers and the templates on the way)
#include "whole_connection.hpp"

struct my_statement : whole_statement {
#ifdef MISTAKE
    void bind(std::size_t, std::optional<std::string_view>) = delete;
#endif
};

template void keep<whole_connection<my_statement>>();
