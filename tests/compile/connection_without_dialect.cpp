// SPDX-License-Identifier: MIT
// A connection says which SQL its database speaks.
// expect: tokenkeep: a connection needs `static constexpr sql_dialect dialect`; see the concept sql_connection
#include <tokenkeep/sql_store.hpp> // first: compilers name the way to a header before a message about it

#include "whole_connection.hpp"

struct my_connection : whole_connection<> {
#ifdef MISTAKE
    int dialect = 0;
#endif
};

template void keep<my_connection>();
