// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ZOHO_PROVIDER_HPP
#define TOKENKEEP_ZOHO_PROVIDER_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/authorization.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/zoho/data_center.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Zoho's own error codes. "Access Denied" means throttling: a refresh token gives ten access tokens in ten minutes.
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

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 { namespace zoho {

/// The data centre of the user who has logged in, as the redirect of a login names it by `accounts-server` or, if that
/// is missing, by `location`: `first` if it is that one, otherwise one of Zoho's nine. The code must be exchanged
/// there. Nullopt if the redirect names none. Throws errc::unknown_data_center if it names any other server, and
/// errc::request_rejected if it names one twice. The redirect must be that of the program's own login: let
/// read_authorization_response read it first.
///   std::optional<zoho::data_center> there = zoho::data_center_of_response(redirected);
inline std::optional<data_center> data_center_of_response(std::string_view redirected, const data_center& first = {}) {
    const std::string_view query = detail::split_redirect(redirected).query;
    const secret server = detail::find_parameter(query, "accounts-server");
    const secret location = detail::find_parameter(query, "location");
    if (server.empty() && location.empty()) return std::nullopt;
    if (!server.empty() && detail::is_accounts_server(server.reveal(), first)) return first;
    for (const detail::named_data_center& known : detail::data_centers)
        if (server.empty() ? text::equal_ignoring_case(location.reveal(), known.location)
                           : detail::is_accounts_server(server.reveal(), known.center))
            return known.center;
    throw error(errc::unknown_data_center, "tokenkeep: the redirect names a data centre that is not one of Zoho's");
}

/// Zoho's authorization server.
///   keeper keep{store, transport, zoho::provider{zoho::eu, zoho::environment::production}};
///
/// The accounts server is that of the record's api_domain. If the record has none, it is that of `center`. If the
/// domain belongs to no data centre, nothing is sent and the error is errc::unknown_data_center: a secret never goes to
/// a default host. To change one thing, derive and hide one function; no function here calls another.
struct provider {
    data_center center{};                        ///< The data centre of records without an api_domain.
    environment stage = environment::production; ///< Which API a record gets if neither it nor the response names one.
    client_authentication authentication = client_authentication::post;
    std::string client_id{}; ///< For records that name no client.
    secret client_secret{};  ///< For records that have no secret and do not name another client.
    bool allow_loopback_http = center.allow_loopback_http; ///< Allows plain http to a loopback address, for tests.

    /// Begins a login at the accounts server of the probe's api_domain, or of `center`. Besides what the free function
    /// says, it asks for access_type=offline and prompt=consent, because otherwise Zoho gives no refresh token, or only
    /// at the user's first consent. Each such login makes a new refresh token, and Zoho deletes the oldest of a user if
    /// there are more than 20 for one client. {"prompt", ""} in the wish leaves the second out.
    ///   authorization login = zoho_provider.authorization_request(wish);
    authorization authorization_request(const authorization_wish& wish) const {
        authorization_wish offline = wish;
        offline.parameters = {{"access_type", "offline"}, {"prompt", "consent"}};
        offline.parameters.insert(offline.parameters.end(), wish.parameters.begin(), wish.parameters.end());
        return tokenkeep::authorization_request(
            oauth2_provider{.client_id = client_id,
                            .authorization_endpoint = accounts_of(wish.probe) + "/oauth/v2/auth",
                            .allow_loopback_http = allow_loopback_http},
            offline);
    }
    /// See the free function read_authorization_response. If the redirect names another data centre than `center`, the
    /// token gets the api_domain of that one, so that the keeper exchanges the code there. Throws
    /// errc::unknown_data_center if it is not one of Zoho's, and errc::request_rejected if the probe has an api_domain
    /// of another one.
    ///   token ada = zoho_provider.read_authorization_response(redirected, login);
    token read_authorization_response(std::string_view redirected, authorization& pending) const {
        token login = tokenkeep::read_authorization_response(redirected, pending);
        const std::optional<data_center> there = data_center_of_response(redirected, center);
        if (!there) return login;
        if (login.api_domain.empty()) {
            if (*there != center) login.api_domain = there->api_of(stage);
        } else if (!belongs_to(login.api_domain, *there)) {
            throw error(errc::request_rejected, "tokenkeep: the user is in another data centre than the api_domain of "
                                                "the probe; leave it empty for users of all data centres");
        }
        return login;
    }
    /// See the free function exchange_request.
    http_request exchange_request(const token& record) const {
        return tokenkeep::exchange_request(endpoint("/oauth/v2/token", record), record);
    }
    /// See the free function refresh_request.
    http_request refresh_request(const token& record) const {
        return tokenkeep::refresh_request(endpoint("/oauth/v2/token", record), record);
    }
    /// The request that revokes the record's refresh token, or its access token if it has no other. Zoho wants the
    /// token and nothing else. Throws errc::invalid_record if the record has neither.
    std::optional<http_request> revoke_request(const token& record) const {
        const secret& revoked = record.refresh_token.empty() ? record.access_token : record.refresh_token;
        if (revoked.empty()) throw error(errc::invalid_record, "tokenkeep: the record has no token to revoke");
        const client_endpoint anonymous{.url = accounts_of(record) + "/oauth/v2/token/revoke",
                                        .authentication = client_authentication::none,
                                        .allow_loopback_http = allow_loopback_http};
        return detail::post_form(anonymous, {}, {{"token", revoked.reveal()}});
    }

    /// See the free function read_token_response. Zoho's responses differ in this:
    ///   - An error can come with status 200. "Access Denied" is throttling, for ten minutes unless the response says
    ///     how long.
    ///   - If there is an expires_in_sec, expires_in is in milliseconds.
    ///   - The response's api_domain is taken only if it belongs to a known data centre, and to the record's own if the
    ///     record has one, which it then replaces. Otherwise it is ignored, with a warning. If neither has one, it is
    ///     that of `center` and `stage`.
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
        answer.replaced_api_domain = record.api_domain;
        return answer;
    }

    /// Returns if the token is revoked: if the response says "success". Throws otherwise.
    ///
    /// Decision: it also returns if Zoho does not know the token, which Zoho says by status 400 or by invalid_code. The
    /// request has nothing but the token, so there is nothing else that Zoho could refuse, and RFC 7009 2.2 counts an
    /// unknown token as revoked. What is lost: if a status 400 ever means something else, a token stays valid.
    /// Throttling, which has status 400 too, is an error, and so is any other error that the response names.
    void read_revoke_response(const http_response& response) const {
        const detail::response_reader reader(response, nullptr, detail::zoho_dialect);
        const std::optional<detail::known_code> error = reader.known_error();
        const bool answers = reader.is_success() || response.status == 400;
        if (answers && error && (error->code == "invalid_code" || error->code == "invalid_token")) return;
        if (response.status == 400 && !reader.members().has("error")) return;
        reader.require_success();
        const bool is_success = reader.members().use_last(
            "status", [](const detail::response_members::member& status) { return status.value.is_text("success"); });
        if (!is_success) throw reader.not_understood(response_reason::type, "it does not say success");
    }

    /// Sets the header `Authorization: Zoho-oauthtoken ...`, although Zoho names the tokens Bearer. Throws
    /// errc::request_rejected for the token types dpop and mac, and errc::invalid_record if the record has no access
    /// token that can be sent.
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

}}} // namespace tokenkeep::v1::zoho

#endif
