// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_KEEPER_OPTIONS_HPP
#define TOKENKEEP_KEEPER_OPTIONS_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <chrono>

namespace tokenkeep { inline namespace v1 {

/// Every wait and margin of a keeper, with its default and the reason for it:
///   tokenkeep::keeper keep{store, transport, provider, {.refresh_margin = 30s}};
struct keeper_options {
    /// How long before its end the keeper refreshes an access token: the token must outlive the call that it is handed
    /// out for. The keeper uses at most a fifth of the token's life, so that it does not refresh a short-lived token at
    /// every call.
    std::chrono::milliseconds refresh_margin{60'000};
    /// How long one request to the token endpoint may take in all: http_request::timeout. If the provider has a
    /// replay_grace, a refresh takes at most 5 s, or half of the grace if that is longer; so there is time to send the
    /// refresh token again if the answer is lost. The second request takes at most the rest of the grace.
    std::chrono::milliseconds request_timeout{30'000};
    /// How long a call without a deadline waits while others work on the identity. It should be longer than their work
    /// takes. 0 means: request_timeout and save_timeout; twice request_timeout if the provider's replay_grace allows a
    /// second request.
    std::chrono::milliseconds lock_timeout{0};
    /// How long the keeper waits between writing its marker and reading it back, over a store that cannot both lock
    /// and compare. It should be longer than any other process takes from a read to the write that follows.
    std::chrono::milliseconds read_back_pause{100};
    /// How long a request without an answer may still be on its way to the server. Until then no other process sends
    /// the same refresh token. 0 means: request_timeout; over a store without locks, or whose locks are leases,
    /// request_timeout, read_back_pause and 5 s, because there the sender's pause and save count too.
    std::chrono::milliseconds doubt_expires_after{0};
    /// How long the keeper tries to save what the server has sent. The caller's deadline never cuts this short. A store
    /// may give up earlier, such as after Policy::store_lock_timeout. Tokens that it did not take are then saved by the
    /// next call, within that call's deadline.
    std::chrono::milliseconds save_timeout{15'000};
    /// How long the keeper pauses after a failure that may pass. Each further failure doubles the pause, up to
    /// longest_backoff. Chance takes away up to half of it, so that many programs do not ask at the same moment.
    std::chrono::milliseconds first_backoff{250};
    std::chrono::milliseconds longest_backoff{30'000};
    /// How long a session lasts from its login on. After that, its calls throw errc::reauthorization_required, even if
    /// its tokens could still be used. 0 means without end.
    std::chrono::seconds session_lifetime{0};
    /// How long a session lasts after a token was last handed out. Refreshes in the background (keeper::refresh_due) do
    /// not count. The keeper writes the time into the row (`used_at`) only if the time there is older than a quarter of
    /// session_idle. So a session may end up to a quarter earlier. All keepers of a store use the same value. 0 means
    /// without end.
    ///
    /// A row that does not say when its session began or was used has no end; the next refresh writes what is missing.
    /// A store with Zoho's ten columns never says it: the keeper tells its observer so at each login.
    std::chrono::seconds session_idle{0};
    /// Whether keeper::send may send an access token to another host than the record's api_domain.
    bool allow_other_hosts = false;

    /// The values that 0 stands for above.
    constexpr std::chrono::milliseconds effective_lock_timeout(std::chrono::milliseconds replay_grace) const {
        if (lock_timeout.count() > 0) return lock_timeout;
        return request_timeout * (replay_grace < request_timeout ? 1 : 2) + save_timeout;
    }
    constexpr std::chrono::milliseconds effective_doubt_expires_after(bool store_excludes) const {
        if (doubt_expires_after.count() > 0) return doubt_expires_after;
        return store_excludes ? request_timeout : request_timeout + read_back_pause + std::chrono::seconds(5);
    }
};

}} // namespace tokenkeep::v1

#endif
