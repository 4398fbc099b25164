// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DESCRIBE_HPP
#define TOKENKEEP_DESCRIBE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/error.hpp>
#include <tokenkeep/oauth/response_error.hpp>

#include <exception>
#include <string>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Appends what one exception says. Line breaks and other control characters become spaces.
inline void append_what(std::string& line, const std::exception& failure) {
    for (const char* at = failure.what(); *at != '\0'; ++at)
        line += static_cast<unsigned char>(*at) < 0x20 || *at == 0x7f ? ' ' : *at;
    const auto* response = dynamic_cast<const response_error*>(&failure);
    if (response == nullptr) return;
    const std::string& code = response->server_code();
    if (!code.empty() && line.find(code) == std::string::npos) line.append(" (").append(code).append(")");
}

/// Calls visit(const std::exception&) with the exceptions of a chain, the outermost first.
template <class Visit>
void for_each_nested(const std::exception& failure, Visit visit) {
    visit(failure);
    try {
        std::rethrow_if_nested(failure);
    } catch (const std::exception& cause) {
        for_each_nested(cause, visit);
    } catch (...) { // it has no text
    }
}

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 {

/// An exception and its causes in one line, for a log: what each says, from the outermost to the innermost, and the
/// server's error code. The library's own exceptions contain no secrets. What a store, a transport or a provider of the
/// program throws is repeated as it is.
///   catch (const std::exception& failure) { log(tokenkeep::describe(failure)); }
inline std::string describe(const std::exception& failure) {
    std::string line;
    detail::for_each_nested(failure, [&line](const std::exception& each) {
        if (!line.empty()) line += ": ";
        detail::append_what(line, each);
    });
    return line;
}

/// Whether the same call may succeed later, without a change of the configuration and without a new login. False for
/// exceptions that are not tokenkeep::error.
///   if (!is_passing(failure)) throw;
inline bool is_passing(const std::exception& failure) {
    const auto* known = dynamic_cast<const error*>(&failure);
    if (known == nullptr || dynamic_cast<const lost_login_error*>(&failure) != nullptr) return false;
    switch (static_cast<errc>(known->code().value())) {
    case errc::storage_failure:
    case errc::not_saved:
    case errc::indeterminate:
    case errc::lock_timeout:
    case errc::throttled:
    case errc::server_unavailable:
    case errc::transport_failure:
    case errc::outcome_unknown:
    case errc::rotation_not_saved:
    case errc::malformed_response: return true;
    case errc::storage_corrupt:
    case errc::store_gone:
    case errc::permissions:
    case errc::unsupported_version:
    case errc::ambiguous:
    case errc::invalid_record:
    case errc::token_not_found:
    case errc::reauthorization_required:
    case errc::client_rejected:
    case errc::request_rejected:
    case errc::unknown_data_center: return false;
    }
    return false;
}

}} // namespace tokenkeep::v1

#endif
