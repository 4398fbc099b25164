// SPDX-License-Identifier: MIT
// Sealed tables of the databases.
#ifndef TOKENKEEP_TESTS_SQL_SEALED_HPP
#define TOKENKEEP_TESTS_SQL_SEALED_HPP

#include "sql/backends.hpp"
#include "support/sealed_keys.hpp"

#include <string>
#include <utility>

namespace tests {

template <class Backend, class Policy = sealed>
store_over<Backend, Policy> sealed_on(const std::string& table, toy_table_sealer sealer = old_key()) {
    return store_over<Backend, Policy>(Backend::connection(table), std::move(sealer));
}

} // namespace tests

#endif
