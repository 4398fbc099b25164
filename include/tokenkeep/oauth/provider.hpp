// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_PROVIDER_HPP
#define TOKENKEEP_OAUTH_PROVIDER_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/compilation.hpp>
#include <tokenkeep/oauth/client_credentials.hpp>
#include <tokenkeep/oauth/device.hpp>
#include <tokenkeep/oauth/exchange.hpp>
#include <tokenkeep/oauth/refresh.hpp>
#include <tokenkeep/oauth/response.hpp>
#include <tokenkeep/oauth/revoke.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

template <class P>
concept can_request_exchange = requires(P& provider, const token& record) {
    { provider.exchange_request(record) } -> std::convertible_to<http_request>;
};
template <class P>
concept can_request_refresh = requires(P& provider, const token& record) {
    { provider.refresh_request(record) } -> std::convertible_to<http_request>;
};
template <class P>
concept can_request_revocation = requires(P& provider, const token& record) {
    { provider.revoke_request(record) } -> std::convertible_to<std::optional<http_request>>;
};
template <class P>
concept can_read_token_response = requires(P& provider, const http_response& response, const token& record) {
    { provider.read_token_response(response, record) } -> std::convertible_to<token_response>;
};
template <class P>
concept can_authorize = requires(P& provider, http_request& request, const token& record) {
    provider.authorize(request, record);
};

/// Puts the record's access token into the request's only Authorization header. Throws errc::request_rejected if a
/// token of its type needs a proof that the library cannot give. Throws errc::invalid_record if there is no access
/// token that can be sent.
void write_authorization(http_request& request, const token& record, std::string_view scheme);
#ifdef TOKENKEEP_INLINE
TOKENKEEP_INLINE void write_authorization(http_request& request, const token& record, std::string_view scheme) {
    for (const std::string_view proven : {"dpop", "mac"})
        if (text::equal_ignoring_case(record.token_type, proven))
            throw error(errc::request_rejected, "tokenkeep: a token of this type needs a proof of possession");
    const std::string_view access = record.access_token.reveal();
    if (access.empty() || !text::is_printable(access))
        throw error(errc::invalid_record, "tokenkeep: the record has no access token that can be sent");

    erase_header(request.headers, "Authorization");
    request.headers.reserve(request.headers.size() + 1);
    std::string& value = request.headers.emplace_back(http_header{"Authorization"}).value;
    value.reserve(scheme.size() + 1 + access.size());
    value.append(scheme).append(" ").append(access);
}
#endif

