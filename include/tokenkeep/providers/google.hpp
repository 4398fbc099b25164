// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_GOOGLE_HPP
#define TOKENKEEP_PROVIDERS_GOOGLE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/provider.hpp>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Google, for web server apps, installed apps and devices that use Google's APIs for a user.
///   oauth2_provider google = providers::google();
///   google.client_id = "123456789012-abc.apps.googleusercontent.com";
///
/// Peculiar:
///   - The login URL needs access_type=offline (installed apps and devices excepted). A refresh token comes only with
///     the user's first consent; prompt=consent in the login URL asks again, and brings another.
///   - Access tokens end after an hour. Refresh tokens do not rotate: a refresh brings an access token only.
///   - A refresh token ends if it is not used for six months, or if the user has more of them than Google allows one
///     client. If it has scopes of Gmail, it ends when the user changes the password. While the app's publishing status
///     is "Testing", it ends after 7 days.
///   - An ended refresh token is refused with status 400 and invalid_grant. So is one whose organisation wants users to
///     log in again after some time (invalid_rapt).
///   - Installed apps have a client secret too, and must send it.
///   - If an access token is revoked, its refresh token ends too. If a token had ended before, Google refuses to revoke
///     it with status 400 and invalid_token; the keeper takes that for revoked.
/// Sources: developers.google.com/identity/protocols/oauth2,
/// developers.google.com/identity/protocols/oauth2/web-server, developers.google.com/identity/openid-connect/reference
inline oauth2_provider google() {
    return {.token_endpoint = "https://oauth2.googleapis.com/token",
            .revocation_endpoint = "https://oauth2.googleapis.com/revoke",
            .authorization_endpoint = "https://accounts.google.com/o/oauth2/v2/auth",
            .device_authorization_endpoint = "https://oauth2.googleapis.com/device/code",
            .issuer = "https://accounts.google.com"};
}

}}} // namespace tokenkeep::v1::providers

#endif
