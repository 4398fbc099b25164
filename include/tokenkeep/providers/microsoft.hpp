// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_MICROSOFT_HPP
#define TOKENKEEP_PROVIDERS_MICROSOFT_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/token.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// The Microsoft identity platform: an oauth2_provider whose refreshes ask for a new refresh token too.
struct microsoft_provider : oauth2_provider {
    /// Microsoft sends a refresh token only if the scope offline_access is asked for, but never names that scope in an
    /// answer. If a refresh names the record's scope, this function adds it.
    http_request refresh_request(const token& record) const {
        constexpr std::string_view offline = "offline_access";
        token asked = record;
        if (!asked.scope.empty() && asked.scope.find(offline) == std::string::npos)
            asked.scope.append(" ").append(offline);
        return oauth2_provider::refresh_request(asked);
    }
};

/// The Microsoft identity platform v2.0 (Entra ID, Azure AD, personal accounts). `tenant` says who may log in: common,
/// organizations, consumers, or the id or domain of one tenant.
///   auto microsoft = providers::microsoft("contoso.onmicrosoft.com");
///   microsoft.client_id = "11112222-bbbb-3333-cccc-4444dddd5555";
///
/// Peculiar:
///   - The login must ask for the scope offline_access, or there is no refresh token.
///   - A refresh names the scope of the record. All of it must belong to one resource, such as Microsoft Graph.
///   - Refresh tokens live for 90 days, those of a single-page app for 24 hours. Each refresh brings a new one, and
///     does not revoke the old one.
///   - Clients that run on devices must not send a secret: leave client_secret empty.
///   - interaction_required and consent_required also come at a refresh, for example if the tenant now asks for a
///     second factor. They mean that the user must log in again.
///   - There is no endpoint for revocation, so that the keeper removes the row only.
///   - The issuer names the tenant by its id. It is not set here; for one tenant it is
///     https://login.microsoftonline.com/ID/v2.0.
/// Sources: learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow,
/// learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens,
/// learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-device-code
inline microsoft_provider microsoft(const std::string& tenant = "common") {
    const std::string endpoints = "https://login.microsoftonline.com/" + tenant + "/oauth2/v2.0";
    return {
        {.token_endpoint = endpoints + "/token",
         .replay_grace = std::chrono::hours(24), // the shortest life of a refresh token, which a refresh does not end
         .sends_scope_on_refresh = true,
         .error_codes = {{"interaction_required", errc::reauthorization_required},
                         {"consent_required", errc::reauthorization_required},
                         {"login_required", errc::reauthorization_required}},
         .authorization_endpoint = endpoints + "/authorize",
         .device_authorization_endpoint = endpoints + "/devicecode"}};
}

}}} // namespace tokenkeep::v1::providers

#endif
