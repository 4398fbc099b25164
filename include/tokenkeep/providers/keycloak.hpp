// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_KEYCLOAK_HPP
#define TOKENKEEP_PROVIDERS_KEYCLOAK_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/provider.hpp>

#include <string>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// A realm of a Keycloak server, for clients of OpenID Connect. In the server's URLs, `base` stands before /realms/ and
/// `realm` behind it. Before Keycloak 17, `base` ends in /auth.
///   oauth2_provider keycloak = providers::keycloak("https://id.example", "staff");
///   keycloak.client_id = "web";
///
/// Peculiar:
///   - The realm says how long tokens live. A refresh token ends with the user's session. If the login asks for the
///     scope offline_access, the refresh token lives on without a session: its refresh_expires_in is then often 0,
///     which means without end.
///   - Each refresh brings a new refresh token. The old one stays good, unless the realm has "Revoke Refresh Token".
///   - A wrong client secret comes as unauthorized_client with status 401. Every ended token or session comes as
///     invalid_grant.
///   - The redirect after a login names the issuer. If the server is too old for that, or the client excludes it in its
///     settings, set sends_iss to false.
///   - The issuer is made of `base`. If the server's own settings name another host, set issuer.
/// Sources: www.keycloak.org/docs/latest/server_admin (Keycloak server OIDC URI endpoints; Session and token timeouts;
/// Offline access)
inline oauth2_provider keycloak(std::string base, const std::string& realm) {
    while (base.ends_with('/')) base.pop_back();
    const std::string issuer = base + "/realms/" + realm, endpoints = issuer + "/protocol/openid-connect";
    return {.token_endpoint = endpoints + "/token",
            .revocation_endpoint = endpoints + "/revoke",
            .authorization_endpoint = endpoints + "/auth",
            .device_authorization_endpoint = endpoints + "/auth/device",
            .issuer = issuer,
            .sends_iss = true};
}

}}} // namespace tokenkeep::v1::providers

#endif
