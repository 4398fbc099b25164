// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_URL_HPP
#define TOKENKEEP_TEXT_URL_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/text/ascii.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace text {

/// The parts of an absolute http or https URL. They refer to the text that parse_url was given.
struct url_parts {
    std::string_view scheme{}; ///< Without the colon, as written: "https" or "HTTPS".
    std::string_view host{};   ///< A name, a dotted address, or an IPv6 address in its brackets.
    std::string_view port{};   ///< Decimal digits without leading zeros; empty if none was written.
    std::string_view target{}; ///< Path and query, as written. Empty, or begins with / or ?.
};

}}} // namespace tokenkeep::v1::text

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Whether the text is a decimal number of one to five digits, without leading zeros, and at most `limit`.
constexpr bool is_decimal(std::string_view text, unsigned limit) noexcept {
    if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return false;
    unsigned value = 0;
    for (const char c : text) {
        if (!text::is_digit(c)) return false;
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value <= limit;
}

constexpr bool is_host_name(std::string_view host) noexcept {
    if (host.empty() || host.front() == '.' || host.find("..") != std::string_view::npos) return false;
    for (const char c : host)
        if (!text::is_letter(c) && !text::is_digit(c) && c != '-' && c != '.' && c != '_') return false;
    return true;
}

constexpr bool is_bracketed_address(std::string_view host) noexcept {
    if (host.size() < 4 || host.front() != '[' || host.back() != ']') return false;
    for (const char c : host.substr(1, host.size() - 2))
        if (text::hex_value(c) < 0 && c != ':' && c != '.') return false;
    return host.find(':') != std::string_view::npos;
}

/// Whether the text is visible ASCII without # and backslash, about which two readers of a URL may disagree.
constexpr bool has_only_url_characters(std::string_view url) noexcept {
    for (const char c : url)
        if (c <= ' ' || c >= 0x7f || c == '#' || c == '\\') return false;
    return true;
}

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 { namespace text {

/// Takes an absolute http or https URL apart (RFC 3986 3). Nullopt for anything else, and for URLs that do not belong
/// in an endpoint: with user information, a fragment, control characters, spaces, non-ASCII characters, backslashes, an
/// empty host, or a port that is not between 1 and 65535.
///   parse_url("https://a.example:8443/token")->port   // "8443"
constexpr std::optional<url_parts> parse_url(std::string_view url) noexcept {
    if (!detail::has_only_url_characters(url)) return std::nullopt;
    const std::size_t colon = url.find("://");
    if (colon == std::string_view::npos) return std::nullopt;
    url_parts parts;
    parts.scheme = url.substr(0, colon);
    if (!equal_ignoring_case(parts.scheme, "https") && !equal_ignoring_case(parts.scheme, "http")) return std::nullopt;

    url.remove_prefix(colon + 3);
    const std::string_view authority = url.substr(0, url.find_first_of("/?"));
    parts.target = url.substr(authority.size());
    const bool bracketed = !authority.empty() && authority.front() == '[';
    const std::size_t host_end = bracketed ? authority.find(']') : authority.find(':');
    parts.host = authority.substr(0, bracketed && host_end != std::string_view::npos ? host_end + 1 : host_end);
    if (bracketed ? !detail::is_bracketed_address(parts.host) : !detail::is_host_name(parts.host)) return std::nullopt;

    const std::string_view rest = authority.substr(parts.host.size());
    if (rest.empty()) return parts;
    parts.port = rest.substr(1);
    if (rest.front() != ':' || !detail::is_decimal(parts.port, 65535) || parts.port == "0") return std::nullopt;
    return parts;
}

/// Whether a host is this machine: an address in 127.0.0.0/8 in four decimal parts, [::1], or the name localhost, which
/// resolves to no other address (RFC 6761 6.3).
///   is_loopback("127.0.0.1")   // true
constexpr bool is_loopback(std::string_view host) noexcept {
    if (host == "[::1]" || equal_ignoring_case(host, "localhost")) return true;
    if (!host.starts_with("127.")) return false;
    int parts = 1;
    while (true) {
        const std::string_view part = host.substr(0, host.find('.'));
        if (!detail::is_decimal(part, 255)) return false;
        if (part.size() == host.size()) return parts == 4;
        host.remove_prefix(part.size() + 1);
        ++parts;
    }
}

/// The port of the URL. If none is written, the port of its scheme.
///   port_of(*parse_url("https://a.example/"))   // "443"
constexpr std::string_view port_of(const url_parts& url) noexcept {
    if (!url.port.empty()) return url.port;
    return equal_ignoring_case(url.scheme, "https") ? "443" : "80";
}

/// Whether two URLs have the same scheme, host and port (RFC 6454 4). A port that is not written is that of the scheme.
///   same_origin(*parse_url("https://a.example"), *parse_url("https://A.example:443/x"))   // true
constexpr bool same_origin(const url_parts& a, const url_parts& b) noexcept {
    return equal_ignoring_case(a.scheme, b.scheme) && equal_ignoring_case(a.host, b.host) && port_of(a) == port_of(b);
}

/// Whether a secret may be sent to this URL: it is https, or the caller allows http and the host is this machine.
///   is_secure_url("http://127.0.0.1:8080/", true)   // true
constexpr bool is_secure_url(std::string_view url, bool allow_loopback_http) noexcept {
    const std::optional<url_parts> parts = parse_url(url);
    if (!parts) return false;
    return equal_ignoring_case(parts->scheme, "https") || (allow_loopback_http && is_loopback(parts->host));
}

}}} // namespace tokenkeep::v1::text

#endif
