// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_BOX_HPP
#define TOKENKEEP_PROVIDERS_BOX_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/provider.hpp>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Box, for custom apps with user authentication (OAuth 2.0).
///   oauth2_provider box = providers::box();
///   box.client_id = "0123456789abcdef";
///
/// Peculiar:
///   - The code of a login ends after 30 seconds.
///   - Access tokens end after an hour, refresh tokens after 60 days. A refresh token can be used once; each refresh
///     brings a new one.
///   - An ended or spent refresh token is refused with status 400 and invalid_grant.
///   - Scopes are set in the app's configuration; a login may ask for fewer.
/// Sources: developer.box.com/guides/authentication/tokens/refresh,
/// developer.box.com/guides/authentication/tokens/revoke,
/// developer.box.com/guides/api-calls/permissions-and-errors/expiration
inline oauth2_provider box() {
    return {.token_endpoint = "https://api.box.com/oauth2/token",
            .revocation_endpoint = "https://api.box.com/oauth2/revoke",
            .authorization_endpoint = "https://account.box.com/api/oauth2/authorize"};
}

}}} // namespace tokenkeep::v1::providers

#endif
