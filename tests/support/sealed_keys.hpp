// SPDX-License-Identifier: MIT
// Policies of sealed tables, and their keys before, during and after a change of keys.
#ifndef TOKENKEEP_TESTS_SUPPORT_SEALED_KEYS_HPP
#define TOKENKEEP_TESTS_SUPPORT_SEALED_KEYS_HPP

#include <tokenkeep/policy.hpp>

#include "support/toy_table_sealer.hpp"

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

} // namespace tests

#endif
