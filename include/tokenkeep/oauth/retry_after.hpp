// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_RETRY_AFTER_HPP
#define TOKENKEEP_OAUTH_RETRY_AFTER_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/http.hpp>
#include <tokenkeep/text/ascii.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

namespace tokenkeep { inline namespace v0 { namespace detail {

/// The number that a text of digits means; at most 999'999'999. Nullopt if there is anything but digits.
constexpr std::optional<int> count_from_digits(std::string_view digits) noexcept {
    if (digits.empty()) return std::nullopt;
    int count = 0;
    for (const char c : digits) {
        if (!text::is_digit(c)) return std::nullopt;
        count = count > 99'999'999 ? 999'999'999 : count * 10 + (c - '0');
    }
    return count;
}

/// Reads a date as HTTP writes it, such as "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate, RFC 9110 5.6.7).
inline std::optional<std::chrono::sys_seconds> http_date(std::string_view date) noexcept {
    constexpr std::string_view pattern = "...,_dd_..._dddd_dd:dd:dd_GMT";
    if (date.size() != pattern.size()) return std::nullopt;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const char c = pattern[i] == '_' ? ' ' : pattern[i];
        const bool fits = c == 'd' ? text::is_digit(date[i]) : c == '.' ? text::is_letter(date[i]) : date[i] == c;
        if (!fits) return std::nullopt;
    }
    const auto number = [date](std::size_t at, std::size_t size) { return *count_from_digits(date.substr(at, size)); };
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const std::size_t month = months.find(date.substr(8, 3));
    if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;

    using namespace std::chrono;
    const year_month_day day{year(number(12, 4)), std::chrono::month(static_cast<unsigned>(month / 3 + 1)),
                             std::chrono::day(static_cast<unsigned>(number(5, 2)))};
    const int hour = number(17, 2), minute = number(20, 2), second = number(23, 2);
    if (!day.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    return sys_days(day) + hours(hour) + minutes(minute) + seconds(second);
}

}}} // namespace tokenkeep::v0::detail

namespace tokenkeep { inline namespace v0 {

/// How long the server asks to wait with Retry-After (RFC 9110 10.2.3); at most one hour. Zero if the header is missing
/// or cannot be read. If Retry-After is a date, the wait is counted from the response's own Date: the machine's clock
/// does not matter.
///   std::chrono::milliseconds pause = find_retry_after(response);
inline std::chrono::milliseconds find_retry_after(const http_response& response) noexcept {
    using namespace std::chrono;
    const std::string_view value = text::trim(find_header(response.headers, "Retry-After"));
    seconds wait{0};
    if (const std::optional<int> count = detail::count_from_digits(value)) {
        wait = seconds(*count);
    } else {
        const auto until = detail::http_date(value);
        const auto since = detail::http_date(text::trim(find_header(response.headers, "Date")));
        if (until && since) wait = *until - *since;
    }
    return std::clamp<seconds>(wait, seconds(0), hours(1));
}

}} // namespace tokenkeep::v0

#endif
