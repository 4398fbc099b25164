// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_WITHINGS_HPP
#define TOKENKEEP_PROVIDERS_WITHINGS_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/oauth/provider.hpp>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace providers {

/// Withings' server. See withings().
struct withings_provider : oauth2_provider {
    /// Withings wraps each answer: {"status":0,"body":{...}}. If status is 0, body is an answer by RFC 6749. If not,
    /// the code of the refusal is the text of error if that is known, else the number. error_codes explains both.
    token_response read_token_response(const http_response& response, const token& record) const {
        http_response plain = unwrapped(response);
        const detail::wipe_at_exit body_is_wiped(plain.body);
        return oauth2_provider::read_token_response(plain, record);
    }

    /// The API says by the number in the body that the access token has ended, with status 200.
    bool is_token_rejected(const http_response& response) const {
        constexpr std::string_view failed[] = {"100", "101", "102", "200", "401"};
        const detail::response_members members(response);
        return response.status == 401 ||
               members.use_last("status", [&](const detail::response_members::member& status) {
                   return std::find(std::begin(failed), std::end(failed), status.value.raw()) != std::end(failed);
               });
    }

  private:
    using member = detail::response_members::member;

    http_response unwrapped(const http_response& response) const {
        const detail::response_members members(response);
        http_response plain{.status = response.status, .headers = response.headers};
        std::string_view status, inside = "{}", wait;
        std::string code;
        const detail::wipe_at_exit code_is_wiped(code);
        members.use_last("status", [&](const member& said) {
            if (said.value.kind() == text::json_kind::number) status = said.value.raw();
            return !status.empty();
        });
        members.use_last("error", [&](const member& said) { return code = said.value.text(), true; });
        members.use_last("body", [&](const member& said) {
            if (said.value.kind() != text::json_kind::object) return false;
            if (const std::optional<text::json_value> seconds = said.value.find("wait_seconds")) wait = seconds->raw();
            return inside = said.value.raw(), true;
        });
        if (status.empty()) {
            plain.body = response.body;
        } else if (status == "0") {
            plain.body = inside;
        } else {
            if (!detail::response_dialect{.more_codes = error_codes}.find(code, {})) code = status;
            plain.body = detail::with_error(response, code).body;
            if (!wait.empty()) plain.headers.push_back({"Retry-After", std::string(wait)});
        }
        return plain;
    }
};

/// Withings' public health data API.
///   auto withings = providers::withings();
///   withings.client_id = "7573fd4a4c421ddd102dac406dc6e0e0e22f683c4a5e81ff0a5caf8b65abed67";
///
/// Peculiar:
///   - Answers are wrapped: {"status":0,"body":{...}}. The status of HTTP is 200 even for errors.
///   - Each request needs the parameter action=requesttoken. The library sends it.
///   - The login's code must be exchanged within 30 seconds.
///   - Access tokens live three hours, refresh tokens one year. Each refresh brings a new refresh token.
///   - A spent refresh token is accepted for 8 hours, or until the new access token is used. A lost answer therefore
///     does not end the session: see replay_grace.
///   - A dead refresh token is status 503 in the body, with "Invalid Params: invalid refresh_token".
///   - 120 requests in a minute are allowed. More are status 601 in the body.
///   - The API says by status 401 in the body that an access token has ended.
///   - Scopes are separated by commas. userid is in the record's extra.
///   - A revocation needs a signature and is not done here: the keeper removes only the row.
/// Sources: developer.withings.com/api-reference (OAuth2, Response Status),
/// developer.withings.com/developer-guide/v3/integration-guide/public-health-data-api/get-access (OAuth web flow,
/// Access and refresh tokens)
inline withings_provider withings() {
    return {{.token_endpoint = "https://wbsapi.withings.net/v2/oauth2",
             .replay_grace = std::chrono::hours(8),
             .parameters = {{"action", "requesttoken"}},
             .error_codes = {{"Invalid Params: invalid refresh_token", errc::reauthorization_required},
                             {"Invalid Params: invalid code", errc::reauthorization_required},
                             {"401", errc::client_rejected},
                             {"522", errc::server_unavailable},
                             {"601", errc::throttled}},
             .authorization_endpoint = "https://account.withings.com/oauth2_user/authorize2"}};
}

}}} // namespace tokenkeep::v1::providers

#endif
