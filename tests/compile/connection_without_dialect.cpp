// SPDX-License-Identifier: MIT
// A connection says which SQL its database speaks.
// expect: tokenkeep: a connection needs `static constexpr sql_dialect dialect`; see the concept sql_connection
// within: 11 (g++ first names the headers and the templates on the way)
#include "whole_connection.hpp"

struct my_connection : whole_connection<> {
#ifdef MISTAKE
    int dialect = 0;
#endif
};

template void keep<my_connection>();
