// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_INDEXED_HPP
#define TOKENKEEP_INDEXED_HPP

#include <tokenkeep/detail/store/indexed_table.hpp>

namespace tokenkeep { inline namespace v0 {

/// Names, as the container of a basic_store, a table with one hash index for each rule of the store's policy: a
/// look-up by any rule takes the same time however many rows there are.
struct indexed {};

}} // namespace tokenkeep::v0

#endif
