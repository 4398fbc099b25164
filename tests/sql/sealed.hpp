// SPDX-License-Identifier: MIT
// Sealed tables, and their keys before, during and after a change of keys.
#ifndef TOKENKEEP_TESTS_SQL_SEALED_HPP
#define TOKENKEEP_TESTS_SQL_SEALED_HPP

#include "sql/backends.hpp"
#include "support/toy_table_sealer.hpp"

#include <string>
#include <utility>

namespace tests {

struct sealed : tokenkeep::defaults {
    using sealer = toy_table_sealer;
};
struct hidden : sealed {
    static constexpr bool seals_names = true;
};

inline toy_table_sealer old_key() { return {"key-1", {{"key-1", "one"}}}; }
inline toy_table_sealer both_keys() { return {"key-2", {{"key-1", "one"}, {"key-2", "two"}}}; }
inline toy_table_sealer new_key() { return {"key-2", {{"key-2", "two"}}}; }

template <class Backend, class Policy = sealed>
store_over<Backend, Policy> sealed_on(const std::string& table, toy_table_sealer sealer = old_key()) {
    return store_over<Backend, Policy>(Backend::connection(table), std::move(sealer));
}

} // namespace tests

#endif
