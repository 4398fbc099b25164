// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_DROPBOX_HPP
#define TOKENKEEP_PROVIDERS_DROPBOX_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/client_endpoint.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/token.hpp>

#include <optional>
#include <string>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// See the function dropbox().
struct dropbox_provider : oauth2_provider {
    /// The request that revokes the record's access token and the refresh token that it came from. Dropbox wants it in
    /// the header Authorization, and a body that says that there are no arguments. Nullopt if the record has no access
    /// token.
    std::optional<http_request> revoke_request(const token& record) const {
        if (revocation_endpoint.empty() || record.access_token.empty()) return std::nullopt;
        detail::require_secure_url(revocation_endpoint, {allow_loopback_http, allow_plain_http});
        detail::wiped_request request(
            {.method = "POST", .url = revocation_endpoint, .headers = headers, .body = "null"});
        request->headers.push_back({"Content-Type", "application/json"});
        detail::write_authorization(*request, record, "Bearer");
        return std::move(request).release();
    }

    /// Returns if the tokens are revoked. Throws otherwise.
    ///
    /// Decision: it also returns if the access token has ended. No other token can be sent, so each later attempt would
    /// end the same way, and the keeper could never remove the row.
    void read_revoke_response(const http_response& response) const {
        if (has_ended(response)) return;
        oauth2_provider::read_revoke_response(response);
    }

    /// Whether the access token has ended. Status 401 alone does not say so: Dropbox also gives it if a scope is
    /// missing or the user is suspended.
    bool is_token_rejected(const http_response& response) const { return has_ended(response); }

  private:
    static bool has_ended(const http_response& response) {
        const auto says = [&](const char* code) { return response.body.find(code) != std::string::npos; };
        return response.status == 401 && (says("expired_access_token") || says("invalid_access_token"));
    }
};

/// Dropbox, for scoped apps.
///   auto dropbox = providers::dropbox();
///   dropbox.client_id = "app-key";
///
/// Peculiar:
///   - The login URL needs token_access_type=offline. Without it there is no refresh token.
///   - Access tokens end after 4 hours. Refresh tokens do not end by themselves and do not rotate: a refresh brings an
///     access token only.
///   - An ended refresh token is refused with status 400 and invalid_grant.
///   - Only an access token can be revoked; that also ends its refresh token. If the access token has ended, the keeper
///     removes the row only; call access_token before revoke, so that there is one that has not ended.
///   - The API gives status 401 for a missing scope too. Only expired_access_token and invalid_access_token make the
///     keeper refresh.
/// Sources: developers.dropbox.com/oauth-guide, dropbox.tech/developers/using-oauth-2-0-with-offline-access,
/// www.dropbox.com/developers/documentation/http/documentation
inline dropbox_provider dropbox() {
    return {{.token_endpoint = "https://api.dropboxapi.com/oauth2/token",
             .revocation_endpoint = "https://api.dropboxapi.com/2/auth/token/revoke",
             .authorization_endpoint = "https://www.dropbox.com/oauth2/authorize"}};
}

}}} // namespace tokenkeep::v1::providers

#endif
