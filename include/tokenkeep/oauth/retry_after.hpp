// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_RETRY_AFTER_HPP
#define TOKENKEEP_OAUTH_RETRY_AFTER_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/clock.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/date.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// A number of seconds in digits, with or without a fraction, which rounds it up; at most 999'999'999. Nullopt for
/// anything else.
constexpr std::optional<std::chrono::seconds> seconds_from_text(std::string_view text) noexcept {
    const std::string_view whole = text.substr(0, text.find('.'));
    const std::string_view fraction =
        whole.size() < text.size() ? text.substr(whole.size() + 1) : std::string_view("0");
    if (whole.empty() || fraction.empty()) return std::nullopt;
    int count = 0;
    for (const char c : whole) {
        if (!text::is_digit(c)) return std::nullopt;
        count = count > 99'999'999 ? 999'999'998 : count * 10 + (c - '0');
    }
    bool rounds_up = false;
    for (const char c : fraction) {
        if (!text::is_digit(c)) return std::nullopt;
        rounds_up = rounds_up || c != '0';
    }
    return std::chrono::seconds(count + (rounds_up ? 1 : 0));
}

/// The moment at which the server wrote the response, by its header Date (RFC 9110 6.6.1). Nullopt if it has none.
inline std::optional<timestamp> date_of(const http_response& response) noexcept {
    const std::string_view date = find_header(response.headers, "Date");
    return date.empty() ? std::nullopt : std::optional<timestamp>(text::parse_http_date(text::trim(date)));
}

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 {

/// How long the server asks to wait with Retry-After (RFC 9110 10.2.3); at most one day. Zero if the header is missing
/// or cannot be read. A fraction of a second is rounded up, although the RFC has none. If Retry-After is a date, the
/// wait is counted from the response's own Date, so that the machine's clock does not matter. If the response has no
/// Date, the wait is counted from `now`; without `now` it is zero.
///   std::chrono::milliseconds pause = find_retry_after(response);
///   std::chrono::milliseconds pause_by_our_clock = find_retry_after(response, system_clock().now());
inline std::chrono::milliseconds find_retry_after(const http_response& response,
                                                  std::optional<timestamp> now = std::nullopt) noexcept {
    using namespace std::chrono;
    const std::string_view value = text::trim(find_header(response.headers, "Retry-After"));
    milliseconds wait{0};
    if (const std::optional<seconds> count = detail::seconds_from_text(value)) {
        wait = *count;
    } else if (const std::optional<timestamp> until = text::parse_http_date(value)) {
        const std::optional<timestamp> written = detail::date_of(response);
        if (const std::optional<timestamp> since = written ? written : now) wait = *until - *since;
    }
    return std::clamp<milliseconds>(wait, milliseconds(0), hours(24));
}

}} // namespace tokenkeep::v1

#endif
