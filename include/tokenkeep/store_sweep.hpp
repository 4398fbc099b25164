// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_STORE_SWEEP_HPP
#define TOKENKEEP_STORE_SWEEP_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/store/compared_write.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/status.hpp>
#include <tokenkeep/store.hpp>
#include <tokenkeep/token.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>

namespace tokenkeep { inline namespace v1 {

/// Which rows a sweep deletes. A limit of 0 deletes none.
///   sweep_policy policy{.lifetime = 30 * 24h, .dead_for = 24h};
struct sweep_policy {
    std::chrono::seconds lifetime{0}; ///< Sessions whose login is so long ago (`logged_in_at`).
    /// Sessions of which no token was handed out for so long (`used_at`). Only if the keepers of this store have a
    /// keeper_options::session_idle, and that is not longer: without it, `used_at` is the time of the login.
    std::chrono::seconds idle{0};
    std::chrono::seconds dead_for{0}; ///< Sessions whose refresh token the server refused, or which were revoked.
    std::chrono::seconds unexchanged_for{0}; ///< Rows with a grant token and no other token: logins that were cut off.
    /// Sessions whose refresh token ended more than a day ago (`refresh_expires_at`), and whose access token has ended.
    bool refresh_expired = false;
};

/// What a sweep has done so far, or in all.
struct sweep_report {
    std::size_t total = 0; ///< Rows that the store had at the beginning.
    std::size_t kept = 0;  ///< Rows that are not over, or have changed.
    std::size_t lifetime = 0, idle = 0, dead = 0, unexchanged = 0, refresh_expired = 0; ///< Rows deleted, by reason.
    std::size_t not_revoked = 0; ///< Rows that the server refuses to revoke, and that stay. See keeper::sweep.

    /// How many rows were deleted.
    std::size_t deleted() const { return lifetime + idle + dead + unexchanged + refresh_expired; }
    /// How many rows have been looked at so far.
    std::size_t done() const { return kept + deleted() + not_revoked; }
};

namespace detail {

struct ignore_sweeping {
    void operator()(const sweep_report&) const noexcept {}
};

/// Why a row is deleted: the member of the report that counts it.
using sweep_reason = std::size_t sweep_report::*;

/// What a sweep wants to know of one row.
class swept_row {
  public:
    swept_row(const token& row, const sweep_policy& policy, timestamp now)
        : row_(row), policy_(policy), now_(now), status_(read_status(row.status)) {}

    /// Nullopt if the row stays.
    std::optional<sweep_reason> reason() const {
        if (is_over(row_) && is_past(policy_.dead_for, status_.since)) return &sweep_report::dead;
        if (is_past(policy_.lifetime, row_.logged_in_at)) return &sweep_report::lifetime;
        if (is_past(policy_.idle, row_.used_at) && !has_only_grant(row_)) return &sweep_report::idle;
        if (has_only_grant(row_) && is_past(policy_.unexchanged_for, began())) return &sweep_report::unexchanged;
        if (policy_.refresh_expired && has_expired()) return &sweep_report::refresh_expired;
        return std::nullopt;
    }

    /// The row with a time that it lacks, from which on a limit counts. Nullopt if it lacks none.
    std::optional<token> with_first_sight() const {
        token seen = row_;
        if (policy_.dead_for.count() > 0 && is_over(row_) && !status_.since) {
            token_status status = status_;
            status.since = now_;
            seen.status = to_status(status);
        } else if (policy_.unexchanged_for.count() > 0 && has_only_grant(row_) && !began()) {
            seen.used_at = now_;
        } else {
            return std::nullopt;
        }
        return seen;
    }

  private:
    bool is_past(std::chrono::seconds limit, const std::optional<timestamp>& since) const {
        return limit.count() > 0 && since &&
               std::chrono::floor<std::chrono::seconds>(time_between(*since, now_)) >= limit;
    }
    /// When a login began that was cut off: when its grant token was sent, or when a sweep saw it first.
    std::optional<timestamp> began() const {
        return status_.kind == status_kind::spend ? std::optional(status_.first_sent) : row_.used_at;
    }
    bool has_expired() const {
        return is_past(std::chrono::hours(24), row_.refresh_expires_at) &&
               (row_.access_token.empty() || (row_.expires_at && *row_.expires_at <= now_));
    }

    const token& row_;
    const sweep_policy& policy_;
    timestamp now_;
    token_status status_;
};

/// Looks at every row of the store. `remove(row, reason)` removes a row that is over, and gives the member of the
/// report that counts it then.
template <class Store, class Clock, class Remove, class Progress>
sweep_report sweep_rows(Store& store, const sweep_policy& policy, Clock& clock, Remove remove, Progress& progress) {
    sweep_report report;
    std::exception_ptr not_erased;
    const auto rows = store.get_tokens();
    report.total = static_cast<std::size_t>(std::distance(std::begin(rows), std::end(rows)));
    for (const token& row : rows) {
        const swept_row swept(row, policy, clock.now());
        sweep_reason counted = &sweep_report::kept;
        if (const std::optional<sweep_reason> reason = swept.reason()) {
            try {
                counted = remove(row, *reason);
            } catch (const error& failure) { // S10 of token_store: the row may be gone, and its bytes not erased
                if (failure.code() != errc::storage_failure || store.find_token_by_id(row.id)) throw;
                not_erased = std::current_exception();
                counted = *reason;
            }
        } else if (const std::optional<token> seen = swept.with_first_sight()) {
            replace_row(store, store_compares(store), row, *seen);
        }
        ++(report.*counted);
        progress(std::as_const(report));
    }
    if (not_erased) std::rethrow_exception(not_erased);
    return report;
}

} // namespace detail

/// Deletes the rows that are over. The server is not told; keeper::sweep tells it.
///   const sweep_report report = sweep(store, {.dead_for = 24h, .unexchanged_for = 1h});
///   sweep(store, policy, [](const sweep_report& so_far) { show(so_far.done(), so_far.total); });
///
/// Other programs and keepers may go on using the store. A row is deleted only if it still is as it was read, so never
/// one that was refreshed meanwhile. In a store that cannot compare, the row is read once more just before. If a row
/// does not say since when it is dead or unexchanged, its time counts from the first sweep with that limit, which
/// writes it down.
///
/// It may be stopped and called again at any time. `progress(const sweep_report&)` is called after each row. If it
/// throws, the sweep ends. sweep throws what the store throws. If rows are gone and their bytes could not be erased,
/// such as in an SQLite file that another process reads, sweep goes on, and throws errc::storage_failure at the end.
/// Cost: one look at all rows, which are in memory
/// meanwhile, and one write for each row that is deleted.
template <token_store Store, std::invocable<const sweep_report&> Progress = detail::ignore_sweeping,
          class Clock = system_clock>
sweep_report sweep(Store& store, const sweep_policy& policy, Progress progress = {}, Clock&& clock = Clock{}) {
    const auto remove = [&](const token& row, detail::sweep_reason reason) {
        return detail::remove_row(store, detail::store_compares(store), row) ? reason : &sweep_report::kept;
    };
    return detail::sweep_rows(store, policy, clock, remove, progress);
}

}} // namespace tokenkeep::v1

#endif
