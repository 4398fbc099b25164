// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_RESPONSE_HPP
#define TOKENKEEP_OAUTH_RESPONSE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/compilation.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/detail/lifetime.hpp>
#include <tokenkeep/oauth/detail/response_reader.hpp>
#include <tokenkeep/oauth/response_error.hpp>
#include <tokenkeep/oauth/token_response.hpp>
#include <tokenkeep/text/json.hpp>
#include <tokenkeep/token.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The text of a JSON string. It is copied straight into memory that is wiped.
inline secret secret_text(const text::json_value& value) {
    if (const std::optional<std::string_view> plain = value.plain_text()) return *plain;
    return secret::build(value.text_size(), [&value](char* out) { return value.copy_text(out); });
}

/// Reads a token: text of visible ASCII characters (RFC 6750 2.1), around which white space is cut off with a warning.
/// Of members of one name, the last usable one counts. If there is none, the result says why.
inline response_reason read_token_member(const response_members& members, member_name name, secret& token,
                                         std::vector<std::string>& warnings) {
    response_reason reason = response_reason::missing_access_token;
    const auto fail = [&reason](response_reason why) {
        if (reason == response_reason::missing_access_token) reason = why;
        return false;
    };
    const bool found = members.use_last(name, [&](const response_members::member& member) {
        if (member.is_visible) { // as nearly every token is
            token = member.value.raw().substr(1, member.value.raw().size() - 2);
            return true;
        }
        if (member.value.kind() != text::json_kind::string) return fail(response_reason::type);
        const secret written = secret_text(member.value);
        const std::string_view text = text::trim(written.reveal(), " \t\r\n");
        if (text.empty()) return false;
        if (!text::is_visible(text)) return fail(response_reason::charset);
        if (text.size() != written.size())
            warnings.emplace_back(
                std::string("there was white space around ").append(name.text).append("; it is cut off"));
        token = text;
        return true;
    });
    return found ? response_reason::none : reason;
}

/// Reads a text that is not a secret. If it is not usable, it is ignored with a warning.
inline void read_text_member(const response_members& members, member_name name, std::string& text,
                             std::vector<std::string>& warnings) {
    if (!members.has(name)) return;
    const bool found = members.use_last(name, [&](const response_members::member& member) {
        if (member.is_bad || member.value.kind() != text::json_kind::string) return false;
        text = member.value.text();
        return true;
    });
    if (!found) warnings.emplace_back(std::string(name.text).append(" is not a text; it is ignored"));
}

/// Reads the scope. An array of texts is joined with spaces.
inline void read_scope(const response_members& members, std::string& scope, std::vector<std::string>& warnings) {
    const bool was_array = members.use_last("scope", [&](const response_members::member& member) {
        if (member.is_bad || member.value.kind() != text::json_kind::array) return false;
        bool is_usable = true;
        member.value.for_each_element([&](const text::json_value& element) {
            is_usable = is_usable && element.kind() == text::json_kind::string;
            scope.append(scope.empty() ? "" : " ").append(element.text());
        });
        if (!is_usable) scope.clear();
        return is_usable;
    });
    if (!was_array) read_text_member(members, "scope", scope, warnings);
}

/// The sentence for a response without a usable access token.
constexpr std::string_view sentence_about(response_reason reason) noexcept {
    if (reason == response_reason::type) return "its access_token is not a string";
    if (reason == response_reason::charset) return "its access_token has characters that no token has";
    return "it has no access_token";
}

/// Reads a response of a server that speaks this dialect; see read_token_response.
token_response read_response(const http_response& response, const token& record, const response_dialect& dialect);
#ifdef TOKENKEEP_INLINE
TOKENKEEP_INLINE token_response read_response(const http_response& response, const token& record,
                                              const response_dialect& dialect) {
    const response_reader reader(response, &record, dialect);
    reader.require_success();
    const response_members& members = reader.members();
    token_response answer;
    std::vector<std::string>& warnings = answer.warnings;
    reader.warn(warnings);
    answer.missing_access_token = read_token_member(members, "access_token", answer.access_token, warnings);
    read_token_member(members, "refresh_token", answer.refresh_token, warnings);
    if (answer.access_token.empty() && answer.refresh_token.empty()) {
        reader.require_tokens();
        throw reader.not_understood(answer.missing_access_token, sentence_about(answer.missing_access_token));
    }
    if (answer.refresh_token.empty() && members.has("refresh_token"))
        warnings.emplace_back("refresh_token is nothing that can be one; it is ignored");
    answer.date = date_of(response);
    end_reader ends(members, answer.date, warnings);
    const token_end end = read_expiry(ends, members, dialect, warnings), refresh_end = read_refresh_expiry(ends);
    answer.expires_in = end.after;
    answer.expires_at = end.at;
    answer.refresh_expires_in = refresh_end.after;
    answer.refresh_expires_at = refresh_end.at;
    answer.default_lifetime = dialect.default_lifetime;
    read_text_member(members, "token_type", answer.token_type, warnings);
    read_scope(members, answer.scope, warnings);
    read_text_member(members, "api_domain", answer.api_domain, warnings);
    answer.extra = members.extra(dialect);
    if (!answer.token_type.empty() && !text::equal_ignoring_case(answer.token_type, "bearer"))
        warnings.emplace_back("token_type is not bearer");
    else if (answer.token_type.empty() && !members.has("token_type"))
        warnings.emplace_back("token_type is missing");
    return answer;
}
#endif

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 {

/// Reads the response of a token endpoint to an exchange or a refresh for `record` (RFC 6749 5). It reads JSON and
/// forms, whatever the content type says. Throws response_error if the server refuses, and if the response brings
/// neither an access token nor a refresh token that can be used. If only the access token is missing, it is empty in
/// the result: save the refresh token all the same. Any other member that is strange, such as expires_in or scope, only
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

}} // namespace tokenkeep::v1

#endif
