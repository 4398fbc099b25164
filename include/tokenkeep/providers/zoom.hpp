// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_ZOOM_HPP
#define TOKENKEEP_PROVIDERS_ZOOM_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/provider.hpp>

#include <optional>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Zoom's server. See zoom().
struct zoom_provider : oauth2_provider {
    /// Zoom revokes access tokens.
    std::optional<http_request> revoke_request(const token& record) const {
        return oauth2_provider::revoke_request({.client_id = record.client_id,
                                                .client_secret = record.client_secret,
                                                .access_token = record.access_token});
    }
};

/// Zoom, for general apps that act for a user.
///   auto zoom = providers::zoom();
///   zoom.client_id = "Wk9PTV9DTElFTlRfSUQ";
///
/// Peculiar:
///   - Access tokens live one hour, refresh tokens usually 90 days.
///   - Each refresh brings a new refresh token. The old one ends at once.
///   - A dead refresh token is invalid_grant with the reason "Invalid Token!", with status 400.
///   - The client's id and secret are in HTTP Basic.
///   - Tokens in URLs are refused since 2023. The library sends none there.
///   - The revocation endpoint takes the access token.
///   - Apps of the type Server-to-Server have no refresh token and are not for a keeper.
/// Sources: developers.zoom.us/docs/integrations/oauth, developers.zoom.us/docs/integrations/oauth-error-messages,
/// developers.zoom.us/blog/device-authorization
inline zoom_provider zoom() {
    return {{.token_endpoint = "https://zoom.us/oauth/token",
             .revocation_endpoint = "https://zoom.us/oauth/revoke",
             .authentication = client_authentication::basic,
             .authorization_endpoint = "https://zoom.us/oauth/authorize",
             .device_authorization_endpoint = "https://zoom.us/oauth/devicecode"}};
}

}}} // namespace tokenkeep::v1::providers

#endif
