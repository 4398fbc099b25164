// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_FITBIT_HPP
#define TOKENKEEP_PROVIDERS_FITBIT_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/client_endpoint.hpp>
#include <tokenkeep/oauth/provider.hpp>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Fitbit's own server, for apps of the Fitbit Web API.
///   oauth2_provider fitbit = providers::fitbit();
///   fitbit.client_id = "23ABCD";
///
/// Peculiar:
///   - Google has announced the end of this server for 2 November 2026: from then on it answers with status 410. New
///     apps use the Google Health API with providers::google().
///   - The client's id and secret are sent in HTTP Basic. An app of type "client" or "personal" without a secret sends
///     its id only.
///   - Access tokens end after 8 hours. A refresh token can be used once; each refresh brings a new one.
///   - Errors are in the array "errors", as errorType.
///   - If one token is revoked, all tokens of the user for this app end.
///   - The answer's user_id is kept in token::extra.
/// Sources: dev.fitbit.com/build/reference/web-api/authorization/refresh-token,
/// dev.fitbit.com/build/reference/web-api/authorization/revoke-token,
/// dev.fitbit.com/build/reference/web-api/troubleshooting-guide/error-handling, developers.google.com/health/about
inline oauth2_provider fitbit() {
    return {.token_endpoint = "https://api.fitbit.com/oauth2/token",
            .revocation_endpoint = "https://api.fitbit.com/oauth2/revoke",
            .authentication = client_authentication::basic,
            .authorization_endpoint = "https://www.fitbit.com/oauth2/authorize"};
}

}}} // namespace tokenkeep::v1::providers

#endif
