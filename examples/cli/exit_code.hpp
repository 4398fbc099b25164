// SPDX-License-Identifier: MIT
// The exit codes of the program: one table, which the help shows too.
#ifndef TOKENKEEP_EXAMPLES_CLI_EXIT_CODE_HPP
#define TOKENKEEP_EXAMPLES_CLI_EXIT_CODE_HPP

#include <tokenkeep/error.hpp>

#include <exception>
#include <string>

namespace cli {

/// Codes that are not those of an errc.
enum exit_code : int {
    success = 0,
    failure = 1,  ///< What is not in this table, such as an output that cannot be written.
    usage = 2,    ///< The command line cannot be carried out as it is written.
    findings = 3, ///< The command did its work, and reports something: see its help.
};

/// An errc has its number, and this much more.
inline constexpr int first_errc = 10;

/// The exit code of a failure: that of its errc, or `failure`.
inline int exit_code_of(const std::exception& thrown) {
    const auto* known = dynamic_cast<const std::system_error*>(&thrown);
    if (known == nullptr || known->code().category().name() != std::string(tokenkeep::error_category().name()))
        return failure;
    return first_errc + known->code().value();
}

/// The table, for the help.
inline std::string exit_codes_text() {
    std::string text = "  0   it is done\n"
                       "  1   any failure that is not named here\n"
                       "  2   the command line cannot be carried out as it is written\n"
                       "  3   it is done, and something was found: doctor found a fault, the server answered a call\n"
                       "      with status 400 or higher, rows were refused by import, migrate or sweep, or sessions\n"
                       "      could not be refreshed\n";
    for (int code = 1; code <= static_cast<int>(tokenkeep::errc::unknown_data_center); ++code)
        text += "  " + std::to_string(first_errc + code) + "  " + tokenkeep::error_category().message(code) + "\n";
    return text;
}

} // namespace cli

#endif
