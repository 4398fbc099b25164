// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_DETAIL_LIFETIME_HPP
#define TOKENKEEP_OAUTH_DETAIL_LIFETIME_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/oauth/detail/response_dialect.hpp>
#include <tokenkeep/oauth/detail/response_members.hpp>
#include <tokenkeep/oauth/token_response.hpp>
#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/date.hpp>
#include <tokenkeep/text/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Takes the digits at the beginning of a text, and appends them to a number. How many there were.
constexpr int take_digits(std::string_view& text, double& number) noexcept {
    int count = 0;
    for (; !text.empty() && text::is_digit(text.front()); ++count) {
        number = number * 10 + (text.front() - '0');
        text.remove_prefix(1);
    }
    return count;
}

/// A decimal number of at most 64 characters, with or without sign, fraction and exponent, rounded down. Nullopt if the
/// text is anything else. What is larger than any time is some large number.
inline std::optional<double> whole_number(std::string_view text) noexcept {
    constexpr double larger_than_any_time = 1e18;
    if (text.size() > 64) return std::nullopt;
    std::int64_t usual = 0; // most have only digits, and few of them
    std::size_t at = 0;
    for (; at < (std::min)(text.size(), std::size_t{15}) && text::is_digit(text[at]); ++at)
        usual = usual * 10 + (text[at] - '0');
    if (at != 0 && at == text.size()) return static_cast<double>(usual);
    const auto take = [&text](char c) {
        const bool found = !text.empty() && text::to_lower(text.front()) == c;
        if (found) text.remove_prefix(1);
        return found;
    };
    const bool is_negative = take('-');
    if (!is_negative) take('+');
    double number = 0;
    int digits = take_digits(text, number), scale = 0;
    if (take('.')) {
        scale = -take_digits(text, number);
        digits -= scale;
    }
    if (digits == 0) return std::nullopt;
    if (take('e')) {
        const bool is_small = take('-');
        if (!is_small) take('+');
        double exponent = 0;
        if (take_digits(text, exponent) == 0) return std::nullopt;
        scale += static_cast<int>((std::min)(exponent, 1000.0)) * (is_small ? -1 : 1);
    }
    if (!text.empty()) return std::nullopt;
    if (number != 0) number = scale < 0 ? number / std::pow(10.0, -scale) : number * std::pow(10.0, scale);
    return std::floor((std::min)(number, larger_than_any_time) * (is_negative ? -1 : 1));
}

/// What a member says about an end: a number, or a moment. Both are nullopt if it says neither.
struct said_end {
    std::optional<double> number{};
    std::optional<timestamp> moment{};

    /// Reads a number, a text that is one, or a date (RFC 3339, RFC 9110 5.6.7).
    static said_end of(const text::json_value& value) {
        if (value.kind() == text::json_kind::number) return {.number = whole_number(value.raw())};
        if (value.kind() != text::json_kind::string || value.text_size() > 64) return {};
        const std::string written = value.text();
        const std::string_view text = text::trim(written);
        if (const std::optional<double> number = whole_number(text)) return {.number = number};
        std::optional<std::chrono::sys_seconds> date = text::parse_date(text);
        if (!date) date = text::parse_http_date(text);
        return {.moment = date};
    }

    /// A number as a moment: seconds since 1970, or milliseconds from 100,000,000,000 on. Anything else as it is.
    said_end as_moment() const {
        if (!number || *number <= 0) return *this;
        const double seconds = *number < 1e11 ? *number : std::floor(*number / 1e3);
        return {.moment = timestamp(std::chrono::seconds(static_cast<std::int64_t>(seconds)))};
    }
};

/// When an access or refresh token ends: after a time, or at a moment. Both are nullopt if that is not known.
struct token_end {
    std::optional<std::chrono::milliseconds> after{};
    std::optional<timestamp> at{};

    bool is_known() const noexcept { return after || at; }
};

