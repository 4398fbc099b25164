// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_DETAIL_REDIRECT_HPP
#define TOKENKEEP_OAUTH_DETAIL_REDIRECT_HPP

#include <tokenkeep/error.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/oauth/detail/response_dialect.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/form.hpp>
#include <tokenkeep/text/url.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// What a redirect consists of.
struct redirect_parts {
    std::string_view address{}; ///< All before the query: a URL, or only its path. Empty if only the query is known.
    std::string_view query{};   ///< Without the question mark.
};

/// Takes a redirect apart: a whole URL, a path with a query, or a query with or without its question mark. A fragment
/// is left out.
constexpr redirect_parts split_redirect(std::string_view redirected) noexcept {
    redirected = redirected.substr(0, redirected.find('#'));
    const std::size_t first = redirected.find_first_of(":/?=&");
    if (redirected.starts_with('?')) return {{}, redirected.substr(1)};
    if (first == redirected.npos || redirected[first] == '=' || redirected[first] == '&') return {{}, redirected};
    const std::string_view address = redirected.substr(0, redirected.find('?'));
    return {address, redirected.substr((std::min)(address.size() + 1, redirected.size()))};
}

/// The path of an http or https URL, without its query.
constexpr std::string_view path_of(const text::url_parts& url) noexcept {
    const std::string_view path = url.target.substr(0, url.target.find('?'));
    return path.empty() ? "/" : path;
}

/// Whether the address of a redirect is that of the redirect URL: scheme, host, port and path, or only the path.
constexpr bool is_same_address(std::string_view address, std::string_view redirect_url) noexcept {
    const std::optional<text::url_parts> expected = text::parse_url(redirect_url);
    if (expected && address.starts_with('/')) return address == path_of(*expected);
    const std::optional<text::url_parts> came = text::parse_url(address);
    if (expected && came) return text::same_origin(*expected, *came) && path_of(*expected) == path_of(*came);
    const std::string_view wanted = redirect_url.substr(0, redirect_url.find('?'));
    const std::size_t colon = wanted.find(':');
    return !expected && !came && colon != wanted.npos &&
           text::equal_ignoring_case(address.substr(0, colon), wanted.substr(0, colon)) &&
           address.substr((std::min)(colon, address.size())) == wanted.substr(colon);
}

/// The value of a parameter of a redirect. Empty if there is none, or if it has no value (RFC 6749 3.1). Throws
/// errc::request_rejected if the parameter comes twice.
inline secret find_parameter(std::string_view query, std::string_view name) {
    secret found;
    bool was_there = false;
    while (!query.empty()) {
        const std::string_view piece = query.substr(0, query.find('&'));
        query.remove_prefix(piece.size() < query.size() ? piece.size() + 1 : piece.size());
        const std::string_view written = piece.substr(0, piece.find('='));
        if (form_decoded(written) != name) continue;
        if (std::exchange(was_there, true))
            throw error(errc::request_rejected,
                        std::string("tokenkeep: the redirect has this parameter twice: ").append(name));
        std::string value = form_decoded(piece.substr((std::min)(written.size() + 1, piece.size())));
        const wipe_at_exit value_is_wiped(value);
        found = value;
    }
    return found;
}

/// The error codes of a redirect (RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6, and LinkedIn's own). They are not
/// those of the token endpoint: here access_denied means that the user, or the server on the user's behalf, said no.
inline constexpr known_code redirect_codes[] = {
    {"access_denied", errc::reauthorization_required},
    {"login_required", errc::reauthorization_required},
    {"consent_required", errc::reauthorization_required},
    {"interaction_required", errc::reauthorization_required},
    {"account_selection_required", errc::reauthorization_required},
    {"user_cancelled_login", errc::reauthorization_required},     // LinkedIn
    {"user_cancelled_authorize", errc::reauthorization_required}, // LinkedIn
    {"server_error", errc::server_unavailable},
    {"temporarily_unavailable", errc::server_unavailable},
    {"invalid_request", errc::request_rejected},
    {"unauthorized_client", errc::request_rejected},
    {"unsupported_response_type", errc::request_rejected},
    {"invalid_scope", errc::request_rejected},
    {"invalid_target", errc::request_rejected},
};

}}} // namespace tokenkeep::v1::detail

#endif
