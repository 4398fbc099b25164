// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_METADATA_HPP
#define TOKENKEEP_OAUTH_METADATA_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/error.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/client_endpoint.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/oauth/response_error.hpp>
#include <tokenkeep/oauth/retry_after.hpp>
#include <tokenkeep/text/json.hpp>
#include <tokenkeep/text/url.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 {

/// Where a server publishes what it can do. Most servers have one of the two only.
enum class metadata_address {
    openid_configuration,       ///< ISSUER/.well-known/openid-configuration (OpenID Connect Discovery 4).
    oauth_authorization_server, ///< HOST/.well-known/oauth-authorization-server/PATH (RFC 8414 3), without OpenID.
};

/// How metadata are asked for.
struct metadata_options {
    metadata_address address = metadata_address::openid_configuration; ///< More servers have this one than the other.
    bool allow_loopback_http = false; ///< Also allows http, but only to 127.0.0.0/8, [::1] and localhost.
};

}} // namespace tokenkeep::v1

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Throws errc::request_rejected if the text cannot be an issuer: an https URL without query and fragment (RFC 8414 2).
inline text::url_parts require_issuer(std::string_view issuer, const metadata_options& options) {
    const std::optional<text::url_parts> url = text::parse_url(issuer);
    if (!url || !text::is_secure_url(issuer, options.allow_loopback_http) || url->target.find('?') != issuer.npos)
        throw error(errc::request_rejected,
                    "tokenkeep: an issuer is an https URL without query, fragment and user information");
    return *url;
}

/// Throws response_error if the response does not bring metadata.
inline void require_metadata(const http_response& response) {
    const int status = response.status;
    if (status == 200) return;
    errc meaning = errc::request_rejected;
    std::string what = "tokenkeep: the server answers a request for its metadata with status ";
    what.append(std::to_string(status));
    if (status == 404) what.append("; try the other metadata_address");
    if (status >= 300 && status < 400) what.append("; redirects are not followed");
    if (status == 429) meaning = errc::throttled;
    if (status == 408 || (status >= 500 && status < 600)) meaning = errc::server_unavailable;
    if (status < 300 || status >= 600) meaning = errc::malformed_response;
    throw response_error(meaning, what,
                         {.reason = response_reason::status,
                          .certainly_refused = true,
                          .retry_after = find_retry_after(response),
                          .status = status});
}

/// The metadata of a server, as its JSON object.
class metadata_members {
  public:
    /// Throws response_error if the response has no JSON object. The response must stay alive.
    explicit metadata_members(const http_response& response) : status_(response.status) {
        require_metadata(response);
        std::string_view body = response.body;
        if (body.starts_with("\xef\xbb\xbf")) body.remove_prefix(3); // a byte order mark (RFC 8259 8.1)
        const text::json_result read = text::parse_json(body, std::size_t{1} << 20);
        if (!read || read.value.kind() != text::json_kind::object)
            throw not_understood(response_reason::json, "they are not a JSON object");
        members_ = read.value;
    }

    /// The text of a member. Empty if it is left out.
    std::string text_of(std::string_view name) const {
        const std::optional<text::json_value> value = members_.find(name);
        if (!value || value->kind() == text::json_kind::null) return {};
        if (value->kind() != text::json_kind::string)
            throw not_understood(response_reason::type, std::string(name) + " is not a text");
        return value->text();
    }

    /// An endpoint. It is https, unless http to this machine is allowed.
    std::string endpoint(std::string_view name, bool allow_loopback_http) const {
        std::string url = text_of(name);
        if (!url.empty() && !text::is_secure_url(url, allow_loopback_http))
            throw response_error(errc::request_rejected,
                                 std::string("tokenkeep: the server's metadata name an endpoint that is not an https "
                                             "URL: ")
                                     .append(name),
                                 {.reason = response_reason::type, .certainly_refused = true, .status = status_});
        return url;
    }

    /// Whether an array has this text. Nullopt if there is no array.
    std::optional<bool> lists(std::string_view name, std::string_view text) const {
        const std::optional<text::json_value> value = members_.find(name);
        if (!value || value->kind() != text::json_kind::array) return std::nullopt;
        bool found = false;
        value->for_each_element([&](const text::json_value& element) { found = found || element.is_text(text); });
        return found;
    }

    bool is_true(std::string_view name) const {
        const std::optional<text::json_value> value = members_.find(name);
        return value && value->raw() == "true";
    }

