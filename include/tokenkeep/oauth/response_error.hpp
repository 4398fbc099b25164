// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_RESPONSE_ERROR_HPP
#define TOKENKEEP_OAUTH_RESPONSE_ERROR_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/error.hpp>
#include <tokenkeep/token.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v0 {

/// Why a response was not understood.
enum class response_reason {
    none,                 ///< It was understood: the server refuses.
    form_body,            ///< It is a form, not JSON.
    content_type,         ///< Its content type is not JSON.
    json,                 ///< It is not a JSON object.
    duplicate,            ///< It repeats a member.
    missing_access_token, ///< It has no access token.
    type,                 ///< A member that must be a string is not one.
    charset,              ///< The access token has characters that no token has.
    status,               ///< Its status is neither a success nor a refusal.
};

/// Thrown if the response of an authorization server brings nothing usable. code() says which kind of failure it is.
/// what() names the server's own code only if the library knows that code. It contains nothing else from the body.
///   catch (const response_error& failure) { if (failure.server_code() == "invalid_scope") ask_for_less(); }
class response_error : public error {
  public:
    /// What is known besides the errc.
    struct details {
        response_reason reason = response_reason::none;
        std::string server_code{};      ///< See server_code().
        bool certainly_refused = false; ///< See certainly_refused().
        std::chrono::milliseconds retry_after{0};
    };

    /// For authors of providers.
    ///   throw response_error(errc::throttled, "example: too many calls", {.certainly_refused = true});
    response_error(errc code, const std::string& what, details known)
        : error(code, what, known.retry_after),
          reason_(known.reason),
          server_code_(std::move(known.server_code)),
          certainly_refused_(known.certainly_refused) {}

    /// Why the response was not understood. It is response_reason::none if the server itself says that it refuses.
    response_reason reason() const noexcept { return reason_; }

    /// The server's member `error` (RFC 6749 5.2), such as "invalid_grant". It is empty if there was none, if it is
    /// longer than 64 characters, if it has characters that the RFC does not allow, or if it contains a secret that was
    /// sent. After a revocation, only codes that the library knows are passed on.
    const std::string& server_code() const noexcept { return server_code_; }

    /// True if the server certainly did nothing with the refresh or grant token, or refused it. False if the token may
    /// have been spent.
    bool certainly_refused() const noexcept { return certainly_refused_; }

  private:
    response_reason reason_;
    std::string server_code_;
    bool certainly_refused_;
};

}} // namespace tokenkeep::v0

namespace tokenkeep { inline namespace v0 { namespace detail {

/// An error code that servers send, and what the library takes it for.
struct known_code {
    std::string_view name;
    errc meaning;
};

/// The codes of RFC 6749 5.2 and 4.1.2.1, RFC 7009 2.2.1, RFC 8628 3.5, RFC 8707 2, RFC 9449 and OpenID Connect, and
/// what large servers send if they are asked too often. Zoho's codes are in zoho/provider.hpp.
inline constexpr known_code known_codes[] = {
    {"invalid_grant", errc::reauthorization_required},
    {"invalid_client", errc::client_rejected},
    {"unauthorized_client", errc::client_rejected},
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

inline const known_code* find_known_code(std::string_view name) noexcept {
    for (const known_code& code : known_codes)
        if (code.name == name) return &code;
    return nullptr;
}

/// Whether a text has at most 64 characters, all of which RFC 6749 5.2 allows in `error`.
constexpr bool is_error_code(std::string_view code) noexcept {
    if (code.empty() || code.size() > 64) return false;
    for (const char c : code)
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') return false;
    return true;
}

/// Whether the text contains the secret.
inline bool has_secret(std::string_view text, const secret& hidden) noexcept {
    return !hidden.empty() && text.find(hidden.reveal()) != std::string_view::npos;
}

/// Whether the text contains one of the record's secrets.
inline bool has_secret_of(const token& record, std::string_view text) noexcept {
    for (const field& f : fields)
        if (f.secret_text != nullptr && has_secret(text, record.*f.secret_text)) return true;
    return false;
}

}}} // namespace tokenkeep::v0::detail

#endif
