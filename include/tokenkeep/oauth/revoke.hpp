// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_REVOKE_HPP
#define TOKENKEEP_OAUTH_REVOKE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/client_endpoint.hpp>
#include <tokenkeep/oauth/detail/response_reader.hpp>

#include <concepts>
#include <optional>

namespace tokenkeep { inline namespace v1 {

/// The request that ends the record's session at the server (RFC 7009 2.1). It names the refresh token; the server
/// should then end the access tokens too. If there is no refresh token, it names the access token. Throws
/// errc::invalid_record if there is neither, or a client secret without a client id. Throws errc::request_rejected if
/// the endpoint is not an https URL; see client_endpoint::allow_loopback_http.
///   http_request request = revoke_request(endpoint, record);
inline http_request revoke_request(const client_endpoint& endpoint, const token& record) {
    const bool refresh = !record.refresh_token.empty();
    const secret& revoked = refresh ? record.refresh_token : record.access_token;
    if (revoked.empty()) throw error(errc::invalid_record, "tokenkeep: the record has no token to revoke");
    return detail::post_form(
        endpoint, record,
        {{"token", revoked.reveal()}, {"token_type_hint", refresh ? "refresh_token" : "access_token"}});
}

/// The same request, made by a provider. Nullopt if the provider's server cannot revoke.
///   if (std::optional<http_request> request = revoke_request(provider, record)) transport(*request);
template <class Provider>
    requires requires(Provider& provider, const token& record) {
        { provider.revoke_request(record) } -> std::convertible_to<std::optional<http_request>>;
    }
std::optional<http_request> revoke_request(Provider&& provider, const token& record) {
    return provider.revoke_request(record);
}

/// Returns if the token is revoked. A server says so too if it does not know the token (RFC 7009 2.2). Throws
/// response_error for any other response: the token may then still be valid.
///   read_revoke_response(transport(request));
inline void read_revoke_response(const http_response& response) {
    const detail::response_dialect rfc_6749;
    detail::response_reader(response, nullptr, rfc_6749).require_revocation();
}

/// The same, read by a provider: by its own read_revoke_response(response) if it has one, else by the function above.
///   read_revoke_response(provider, response);
template <class Provider>
void read_revoke_response(Provider&& provider, const http_response& response) {
    if constexpr (requires { provider.read_revoke_response(response); })
        provider.read_revoke_response(response);
    else
        read_revoke_response(response);
}

}} // namespace tokenkeep::v1

#endif
