// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ZOHO_PROVIDER_HPP
#define TOKENKEEP_ZOHO_PROVIDER_HPP

#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/zoho/data_center.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v0 { namespace detail {

/// Zoho's own codes. "Access Denied" is how it throttles: ten access tokens for a refresh token in ten minutes.
inline constexpr known_code zoho_codes[] = {
    {"invalid_code", errc::reauthorization_required},
    {"invalid_client_secret", errc::client_rejected},
    {"invalid_redirect_uri", errc::request_rejected},
    {"general_error", errc::request_rejected},
    {"Access Denied", errc::throttled},
    {"access_denied", errc::throttled},
};

inline constexpr response_dialect zoho_dialect{
    .codes = zoho_codes, .throttle_pause = std::chrono::minutes(10), .has_expires_in_sec = true};

}}} // namespace tokenkeep::v0::detail

namespace tokenkeep { inline namespace v0 { namespace zoho {

/// Zoho: zoho::provider{zoho::eu, zoho::environment::production}.
///
/// A record's api_domain decides which accounts server is asked; without one it is the provider's own. An API domain
/// that belongs to no data centre is errc::unknown_data_center, and nothing is sent: a secret goes to no default host.
/// To change one thing, derive and hide one function: none calls another.
struct provider {
    data_center center{}; ///< Where records without an api_domain belong.
    environment stage = environment::production;
    client_authentication authentication = client_authentication::post;
    std::string client_id{}; ///< Of records that name no client.
    secret client_secret{};  ///< Of records that have none and do not name another client.
    bool allow_loopback_http = center.allow_loopback_http;

    /// See the free function exchange_request.
    http_request exchange_request(const token& record) const {
        return tokenkeep::exchange_request(endpoint("/oauth/v2/token", record), record);
    }
    /// See the free function refresh_request.
    http_request refresh_request(const token& record) const {
        return tokenkeep::refresh_request(endpoint("/oauth/v2/token", record), record);
    }
    /// The request that ends the session; Zoho wants the token and nothing else.
    std::optional<http_request> revoke_request(const token& record) const {
        const secret& revoked = record.refresh_token.empty() ? record.access_token : record.refresh_token;
        if (revoked.empty()) throw error(errc::invalid_record, "tokenkeep: the record has no token to revoke");
        const client_endpoint nobody{.url = accounts_of(record) + "/oauth/v2/token/revoke",
                                     .authentication = client_authentication::none,
                                     .allow_loopback_http = allow_loopback_http};
        return detail::post_form(nobody, {}, {{"token", revoked.reveal()}});
    }

    /// See the free function read_token_response. Errors come under status 200 too; "Access Denied" throttles, for ten
    /// minutes unless the answer says how long. Where expires_in_sec comes, expires_in is in milliseconds. The answer's
    /// api_domain is taken only if it belongs to a data centre that is known and, where the record names one, to the
    /// record's; else there is a warning. If neither names one, it is that of the provider's environment.
    token_response read_token_response(const http_response& response, const token& record) const {
        detail::response_dialect dialect = detail::zoho_dialect;
        dialect.client_secret = &client_secret;
        token_response answer = detail::read_response(response, record, dialect);
        if (!answer.api_domain.empty() && !is_at_home(answer.api_domain, record)) {
            answer.api_domain.clear();
            answer.warnings.emplace_back("api_domain belongs to no data centre that is known, or not to the record's; "
                                         "it is ignored");
        }
        if (answer.api_domain.empty() && record.api_domain.empty()) answer.api_domain = center.api_of(stage);
        return answer;
    }

    /// Returns if the token is revoked: the answer says "success".
    ///
    /// Decision: so it is if Zoho says that it does not know the token, by status 400 or by invalid_code. The request
    /// holds nothing but the token, so that there is nothing else to refuse, and RFC 7009 2.2 counts it as done. What
    /// is lost: were a 400 ever to mean something else, a token would live on. The throttle, which comes under 400
    /// too, is not taken for it, nor is any other error that the answer names.
    void read_revoke_response(const http_response& response) const {
        const detail::response_reader reader(response, nullptr, detail::zoho_dialect);
        const std::string code = reader.server_code();
        const bool answers = reader.is_success() || response.status == 400;
        if (answers && (code == "invalid_code" || code == "invalid_token")) return;
        if (response.status == 400 && !reader.has_error()) return;
        reader.read();
        const text::json_result parsed = text::parse_json(response.body);
        if (!parsed.value.find("status").value_or(text::json_value{}).is_text("success"))
            throw reader.not_understood("type", "it does not say success");
    }

    /// Sets `Authorization: Zoho-oauthtoken`, though the tokens call themselves Bearer. Throws errc::request_rejected
    /// for the token types dpop and mac, and errc::invalid_record if there is no access token that can be sent.
    void authorize(http_request& request, const token& record) const {
        detail::write_authorization(request, record, "Zoho-oauthtoken");
    }

  private:
    std::string accounts_of(const token& record) const {
        if (record.api_domain.empty()) return center.accounts;
        const std::optional<data_center> found = find_data_center(record.api_domain, center);
        if (!found)
            throw error(errc::unknown_data_center, "tokenkeep: the record's api_domain belongs to no data centre");
        return found->accounts;
    }

    client_endpoint endpoint(std::string_view path, const token& record) const {
        return {.url = accounts_of(record) + std::string(path),
                .authentication = authentication,
                .client_id = client_id,
                .client_secret = client_secret,
                .allow_loopback_http = allow_loopback_http};
    }

    bool is_at_home(std::string_view api_domain, const token& record) const {
        const std::optional<data_center> found = find_data_center(api_domain, center);
        return found && (record.api_domain.empty() || belongs_to(record.api_domain, *found));
    }
};

}}} // namespace tokenkeep::v0::zoho

#endif
