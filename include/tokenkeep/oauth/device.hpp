// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_DEVICE_HPP
#define TOKENKEEP_OAUTH_DEVICE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

// Login on a device without a browser (RFC 8628): the user types a short code into a page on another device.
// keeper::log_in_with_device does all of it. These are its parts, for programs without a keeper.

#include <tokenkeep/clock.hpp>
#include <tokenkeep/compilation.hpp>
#include <tokenkeep/oauth/client_endpoint.hpp>
#include <tokenkeep/oauth/response.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

/// What the user needs to log in (RFC 8628 3.3). All texts are printable ASCII, so a terminal can show them.
///   std::cout << "Open " << prompt.verification_url << " and type " << prompt.user_code << '\n';
struct device_prompt {
    std::string user_code{};
    std::string verification_url{};          ///< The page on which the user types in the code.
    std::string verification_url_complete{}; ///< The page with the code filled in, as for a QR code; may be empty.
    timestamp expires_at{};                  ///< When the code ends, by the clock that said when the request was sent.
};

/// What a server sends to a device that asks for a code (RFC 8628 3.2).
struct device_authorization {
    secret device_code{}; ///< With it the device asks for tokens.
    device_prompt prompt{};
    std::chrono::seconds interval{5}; ///< How long the device waits at least between two requests.
};

/// The request with which a device asks for a code (RFC 8628 3.1). It names the record's scope if there is one. The
/// endpoint is the server's device authorization endpoint. Throws errc::request_rejected if that is not an https URL;
/// see client_endpoint::allow_loopback_http.
///   http_request request = device_authorization_request(endpoint, {.scope = "files.read"});
inline http_request device_authorization_request(const client_endpoint& endpoint, const token& record) {
    std::vector<text::form_pair> pairs;
    if (!record.scope.empty()) pairs.push_back({"scope", record.scope});
    return detail::post_form(endpoint, record, std::move(pairs));
}

/// The same request, made by a provider.
///   http_request request = device_authorization_request(provider, record);
template <class Provider>
    requires requires(Provider& provider, const token& record) {
        { provider.device_authorization_request(record) } -> std::convertible_to<http_request>;
    }
http_request device_authorization_request(Provider&& provider, const token& record) {
    return provider.device_authorization_request(record);
}

/// The request with which a device asks for tokens (RFC 8628 3.4). The record's grant token is the device code. The
/// endpoint is the server's token endpoint. As long as the user has not finished, read_token_response throws a
/// response_error whose server_code() is `authorization_pending` or `slow_down`. Throws errc::invalid_record if there
/// is no device code.
///   http_request request = device_token_request(endpoint, {.grant_token = authorization.device_code});
inline http_request device_token_request(const client_endpoint& endpoint, const token& record) {
    if (record.grant_token.empty()) throw error(errc::invalid_record, "tokenkeep: the record has no device code");
    return detail::post_form(
        endpoint, record,
        {{"grant_type", "urn:ietf:params:oauth:grant-type:device_code"}, {"device_code", record.grant_token.reveal()}});
}

/// The same request, made by a provider.
///   http_request request = device_token_request(provider, record);
template <class Provider>
    requires requires(Provider& provider, const token& record) {
        { provider.device_token_request(record) } -> std::convertible_to<http_request>;
    }
http_request device_token_request(Provider&& provider, const token& record) {
    return provider.device_token_request(record);
}

}} // namespace tokenkeep::v1

namespace tokenkeep { inline namespace v1 { namespace detail {

/// How long a device code lives whose server does not say it.
inline constexpr std::chrono::seconds device_code_life{300};

/// A number of seconds, up to an hour. Nullopt if the member is not there or is no positive number.
inline std::optional<std::chrono::seconds> read_pause(const response_members& members, member_name name) {
    std::optional<std::chrono::seconds> pause;
    members.use_last(name, [&](const response_members::member& member) {
        const std::optional<double> number = said_end::of(member.value).number;
        if (number && *number > 0)
            pause = std::chrono::seconds(static_cast<std::int64_t>((std::min)(*number, 3'600.0)));
        return pause.has_value();
    });
    return pause;
}

/// The first of these members that is a URL to which a user can be sent: https, or http if that is allowed. Empty if
/// there is none.
inline std::string read_page(const response_members& members, std::initializer_list<member_name> names,
                             plain_http allowed) {
    std::vector<std::string> ignored;
    for (const member_name name : names) {
        std::string url;
        read_text_member(members, name, url, ignored);
        if (is_allowed_url(url, allowed)) return url;
    }
    return {};
}

/// Reads a response of a server that speaks this dialect; see read_device_authorization.
device_authorization read_device_response(const http_response& response, const token& record, timestamp sent,
                                          const response_dialect& dialect, plain_http allowed);
#ifdef TOKENKEEP_INLINE
TOKENKEEP_INLINE device_authorization read_device_response(const http_response& response, const token& record,
                                                           timestamp sent, const response_dialect& dialect,
                                                           plain_http allowed) {
    const response_reader reader(response, &record, dialect);
    reader.require_success();
    const response_members& members = reader.members();
    std::vector<std::string> ignored;
    device_authorization read;
    read_token_member(members, "device_code", read.device_code, ignored);
    read_text_member(members, "user_code", read.prompt.user_code, ignored);
    read.prompt.verification_url = read_page(members, {"verification_uri", "verification_url"}, allowed);
    read.prompt.verification_url_complete =
        read_page(members, {"verification_uri_complete", "verification_url_complete"}, allowed);
    if (read.device_code.empty() || read.prompt.user_code.empty() || !text::is_printable(read.prompt.user_code)) {
        reader.require_tokens();
        throw reader.not_understood(response_reason::type, "it has no device_code and user_code that can be used");
    }
    if (read.prompt.verification_url.empty())
        throw reader.not_understood(response_reason::type, "it has no verification_uri that is an https URL");
    const token_end end =
        end_reader(members, date_of(response), ignored).lifetime("expires_in", std::chrono::seconds(1));
    read.prompt.expires_at = sent + end.after.value_or(device_code_life);
    read.interval = read_pause(members, "interval").value_or(read.interval);
    return read;
}
#endif

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 {

/// Reads the response to a device_authorization_request that was sent at `sent` (RFC 8628 3.2). Without expires_in the
/// code lives for five minutes. Throws response_error if the server refuses, and if device code, user code or the page
/// is missing. The page must be an https URL.
///   device_authorization authorization = read_device_authorization(transport(request), record, clock.now());
inline device_authorization read_device_authorization(const http_response& response, const token& record,
                                                      timestamp sent) {
    return detail::read_device_response(response, record, sent, {}, {});
}

/// The same, read by a provider.
///   device_authorization authorization = read_device_authorization(provider, response, record, sent);
template <class Provider>
    requires requires(Provider& provider, const http_response& response, const token& record, timestamp sent) {
        { provider.read_device_authorization(response, record, sent) } -> std::convertible_to<device_authorization>;
    }
device_authorization read_device_authorization(Provider&& provider, const http_response& response, const token& record,
                                               timestamp sent) {
    return provider.read_device_authorization(response, record, sent);
}

}} // namespace tokenkeep::v1

#endif
