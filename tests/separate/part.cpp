// SPDX-License-Identifier: MIT
#include <tokenkeep/file_store.hpp>

bool has_row(tokenkeep::file_store& store) { return store.find_token({.user_name = "ada"}).has_value(); }
