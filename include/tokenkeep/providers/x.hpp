// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_X_HPP
#define TOKENKEEP_PROVIDERS_X_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/oauth/provider.hpp>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// X, formerly Twitter: OAuth 2.0 for apps that act for a user, with or without a secret.
///   auto x = providers::x();
///   x.client_id = "rG9n6402A3dbUJKzXTNX4oWHJ";
///
/// Peculiar:
///   - Without the scope offline.access there is no refresh token. Access tokens live two hours.
///   - The login needs PKCE, also for apps with a secret.
///   - An app with a secret sends it in HTTP Basic. An app without one sends only its id.
///   - Each refresh brings a new refresh token. The old one ends at once.
///   - A dead refresh token is invalid_request with status 400, not invalid_grant. Only its description says so.
///   - A revocation without token_type_hint is refused. The library sends it.
///   - unauthorized_client, "Missing valid authorization header", means that an app with a secret did not send it.
/// Sources: docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code,
/// docs.x.com/fundamentals/authentication/oauth-2-0/user-access-token
inline oauth2_provider x() {
    return {
        .token_endpoint = "https://api.x.com/2/oauth2/token",
        .revocation_endpoint = "https://api.x.com/2/oauth2/revoke",
        .authentication = client_authentication::basic,
        .error_codes = {{"invalid_request", errc::reauthorization_required, "for the token was invalid"},
                        {"invalid_request", errc::reauthorization_required, "for the authorization code was invalid"}},
        .authorization_endpoint = "https://x.com/i/oauth2/authorize"};
}

}}} // namespace tokenkeep::v1::providers

#endif
