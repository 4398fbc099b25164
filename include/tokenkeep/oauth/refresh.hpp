// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_REFRESH_HPP
#define TOKENKEEP_OAUTH_REFRESH_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/client_endpoint.hpp>

#include <concepts>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

/// The request that exchanges the record's refresh token for a new access token (RFC 6749 6). It names no scope, so the
/// new access token has the scope of the old one. If `sends_scope`, it names the record's scope, which some servers
/// want. Throws errc::invalid_record if there is no refresh token, or a client secret without a client id. Throws
/// errc::request_rejected if the endpoint is not an https URL; see client_endpoint::allow_loopback_http.
///   http_request request = refresh_request(endpoint, record);
inline http_request refresh_request(const client_endpoint& endpoint, const token& record, bool sends_scope = false) {
    if (record.refresh_token.empty()) throw error(errc::invalid_record, "tokenkeep: the record has no refresh token");
    std::vector<text::form_pair> pairs{{"grant_type", "refresh_token"},
                                       {"refresh_token", record.refresh_token.reveal()}};
    if (sends_scope && !record.scope.empty()) pairs.push_back({"scope", record.scope});
    return detail::post_form(endpoint, record, std::move(pairs));
}

/// The same request, made by a provider.
///   http_request request = refresh_request(provider, record);
template <class Provider>
    requires requires(Provider& provider, const token& record) {
        { provider.refresh_request(record) } -> std::convertible_to<http_request>;
    }
http_request refresh_request(Provider&& provider, const token& record) { return provider.refresh_request(record); }

}} // namespace tokenkeep::v1

#endif
