// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_EVENT_HPP
#define TOKENKEEP_EVENT_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <string_view>

namespace tokenkeep { inline namespace v1 {

/// What has happened, when a keeper tells its observer.
enum class event_kind {
    cache_hit,       ///< The keeper handed out the stored access token, which is fresh.
    waited,          ///< The caller waited while another caller of this keeper worked on the identity.
    adopted,         ///< Another thread or process had refreshed the token; the keeper uses that one.
    seeded,          ///< The keeper made a row, or gave it a new login, from a refresh token of the program.
    marked,          ///< The spend marker was durable. At a refresh, told after the request, which nothing may delay.
    spent,           ///< The keeper is about to send a refresh or grant token. At a refresh, told before the marker.
    replayed,        ///< The keeper sends the same refresh token again, within the provider's replay_grace.
    settled,         ///< The outcome of an old request is unknown. The keeper sends the refresh token to find out.
    saved,           ///< The new tokens are durable.
    not_saved,       ///< The store failed to save the new tokens. The keeper holds them, and the lock.
    dropped,         ///< The keeper dropped the new tokens: the row is gone, or holds other tokens.
    taken_back,      ///< Nothing was spent, and the keeper removed its marker. `detail` is the server's code.
    served_old,      ///< The refresh failed. The keeper handed out the old access token, which is still valid.
    refused,         ///< The server refused the refresh or grant token. `detail` is the server's code.
    outcome_unknown, ///< No answer came, or none that can be understood. The token may have been spent.
    throttled,       ///< The server asked for a pause. `detail` is the server's code.
    revoked,         ///< The session has ended at the server and in the store.
    warning,         ///< An answer or a request was odd; `detail` says how.
};

/// One thing that has happened. The texts are valid during the call of the observer. None of them is a secret.
struct event {
    event_kind kind{};
    std::string_view id{};          ///< The row's id; empty while there is no row.
    std::string_view fingerprint{}; ///< secret::fingerprint of the refresh or grant token; may be empty.
    std::string_view detail{};      ///< A sentence, or the server's error code; may be empty.
};

/// The observer that does nothing and costs nothing. The default.
///
/// Any callable that takes `const event&` can be an observer. The keeper calls it from many threads at once, and
/// ignores what it throws:
///   auto log = [](const tokenkeep::event& e) { std::printf("%.*s\n", int(e.detail.size()), e.detail.data()); };
///   tokenkeep::keeper keep{store, transport, provider, {}, log};
struct ignore_events {
    void operator()(const event&) const noexcept {}
};

}} // namespace tokenkeep::v1

#endif
