// SPDX-License-Identifier: MIT
// With part.cpp, a program for link.cmake.
#include <tokenkeep/file_store.hpp>

bool has_row(tokenkeep::file_store& store);

int main() {
    tokenkeep::file_store store{"tokens.tkj"};
    store.save_token({.user_name = "ada", .access_token = "at-1"});
    return has_row(store) ? 0 : 1;
}
