// SPDX-License-Identifier: MIT
// The command line, taken apart: what main.cpp reads, and what the other files do.
#ifndef TOKENKEEP_EXAMPLES_CLI_COMMAND_HPP
#define TOKENKEEP_EXAMPLES_CLI_COMMAND_HPP

#include <tokenkeep/tokenkeep.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace cli {

using namespace tokenkeep;

/// Which authorization server, and as which client.
struct server_choice {
    std::string provider{}; ///< The name of a provider, and what it needs: "github", "keycloak=https://host,realm".
    std::string issuer{};   ///< A server that publishes its metadata (RFC 8414).
    std::string token_endpoint{}, authorization_endpoint{}, device_endpoint{}, revocation_endpoint{};
    std::string authentication{}; ///< post, basic or none. Empty: as the server says.
    std::string client_id{}, client_secret_file{};
    bool asks_for_secret = false;
    bool client_credentials = false;       ///< The token of the client itself (RFC 6749 4.4).
    std::vector<std::string> parameters{}; ///< More members of the forms for the server, as NAME=VALUE.
};

/// What the user wants, whatever the command is. What a command does not use is empty.
struct command {
    std::string store{}, target{}; ///< URLs of stores.
    token who{};                   ///< The probe: user_name, label, id, client_id, scope, redirect_url, api_domain.
    server_choice server{};
    std::string ca_file{};
    std::chrono::seconds timeout{0}; ///< How long to wait for other programs. 0: as long as the keeper does.
    bool as_json = false, reveals = false;

    // login
    std::string grant{}; ///< "-" reads the code from standard input, or asks for it on a terminal.
    bool on_device = false, opens_browser = true;
    std::vector<std::string> login_parameters{}; ///< More parameters of the login page's URL, as NAME=VALUE.
    // refresh
    std::chrono::seconds due_within{0};
    bool retries_refused = false;
    // call
    std::string url{}, method{}, body{};
    std::vector<std::string> headers{};
    bool includes_headers = false, any_host = false;
    // sweep
    sweep_policy sweep{};
    bool revokes = false;
    // import and export
    std::string file{}, format{}, section{};
    bool is_dry = false;
    // doctor
    bool settles = false, salvages = false;
};

/// A command line that cannot be carried out as it is written. Exit code 2.
struct usage_error : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

// Each command gives its exit code; see exit_code.hpp.
int list_rows(const command& given);
int show_row(const command& given);
int remove_row(const command& given);

int log_in(const command& given);
int print_token(const command& given);
int refresh(const command& given);
int call(const command& given);
int revoke(const command& given);
int sweep_store(const command& given);

int import_file(const command& given);
int export_file(const command& given);
int migrate_store(const command& given);

int examine(const command& given);

} // namespace cli

#endif
