// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_XERO_HPP
#define TOKENKEEP_PROVIDERS_XERO_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/provider.hpp>

#include <chrono>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Xero, for web apps with a secret and for apps without one that log in with PKCE.
///   oauth2_provider xero = providers::xero();
///   xero.client_id = "0123456789ABCDEF0123456789ABCDEF";
///
/// Peculiar:
///   - Without the scope offline_access there is no refresh token.
///   - Access tokens live 30 minutes. A refresh token ends if it is not used for 60 days.
///   - Each refresh brings a new refresh token. If the answer is lost, the old one is accepted for 30 minutes more: see
///     replay_grace.
///   - An app with a secret sends it in HTTP Basic. An app without one sends only its id.
///   - A dead refresh token is invalid_grant, with status 400.
///   - A revocation of the refresh token also removes the user's connections to organisations.
///   - One login can give several organisations. Requests to the API need the header Xero-Tenant-Id; the ids come from
///     api.xero.com/connections.
/// Sources: developer.xero.com/documentation/guides/oauth2/auth-flow, developer.xero.com/faq/oauth2,
/// github.com/XeroAPI/xero-node
inline oauth2_provider xero() {
    return {.token_endpoint = "https://identity.xero.com/connect/token",
            .revocation_endpoint = "https://identity.xero.com/connect/revocation",
            .authentication = client_authentication::basic,
            .replay_grace = std::chrono::minutes(30),
            .authorization_endpoint = "https://login.xero.com/identity/connect/authorize",
            .issuer = "https://identity.xero.com"};
}

}}} // namespace tokenkeep::v1::providers

#endif