/// Takes the API domain out of a response, with a warning, if the record has another one, or if it is plain http. Only
/// the program may move a record to another host, and only the program may choose to do without TLS.
inline void drop_strange_api_domain(token_response& answer, const token& record) {
    if (answer.api_domain.empty() || answer.api_domain == record.api_domain) return;
    if (!record.api_domain.empty())
        answer.warnings.emplace_back("the server names another api_domain than the record has; it is ignored");
    else if (is_plain_http(answer.api_domain))
        answer.warnings.emplace_back("api_domain is plain http; it is ignored");
    else
        return;
    answer.api_domain.clear();
}

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 {

/// What is special about one authorization server: how requests to it are made, and how its responses are read. A
/// provider sends nothing.
///
/// Shape (the least model):
///   struct p {
///       http_request                exchange_request(const token& record);
///       http_request                refresh_request(const token& record);
///       std::optional<http_request> revoke_request(const token& record);
///       token_response              read_token_response(const http_response& response, const token& record);
///       void                        authorize(http_request& request, const token& record);
///   };
/// Meaning:
///   A1  exchange_request makes the request that exchanges the record's grant token for tokens, with its code verifier
///       if it has one (RFC 7636). It throws if there is no grant token.
///   A2  refresh_request makes the request that sends the record's refresh token. It throws if there is no refresh
///       token.
///   A3  revoke_request makes the request that ends the session at the server. nullopt means that the server cannot
///       revoke; the keeper then only deletes the row.
///   A4  read_token_response gives the tokens of a response to A1 or A2, or throws. A response_error says whether the
///       server may have spent the token. After any other exception, the keeper assumes that the server may have spent
///       it.
///   A5  authorize puts the record's access token into a request to the API. It replaces one that is already there.
///   A6  Requests with secrets go only to the record's own authorization server. No secret goes into a URL.
/// May:   throw anything derived from std::exception. The keeper copies the provider and calls it from many threads at
///        once. Optional members:
///
///   expression                       | what it gives you                                 | without it
///   ---------------------------------|---------------------------------------------------|---------------------------
///   p.client_id                      | The keeper adds it to probes that name no client  | The program names it.
///                                    | (see token.hpp), except to a probe with an access |
///                                    | token and no user.                                |
///   p.client_secret                  | The keeper adds it to probes with a grant token,  | The program adds it, if
///                                    | a refresh token or a seed.                        | its rules ask for one.
///   p.replay_grace                   | If the store locks and a response is lost, the    | The keeper sends it again
///                                    | keeper may send the refresh token again, until    | only after the option
///                                    | replay_grace - keeper_options::request_timeout    | doubt_expires_after.
///                                    | (30 s) after the first request.                   |
///   p.allow_loopback_http            | keeper::send may use http to a loopback address.  | keeper::send uses https.
///   p.allow_plain_http               | keeper::send may use http to the record's         | keeper::send uses https.
///                                    | api_domain, if that is written with http.         |
///   p.is_token_rejected(response)    | If true, the response of an API means that the    | Status 401 means that.
///                                    | access token has ended.                           |
///   p.read_revoke_response(response) | If the token is revoked, the provider returns. If | The keeper reads the
///                                    | not, it throws.                                   | response by RFC 7009.
///   p.client_credentials             | If true, a probe that names neither user nor      | Such a probe matches no
///                                    | token gets a token of the client itself. Needs    | row.
///                                    | p.client_credentials_request(record).             |
///   p.device_authorization_request(  | keeper::log_in_with_device. Needs also            | log_in_with_device does
///     record)                        | p.device_token_request(record) and                | not compile.
///                                    | p.read_device_authorization(response, record,     |
///                                    | sent).                                            |
///
/// Models: oauth2_provider; zoho::provider; a type that derives from one of them and hides a function of it.
template <class P>
concept authorization_provider = detail::can_request_exchange<P> && detail::can_request_refresh<P> &&
    detail::can_request_revocation<P> && detail::can_read_token_response<P> && detail::can_authorize<P>;

/// True if the type is an authorization_provider. If not, the compiler says what it lacks.
///   static_assert(explain_authorization_provider<my_provider>());
template <class P>
consteval bool explain_authorization_provider() {
    using namespace detail;
    static_assert(can_request_exchange<P>, "tokenkeep: a provider needs exchange_request(const token&), giving "
                                           "http_request; see the concept authorization_provider");
    if constexpr (can_request_exchange<P>)
        static_assert(can_request_refresh<P>, "tokenkeep: a provider needs refresh_request(const token&), giving "
                                              "http_request; see the concept authorization_provider");
    if constexpr (can_request_exchange<P> && can_request_refresh<P>)
        static_assert(can_request_revocation<P>, "tokenkeep: a provider needs revoke_request(const token&), giving "
                                                 "optional<http_request>; see the concept authorization_provider");
    if constexpr (can_request_exchange<P> && can_request_refresh<P> && can_request_revocation<P>)
        static_assert(can_read_token_response<P>,
                      "tokenkeep: a provider needs read_token_response(const http_response&, const token&), giving "
                      "token_response; see the concept authorization_provider");
    if constexpr (can_request_exchange<P> && can_request_refresh<P> && can_request_revocation<P> &&
                  can_read_token_response<P>)
        static_assert(can_authorize<P>, "tokenkeep: a provider needs authorize(http_request&, const token&); see "
                                        "the concept authorization_provider");
    return true;
}

/// A server that keeps to RFC 6749, 7009 and 6750. To change one function, derive from this type and write a function
/// of the same name: no public function here calls another public one.
///   oauth2_provider provider{.token_endpoint = "https://login.example/token", .client_id = "app"};
///   struct my_provider : oauth2_provider {
///       http_request refresh_request(const token& record) const {
///           http_request request = oauth2_provider::refresh_request(record);
///           request.body += "&audience=x";
///           return request;
///       }
///   };
///   my_provider mine{{.token_endpoint = "https://login.example/token", .client_id = "app"}};
struct oauth2_provider {
    std::string token_endpoint{};
    std::string revocation_endpoint{}; ///< Empty if the server cannot revoke.
    client_authentication authentication = client_authentication::post;
    /// How long the server still accepts a refresh token after it was spent. See authorization_provider for its use.
    std::chrono::milliseconds replay_grace{0};
    std::string client_id{}; ///< Used for records that name no client.
    secret client_secret{};  ///< Used for records that have no client secret and do not name another client.
    /// Added to each form for the token endpoint and the device authorization endpoint, such as {"audience",
    /// "https://api.example"}. One replaces the library's own of the same name.
    std::vector<form_field> parameters{};
    std::vector<http_header> headers{};  ///< Sent with each request to the server, such as {"User-Agent", "app/1"}.
    bool sends_scope_on_refresh = false; ///< Whether a refresh names the record's scope. Microsoft wants it.
    bool encodes_basic = true; ///< False for servers that do not decode what RFC 6749 2.3.1 encodes in HTTP Basic.
    /// Whether a probe that names neither user nor token gets a token of the client itself (RFC 6749 4.4); see
    /// keeper.hpp.
    bool client_credentials = false;
    std::vector<error_meaning> error_codes{};    ///< The server's own error codes. They go before those of the RFCs.
    std::chrono::seconds default_lifetime{0};    ///< Of access tokens if the server does not say; 0: not known.
    std::string authorization_endpoint{};        ///< Where users log in (RFC 6749 3.1).
    std::string device_authorization_endpoint{}; ///< Where devices ask for a code (RFC 8628 3.1).
    std::string issuer{};                        ///< The server's name in what it signs (RFC 8414 2).
    bool sends_iss = false;                      ///< Whether the redirect after a login names the issuer (RFC 9207).
    bool allow_loopback_http = false;            ///< Also allows http, but only to 127.0.0.0/8, [::1] and localhost.
    /// Also allows http to the hosts of the endpoints, and to an api_domain that the program itself wrote as http. Only
    /// for networks of your own, such as between containers: everybody on the way can read the tokens. The keeper tells
    /// its observer each time.
    bool allow_plain_http = false;

    /// See the free function exchange_request.
    http_request exchange_request(const token& record) const {
        return tokenkeep::exchange_request(endpoint(token_endpoint), record);
    }
    /// See the free function refresh_request.
    http_request refresh_request(const token& record) const {
        return tokenkeep::refresh_request(endpoint(token_endpoint), record, sends_scope_on_refresh);
    }
    /// See the free function revoke_request. Nullopt if there is no revocation endpoint.
    std::optional<http_request> revoke_request(const token& record) const {
        if (revocation_endpoint.empty()) return std::nullopt;
        client_endpoint revocation = endpoint(revocation_endpoint);
        revocation.parameters.clear();
        return tokenkeep::revoke_request(revocation, record);
    }
    /// See the free function read_token_response. The response's api_domain counts only if the record has none and it
    /// is not plain http. Another one is ignored, with a warning.
    token_response read_token_response(const http_response& response, const token& record) const {
        token_response answer = detail::read_response(response, record, dialect());
        detail::drop_strange_api_domain(answer, record);
        return answer;
    }
    /// See the free function read_revoke_response.
    void read_revoke_response(const http_response& response) const;
    /// See the free function client_credentials_request.
    http_request client_credentials_request(const token& record) const {
        return tokenkeep::client_credentials_request(endpoint(token_endpoint), record);
    }
    /// See the free function device_authorization_request. Throws errc::request_rejected if there is no device
    /// authorization endpoint.
    http_request device_authorization_request(const token& record) const {
        if (device_authorization_endpoint.empty())
            throw error(errc::request_rejected,
                        "tokenkeep: the provider has no device_authorization_endpoint; set it, or log in otherwise");
        return tokenkeep::device_authorization_request(endpoint(device_authorization_endpoint), record);
    }
    /// See the free function device_token_request.
    http_request device_token_request(const token& record) const {
        return tokenkeep::device_token_request(endpoint(token_endpoint), record);
    }
    /// See the free function read_device_authorization. The page may be plain http where the provider allows that.
    device_authorization read_device_authorization(const http_response& response, const token& record,
                                                   timestamp sent) const {
        return detail::read_device_response(response, record, sent, dialect(), {allow_loopback_http, allow_plain_http});
    }
    /// Sets `Authorization: Bearer` (RFC 6750 2.1). Throws errc::request_rejected for the token types dpop and mac.
    /// Throws errc::invalid_record if there is no access token that can be sent.
    ///   provider.authorize(request, record);
    void authorize(http_request& request, const token& record) const {
        detail::write_authorization(request, record, "Bearer");
    }

  private:
    client_endpoint endpoint(const std::string& url) const;
    detail::response_dialect dialect() const {
        return {.more_codes = error_codes, .default_lifetime = default_lifetime, .client_secret = &client_secret};
    }
};

#ifdef TOKENKEEP_INLINE
TOKENKEEP_INLINE void oauth2_provider::read_revoke_response(const http_response& response) const {
    const detail::response_dialect codes = dialect();
    detail::response_reader(response, nullptr, codes).require_revocation();
}

TOKENKEEP_INLINE client_endpoint oauth2_provider::endpoint(const std::string& url) const {
    return {.url = url,
            .authentication = authentication,
            .client_id = client_id,
            .client_secret = client_secret,
            .parameters = parameters,
            .headers = headers,
            .encodes_basic = encodes_basic,
            .allow_loopback_http = allow_loopback_http,
            .allow_plain_http = allow_plain_http};
}
#endif

}} // namespace tokenkeep::v1

#endif
