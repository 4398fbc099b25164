// SPDX-License-Identifier: MIT
// For a library with mistakes that can be turned on; see mutants.cmake.
#ifndef TOKENKEEP_TESTS_TORTURE_MUTATED_HPP
#define TOKENKEEP_TESTS_TORTURE_MUTATED_HPP

#include <cstdlib>
#include <string_view>

namespace tests {

/// Whether the library is to make this mistake: TOKENKEEP_MUTANT names it.
inline bool mutated(std::string_view name) {
    static const char* const chosen = std::getenv("TOKENKEEP_MUTANT");
    return chosen != nullptr && name == chosen;
}

} // namespace tests

#endif
