// SPDX-License-Identifier: MIT
// A connection begins and ends transactions.
// expect: tokenkeep: a connection needs execute(const std::string& sql); see the concept sql_connection
// within: 11 (g++ first names the headers and the templates on the way)
#include "whole_connection.hpp"

struct my_connection : whole_connection<> {
#ifdef MISTAKE
    void execute(const std::string&) = delete;
#endif
};

template void keep<my_connection>();
