// SPDX-License-Identifier: MIT
// A connection begins and ends transactions.
// expect: tokenkeep: a connection needs execute(const std::string& sql); see the concept sql_connection
#include <tokenkeep/sql_store.hpp> // first: compilers name the way to a header before a message about it

#include "whole_connection.hpp"

struct my_connection : whole_connection<> {
#ifdef MISTAKE
    void execute(const std::string&) = delete;
#endif
};

template void keep<my_connection>();
