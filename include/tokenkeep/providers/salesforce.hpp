// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_SALESFORCE_HPP
#define TOKENKEEP_PROVIDERS_SALESFORCE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/text/json.hpp>
#include <tokenkeep/text/url.hpp>
#include <tokenkeep/token.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Salesforce: an oauth2_provider that knows where the API is, and what Salesforce means by its errors.
struct salesforce_provider : oauth2_provider {
    /// The answer says where the API is in instance_url. If the record has no api_domain, this becomes its api_domain.
    /// If the record has another one, the answer's is ignored, with a warning.
    token_response read_token_response(const http_response& response, const token& record) const {
        token_response answer = oauth2_provider::read_token_response(response, record);
        const text::json_result extra = text::parse_json(answer.extra.reveal());
        const std::optional<text::json_value> url = extra.value.find("instance_url");
        const std::string api = url ? url->text() : std::string();
        if (answer.api_domain.empty() && text::is_secure_url(api, allow_loopback_http)) answer.api_domain = api;
        detail::drop_strange_api_domain(answer, record);
        return answer;
    }

    /// Salesforce refuses to revoke a token that it does not know, or that has ended. RFC 7009 2.2 counts such a token
    /// as revoked.
    void read_revoke_response(const http_response& response) const {
        const detail::response_dialect codes;
        const auto error = detail::response_reader(response, nullptr, codes).known_error();
        if (response.status == 400 && error && error->code == "invalid_token") return;
        oauth2_provider::read_revoke_response(response);
    }

    /// The data API answers with status 401 if the access token has ended, the identity service with 403 and a word.
    bool is_token_rejected(const http_response& response) const {
        constexpr std::string_view word = "Bad_OAuth_Token";
        return response.status == 401 || (response.status == 403 && response.body.find(word) != std::string_view::npos);
    }
};

/// Salesforce. `host` is login.salesforce.com for production, test.salesforce.com for sandboxes, or the organisation's
/// own domain, such as acme.my.salesforce.com.
///   auto salesforce = providers::salesforce();
///   salesforce.client_id = "3MVG9";
///
/// Peculiar:
///   - The login must ask for the scope refresh_token (or offline_access), or there is no refresh token.
///   - Answers do not say how long an access token lives. It lives as long as a session, which is two hours if the
///     organisation does not change it, and longer while it is used.
///   - instance_url of the answer says where the API is. It becomes the api_domain of a record that has none, so that
///     keeper::send sends only there. If the organisation moves to another host, the keeper warns, and the program
///     saves the new api_domain itself.
///   - Refresh tokens stay the same, unless the app has "Refresh Token Rotation". Then a token that is used twice ends
///     the session.
///   - If two refreshes run at once, one fails with invalid_grant and "token request is already being processed". The
///     session goes on: the keeper waits and tries again.
///   - A wrong client id comes as invalid_client_id with status 400.
///   - The identity service answers with status 403 and Bad_OAuth_Token if the access token has ended.
/// Sources: help.salesforce.com (OAuth 2.0 Web Server Flow for Web App Integration; OAuth 2.0 Refresh Token Flow for
/// Renewed Sessions; OAuth 2.0 Authorization Errors; Revoke OAuth Tokens Programmatically),
/// developer.salesforce.com/docs/platform/mobile-sdk/guide/oauth-revoking-tokens.html,
/// developer.salesforce.com/docs/platform/api-metadata/guide/meta-error-handling-session-exp.html, help.salesforce.com
/// (release notes of Winter '25: a changed error of the refresh token flow)
inline salesforce_provider salesforce(const std::string& host = "login.salesforce.com") {
    const std::string endpoints = "https://" + host + "/services/oauth2";
    return {{.token_endpoint = endpoints + "/token",
             .revocation_endpoint = endpoints + "/revoke",
             .error_codes = {{"invalid_client_id", errc::client_rejected},
                             {"invalid_grant", errc::throttled, "token request is already being processed"}},
             .default_lifetime = std::chrono::hours(2),
             .authorization_endpoint = endpoints + "/authorize"}};
}

}}} // namespace tokenkeep::v1::providers

#endif
