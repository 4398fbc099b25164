// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_DETAIL_WIRE_HPP
#define TOKENKEEP_TESTING_DETAIL_WIRE_HPP

#include <tokenkeep/testing/fake_server_options.hpp>

#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace testing::detail {

/// A status and a body. A response without a body has no headers either.
struct wire_response {
    int status = 200;
    std::string_view body{};
};

/// How an authorization server speaks: everything that differs between standard OAuth and Zoho.
struct wire {
    std::string_view token_path{};
    std::string_view revocation_path{};
    std::string_view device_path{}; ///< Empty: no device login.
    std::string_view resource_path{};
    std::string_view resource_query{};

    std::string_view scheme{};        ///< What the Authorization header has before the access token.
    std::string_view before_user{};   ///< The body of an answered call, up to the user's name as a JSON string.
    std::string_view after_user{};    ///< The rest of that body.
    std::string_view call_refused{};  ///< The body under status 401.
    std::string_view invalid_grant{}; ///< The error code for a grant or refresh token that the server does not accept.
    bool errors_have_a_status = true; ///< If not, the token endpoint sends its errors under status 200.

    bool revocation_asks_who = true; ///< The client must send its id and secret to revoke a token.
    wire_response revoked{};
    wire_response nothing_to_revoke{};

    bool rotates = true;         ///< A refresh may bring a new refresh token; each response has the current one.
    bool has_api_domain = false; ///< Responses that bring tokens have a member api_domain.
    bool has_limits = false;     ///< zoho_limits apply.
};

inline constexpr wire oauth_wire{.token_path = "/token",
                                 .revocation_path = "/revoke",
                                 .device_path = "/device",
                                 .resource_path = "/me",
                                 .scheme = "Bearer ",
                                 .before_user = R"({"user":)",
                                 .after_user = "}",
                                 .call_refused = R"({"error":"invalid_token"})",
                                 .invalid_grant = "invalid_grant"};

inline constexpr wire zoho_wire{
    .token_path = "/oauth/v2/token",
    .revocation_path = "/oauth/v2/token/revoke",
    .resource_path = "/crm/v8/users",
    .resource_query = "?type=CurrentUser",
    .scheme = "Zoho-oauthtoken ",
    .before_user = R"({"users":[{"email":)",
    .after_user = "}]}",
    .call_refused = R"({"code":"INVALID_TOKEN","details":{},"message":"invalid oauth token","status":"error"})",
    .invalid_grant = "invalid_code",
    .errors_have_a_status = false,
    .revocation_asks_who = false,
    .revoked = {200, R"({"status":"success"})"},
    .nothing_to_revoke = {400, R"({"status":"failure"})"},
    .rotates = false,
    .has_api_domain = true,
    .has_limits = true};

inline const wire& wire_of(const fake_server_options& options) { return options.zoho ? zoho_wire : oauth_wire; }

}}} // namespace tokenkeep::v1::testing::detail

#endif
