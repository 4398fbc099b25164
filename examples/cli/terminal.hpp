// SPDX-License-Identifier: MIT
// The user at a terminal: secrets that are typed without echo, and a bar for long work.
#ifndef TOKENKEEP_EXAMPLES_CLI_TERMINAL_HPP
#define TOKENKEEP_EXAMPLES_CLI_TERMINAL_HPP

#include <tokenkeep/secret.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace cli {

/// Asks on the user's terminal. What is typed does not appear. Throws std::runtime_error if there is no terminal, or
/// if the user ends the question with Control-C or Control-D.
tokenkeep::secret ask_without_echo(const std::string& question);

/// The first line of a file, or of standard input if the path is "-". Throws std::runtime_error if it cannot be read
/// or is empty.
tokenkeep::secret read_secret(const std::string& path);

/// A whole file, or standard input if the path is "-". Throws std::runtime_error if it cannot be read or has more than
/// 16 MB.
tokenkeep::secret read_file(const std::string& path);

/// A code that the user gives: "-" means standard input, or a question if that is a terminal.
tokenkeep::secret read_or_ask(const std::string& question);

bool is_terminal(int descriptor);

/// A bar on standard error that shows how much of some work is done. It appears only on a terminal, and only if the
/// work takes longer than a moment.
class progress_bar {
  public:
    explicit progress_bar(std::string what);
    progress_bar(const progress_bar&) = delete;
    progress_bar& operator=(const progress_bar&) = delete;
    ~progress_bar();

    void show(std::size_t done, std::size_t total);

  private:
    std::string what_;
    bool is_wanted_, is_there_ = false;
    std::chrono::steady_clock::time_point next_;
};

} // namespace cli

#endif
