// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_TIKTOK_HPP
#define TOKENKEEP_PROVIDERS_TIKTOK_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/provider.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// TikTok's server. See tiktok(). The members authentication and encodes_basic mean nothing to it: there is one way.
struct tiktok_provider : oauth2_provider {
    /// The same as that of oauth2_provider, but the client's id is called client_key.
    http_request exchange_request(const token& record) const {
        return post(token_endpoint, record, detail::exchange_parameters(record), parameters);
    }

    /// The same as that of oauth2_provider, but the client's id is called client_key.
    http_request refresh_request(const token& record) const {
        if (record.refresh_token.empty())
            throw error(errc::invalid_record, "tokenkeep: the record has no refresh token");
        std::vector<text::form_pair> pairs{{"grant_type", "refresh_token"},
                                           {"refresh_token", record.refresh_token.reveal()}};
        if (sends_scope_on_refresh && !record.scope.empty()) pairs.push_back({"scope", record.scope});
        return post(token_endpoint, record, std::move(pairs), parameters);
    }

    /// TikTok revokes access tokens only. That ends the session.
    std::optional<http_request> revoke_request(const token& record) const {
        if (revocation_endpoint.empty()) return std::nullopt;
        if (record.access_token.empty())
            throw error(errc::invalid_record, "tokenkeep: the record has no access token to revoke");
        return post(revocation_endpoint, record, {{"token", record.access_token.reveal()}}, {});
    }

    /// Status 401 means that the access token has ended, or that the user has not allowed a scope. In the second case a
    /// new access token would not help.
    bool is_token_rejected(const http_response& response) const {
        if (response.status != 401) return false;
        return !detail::response_members(response).use_last("error", [](const detail::response_members::member& error) {
            const std::optional<text::json_value> code = error.value.find("code");
            return code && (code->is_text("scope_not_authorized") || code->is_text("scope_permission_missed"));
        });
    }

  private:
    http_request post(const std::string& url, const token& record, std::vector<text::form_pair> pairs,
                      const std::vector<form_field>& added) const {
        const client_endpoint own{.client_id = client_id, .client_secret = client_secret};
        const detail::client_identity client = detail::client_of(own, record);
        if (client.id.empty()) throw error(errc::invalid_record, "tokenkeep: there is no client id");
        pairs.push_back({"client_key", client.id});
        if (!client.secret_text.empty()) pairs.push_back({"client_secret", client.secret_text});
        const client_endpoint nameless{.url = url,
                                       .parameters = added,
                                       .headers = headers,
                                       .allow_loopback_http = allow_loopback_http,
                                       .allow_plain_http = allow_plain_http};
        return detail::post_form(nameless, {}, std::move(pairs)); // wipes what it has built if it throws
    }
};

/// TikTok for Developers: Login Kit and the APIs that act for a user.
///   auto tiktok = providers::tiktok();
///   tiktok.client_id = "aw0123456789abcd";
///
/// Peculiar:
///   - The client's id is called client_key in every request. It is the record's client_id as everywhere else.
///   - Access tokens live 2 hours, refresh tokens 180 days (older pages: 24 hours, 365 days). The answer says both.
///   - Each refresh brings a new refresh token. The old one ends at once.
///   - A dead refresh token is invalid_grant.
///   - The revocation endpoint takes the access token. It ends the whole session.
///   - The API answers 401 also if the user has not allowed a scope. That does not start a refresh.
///   - Scopes are separated by commas. open_id, which names the user, is in the record's extra.
///   - Apps on phones and desktops need PKCE for the login.
/// Sources: developers.tiktok.com/doc/oauth-get-a-user-access-token,
/// developers.tiktok.com/doc/oauth-refresh-a-user-access-token,
/// developers.tiktok.com/doc/oauth-revoke-a-user-access-token, developers.tiktok.com/doc/oauth-error-handling,
/// developers.tiktok.com/doc/tiktok-api-v2-error-handling
inline tiktok_provider tiktok() {
    return {{.token_endpoint = "https://open.tiktokapis.com/v2/oauth/token/",
             .revocation_endpoint = "https://open.tiktokapis.com/v2/oauth/revoke/",
             .authorization_endpoint = "https://www.tiktok.com/v2/auth/authorize/"}};
}

}}} // namespace tokenkeep::v1::providers

#endif
