// SPDX-License-Identifier: MIT
// Reads the token files of other programs.
#ifndef TOKENKEEP_EXAMPLES_CLI_IMPORT_HPP
#define TOKENKEEP_EXAMPLES_CLI_IMPORT_HPP

#include "command.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace cli {

/// The names of the formats that read_token_file knows, for the help.
std::string format_names();

/// The rows of a token file. An empty format means: find out. A file with several tokens of one kind may need the name
/// of the section. The rows have no ids. A row has a user only if the file says whose it is. Throws usage_error if the
/// format or the section is not known, and errc::storage_corrupt if the text is not of the format.
std::vector<token> read_token_file(std::string_view text, const std::string& format, const std::string& section);

} // namespace cli

#endif
