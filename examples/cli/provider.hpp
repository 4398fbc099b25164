// SPDX-License-Identifier: MIT
// The provider that the user chooses at run time.
#ifndef TOKENKEEP_EXAMPLES_CLI_PROVIDER_HPP
#define TOKENKEEP_EXAMPLES_CLI_PROVIDER_HPP

#include "command.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace cli {

/// Any of the library's providers. A keeper is compiled once, for this type.
class chosen_provider {
  public:
    struct server;
    explicit chosen_provider(server any);

    std::string client_id{};
    secret client_secret{};
    std::chrono::milliseconds replay_grace{0};
    bool allow_loopback_http = false, client_credentials = false;

    http_request exchange_request(const token& record) const;
    http_request refresh_request(const token& record) const;
    std::optional<http_request> revoke_request(const token& record) const;
    token_response read_token_response(const http_response& response, const token& record) const;
    void read_revoke_response(const http_response& response) const;
    void authorize(http_request& request, const token& record) const;
    bool is_token_rejected(const http_response& response) const;
    http_request client_credentials_request(const token& record) const;
    http_request device_authorization_request(const token& record) const;
    http_request device_token_request(const token& record) const;
    device_authorization read_device_authorization(const http_response& response, const token& record,
                                                   timestamp sent) const;
    authorization authorization_request(const authorization_wish& wish) const;
    token read_authorization_response(std::string_view redirected, authorization& pending) const;

  private:
    std::shared_ptr<server> server_;
};

/// Sends a request that is not the keeper's.
using sender = std::function<http_response(const http_request&)>;

/// The provider of the command line. `send` fetches the metadata of an issuer. The client's secret comes from a file,
/// the environment or the terminal.
chosen_provider choose_provider(const server_choice& choice, sender send);

/// NAME=VALUE, as an option takes it. Throws usage_error if there is no equals sign.
form_field read_parameter(const std::string& option, const std::string& pair);

/// The names that --provider takes, with what each needs.
std::string provider_names();

} // namespace cli

#endif
