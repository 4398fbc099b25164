// SPDX-License-Identifier: MIT
// A lock that cannot be waited for with a deadline is no ability.
// expect: tokenkeep: the lock of a document or a connection must take (const std::string& name, steady_clock::time_point deadline)
#include <tokenkeep/sql_store.hpp> // first: compilers name the way to a header before a message about it

#include "whole_connection.hpp"

#include <memory>

struct my_connection : whole_connection<> {
#ifdef MISTAKE
    std::unique_ptr<int> lock(const std::string&) { return std::make_unique<int>(); }
#else
    std::unique_ptr<int> lock(const std::string&, std::chrono::steady_clock::time_point) {
        return std::make_unique<int>();
    }
#endif
};

template void keep<my_connection>();
