// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_ATLASSIAN_HPP
#define TOKENKEEP_PROVIDERS_ATLASSIAN_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/error.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/provider.hpp>

#include <chrono>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Atlassian, for OAuth 2.0 (3LO) apps that use the APIs of Jira Cloud and Confluence Cloud for a user.
///   auto atlassian = providers::atlassian();
///   atlassian.client_id = "0123456789abcdef";
///
/// Peculiar:
///   - The login URL needs audience=api.atlassian.com and prompt=consent. Without the scope offline_access there is no
///     refresh token.
///   - Access tokens end after an hour. A refresh token ends after 90 days without use, and in any case 365 days after
///     the login.
///   - Each refresh brings a new refresh token. Atlassian accepts the old one for 10 more minutes; see replay_grace. If
///     it is sent later, Atlassian ends the whole session.
///   - An ended refresh token is refused with status 403, by invalid_grant or by unauthorized_client. A wrong client is
///     refused by access_denied.
///   - Atlassian cannot revoke: the keeper removes the row only.
///   - Tokens are good for api.atlassian.com/ex/jira/{cloudid}, not for the host of the site. The list of cloudids is
///     at api.atlassian.com/oauth/token/accessible-resources.
/// Sources: developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps,
/// developer.atlassian.com/cloud/oauth/getting-started/refresh-tokens, community.developer.atlassian.com/t/54172
/// (Deprecating persistent refresh tokens)
inline oauth2_provider atlassian() {
    return {.token_endpoint = "https://auth.atlassian.com/oauth/token",
            .replay_grace = std::chrono::minutes(10),
            .error_codes = {{"access_denied", errc::client_rejected},
                            {"unauthorized_client", errc::reauthorization_required, "refresh_token is invalid"}},
            .authorization_endpoint = "https://auth.atlassian.com/authorize"};
}

}}} // namespace tokenkeep::v1::providers

#endif
