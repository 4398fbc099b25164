// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_RESPONSE_HPP
#define TOKENKEEP_OAUTH_RESPONSE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/detail/response_reader.hpp>
#include <tokenkeep/oauth/response_error.hpp>
#include <tokenkeep/oauth/token_response.hpp>
#include <tokenkeep/text/json.hpp>
#include <tokenkeep/token.hpp>

#include <charconv>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace tokenkeep { inline namespace v0 { namespace detail {

/// The text of a JSON string. It is copied straight into memory that is wiped.
inline secret secret_text(const text::json_value& value) {
    if (const std::optional<std::string_view> plain = value.plain_text()) return *plain;
    return secret::build(value.text_size(), [&value](char* out) { return value.copy_text(out); });
}

/// The access token. Throws response_error if it is missing, is not a string, or has characters that no token has.
inline secret read_access_token(const response_members::member& value) {
    if (response_members::is_left_out(value))
        throw response_reader::not_understood(response_reason::missing_access_token, "it has no access_token");
    if (!response_members::is_text(value))
        throw response_reader::not_understood(response_reason::type, "its access_token is not a string");
    secret access = secret_text(*value);
    if (!text::is_printable(access.reveal()))
        throw response_reader::not_understood(response_reason::charset,
                                              "its access_token has characters that no token has");
    return access;
}

/// The refresh token; empty if there is none. If it cannot be a refresh token, it is ignored with a warning.
inline secret read_refresh_token(const response_members::member& value, std::vector<std::string>& warnings) {
    if (response_members::is_left_out(value)) return {};
    secret refresh = response_members::is_text(value) ? secret_text(*value) : secret();
    if (!refresh.empty() && text::is_printable(refresh.reveal())) return refresh;
    warnings.emplace_back("refresh_token is nothing that can be one; it is ignored");
    return {};
}

/// The number in `expires_in`, which is a JSON number or digits in a string. If it does not fit into 64 bits, it
/// is the nearest number that does. Some servers write "very long" with an exponent: an exponent of ten or more gives
/// the largest number. Nullopt for everything else.
inline std::optional<std::int64_t> read_count(const text::json_value& value) noexcept {
    const bool quoted = value.kind() == text::json_kind::string;
    if (!quoted && value.kind() != text::json_kind::number) return std::nullopt;
    const std::string_view digits = quoted ? value.raw().substr(1, value.raw().size() - 2) : value.raw();
    const char* const end = digits.data() + digits.size();
    std::int64_t count = 0;
    const auto [stop, fault] = std::from_chars(digits.data(), end, count);
    if (stop == end && fault == std::errc{}) return count;
    if (stop == end && fault == std::errc::result_out_of_range) return digits[0] == '-' ? INT64_MIN : INT64_MAX;
    const std::size_t exponent = quoted ? std::string_view::npos : digits.find_first_of("eE");
    if (exponent == std::string_view::npos || digits[0] < '1' || digits[exponent + 1] == '-') return std::nullopt;
    const std::size_t first_digit = digits.find_first_not_of("eE+0", exponent);
    const bool ten_or_more = first_digit != std::string_view::npos && digits.size() - first_digit >= 2;
    return ten_or_more ? std::optional<std::int64_t>(INT64_MAX) : std::nullopt;
}

/// How long the access token lives, by `expires_in`; nullopt if that is not known. A strange value gives a warning;
/// it is never a reason to lose the tokens.
inline std::optional<std::chrono::milliseconds>
read_lifetime(const text::json_value& value, std::chrono::milliseconds unit, std::vector<std::string>& warnings) {
    constexpr std::chrono::milliseconds longest = std::chrono::hours(24) * 3650;
    if (value.raw() == "\"\"") return std::nullopt;
    const std::optional<std::int64_t> count = read_count(value);
    if (!count) {
        warnings.emplace_back("expires_in cannot be understood; how long the access token lives is unknown");
        return std::nullopt;
    }
    if (*count == 0) {
        warnings.emplace_back(
            "expires_in is zero, which some servers say of tokens that live on; it counts as unknown");
        return std::nullopt;
    }
    if (*count < 0) {
        warnings.emplace_back("expires_in is negative; the access token counts as expired");
        return std::chrono::milliseconds{0};
    }
    if (*count > longest / unit) {
        warnings.emplace_back("expires_in is more than ten years; it counts as ten");
        return longest;
    }
    return *count * unit;
}

