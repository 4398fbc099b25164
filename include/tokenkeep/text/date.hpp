// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_DATE_HPP
#define TOKENKEEP_TEXT_DATE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/text/ascii.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Reads the parts of a date, one after the other. After a part that is not there, it has failed.
class date_scanner {
  public:
    explicit constexpr date_scanner(std::string_view text) noexcept : rest_(text) {}

    constexpr bool take(char c) noexcept {
        if (rest_.empty() || text::to_lower(rest_.front()) != text::to_lower(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    constexpr void need(char c) noexcept { failed_ = !take(c) || failed_; }

    /// A number of exactly so many digits.
    constexpr int number(std::size_t digits) noexcept {
        int value = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            if (rest_.empty() || !text::is_digit(rest_.front())) {
                failed_ = true;
                return 0;
            }
            value = value * 10 + (rest_.front() - '0');
            rest_.remove_prefix(1);
        }
        return value;
    }

    /// A month in three letters.
    constexpr unsigned month() noexcept {
        constexpr std::string_view months = "janfebmaraprmayjunjulaugsepoctnovdec";
        for (std::size_t nth = 0; nth < 12; ++nth)
            if (text::equal_ignoring_case(rest_.substr(0, 3), months.substr(nth * 3, 3))) {
                rest_.remove_prefix(3);
                return static_cast<unsigned>(nth + 1);
            }
        failed_ = true;
        return 0;
    }

    constexpr void skip_letters() noexcept {
        while (!rest_.empty() && text::is_letter(rest_.front())) rest_.remove_prefix(1);
    }
    constexpr void skip_digits() noexcept {
        while (!rest_.empty() && text::is_digit(rest_.front())) rest_.remove_prefix(1);
    }

    /// Hours, minutes and seconds with colons.
    std::chrono::seconds time_of_day() noexcept {
        const int hour = number(2);
        need(':');
        const int minute = number(2);
        need(':');
        const int second = number(2);
        failed_ = failed_ || hour > 23 || minute > 59 || second > 60;
        return std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
    }

    /// The moment, if nothing failed and the text has ended.
    std::optional<std::chrono::sys_seconds> moment(int year, unsigned month, int day,
                                                   std::chrono::seconds since_midnight) const noexcept {
        const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                               std::chrono::day(static_cast<unsigned>(day))};
        if (failed_ || !rest_.empty() || !date.ok()) return std::nullopt;
        return std::chrono::sys_days(date) + since_midnight;
    }

  private:
    std::string_view rest_;
    bool failed_ = false;
};

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 { namespace text {

/// Reads a date as HTTP writes it, in the form that servers send today (IMF-fixdate, RFC 9110 5.6.7). Nullopt for
/// anything else.
///   parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT")   // 784111777 s
inline std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view date) noexcept {
    detail::date_scanner in(date);
    in.skip_letters();
    in.need(',');
    in.need(' ');
    const int day = in.number(2);
    in.need(' ');
    const unsigned month = in.month();
    in.need(' ');
    const int year = in.number(4);
    in.need(' ');
    const std::chrono::seconds time = in.time_of_day();
    for (const char c : {' ', 'G', 'M', 'T'}) in.need(c);
    return in.moment(year, month, day, time);
}

/// Reads a date of the Internet (RFC 3339 5.6). A space may replace the T. Fractions of a second are
/// dropped. Nullopt for anything else, and if the offset from UTC is missing.
///   parse_date("2033-05-18T05:33:19+02:00")   // 1999999999 s
inline std::optional<std::chrono::sys_seconds> parse_date(std::string_view date) noexcept {
    detail::date_scanner in(date);
    const int year = in.number(4);
    in.need('-');
    const int month = in.number(2);
    in.need('-');
    const int day = in.number(2);
    if (!in.take(' ')) in.need('T');
    std::chrono::seconds time = in.time_of_day();
    if (in.take('.')) in.skip_digits();
    const bool behind = in.take('-');
    if (behind || in.take('+')) {
        std::chrono::minutes offset = std::chrono::hours(in.number(2));
        in.need(':');
        offset += std::chrono::minutes(in.number(2));
        time += behind ? offset : -offset;
    } else {
        in.need('Z');
    }
    return in.moment(year, static_cast<unsigned>(month), day, time);
}

}}} // namespace tokenkeep::v1::text

#endif
