// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_REVOKE_HPP
#define TOKENKEEP_OAUTH_REVOKE_HPP

#include <tokenkeep/oauth/client_endpoint.hpp>
#include <tokenkeep/oauth/detail/response_reader.hpp>

#include <concepts>
#include <optional>

namespace tokenkeep { inline namespace v0 {

/// The request that ends the record's session at the server (RFC 7009 2.1): by its refresh token, which takes the
/// access tokens along, or else by its access token. Throws errc::invalid_record if it has neither, and
/// errc::request_rejected if the endpoint is no https URL.
inline http_request revoke_request(const client_endpoint& endpoint, const token& record) {
    const bool refresh = !record.refresh_token.empty();
    const secret& revoked = refresh ? record.refresh_token : record.access_token;
    if (revoked.empty()) throw error(errc::invalid_record, "tokenkeep: the record has no token to revoke");
    return detail::post_form(
        endpoint, record,
        {{"token", revoked.reveal()}, {"token_type_hint", refresh ? "refresh_token" : "access_token"}});
}

/// The same as a provider makes it; nullopt if its server cannot revoke.
template <class Provider>
    requires requires(Provider& provider, const token& record) {
        { provider.revoke_request(record) } -> std::convertible_to<std::optional<http_request>>;
    }
std::optional<http_request> revoke_request(Provider&& provider, const token& record) {
    return provider.revoke_request(record);
}

/// Returns if the token is revoked, which it also is if the server does not know it (RFC 7009 2.2). Throws
/// response_error for anything else: the token must be assumed to live.
inline void read_revoke_response(const http_response& response) {
    const detail::response_reader reader(response, nullptr, {});
    if (!reader.is_success() || reader.has_error()) reader.read();
}

/// The same as a provider reads it, if it has a read_revoke_response(response) of its own.
template <class Provider>
void read_revoke_response(Provider&& provider, const http_response& response) {
    if constexpr (requires { provider.read_revoke_response(response); })
        provider.read_revoke_response(response);
    else
        read_revoke_response(response);
}

}} // namespace tokenkeep::v0

#endif