/// How long the access token lives. If expires_in_sec came, it counts; if it cannot be read, expires_in counts, in
/// milliseconds. If it did not come, expires_in counts, in seconds.
inline std::optional<std::chrono::milliseconds> read_expiry(const response_members& members,
                                                            std::vector<std::string>& warnings) {
    using namespace std::chrono_literals;
    if (!response_members::is_left_out(members.expires_in_sec)) {
        warnings.emplace_back("expires_in_sec came along, so that expires_in is in milliseconds");
        const bool in_seconds = read_count(*members.expires_in_sec).has_value() || !members.expires_in;
        if (in_seconds) return read_lifetime(*members.expires_in_sec, 1s, warnings);
        return read_lifetime(*members.expires_in, 1ms, warnings);
    }
    if (!members.expires_in) return std::nullopt;
    return read_lifetime(*members.expires_in, 1s, warnings);
}

/// The text of an optional member that is not a secret. If it is not a string, it is ignored with a warning.
inline std::string read_optional_text(const response_members::member& value, const char* warning,
                                      std::vector<std::string>& warnings) {
    if (response_members::is_left_out(value)) return {};
    if (!response_members::is_text(value)) warnings.emplace_back(warning);
    return value->text();
}

/// Reads a response of a server that speaks this dialect; see read_token_response.
inline token_response read_response(const http_response& response, const token& record,
                                    const response_dialect& dialect) {
    const response_reader reader(response, &record, dialect);
    const response_members& members = reader.read();
    token_response answer;
    std::vector<std::string>& warnings = answer.warnings;
    answer.access_token = read_access_token(members.access_token);
    answer.refresh_token = read_refresh_token(members.refresh_token, warnings);
    answer.expires_in = read_expiry(members, warnings);
    answer.token_type = read_optional_text(members.token_type, "token_type is not a text; it is ignored", warnings);
    answer.scope = read_optional_text(members.scope, "scope is not a text; it is ignored", warnings);
    answer.api_domain = read_optional_text(members.api_domain, "api_domain is not a text; it is ignored", warnings);
    answer.extra = members.extra();
    if (response_members::is_left_out(members.token_type))
        warnings.emplace_back("token_type is missing");
    else if (!answer.token_type.empty() && !text::equal_ignoring_case(answer.token_type, "bearer"))
        warnings.emplace_back("token_type is not bearer");
    return answer;
}

}}} // namespace tokenkeep::v0::detail

namespace tokenkeep { inline namespace v0 {

/// Reads the response of a token endpoint to an exchange or a refresh for `record` (RFC 6749 5). Throws response_error
/// if the response has no usable access token. Any other member that is strange, such as expires_in or scope, only
/// gives a warning: it is never a reason to lose a refresh token.
///   record = apply_response(record, read_token_response(response, record), sent);
inline token_response read_token_response(const http_response& response, const token& record) {
    return detail::read_response(response, record, {});
}

/// The same, read by a provider.
///   token_response answer = read_token_response(provider, response, record);
template <class Provider>
    requires requires(Provider& provider, const http_response& response, const token& record) {
        { provider.read_token_response(response, record) } -> std::convertible_to<token_response>;
    }
token_response read_token_response(Provider&& provider, const http_response& response, const token& record) {
    return provider.read_token_response(response, record);
}

}} // namespace tokenkeep::v0

#endif
