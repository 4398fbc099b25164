// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_TWITCH_HPP
#define TOKENKEEP_PROVIDERS_TWITCH_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/oauth/provider.hpp>

#include <optional>
#include <string>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Twitch's server. See twitch().
struct twitch_provider : oauth2_provider {
    /// Twitch says what is wrong in the member message, such as "Invalid refresh token". Its member error is only the
    /// name of the status. error_codes explains the messages.
    token_response read_token_response(const http_response& response, const token& record) const {
        http_response plain = with_message_as_error(response);
        const detail::wipe_at_exit body_is_wiped(plain.body);
        return oauth2_provider::read_token_response(plain, record);
    }

    /// Twitch revokes access tokens only, and wants no secret.
    std::optional<http_request> revoke_request(const token& record) const {
        oauth2_provider without_secret = *this;
        without_secret.authentication = client_authentication::none;
        return without_secret.revoke_request({.client_id = record.client_id, .access_token = record.access_token});
    }

    /// A token that Twitch does not know counts as revoked (RFC 7009 2.2).
    void read_revoke_response(const http_response& response) const {
        const bool is_unknown =
            detail::response_members(response).use_last("message", [](const detail::response_members::member& message) {
                return message.value.is_text("Invalid token");
            });
        if (response.status == 400 && is_unknown) return;
        http_response plain = with_message_as_error(response);
        const detail::wipe_at_exit body_is_wiped(plain.body);
        oauth2_provider::read_revoke_response(plain);
    }

  private:
    static http_response with_message_as_error(const http_response& response) {
        std::string message;
        const detail::wipe_at_exit message_is_wiped(message);
        if (response.status >= 400)
            detail::response_members(response).use_last("message", [&](const detail::response_members::member& said) {
                message = said.value.text();
                return true;
            });
        return message.empty() ? response : detail::with_error(response, message);
    }
};

/// Twitch, for apps with a secret and for public apps that log in with the device code.
///   auto twitch = providers::twitch();
///   twitch.client_id = "hof5gwx0su6owfnys0yan9c87zr6t";
///
/// Peculiar:
///   - Errors have no codes, but sentences in the member message: "Invalid refresh token" with status 400, "invalid
///     client secret" with status 403.
///   - A refresh may bring a new refresh token. Those of public apps can be used once, and end after 30 days without
///     use.
///   - Access tokens can end early, for example if the user changes the password. Twitch demands that a program asks
///     id.twitch.tv/oauth2/validate at its start and once an hour, and ends the session if the answer is 401.
///   - The answer has the scope as an array. The record has it separated by spaces.
///   - The revocation endpoint takes the access token and no secret. It answers 400 to a token that it does not know,
///     which counts as revoked here.
///   - Requests to the API need the header Client-Id as well.
/// Sources: dev.twitch.tv/docs/authentication/refresh-tokens, dev.twitch.tv/docs/authentication/revoke-tokens,
/// dev.twitch.tv/docs/authentication/getting-tokens-oauth, dev.twitch.tv/docs/authentication/validate-tokens
inline twitch_provider twitch() {
    return {{.token_endpoint = "https://id.twitch.tv/oauth2/token",
             .revocation_endpoint = "https://id.twitch.tv/oauth2/revoke",
             .error_codes = {{"Invalid refresh token", errc::reauthorization_required},
                             {"Invalid authorization code", errc::reauthorization_required},
                             {"invalid client", errc::client_rejected},
                             {"invalid client secret", errc::client_rejected},
                             {"client does not exist", errc::client_rejected}},
             .authorization_endpoint = "https://id.twitch.tv/oauth2/authorize",
             .device_authorization_endpoint = "https://id.twitch.tv/oauth2/device"}};
}

}}} // namespace tokenkeep::v1::providers

#endif
