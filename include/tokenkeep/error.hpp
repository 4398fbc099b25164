// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ERROR_HPP
#define TOKENKEEP_ERROR_HPP

#include <chrono>
#include <string>
#include <string_view>
#include <system_error>

namespace tokenkeep { inline namespace v0 {

/// What went wrong, as a caller would tell cases apart.
enum class errc : int {
    storage_failure = 1,      ///< The store could not be read or written; nothing is known to be lost.
    storage_corrupt,          ///< What is stored is damaged or empty where it must not be; it was left as it is.
    store_gone,               ///< The place that held the tokens has disappeared.
    permissions,              ///< The place is open to others, or closed to us.
    unsupported_version,      ///< Written by a newer version of the library.
    not_saved,                ///< The save failed; the old value stands.
    indeterminate,            ///< The save may or may not have become durable.
    ambiguous,                ///< The probe means more than one row, or a save would make it so.
    invalid_record,           ///< The record cannot be stored or used as it is.
    lock_timeout,             ///< The lock was not obtained in time; nothing was done without it.
    token_not_found,          ///< No row matches: there is no session.
    reauthorization_required, ///< The session is over; the user has to log in again.
    client_rejected,          ///< The server refused the client's credentials: configuration, not a dead session.
    request_rejected,         ///< The server refused the request, or it may not be sent as it is: configuration.
    throttled,                ///< Too many requests; see error::retry_after.
    server_unavailable,       ///< The server answered with a passing failure.
    transport_failure,        ///< The transport failed; see transport_error::may_have_been_sent.
    outcome_unknown,          ///< The refresh token may have been spent; the answer did not arrive.
    rotation_not_saved,       ///< New tokens came and could not be saved; see rotation_not_saved_error.
    malformed_response,       ///< The answer cannot be understood.
    unknown_data_center,      ///< The record's API domain belongs to no data centre that is known.
};

}} // namespace tokenkeep::v0

template <>
struct std::is_error_code_enum<tokenkeep::errc> : std::true_type {};

namespace tokenkeep { inline namespace v0 {

/// The category of errc; its name is "tokenkeep".
inline const std::error_category& error_category() noexcept {
    static const struct final : std::error_category {
        const char* name() const noexcept override { return "tokenkeep"; }
        std::string message(int code) const override {
            switch (static_cast<errc>(code)) {
            case errc::storage_failure: return "storage failure";
            case errc::storage_corrupt: return "storage corrupt";
            case errc::store_gone: return "store gone";
            case errc::permissions: return "wrong permissions";
            case errc::unsupported_version: return "unsupported version";
            case errc::not_saved: return "not saved";
            case errc::indeterminate: return "may or may not be saved";
            case errc::ambiguous: return "ambiguous";
            case errc::invalid_record: return "invalid record";
            case errc::lock_timeout: return "lock timeout";
            case errc::token_not_found: return "token not found";
            case errc::reauthorization_required: return "reauthorization required";
            case errc::client_rejected: return "client rejected";
            case errc::request_rejected: return "request rejected";
            case errc::throttled: return "throttled";
            case errc::server_unavailable: return "server unavailable";
            case errc::transport_failure: return "transport failure";
            case errc::outcome_unknown: return "outcome unknown";
            case errc::rotation_not_saved: return "rotation not saved";
            case errc::malformed_response: return "malformed response";
            case errc::unknown_data_center: return "unknown data centre";
            }
            return "unknown error";
        }
    } category;
    return category;
}

/// Found by argument-dependent look-up, so that an errc converts to std::error_code.
inline std::error_code make_error_code(errc code) noexcept { return {static_cast<int>(code), error_category()}; }

/// What the library throws. `code()` compares with errc; `what()` never carries a secret or a response body.
class error : public std::system_error {
  public:
    error(errc code, const std::string& what) : std::system_error(make_error_code(code), what) {}

    /// The same with the wait a server asked for.
    error(errc code, const std::string& what, std::chrono::milliseconds retry_after)
        : std::system_error(make_error_code(code), what), retry_after_(retry_after) {}

    /// How long to wait before the next attempt; zero where nobody said.
    std::chrono::milliseconds retry_after() const noexcept { return retry_after_; }

  private:
    std::chrono::milliseconds retry_after_{0};
};

/// What a store in a file throws when the system refuses it something: which step failed, and the system's own code.
class file_error : public error {
  public:
    /// `stage` is a literal such as "write" or "flush"; `number` is an errno.
    file_error(errc code, const char* stage, const std::string& path, int number)
        : file_error(code, stage, std::error_code(number, std::generic_category()),
                     "tokenkeep: cannot " + std::string(stage) + " " + path) {}

    /// The same fault with another code: what it means is known further up.
    file_error with(errc code) const { return {code, stage_, cause_, what_}; }

    /// The step that failed, in a word or two.
    const char* stage() const noexcept { return stage_; }
    /// What the system said, such as std::errc::no_space_on_device.
    std::error_code cause() const noexcept { return cause_; }

  private:
    file_error(errc code, const char* stage, std::error_code cause, const std::string& what)
        : error(code, what + ": " + cause.message() + advice(stage, cause)),
          stage_(stage),
          cause_(cause),
          what_(what) {}

    static std::string advice(std::string_view stage, std::error_code cause) {
        if (stage == "rename" && cause == std::errc::device_or_resource_busy)
            return "; it is a mount of its own and cannot be replaced: mount its directory";
        if (stage == "lock") return "; a network file system that is mounted without locks?";
        return {};
    }

    const char* stage_;
    std::error_code cause_;
    std::string what_;
};

/// What a transport throws when it has no answer to give.
class transport_error : public error {
  public:
    /// `may_have_been_sent` is false only if the request certainly never reached the server (no connection, no
    /// name resolution, failed TLS handshake): it decides whether a refresh token may have been spent.
    explicit transport_error(const std::string& what, bool may_have_been_sent = true)
        : error(errc::transport_failure, what), may_have_been_sent_(may_have_been_sent) {}

    bool may_have_been_sent() const noexcept { return may_have_been_sent_; }

  private:
    bool may_have_been_sent_;
};

}} // namespace tokenkeep::v0

#endif
