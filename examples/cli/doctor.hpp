// SPDX-License-Identifier: MIT
// What may be wrong with a store and its rows.
#ifndef TOKENKEEP_EXAMPLES_CLI_DOCTOR_HPP
#define TOKENKEEP_EXAMPLES_CLI_DOCTOR_HPP

#include "command.hpp"

#include <optional>
#include <string>
#include <vector>

namespace cli {

/// One thing that the user should know.
struct finding {
    bool is_fault = true; ///< If not, it is only worth knowing.
    std::string id{};     ///< The row's; empty if it is about the store.
    std::string what{};   ///< A sentence.
    std::string fix{};    ///< A command line; may be empty.
};

/// A process that holds a lock on a file.
struct lock_holder {
    long process = 0;
    std::string name{};
};

/// The processes that hold locks on this file. Those of other users are seen only by root.
std::vector<lock_holder> holders_of(const std::string& path);

/// Sends the refresh token of a row whose outcome is unknown once more: the server's answer shows whether it was spent.
/// Returns if the session goes on. Throws errc::reauthorization_required if it is over.
void settle(const command& given, const token& row);

/// How far this machine's clock is ahead of the server's. Nullopt if no server is named that says what time it is.
std::optional<std::chrono::seconds> clock_difference(const command& given);

} // namespace cli

#endif
