// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTS_OIDC_SERVER_HPP
#define TOKENKEEP_TESTS_OIDC_SERVER_HPP

#include "support/piped_process.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// The authorization server of one of the scripts as a child process, for as long as this object lives. If this process
/// dies, the server notices the closed pipe and ends by itself.
class server_process {
  public:
    /// Starts it and waits until it listens. The arguments are those of the script, such as server.mjs.
    server_process(const std::string& script, std::vector<std::string> arguments)
        : process_(command(script, std::move(arguments))) {
        const std::string line = process_.read_line();
        const std::size_t digits = line.find_first_of("0123456789");
        if (!line.starts_with("{\"port\":") || digits == std::string::npos)
            throw std::runtime_error("the authorization server did not say its port");
        port_ = std::atoi(line.c_str() + digits);
    }

    int port() const noexcept { return port_; }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  private:
    static std::vector<std::string> command(const std::string& script, std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {TOKENKEEP_TEST_OIDC "/node", TOKENKEEP_TEST_OIDC "/" + script});
        return arguments;
    }

    piped_process process_;
    int port_ = 0;
};

#endif
