// SPDX-License-Identifier: MIT
// Values travel beside the SQL, in prepared statements.
// expect: tokenkeep: a connection needs prepare(const std::string& sql), giving a statement; see the concept sql_connection
// lines: 33 (g++ goes on with each use of prepare)
#include <tokenkeep/sql_store.hpp> // first: compilers name the way to a header before a message about it

#include "whole_connection.hpp"

struct my_connection : whole_connection<> {
#ifdef MISTAKE
    whole_statement prepare(const std::string&) = delete;
#endif
};

template void keep<my_connection>();
