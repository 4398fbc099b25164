// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_OKTA_HPP
#define TOKENKEEP_PROVIDERS_OKTA_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/provider.hpp>

#include <chrono>
#include <string>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Okta. `domain` is the organisation's domain. `authorization_server` is the id of a custom authorization server, such
/// as "default"; if it is empty, the server is the organisation's own. `replay_grace` is the app's setting "Grace
/// period for token rotation", which is between 0 and 60 seconds.
///   oauth2_provider okta = providers::okta("example.okta.com", "default", std::chrono::seconds(60));
///   okta.client_id = "0oa1";
///
/// Peculiar:
///   - The login must ask for the scope offline_access, and the app must allow the grant type Refresh Token, or there
///     is no refresh token.
///   - The refresh tokens of web and native apps stay the same, unless their app rotates them. Those of single-page
///     apps rotate.
///   - If a rotated token is used again after the grace period, Okta revokes the newest refresh token and all access
///     tokens. The keeper uses the grace period only for what exceeds the 30 seconds that a request may take: a grace
///     of 30 seconds, Okta's default, is of no use to it.
///   - Refresh tokens of the organisation's own server live for 90 days. A custom server's access policy says how long
///     its own live; by default they end after 7 days without use.
/// Sources: developer.okta.com/docs/guides/refresh-tokens/main, developer.okta.com/docs/api/openapi/okta-oauth,
/// developer.okta.com/docs/concepts/auth-servers, support.okta.com/help/s/article/refresh-token-expiration-behavior
inline oauth2_provider okta(const std::string& domain, const std::string& authorization_server = {},
                            std::chrono::milliseconds replay_grace = {}) {
    const std::string organisation = "https://" + domain;
    const std::string server = authorization_server.empty() ? "" : "/" + authorization_server;
    const std::string endpoints = organisation + "/oauth2" + server + "/v1";
    return {.token_endpoint = endpoints + "/token",
            .revocation_endpoint = endpoints + "/revoke",
            .authentication = client_authentication::basic,
            .replay_grace = replay_grace,
            .encodes_basic = false,
            .authorization_endpoint = endpoints + "/authorize",
            .device_authorization_endpoint = endpoints + "/device/authorize",
            .issuer = server.empty() ? organisation : organisation + "/oauth2" + server};
}

}}} // namespace tokenkeep::v1::providers

#endif
