// SPDX-License-Identifier: MIT
// A statement says how many rows it found.
// expect: tokenkeep: a statement needs changes(), giving how many rows it found; see the concept sql_connection
// within: 11 (g++ first names the headers and the templates on the way)
#include "whole_connection.hpp"

struct my_statement : whole_statement {
#ifdef MISTAKE
    std::uint64_t changes() = delete;
#endif
};

template void keep<whole_connection<my_statement>>();
