// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_DIGITALOCEAN_HPP
#define TOKENKEEP_PROVIDERS_DIGITALOCEAN_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/client_endpoint.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/token.hpp>

#include <optional>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// See the function digitalocean().
struct digitalocean_provider : oauth2_provider {
    /// The request that revokes the record's access token. DigitalOcean wants it twice: in the form, and in the header
    /// Authorization in place of the client's id and secret. Nullopt if the record has no access token.
    std::optional<http_request> revoke_request(const token& record) const {
        if (revocation_endpoint.empty() || record.access_token.empty()) return std::nullopt;
        const client_endpoint anonymous{.url = revocation_endpoint,
                                        .authentication = client_authentication::none,
                                        .headers = headers,
                                        .allow_loopback_http = allow_loopback_http,
                                        .allow_plain_http = allow_plain_http};
        detail::wiped_request request(detail::post_form(anonymous, {}, {{"token", record.access_token.reveal()}}));
        detail::write_authorization(*request, record, "Bearer");
        return std::move(request).release();
    }

    /// Returns if the token is revoked. Throws otherwise.
    ///
    /// Decision: it also returns for status 401, which means that the access token has ended. No other token can be
    /// sent, so each later attempt would end the same way, and the keeper could never remove the row.
    void read_revoke_response(const http_response& response) const {
        if (response.status == 401) return;
        oauth2_provider::read_revoke_response(response);
    }
};

/// DigitalOcean, for OAuth applications.
///   auto digitalocean = providers::digitalocean();
///   digitalocean.client_id = "0123456789abcdef";
///
/// Peculiar:
///   - Access tokens end after 30 days. A refresh token can be used once; each refresh brings a new one and ends the
///     access token that came with the old one.
///   - Only an access token can be revoked. If it has ended, the keeper removes the row only; call access_token before
///     revoke, so that there is one that has not ended.
///   - The user's name, e-mail address and team are in the member info of the answer, which is kept in token::extra.
/// Sources: docs.digitalocean.com/reference/api/oauth
inline digitalocean_provider digitalocean() {
    return {{.token_endpoint = "https://cloud.digitalocean.com/v1/oauth/token",
             .revocation_endpoint = "https://cloud.digitalocean.com/v1/oauth/revoke",
             .authorization_endpoint = "https://cloud.digitalocean.com/v1/oauth/authorize"}};
}

}}} // namespace tokenkeep::v1::providers

#endif
