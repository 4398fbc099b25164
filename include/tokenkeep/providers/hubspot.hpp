// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_HUBSPOT_HPP
#define TOKENKEEP_PROVIDERS_HUBSPOT_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/error.hpp>
#include <tokenkeep/oauth/provider.hpp>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// HubSpot, for apps that users install into their accounts.
///   oauth2_provider hubspot = providers::hubspot();
///   hubspot.client_id = "01234567-89ab-cdef-0123-456789abcdef";
///
/// Peculiar:
///   - The endpoints are those of the version 2026-03. HubSpot ends version 1 (/oauth/v1/token) on 16 February 2027. To
///     use another version, set token_endpoint and revocation_endpoint.
///   - Access tokens end after 30 minutes and can have 300 characters and more. Refresh tokens do not rotate, and do
///     not end until the app is uninstalled.
///   - An ended refresh token is refused with status 400. Its code is invalid_grant, or in the member status
///     BAD_REFRESH_TOKEN; an ended code of a login is BAD_AUTH_CODE there.
///   - A session belongs to an account (portal) of HubSpot, not only to a user.
/// Sources: developers.hubspot.com/docs/api-reference/latest/authentication/manage-oauth-tokens,
/// developers.hubspot.com/docs/api-reference/legacy/authentication/oauth-tokens/v1/migration-guide,
/// developers.hubspot.com/changelog/new-oauth-v3-api-endpoints-and-standardized-error-responses
inline oauth2_provider hubspot() {
    return {.token_endpoint = "https://api.hubapi.com/oauth/2026-03/token",
            .revocation_endpoint = "https://api.hubapi.com/oauth/2026-03/token/revoke",
            .error_codes = {{"BAD_AUTH_CODE", errc::reauthorization_required}}, // BAD_REFRESH_TOKEN is known anyway
            .authorization_endpoint = "https://app.hubspot.com/oauth/authorize"};
}

}}} // namespace tokenkeep::v1::providers

#endif
