// SPDX-License-Identifier: MIT
// A call has a moment at which it ends.
// expect: tokenkeep: set_deadline of a connection must take a steady_clock::time_point; see the concept sql_connection
#include <tokenkeep/sql_store.hpp> // first: compilers name the way to a header before a message about it

#include "whole_connection.hpp"

struct my_connection : whole_connection<> {
#ifdef MISTAKE
    void set_deadline(std::chrono::milliseconds) {}
#else
    void set_deadline(std::chrono::steady_clock::time_point) {}
#endif
};

template void keep<my_connection>();
