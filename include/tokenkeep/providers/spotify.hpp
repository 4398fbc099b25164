// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_SPOTIFY_HPP
#define TOKENKEEP_PROVIDERS_SPOTIFY_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/provider.hpp>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Spotify's Web API, for apps with a secret and for apps without one that log in with PKCE.
///   oauth2_provider spotify = providers::spotify();
///   spotify.client_id = "0123456789abcdef0123456789abcdef";
///
/// Peculiar:
///   - Access tokens live one hour. Refresh tokens live six months, counted from the login: a refresh does not make
///     them live longer. Every user must log in again twice a year.
///   - An app with a secret sends it in HTTP Basic. An app without one sends only its id.
///   - The answer to a refresh may have no refresh token. The old one is then used again. An app with PKCE gets a
///     new one each time, and the old one ends.
///   - A dead refresh token is invalid_grant, with status 400.
///   - There is no revocation endpoint. The user removes the app on the account page, and the keeper removes only the
///     row.
/// Sources: developer.spotify.com/documentation/web-api/tutorials/refreshing-tokens,
/// developer.spotify.com/blog/2026-06-18-refresh-token-expiration
inline oauth2_provider spotify() {
    return {.token_endpoint = "https://accounts.spotify.com/api/token",
            .authentication = client_authentication::basic,
            .authorization_endpoint = "https://accounts.spotify.com/authorize"};
}

}}} // namespace tokenkeep::v1::providers

#endif
