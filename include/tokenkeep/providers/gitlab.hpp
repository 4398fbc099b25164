// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_GITLAB_HPP
#define TOKENKEEP_PROVIDERS_GITLAB_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/provider.hpp>

#include <string>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// GitLab, at gitlab.com or at a host of your own.
///   oauth2_provider gitlab = providers::gitlab("gitlab.example");
///   gitlab.client_id = "0123456789abcdef";
///
/// `host` is a host name, with a port and a path if GitLab has them: "git.example:8443/gitlab".
///
/// Peculiar:
///   - Access tokens end after 2 hours. Each refresh brings a new refresh token and ends both old tokens.
///   - An ended refresh token is refused with status 400 and invalid_grant.
///   - An application that is not "confidential" has no secret. It sends only its id, and its login needs PKCE.
///   - Devices can log in from GitLab 17.9 on.
/// Sources: docs.gitlab.com/api/oauth2
inline oauth2_provider gitlab(const std::string& host = "gitlab.com") {
    const std::string issuer = "https://" + host;
    return {.token_endpoint = issuer + "/oauth/token",
            .revocation_endpoint = issuer + "/oauth/revoke",
            .authorization_endpoint = issuer + "/oauth/authorize",
            .device_authorization_endpoint = issuer + "/oauth/authorize_device",
            .issuer = issuer};
}

}}} // namespace tokenkeep::v1::providers

#endif
