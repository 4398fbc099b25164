// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_CLIENT_CREDENTIALS_HPP
#define TOKENKEEP_OAUTH_CLIENT_CREDENTIALS_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/oauth/client_endpoint.hpp>

#include <concepts>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

/// The request with which a service asks for a token of its own, without a user (RFC 6749 4.4.2). It names the record's
/// scope if there is one. Throws errc::invalid_record if there is a client secret without a client id. Throws
/// errc::request_rejected if the endpoint is not an https URL; see client_endpoint::allow_loopback_http.
///   http_request request = client_credentials_request(endpoint, {.scope = "reports.read"});
inline http_request client_credentials_request(const client_endpoint& endpoint, const token& record) {
    std::vector<text::form_pair> pairs{{"grant_type", "client_credentials"}};
    if (!record.scope.empty()) pairs.push_back({"scope", record.scope});
    return detail::post_form(endpoint, record, std::move(pairs));
}

/// The same request, made by a provider.
///   http_request request = client_credentials_request(provider, record);
template <class Provider>
    requires requires(Provider& provider, const token& record) {
        { provider.client_credentials_request(record) } -> std::convertible_to<http_request>;
    }
http_request client_credentials_request(Provider&& provider, const token& record) {
    return provider.client_credentials_request(record);
}

}} // namespace tokenkeep::v1

#endif
