// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_KEEPER_OPTIONS_HPP
#define TOKENKEEP_KEEPER_OPTIONS_HPP

#include <chrono>

namespace tokenkeep { inline namespace v0 {

/// Every wait and margin of a keeper, with its default and its reason.
struct keeper_options {
    /// How long before its end a token is refreshed: it must outlive the call it is handed out for. Never more than a
    /// fifth of the token's life, so that short-lived tokens are not refreshed at every call.
    std::chrono::milliseconds refresh_margin{60'000};
    /// For a whole exchange with the token endpoint.
    std::chrono::milliseconds request_timeout{30'000};
    /// How long a caller waits for its turn: longer than whoever has it takes. 0: the request's timeout, twice that
    /// where the provider's grace lets it be sent again, and 15 s.
    std::chrono::milliseconds lock_timeout{0};
    /// Over a store that cannot both lock and compare: how long to wait between writing the marker and reading it
    /// back. Longer than any other process takes from its read to its write.
    std::chrono::milliseconds read_back_pause{100};
    /// How long a request whose answer is missing may still be under way. 0: the request's timeout; over a store
    /// without locks, where nothing else keeps others away while the sender pauses and saves, also the pause and 5 s.
    std::chrono::milliseconds doubt_expires_after{0};
    /// After a passing failure the next attempt waits this long, twice as long after each further one, less up to a
    /// half by chance; and never more than the longest.
    std::chrono::milliseconds first_backoff{250};
    std::chrono::milliseconds longest_backoff{30'000};
    /// Whether `send` may carry a token to another host than the record's api_domain.
    bool allow_other_hosts = false;

    /// The values that 0 stands for.
    constexpr std::chrono::milliseconds effective_lock_timeout(std::chrono::milliseconds replay_grace) const {
        if (lock_timeout.count() > 0) return lock_timeout;
        return request_timeout * (replay_grace < request_timeout ? 1 : 2) + std::chrono::seconds(15);
    }
    constexpr std::chrono::milliseconds effective_doubt_expires_after(bool store_locks) const {
        if (doubt_expires_after.count() > 0) return doubt_expires_after;
        return store_locks ? request_timeout : request_timeout + read_back_pause + std::chrono::seconds(5);
    }
};

}} // namespace tokenkeep::v0

#endif
