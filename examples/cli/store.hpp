// SPDX-License-Identifier: MIT
// The store that the user names by a URL, and the row in it that the user means.
#ifndef TOKENKEEP_EXAMPLES_CLI_STORE_HPP
#define TOKENKEEP_EXAMPLES_CLI_STORE_HPP

#include "command.hpp"

#include <string>

namespace cli {

/// Opens the store of a URL; see tokenkeep::open_store. Which databases there are was decided by CMake.
any_store open(const std::string& url);

/// Whether the user has named a login in some way.
bool names_login(const command& given);

/// The probe for what the user has named. If that is nothing, the only row of the store. Throws errc::token_not_found
/// if there is none, and errc::ambiguous if there are several.
token probe_of(const command& given, any_store& store);

/// The row that the user means. Throws errc::token_not_found.
token row_of(const command& given, any_store& store);

} // namespace cli

#endif
