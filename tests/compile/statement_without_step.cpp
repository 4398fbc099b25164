// SPDX-License-Identifier: MIT
// A statement runs, and gives rows.
// expect: tokenkeep: a statement needs bool step() and reset(); see the concept sql_connection
#include <tokenkeep/sql_store.hpp> // first: compilers name the way to a header before a message about it

#include "whole_connection.hpp"

struct my_statement : whole_statement {
#ifdef MISTAKE
    bool step() = delete;
#endif
};

template void keep<whole_connection<my_statement>>();