/// Reads when tokens end. Of members of one name, the last usable one counts. What is odd becomes a warning.
class end_reader {
  public:
    /// `date` is when the server wrote the response, if that is known. All three must stay alive.
    end_reader(const response_members& members, const std::optional<timestamp>& date,
               std::vector<std::string>& warnings)
        : members_(members), date_(date), warnings_(warnings) {}

    /// A member that is a lifetime in `unit`. Seconds above 1,000,000,000, and dates, are a moment. Zero means nothing;
    /// if `zero_is_never`, it means a lifetime of zero, which means "never".
    token_end lifetime(member_name name, std::chrono::milliseconds unit, bool zero_is_never = false) {
        return members_.has(name) ? read_lifetime(name, unit, zero_is_never) : token_end{};
    }

    /// A member that is a moment: seconds or milliseconds since 1970, or a date.
    token_end moment(member_name name) { return members_.has(name) ? read_moment(name) : token_end{}; }

  private:
    token_end read_lifetime(member_name name, std::chrono::milliseconds unit, bool zero_is_never) {
        token_end end;
        members_.use_last(name, [&](const response_members::member& member) {
            const said_end said = said_end::of(member.value);
            if (said.moment || (unit == std::chrono::seconds(1) && said.number && *said.number > 1e9)) {
                end = usable_moment(said.as_moment());
                if (end.is_known()) warn(name, "is a point in time, not a number of seconds; it counts as one");
            } else if (said.number && (*said.number > 0 || (zero_is_never && *said.number == 0))) {
                end.after = bounded(name, *said.number, unit);
            }
            return end.is_known();
        });
        if (!end.is_known()) warn(name, "cannot be used as a time; it is ignored");
        return end;
    }

    token_end read_moment(member_name name) {
        token_end end;
        members_.use_last(name, [&](const response_members::member& member) {
            end = usable_moment(said_end::of(member.value).as_moment());
            return end.is_known();
        });
        if (!end.is_known()) warn(name, "cannot be used as a time; it is ignored");
        return end;
    }

    /// A moment is usable unless it is known to have passed.
    token_end usable_moment(const said_end& said) const {
        if (!said.moment || (date_ && *said.moment <= *date_)) return {};
        return {.at = said.moment};
    }

    std::chrono::milliseconds bounded(member_name name, double count, std::chrono::milliseconds unit) {
        if (count <= static_cast<double>(longest_lifetime / unit)) return static_cast<std::int64_t>(count) * unit;
        warn(name, "is more than ten years; it counts as ten");
        return longest_lifetime;
    }

    void warn(member_name name, std::string_view sentence) {
        std::string warning(name.text);
        warnings_.emplace_back(warning.append(" ").append(sentence));
    }

    const response_members& members_;
    const std::optional<timestamp>& date_;
    std::vector<std::string>& warnings_;
};

/// When the access token ends. If expires_in_sec came in a dialect that has it, expires_in is in milliseconds.
inline token_end read_expiry(end_reader& reader, const response_members& members, const response_dialect& dialect,
                             std::vector<std::string>& warnings) {
    using namespace std::chrono_literals;
    token_end end;
    if (dialect.has_expires_in_sec && members.has("expires_in_sec")) {
        warnings.emplace_back("expires_in_sec came along, so that expires_in is in milliseconds");
        end = reader.lifetime("expires_in_sec", 1s);
        if (!end.is_known()) end = reader.lifetime("expires_in", 1ms);
    } else {
        end = reader.lifetime("expires_in", 1s);
    }
    static constexpr member_name moments[] = {"expires_on", "expires_at", "expires"};
    for (const member_name name : moments)
        if (!end.is_known()) end = reader.moment(name);
    return end;
}

/// When the refresh token ends. A lifetime of zero means never.
inline token_end read_refresh_expiry(end_reader& reader) {
    token_end end;
    static constexpr member_name lifetimes[] = {"refresh_token_expires_in", "refresh_expires_in",
                                                "x_refresh_token_expires_in"};
    for (const member_name name : lifetimes)
        if (!end.is_known()) end = reader.lifetime(name, std::chrono::seconds(1), true);
    return end;
}

}}} // namespace tokenkeep::v1::detail

#endif
