// SPDX-License-Identifier: MIT
// A statement says how many rows it found.
// expect: tokenkeep: a statement needs changes(), giving how many rows it found; see the concept sql_connection
#include <tokenkeep/sql_store.hpp> // first: compilers name the way to a header before a message about it

#include "whole_connection.hpp"

struct my_statement : whole_statement {
#ifdef MISTAKE
    std::uint64_t changes() = delete;
#endif
};

template void keep<whole_connection<my_statement>>();
