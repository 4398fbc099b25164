// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_EVENT_HPP
#define TOKENKEEP_EVENT_HPP

#include <string_view>

namespace tokenkeep { inline namespace v0 {

/// What a keeper tells its observer.
enum class event_kind {
    cache_hit,       ///< The stored access token is fresh and was handed out.
    waited,          ///< Another caller of this keeper was at work on the identity.
    adopted,         ///< Somebody else had refreshed the token; theirs is used.
    seeded,          ///< A row was made, or given a new login, from a refresh token of the program's.
    marked,          ///< The spend marker is durable; the request follows.
    spent,           ///< A refresh or grant token is being sent.
    replayed,        ///< The same refresh token is being sent again within the provider's grace.
    settled,         ///< An old doubt is being settled by one spend.
    saved,           ///< The new tokens are durable.
    not_saved,       ///< The new tokens could not be saved; they are kept in memory, with the lock.
    dropped,         ///< The new tokens were dropped: the row is gone or holds other tokens.
    taken_back,      ///< The marker was taken back: nothing was spent.
    served_old,      ///< The refresh failed; the old access token, still valid, was handed out.
    refused,         ///< The server refused the refresh or grant token.
    outcome_unknown, ///< No answer that can be understood: the token may have been spent.
    throttled,       ///< The server asked for a pause.
    revoked,         ///< The session was ended on both sides.
    warning,         ///< `detail` says what was odd about an answer or a request.
};

/// One thing that happened. The texts live as long as the call; none is a secret.
struct event {
    event_kind kind{};
    std::string_view id{};          ///< The row's id; empty before there is a row.
    std::string_view fingerprint{}; ///< Of the refresh or grant token concerned; may be empty.
    std::string_view detail{};      ///< In plain words; may be empty.
};

/// The observer that costs nothing. Any callable that takes `const event&` can stand in its place; it may be called
/// from many threads at once, and what it throws is ignored.
struct ignore_events {
    void operator()(const event&) const noexcept {}
};

}} // namespace tokenkeep::v0

#endif
