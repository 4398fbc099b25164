// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_DETAIL_RESPONSE_DIALECT_HPP
#define TOKENKEEP_OAUTH_DETAIL_RESPONSE_DIALECT_HPP

#include <tokenkeep/error.hpp>
#include <tokenkeep/oauth/response_error.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/ascii.hpp>

#include <chrono>
#include <optional>
#include <span>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// An error code that servers send, and what the library takes it for.
struct known_code {
    std::string_view code;
    errc meaning;
};

/// The codes of RFC 6749 5.2 and 4.1.2.1, RFC 7009 2.2.1, RFC 8628 3.5, RFC 8707 2, RFC 9449 and OpenID Connect, and
/// those of large servers that keep to none of them. Zoho's codes are in zoho/provider.hpp.
inline constexpr known_code known_codes[] = {
    {"invalid_grant", errc::reauthorization_required},
    {"bad_refresh_token", errc::reauthorization_required},         // GitHub
    {"invalid_refresh_token", errc::reauthorization_required},     // Slack
    {"refresh_token_invalidated", errc::reauthorization_required}, // OpenAI
    {"refresh_token_expired", errc::reauthorization_required},
    {"refresh_token_revoked", errc::reauthorization_required},
    {"token_expired", errc::reauthorization_required}, // Google Identity Toolkit
    {"token_revoked", errc::reauthorization_required},
    {"bad_verification_code", errc::reauthorization_required}, // GitHub
    {"code_already_used", errc::reauthorization_required},     // Slack
    {"invalid_client", errc::client_rejected},
    {"unauthorized_client", errc::client_rejected},
    {"incorrect_client_credentials", errc::client_rejected}, // GitHub
    {"invalid_client_secret", errc::client_rejected},
    {"invalid_request", errc::request_rejected},
    {"invalid_scope", errc::request_rejected},
    {"invalid_target", errc::request_rejected},
    {"invalid_token", errc::request_rejected},
    {"unsupported_grant_type", errc::request_rejected},
    {"unsupported_response_type", errc::request_rejected},
    {"unsupported_token_type", errc::request_rejected},
    {"access_denied", errc::request_rejected},
    {"authorization_pending", errc::request_rejected},
    {"expired_token", errc::request_rejected},
    {"interaction_required", errc::request_rejected},
    {"login_required", errc::request_rejected},
    {"consent_required", errc::request_rejected},
    {"invalid_dpop_proof", errc::request_rejected},
    {"use_dpop_nonce", errc::request_rejected},
    {"slow_down", errc::throttled},
    {"rate_limited", errc::throttled},
    {"rate_limit", errc::throttled},
    {"rate_limit_exceeded", errc::throttled},
    {"too_many_requests", errc::throttled},
    {"throttled", errc::throttled},
    {"temporarily_unavailable", errc::server_unavailable},
    {"server_error", errc::server_unavailable},
};

/// What is special about the responses of one server.
struct response_dialect {
    std::span<const known_code> codes{};         ///< The server's own error codes. They go before known_codes.
    std::span<const error_meaning> more_codes{}; ///< Those that the program gives. They go before all others.
    std::chrono::milliseconds throttle_pause{0}; ///< How long to wait if the server throttles and sends no Retry-After.
    bool has_expires_in_sec = false; ///< The server may send expires_in_sec; if it does, expires_in is in milliseconds.
    std::chrono::seconds default_lifetime{0}; ///< Of access tokens whose response does not say how long they live.
    const secret* client_secret = nullptr; ///< The provider's client secret, for records that have none; may be null.

    /// What a code means, and how it is spelled in the table that knows it. Nullopt if none knows it. The case of
    /// letters does not count. `description` is what the response says in error_description.
    std::optional<known_code> find(std::string_view code, std::string_view description) const noexcept {
        for (const error_meaning& own : more_codes)
            if (text::equal_ignoring_case(own.code, code) && description.find(own.description) != description.npos)
                return known_code{own.code, own.meaning};
        for (const std::span<const known_code> table : {codes, std::span<const known_code>(known_codes)})
            for (const known_code& known : table)
                if (text::equal_ignoring_case(known.code, code)) return known;
        return std::nullopt;
    }
};

}}} // namespace tokenkeep::v1::detail

#endif
