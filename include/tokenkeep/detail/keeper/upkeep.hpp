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
#include <optional>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// What a keeper does for all rows of its store: background refreshes, and sweeping.
class upkeep {
  public:
    explicit upkeep(keeper_parts& parts) : parts_(parts) {}

    /// Sessions that live at the server are revoked there first.
    sweep_report sweep(const sweep_policy& policy, function_ref<void(const sweep_report&)> progress) {
        if (policy.idle.count() > 0 &&
            (parts_.options.session_idle.count() <= 0 || policy.idle < parts_.options.session_idle))
            throw error(errc::request_rejected, "tokenkeep: to sweep idle sessions, set keeper_options::session_idle, "
                                                "and sweep_policy::idle to at least that");
        const auto remove = [this](const token& row, sweep_reason reason) -> sweep_reason {
            if (reason == &sweep_report::lifetime || reason == &sweep_report::idle) return revoke(row, reason);
            if (!parts_.rows(parts_.default_deadline()).remove(row)) return &sweep_report::kept;
            parts_.flight_of(identity_key(row))->publish();
            return reason;
        };
        timed_store rows(parts_.store, (deadline::max)());
        return sweep_rows(rows, policy, parts_.clock, remove, progress);
    }

    refresh_due_report refresh_due(std::chrono::milliseconds within,
                                   function_ref<void(const refresh_due_report&)> progress) {
        within = std::clamp(within, std::chrono::milliseconds{0}, longest_lifetime);
        refresh_due_report report{.next_in = (std::max)(within / 2, soonest)};
        const std::vector<token> rows = parts_.store.get_tokens((deadline::max)());
        report.total = rows.size();
        for (const token& row : rows) {
            look_at(row, within, report);
            progress(std::as_const(report));
        }
        return report;
    }

  private:
    static constexpr std::chrono::milliseconds soonest{1'000}, after_failure{30'000};
    static constexpr int most_in_a_row = 3;

    /// Revokes and removes the row if it still is as it was read. Gives the member of the report that counts it. A
    /// failure that meets the other rows too is thrown.
    sweep_reason revoke(const token& row, sweep_reason reason) {
        try {
            return revocation(parts_, row, parts_.default_deadline()).run_if_unchanged() ? reason : &sweep_report::kept;
        } catch (const error& failure) {
            if (failure.code() == errc::token_not_found || failure.code() == errc::lock_timeout)
                return &sweep_report::kept;
            if (is_passing(failure) || failure.code() == errc::client_rejected) throw;
            return &sweep_report::not_revoked;
        }
    }

    void look_at(const token& row, std::chrono::milliseconds within, refresh_due_report& report) {
        const bool can_be_refreshed =
            !row.refresh_token.empty() && !is_over(row) && !is_left_in_doubt(row) && !parts_.has_ended(row);
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

    /// Whether the row's refresh token may have been spent, and it is too early to find out: the old access token can
    /// be used, or the request may still be under way.
    bool is_left_in_doubt(const token& row) {
        if (!is_marked_with(row, row.refresh_token)) return false;
        const std::optional<timestamp> sent = read_status(row.status).last_sent;
        const auto doubt = parts_.options.effective_doubt_expires_after(false);
        return parts_.usable(row, nullptr) || (sent && time_between(*sent, parts_.clock.now()) < doubt);
    }

    /// Refreshes the session unless another keeper does at the same moment. Gives when it is due again.
    std::optional<timestamp> refresh(const token& row, std::chrono::milliseconds within, refresh_due_report& report) {
        const auto steady_now = parts_.clock.steady_now();
        if (const auto pause = parts_.flight_of(identity_key(row))->pause(steady_now)) {
            ++report.failed;
            return parts_.clock.now() + std::chrono::ceil<std::chrono::milliseconds>(pause->first - steady_now);
        }
        try {
            const secret* held = row.access_token.empty() ? nullptr : &row.access_token;
            const token fresh = refresh_transaction(parts_, row, held, parts_.default_deadline()).run();
            ++report.refreshed;
            failures_in_a_row_ = 0;
            return due_at(fresh, within);
        } catch (const error& failure) {
            count(failure);
            ++report.failed;
            if (!is_passing(failure)) return std::nullopt;
            return parts_.clock.now() + (std::max)(after_failure, failure.retry_after());
        }
    }

    /// While a failure is handled: throws it if it meets the other sessions too. A failure of the store does. One of
    /// the server, the network or the client may be due to this session alone; the third in a row is not.
    void count(const error& failure) {
        switch (static_cast<errc>(failure.code().value())) {
        case errc::reauthorization_required:
        case errc::token_not_found:
        case errc::throttled:
        case errc::lock_timeout:
        case errc::request_rejected:
        case errc::invalid_record:
        case errc::ambiguous:
        case errc::malformed_response:
        case errc::unknown_data_center: failures_in_a_row_ = 0; return;
        case errc::transport_failure:
        case errc::server_unavailable:
        case errc::outcome_unknown:
        case errc::client_rejected:
            if (++failures_in_a_row_ < most_in_a_row) return;
            [[fallthrough]];
        case errc::storage_failure:
        case errc::storage_corrupt:
        case errc::store_gone:
        case errc::permissions:
        case errc::unsupported_version:
        case errc::not_saved:
        case errc::indeterminate:
        case errc::rotation_not_saved: throw;
        }
    }

    keeper_parts& parts_;
    int failures_in_a_row_ = 0;
};

}}} // namespace tokenkeep::v1::detail

#endif
