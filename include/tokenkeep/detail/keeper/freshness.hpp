// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_FRESHNESS_HPP
#define TOKENKEEP_DETAIL_KEEPER_FRESHNESS_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/store/row_view.hpp>
#include <tokenkeep/keeper_options.hpp>
#include <tokenkeep/status.hpp>
#include <tokenkeep/token.hpp>

#include <algorithm>
#include <chrono>
#include <optional>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// How long before its end the row's access token is refreshed: `margin`, but at most a fifth of the token's life. If
/// the row does not say when the token was issued, at most five seconds, as in Zoho's SDKs, which write such rows.
inline std::chrono::milliseconds margin_of(const row_view& row, std::chrono::milliseconds margin) {
    if (!row.expires_at) return std::chrono::milliseconds{0};
    if (!row.issued_at) return (std::min)(margin, std::chrono::milliseconds{5'000});
    return (std::min)(margin, time_between(*row.issued_at, *row.expires_at) / 5);
}

/// How long it is until the access token ends, for a row that says when. Never more than the token's whole life: if it
/// was issued in the future, a clock was wrong, and its end may be wrong too.
inline std::chrono::milliseconds time_left(const row_view& row, timestamp now) {
    const auto left = time_between(now, *row.expires_at);
    return row.issued_at ? (std::min)(left, time_between(*row.issued_at, *row.expires_at)) : left;
}

/// How long the access token may be handed out before it is due. Zero if it is due now. Nullopt if it has no known end.
inline std::optional<std::chrono::milliseconds> fresh_for(const row_view& row, timestamp now,
                                                          std::chrono::milliseconds margin) {
    if (!row.expires_at) return std::nullopt;
    return (std::max)(std::chrono::milliseconds{0}, time_left(row, now) - margin_of(row, margin));
}

/// A limit of the program's own, at most a hundred years.
inline std::chrono::milliseconds session_limit(std::chrono::seconds limit) {
    return (std::min)(limit, std::chrono::seconds(std::chrono::hours(24) * 36'500));
}

/// How long it is until the program's own limits end the row's session; see keeper_options::session_lifetime. Zero if
/// they have ended it. Nullopt if it has no such end.
inline std::optional<std::chrono::milliseconds> session_time_left(const row_view& row, const keeper_options& options,
                                                                  timestamp now) {
    std::optional<std::chrono::milliseconds> left;
    const auto count = [&](std::chrono::seconds limit, const std::optional<timestamp>& since) {
        if (limit.count() <= 0 || !since) return;
        const auto rest = session_limit(limit) - time_between(*since, now);
        left = (std::max)(std::chrono::milliseconds{0}, left ? (std::min)(*left, rest) : rest);
    };
    count(options.session_lifetime, row.logged_in_at);
    count(options.session_idle, row.used_at);
    return left;
}

/// Whether the access token is worth sending. It exists, it is not the one that was just rejected, it has not expired,
/// and the program is not revoking its session.
inline bool is_usable(const token& row, timestamp now, const secret* rejected) {
    if (row.access_token.empty() || (rejected != nullptr && row.access_token == *rejected) || is_revoking(row))
        return false;
    return !row.expires_at || now < *row.expires_at;
}

}}} // namespace tokenkeep::v1::detail

#endif
