// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_GITHUB_HPP
#define TOKENKEEP_PROVIDERS_GITHUB_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/provider.hpp>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// GitHub, for OAuth apps and for GitHub Apps that act for a user.
///   oauth2_provider github = providers::github();
///   github.client_id = "Iv1.0123456789abcdef";
///
/// Peculiar:
///   - Tokens of an OAuth app do not end and have no refresh token. Those of a GitHub App end after 8 hours. Its
///     refresh tokens end after 6 months and can be used once.
///   - Errors come under status 200, such as bad_verification_code, bad_refresh_token, incorrect_client_credentials.
///   - Without the header Accept, answers are forms. The library sends it.
///   - A token is revoked by DELETE with the client's id and secret. That is not RFC 7009 and is not done here: the
///     keeper removes the row only.
/// Sources: docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps,
/// docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
inline oauth2_provider github() {
    return {.token_endpoint = "https://github.com/login/oauth/access_token",
            .authorization_endpoint = "https://github.com/login/oauth/authorize",
            .device_authorization_endpoint = "https://github.com/login/device/code"};
}

}}} // namespace tokenkeep::v1::providers

#endif
