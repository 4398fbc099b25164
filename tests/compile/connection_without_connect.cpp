// SPDX-License-Identifier: MIT
// A connection can be opened, and opened anew.
// expect: tokenkeep: a connection needs connect(std::chrono::milliseconds patience); see the concept sql_connection
#include <tokenkeep/sql_store.hpp> // first: compilers name the way to a header before a message about it

#include "whole_connection.hpp"

struct my_connection : whole_connection<> {
#ifdef MISTAKE
    void connect(std::chrono::milliseconds) = delete;
#endif
};

template void keep<my_connection>();
