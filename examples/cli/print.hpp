// SPDX-License-Identifier: MIT
// What the program writes: rows as text and as JSON, secrets as fingerprints.
#ifndef TOKENKEEP_EXAMPLES_CLI_PRINT_HPP
#define TOKENKEEP_EXAMPLES_CLI_PRINT_HPP

#include "command.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

/// A JSON object that grows member by member.
class json_object {
  public:
    json_object& add(std::string_view name, std::string_view text);
    json_object& add(std::string_view name, const char* text) { return add(name, std::string_view(text)); }
    json_object& add(std::string_view name, std::size_t number) { return add_raw(name, std::to_string(number)); }
    json_object& add(std::string_view name, bool value) { return add_raw(name, value ? "true" : "false"); }
    json_object& add_raw(std::string_view name, std::string_view json);
    std::string text() const { return members_ + "}"; }

  private:
    std::string members_ = "{";
};

/// A JSON array of these values.
std::string json_array(const std::vector<std::string>& values);
/// The same for texts.
std::string json_texts(const std::vector<std::string>& texts);

/// Text that does nothing to a terminal: control characters become \xNN.
std::string printable(std::string_view text);

/// "#" and eight hex digits that name the secret; the secret itself if it is revealed; empty if there is none.
std::string shown(const secret& value, bool reveals);

/// A time as RFC 3339 writes it, in UTC.
std::string date_text(timestamp time);
/// "in 59 min", "2 h ago".
std::string distance_text(timestamp time, timestamp now);

/// In what state a row is, in a word or two: fresh, due, ended, refused, revoking, in doubt, login in doubt, not
/// exchanged.
std::string_view state_of(const token& row, timestamp now);

/// Every field of a row, as JSON.
std::string json_of(const token& row, bool reveals);
/// The same as lines of text.
std::string lines_of(const token& row, bool reveals);

/// Lines with columns.
std::string table_text(const std::vector<std::vector<std::string>>& lines);

/// Writes to standard output. Throws if that cannot be written.
void print(std::string_view text);
/// Writes a line to standard error.
void print_error(std::string_view line);

} // namespace cli

#endif
