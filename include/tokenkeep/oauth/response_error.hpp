// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_RESPONSE_ERROR_HPP
#define TOKENKEEP_OAUTH_RESPONSE_ERROR_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/error.hpp>

#include <chrono>
#include <string>
#include <utility>

namespace tokenkeep { inline namespace v1 {

/// Why a response was not understood.
enum class response_reason {
    none,                 ///< It was understood: the server refuses, or the response is good.
    json,                 ///< It is neither a JSON object nor a form.
    missing_access_token, ///< It has no access token.
    type,                 ///< The access token is not a string.
    charset,              ///< The access token has characters that no token has.
    status,               ///< Its status is neither a success nor a refusal.
};

/// What a server's own error code means.
///   error_meaning dead{"BAD_REFRESH_TOKEN", errc::reauthorization_required};
struct error_meaning {
    std::string code{}; ///< As the server writes it. The case of letters does not count.
    errc meaning = errc::request_rejected;
    /// If this is not empty, the code has this meaning only if error_description contains this text.
    std::string description{};
};

/// Thrown if the response of an authorization server brings nothing usable. code() says which kind of failure it is.
/// what() names the server's own code only if it is known, by the library or by the provider. It contains nothing else
/// from the body.
///   catch (const response_error& failure) { if (failure.server_code() == "invalid_scope") ask_for_less(); }
class response_error : public error {
  public:
    /// What is known besides the errc.
    struct details {
        response_reason reason = response_reason::none;
        std::string server_code{};      ///< See server_code().
        bool certainly_refused = false; ///< See certainly_refused().
        std::chrono::milliseconds retry_after{0};
        int status = 0;              ///< See status().
        bool is_unexplained = false; ///< See is_unexplained().
    };

    /// For authors of providers.
    ///   throw response_error(errc::throttled, "example: too many calls", {.certainly_refused = true});
    response_error(errc code, const std::string& what, details known)
        : error(code, what, known.retry_after), known_(std::move(known)) {}

    /// Why the response was not understood. It is response_reason::none if the server itself says that it refuses.
    response_reason reason() const noexcept { return known_.reason; }

    /// The server's error code as it wrote it, such as "invalid_grant" (RFC 6749 5.2). It is empty if there was none,
    /// if it does not consist of 1 to 64 letters, digits, underscores, dots and hyphens, or if it contains a secret
    /// that was sent. After a revocation, only codes that the library knows are passed on.
    const std::string& server_code() const noexcept { return known_.server_code; }

    /// The status of the response; 0 if that is not known.
    int status() const noexcept { return known_.status; }

    /// True if the server certainly did nothing with the refresh or grant token, or refused it. False if the token may
    /// have been spent.
    bool certainly_refused() const noexcept { return known_.certainly_refused; }

    /// True if the server refuses with no code, or with one that neither the library nor the provider knows. To ask
    /// again soon does not help. The keeper waits a minute, then twice as long each time, up to an hour.
    bool is_unexplained() const noexcept { return known_.is_unexplained; }

  private:
    details known_;
};

}} // namespace tokenkeep::v1

#endif
