// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_PROVIDER_HPP
#define TOKENKEEP_OAUTH_PROVIDER_HPP

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

namespace tokenkeep { inline namespace v0 { namespace detail {

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

/// Puts the record's access token into the request's only Authorization header. Throws errc::invalid_record if there is
/// none that can be sent, and errc::request_rejected if its type asks for a proof that we cannot give.
inline void write_authorization(http_request& request, const token& record, std::string_view scheme) {
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

}}} // namespace tokenkeep::v0::detail

namespace tokenkeep { inline namespace v0 {

/// What is peculiar to an authorization server: how it is asked, and how its answers are read. It sends nothing.
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
///   A1  exchange_request gives the record's grant token for tokens; it throws if there is none.
///   A2  refresh_request gives the record's refresh token; it throws if there is none.
///   A3  revoke_request ends the session at the server; nullopt means that the server cannot, and that the record is
///       only deleted. A member read_revoke_response(response), where there is one, returns if the token is revoked
///       and throws if not; else the answer is read by RFC 7009.
///   A4  read_token_response gives what came for a request of A1 or A2, or throws: response_error says whether the
///       token may have been spent, any other exception counts as "may have".
///   A5  authorize puts the record's access token into a request to the API; one that is already there goes.
///   A6  A secret goes to no host but the record's own authorization server, and into no URL.
/// May:   throw anything derived from std::exception; be called from many threads at once; be copied. Members client_id,
///        client_secret, replay_grace and allow_loopback_http, where there are any, mean what they do in oauth2_provider.
/// Models: oauth2_provider; zoho::provider; whatever is derived from them and hides one function.
template <class P>
concept authorization_provider = detail::can_request_exchange<P> && detail::can_request_refresh<P> &&
    detail::can_request_revocation<P> && detail::can_read_token_response<P> && detail::can_authorize<P>;

/// True, or a compile error with a sentence that says what the type lacks to be an authorization_provider.
template <class P>
consteval bool explain_authorization_provider() {
    using namespace detail;
    static_assert(can_request_exchange<P>, "tokenkeep: a provider needs exchange_request(const token&), giving "
                                           "http_request; see tokenkeep/oauth/provider.hpp");
    if constexpr (can_request_exchange<P>)
        static_assert(can_request_refresh<P>, "tokenkeep: a provider needs refresh_request(const token&), giving "
                                              "http_request; see tokenkeep/oauth/provider.hpp");
    if constexpr (can_request_exchange<P> && can_request_refresh<P>)
        static_assert(can_request_revocation<P>, "tokenkeep: a provider needs revoke_request(const token&), giving "
                                                 "optional<http_request>; see tokenkeep/oauth/provider.hpp");
    if constexpr (can_request_exchange<P> && can_request_refresh<P> && can_request_revocation<P>)
        static_assert(can_read_token_response<P>,
                      "tokenkeep: a provider needs read_token_response(const http_response&, const token&), giving "
                      "token_response; see tokenkeep/oauth/provider.hpp");
    if constexpr (can_request_exchange<P> && can_request_refresh<P> && can_request_revocation<P> &&
                  can_read_token_response<P>)
        static_assert(can_authorize<P>, "tokenkeep: a provider needs authorize(http_request&, const token&); see "
                                        "tokenkeep/oauth/provider.hpp");
    return true;
}

/// A server that keeps to RFC 6749, 7009 and 6750. To change one thing, derive and hide one function: none calls
/// another.
struct oauth2_provider {
    std::string token_endpoint{};
    std::string revocation_endpoint{}; ///< Empty if the server cannot revoke.
    client_authentication authentication = client_authentication::post;
    std::chrono::milliseconds replay_grace{0}; ///< How long the server still takes a refresh token that was spent.
    bool allow_loopback_http = false;          ///< Plain http, and only to a loopback literal.
    std::string client_id{};                   ///< Of records that name no client.
    secret client_secret{};                    ///< Of records that have none and do not name another client.

    /// See the free function exchange_request.
    http_request exchange_request(const token& record) const {
        return tokenkeep::exchange_request(endpoint(token_endpoint), record);
    }
    /// See the free function refresh_request.
    http_request refresh_request(const token& record) const {
        return tokenkeep::refresh_request(endpoint(token_endpoint), record);
    }
    /// See the free function revoke_request; nullopt if there is no revocation endpoint.
    std::optional<http_request> revoke_request(const token& record) const {
        if (revocation_endpoint.empty()) return std::nullopt;
        return tokenkeep::revoke_request(endpoint(revocation_endpoint), record);
    }
    /// See the free function read_token_response.
    token_response read_token_response(const http_response& response, const token& record) const {
        return detail::read_response(response, record, {.client_secret = &client_secret});
    }
    /// Sets `Authorization: Bearer` (RFC 6750 2.1). Throws errc::request_rejected for the token types dpop and mac, and
    /// errc::invalid_record if there is no access token that can be sent.
    void authorize(http_request& request, const token& record) const {
        detail::write_authorization(request, record, "Bearer");
    }

  private:
    client_endpoint endpoint(const std::string& url) const {
        return {.url = url,
                .authentication = authentication,
                .client_id = client_id,
                .client_secret = client_secret,
                .allow_loopback_http = allow_loopback_http};
    }
};

}} // namespace tokenkeep::v0

#endif
