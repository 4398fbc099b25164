// SPDX-License-Identifier: MIT
// A statement runs, and gives rows.
// expect: tokenkeep: a statement needs bool step() and reset(); see the concept sql_connection
// within: 11 (g++ first names the headers and the templates on the way)
#include "whole_connection.hpp"

struct my_statement : whole_statement {
#ifdef MISTAKE
    bool step() = delete;
#endif
};

template void keep<whole_connection<my_statement>>();
