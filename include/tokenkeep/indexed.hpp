// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_INDEXED_HPP
#define TOKENKEEP_INDEXED_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/detail/store/indexed_table.hpp>

namespace tokenkeep { inline namespace v1 {

/// As the container of a basic_store, this name means a table with one hash index for each rule of the store's policy.
/// A look-up by any rule takes the same time for any number of rows.
///   basic_store<indexed> store;   // the same as memory_store
struct indexed {};

}} // namespace tokenkeep::v1

#endif
