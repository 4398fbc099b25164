// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_UPKEEP_HPP
#define TOKENKEEP_DETAIL_KEEPER_UPKEEP_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/describe.hpp>
#include <tokenkeep/detail/keeper/refresh.hpp>
#include <tokenkeep/detail/keeper/revocation.hpp>
#include <tokenkeep/identity_key.hpp>
#include <tokenkeep/refresh_due.hpp>
#include <tokenkeep/store_sweep.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <iterator>
#include <optional>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// What a keeper does for all rows of its store: background refreshes, and sweeping.
template <class Parts>
class upkeep {
  public:
    explicit upkeep(Parts& parts) : parts_(parts) {}

    /// Sessions that live at the server are revoked there first.
    template <class Progress>
    sweep_report sweep(const sweep_policy& policy, Progress& progress) {
        if (policy.idle.count() > 0 &&
            (parts_.options.session_idle.count() <= 0 || policy.idle < parts_.options.session_idle))
            throw error(errc::request_rejected, "tokenkeep: to sweep idle sessions, set keeper_options::session_idle, "
                                                "and sweep_policy::idle to at least that");
        const auto remove = [this](const token& row, sweep_reason reason) {
            const bool lives = reason == &sweep_report::lifetime || reason == &sweep_report::idle;
            if (!lives) return parts_.rows(parts_.default_deadline()).remove(row) ? reason : &sweep_report::kept;
            return revoke(row) ? reason : (has_refused_ ? &sweep_report::not_revoked : &sweep_report::kept);
        };
        return sweep_rows(parts_.store, policy, parts_.clock, remove, progress);
    }

    template <class Progress>
    refresh_due_report refresh_due(std::chrono::milliseconds within, Progress& progress) {
        within = std::clamp(within, std::chrono::milliseconds{0}, longest_lifetime);
        refresh_due_report report{.next_in = (std::max)(within / 2, soonest)};
        const auto rows = parts_.store.get_tokens();
        report.total = static_cast<std::size_t>(std::distance(std::begin(rows), std::end(rows)));
        for (const token& row : rows) {
            look_at(row, within, report);
            progress(std::as_const(report));
        }
        return report;
    }

  private:
    static constexpr std::chrono::milliseconds soonest{1'000}, after_failure{30'000};

    /// Whether the row was as expected, and is revoked and removed. If the server refuses for good, the row is marked
    /// as being revoked and stays.
    bool revoke(const token& row) {
        has_refused_ = false;
        try {
            return revocation<Parts>(parts_, row, parts_.default_deadline()).run_if_unchanged();
        } catch (const error& failure) {
            if (is_passing(failure)) throw;
            has_refused_ = true;
            return false;
        }
    }

    void look_at(const token& row, std::chrono::milliseconds within, refresh_due_report& report) {
        const bool can_be_refreshed = !row.refresh_token.empty() && !is_over(row) &&
                                      !is_marked_with(row, row.refresh_token) && !parts_.has_ended(row);
        std::optional<timestamp> due = can_be_refreshed ? due_at(row, within) : std::nullopt;
        if (!can_be_refreshed)
            ++report.skipped;
        else if (!due || parts_.clock.now() < *due)
            ++report.not_due;
        else
            due = refresh(row, within, report);
        if (!due) return;
        const auto wait = (std::max)(time_between(parts_.clock.now(), *due), soonest);
        report.next_in = (std::min)(report.next_in, wait);
    }

    /// Refreshes the session unless another keeper does at the same moment. Gives when it is due again. A failure of
    /// the server is thrown, because it meets the other sessions too; one of this session is counted.
    std::optional<timestamp> refresh(const token& row, std::chrono::milliseconds within, refresh_due_report& report) {
        if (const auto pause = parts_.flight_of(identity_key(row))->pause(parts_.clock.steady_now())) {
            ++report.failed;
            return parts_.clock.now() +
                   std::chrono::ceil<std::chrono::milliseconds>(pause->first - parts_.clock.steady_now());
        }
        try {
            const token fresh =
                refresh_transaction<Parts>(parts_, row, &row.access_token, parts_.default_deadline()).run();
            ++report.refreshed;
            return due_at(fresh, within);
        } catch (const error& failure) {
            if (failure.code() == errc::transport_failure || failure.code() == errc::server_unavailable ||
                failure.code() == errc::client_rejected || failure.code() == errc::rotation_not_saved)
                throw;
            ++report.failed;
            if (!is_passing(failure)) return std::nullopt;
            return parts_.clock.now() + (std::max)(after_failure, failure.retry_after());
        }
    }

    Parts& parts_;
    bool has_refused_ = false;
};

}}} // namespace tokenkeep::v1::detail

#endif