    response_error not_understood(response_reason reason, std::string_view sentence) const {
        return response_error(errc::malformed_response,
                              std::string("tokenkeep: the server's metadata cannot be used: ").append(sentence),
                              {.reason = reason, .status = status_});
    }

  private:
    int status_;
    text::json_value members_{};
};

/// See read_metadata.
inline client_authentication choose_authentication(const metadata_members& metadata) {
    constexpr std::string_view name = "token_endpoint_auth_methods_supported";
    if (metadata.lists(name, "client_secret_post").value_or(false)) return client_authentication::post;
    if (metadata.lists(name, "client_secret_basic").value_or(true)) return client_authentication::basic;
    return client_authentication::none;
}

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 {

/// The request for the metadata of the server with this issuer (RFC 8414 3.1, OpenID Connect Discovery 4.1). Throws
/// errc::request_rejected if the issuer is not an https URL without query and fragment.
///   http_request request = metadata_request("https://login.example");
///   http_request other = metadata_request("https://login.example", {metadata_address::oauth_authorization_server});
inline http_request metadata_request(std::string_view issuer, const metadata_options& options = {}) {
    const text::url_parts url = detail::require_issuer(issuer, options);
    std::string_view host = issuer.substr(0, issuer.size() - url.target.size()), path = url.target;
    if (path.ends_with('/')) path.remove_suffix(1);
    std::string address(host);
    if (options.address == metadata_address::openid_configuration)
        address.append(path).append("/.well-known/openid-configuration");
    else
        address.append("/.well-known/oauth-authorization-server").append(path);
    return {.method = "GET", .url = std::move(address), .headers = {{"Accept", "application/json"}}};
}

/// A provider as the server's metadata describe it (RFC 8414 2): endpoints, issuer, sends_iss, authentication. The
/// program adds the client.
///   oauth2_provider provider = read_metadata(transport(metadata_request(issuer)), issuer);
///   provider.client_id = "app";
///
/// The metadata must name the same issuer, to the letter (RFC 8414 3.3): a slash at the end counts. Otherwise any
/// server could pass itself off as another. The endpoints must be https URLs. If the issuer is http to this machine and
/// the options allow it, the endpoints may be too, and the provider has allow_loopback_http.
///
/// Chosen is:
///   - authentication: post if the server lists client_secret_post, because servers disagree on how HTTP Basic is
///     encoded; else basic, which RFC 8414 also means if there is no list; else none, for a public client, and for a
///     program that authenticates in a way of its own.
///   - sends_iss: authorization_response_iss_parameter_supported (RFC 9207 3).
///   - PKCE: code_challenge_methods_supported is not read. A login always sends a challenge by S256. Servers ignore
///     what they do not know (RFC 6749 3.1). One that knows only another method refuses the login and says so.
///
/// Throws response_error: errc::request_rejected for another issuer, for an endpoint that is not https, and if the
/// server does not publish its metadata at this address, which is status 404; errc::malformed_response if the body is
/// not a JSON object with a token_endpoint; errc::throttled and errc::server_unavailable, as the status says.
inline oauth2_provider read_metadata(const http_response& response, std::string_view issuer,
                                     const metadata_options& options = {}) {
    detail::require_issuer(issuer, options);
    const bool is_local = !text::is_secure_url(issuer, false);
    const detail::metadata_members metadata(response);
    const std::string named = metadata.text_of("issuer");
    if (named.empty()) throw metadata.not_understood(response_reason::type, "they have no issuer");
    if (named != issuer)
        throw response_error(errc::request_rejected,
                             "tokenkeep: the server's metadata name another issuer; write the issuer exactly as the "
                             "server does, with or without a slash at its end",
                             {.reason = response_reason::type, .certainly_refused = true, .status = response.status});
    oauth2_provider provider{.token_endpoint = metadata.endpoint("token_endpoint", is_local),
                             .revocation_endpoint = metadata.endpoint("revocation_endpoint", is_local),
                             .authentication = detail::choose_authentication(metadata),
                             .authorization_endpoint = metadata.endpoint("authorization_endpoint", is_local),
                             .device_authorization_endpoint =
                                 metadata.endpoint("device_authorization_endpoint", is_local),
                             .issuer = named,
                             .sends_iss = metadata.is_true("authorization_response_iss_parameter_supported"),
                             .allow_loopback_http = is_local};
    if (provider.token_endpoint.empty())
        throw metadata.not_understood(response_reason::type, "they have no token_endpoint");
    return provider;
}

}} // namespace tokenkeep::v1

#endif
