// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ERROR_HPP
#define TOKENKEEP_ERROR_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/compilation.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <system_error>

namespace tokenkeep { inline namespace v1 {

/// What went wrong, and what a program can do about it:
///   catch (const tokenkeep::error& failure) {
///       if (failure.code() == tokenkeep::errc::reauthorization_required) ask_the_user_to_log_in();
///   }
enum class errc : int {
    storage_failure = 1,      ///< The store could not be read or written. Nothing is known to be lost.
    storage_corrupt,          ///< The stored data are damaged, or a file is empty. The library left them as they are.
    store_gone,               ///< The file or table that held the tokens has disappeared.
    permissions,              ///< Others can read or change the file, or this program cannot.
    unsupported_version,      ///< A newer version of the library wrote the data.
    not_saved,                ///< The change failed. The old value is still there.
    indeterminate,            ///< The change may or may not have happened. Read the row to find out.
    ambiguous,                ///< The probe means more than one row, or a save would make it so. Say more in the probe.
    invalid_record,           ///< The record cannot be stored or used as it is; the message says why.
    lock_timeout,             ///< The lock was not free in time. Nothing was done. Try later.
    token_not_found,          ///< No row matches: there is no session. Let the user log in.
    reauthorization_required, ///< The session is over. Let the user log in again.
    client_rejected,          ///< The server refused the client id or secret. Correct the configuration.
    request_rejected,         ///< The server or the library refused the request. Correct the configuration.
    throttled,                ///< Too many requests. Try later; see error::retry_after.
    server_unavailable,       ///< The server failed. Try later.
    transport_failure,        ///< The transport failed. Try later; see transport_error::may_have_been_sent.
    outcome_unknown,          ///< No answer arrived. Refresh: try later. Login: the code is used up, log in again.
    rotation_not_saved,       ///< New tokens came and the store failed. Try later; see rotation_not_saved_error.
    malformed_response,       ///< The library cannot understand the server's answer.
    unknown_data_center,      ///< The record's api_domain belongs to no known data centre of Zoho.
};

}} // namespace tokenkeep::v1

template <>
struct std::is_error_code_enum<tokenkeep::errc> : std::true_type {};

namespace tokenkeep { inline namespace v1 {

/// The category of errc; its name is "tokenkeep". A program with shared objects may have several instances of it. The
/// codes of any instance compare equal with errc.
[[gnu::visibility("default")]] inline const std::error_category& error_category() noexcept {
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
        bool equivalent(int code, const std::error_condition& condition) const noexcept override {
            return condition.value() == code && condition.category().name() == std::string_view(name());
        }
        bool equivalent(const std::error_code& code, int condition) const noexcept override {
            return code.value() == condition && code.category().name() == std::string_view(name());
        }
    } category;
    return category;
}

/// Makes a std::error_code of an errc. Programs do not call it: the conversion is implicit.
inline std::error_code make_error_code(errc code) noexcept { return {static_cast<int>(code), error_category()}; }

/// Whether a code says this, also if it comes from another shared object: the names of the categories are compared, not
/// their addresses.
inline bool operator==(const std::error_code& code, errc wanted) noexcept {
    return error_category().equivalent(code, static_cast<int>(wanted));
}

/// The exception that the library throws. `code()` compares with errc. `what()` never contains a secret or the body of
/// an answer. If a transport or a store of the program failed, its exception is nested: see std::rethrow_if_nested.
class error : public std::system_error {
  public:
    error(errc code, const std::string& what) : std::system_error(make_error_code(code), what) {}

    /// The same with the wait that the server asked for.
    error(errc code, const std::string& what, std::chrono::milliseconds retry_after)
        : std::system_error(make_error_code(code), what), retry_after_(retry_after) {}

    /// How long to wait before the next attempt. Zero if the server did not say.
    std::chrono::milliseconds retry_after() const noexcept { return retry_after_; }

  private:
    std::chrono::milliseconds retry_after_{0};
};

/// What a store in a file throws if the operating system reports a failure: the step that failed, and its cause.
///   if (failure.cause() == std::errc::no_space_on_device) free_some_space();
class file_error : public error {
  public:
    /// `stage` is a literal such as "write" or "flush". `number` is an errno.
    file_error(errc code, const char* stage, const std::string& path, int number)
        : file_error(code, stage, std::error_code(number, std::generic_category()),
                     "tokenkeep: cannot " + std::string(stage) + " " + path) {}

    /// The same failure with another code, for a caller that knows what it means.
    file_error with(errc code) const { return {code, stage_, cause_, what_}; }

    /// The step that failed, in a word or two.
    const char* stage() const noexcept { return stage_; }
    /// The system's own code, such as std::errc::no_space_on_device.
    std::error_code cause() const noexcept { return cause_; }

  private:
    file_error(errc code, const char* stage, std::error_code cause, const std::string& what)
        : error(code, what + ": " + cause.message() + advice(stage, cause)),
          stage_(stage),
          cause_(cause),
          what_(what) {}

    static std::string advice(std::string_view stage, std::error_code cause) {
        if (cause == std::errc::device_or_resource_busy && (stage == "rename" || stage == "use"))
            return "; it is a mount of its own, which has no lock file in common with other containers and cannot be "
                   "replaced: mount its directory";
        if (cause == std::errc::read_only_file_system)
            return "; this program can only read there: mount the directory for writing, or keep the tokens elsewhere";
        if (stage == "create" && cause == std::errc::permission_denied)
            return "; this program cannot write in the directory: run chmod u+w on it, or run the program as its owner";
        if (stage == "rename" && cause == std::errc::operation_not_permitted)
            return "; perhaps the directory is sticky, so that only the owner of a file can replace it: "
                   "use a directory that is setgid and not sticky";
        if (cause == std::errc::bad_file_descriptor)
            return "; the program has closed a file of this library, which opens it again at the next call: a program "
                   "that closes all its files does so before it uses a store";
        if (stage == "lock") return "; a network file system that is mounted without locks?";
        return {};
    }

    const char* stage_;
    std::error_code cause_;
    std::string what_;
};

/// No answer arrived to a login, or none that can be understood. The grant token may have been spent. The keeper does
/// not send it again: let the user log in again. Its code is errc::outcome_unknown.
class lost_login_error : public error {
  public:
    lost_login_error()
        : error(errc::outcome_unknown,
                "tokenkeep: no answer to the login that can be understood; log in again, because "
                "the grant token may have been spent and is not sent again") {}
};

/// What a transport throws if it has no answer to give:
///   throw tokenkeep::transport_error("no connection", false);
class transport_error : public error {
  public:
    /// `may_have_been_sent` decides whether the keeper may send the refresh token again. Pass false only if the request
    /// certainly did not reach the server: no connection, no name resolution, a failed TLS handshake.
    explicit transport_error(const std::string& what, bool may_have_been_sent = true)
        : error(errc::transport_failure, what), may_have_been_sent_(may_have_been_sent) {}

    /// False if the request certainly did not reach the server.
    bool may_have_been_sent() const noexcept { return may_have_been_sent_; }

  private:
    bool may_have_been_sent_;
};

}} // namespace tokenkeep::v1

#endif
