// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_AUTH0_HPP
#define TOKENKEEP_PROVIDERS_AUTH0_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/error.hpp>
#include <tokenkeep/oauth/provider.hpp>

#include <chrono>
#include <string>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Auth0, for applications that can keep a refresh token.
///   oauth2_provider auth0 = providers::auth0("example.eu.auth0.com", "https://api.example");
///   auth0.client_id = "0123456789abcdef";
///
/// `domain` is the tenant's domain or its custom domain. `audience` is the API that the access tokens are for; it may
/// be empty. `replay_grace` is the application's Rotation Overlap Period (leeway).
///
/// Peculiar:
///   - The login URL needs the audience too. Without it, access tokens are opaque and only good for /userinfo. Without
///     the scope offline_access there is no refresh token. The API must allow offline access.
///   - At a refresh, Auth0 ignores an audience that the application's refresh token policies do not name: the new
///     access token then is for the audience of the login.
///   - Refresh tokens rotate only if the application says so. In the overlap period, Auth0 accepts the last spent one
///     again. After it, a spent one ends the whole family. Lifetimes are settings of the application.
///   - An ended refresh token is refused with status 403 and invalid_grant. A wrong client is refused by access_denied;
///     an Action that denies access gives the same code.
///   - Only refresh tokens can be revoked. Access tokens that are JWTs stay valid until they end.
/// Sources: auth0.com/docs/secure/tokens/refresh-tokens/configure-refresh-token-rotation,
/// auth0.com/docs/secure/tokens/refresh-tokens/multi-resource-refresh-token, auth0.com/docs/api/authentication
inline oauth2_provider auth0(const std::string& domain, const std::string& audience,
                             std::chrono::milliseconds replay_grace = {}) {
    const std::string issuer = "https://" + domain + "/";
    oauth2_provider provider{.token_endpoint = issuer + "oauth/token",
                             .revocation_endpoint = issuer + "oauth/revoke",
                             .replay_grace = replay_grace,
                             .error_codes = {{"access_denied", errc::client_rejected}},
                             .authorization_endpoint = issuer + "authorize",
                             .device_authorization_endpoint = issuer + "oauth/device/code",
                             .issuer = issuer};
    if (!audience.empty()) provider.parameters.push_back({"audience", audience});
    return provider;
}

}}} // namespace tokenkeep::v1::providers

#endif
