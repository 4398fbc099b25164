// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_REVOCATION_HPP
#define TOKENKEEP_DETAIL_KEEPER_REVOCATION_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/keeper/transaction.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Ends a session on both sides: marks the row, tells the server, removes the row. If it is cut off anywhere, the
/// keeper hands out nothing of the row, and the next revocation finishes the work. A login that was made meanwhile
/// stays.
class revocation : transaction {
  public:
    revocation(keeper_parts& parts, token row, deadline until) : transaction(parts, until), row_(std::move(row)) {}

    void run() {
        (void)run_if([](const token&) { return true; });
    }

    /// The same, only if the row still is as it was read. Whether it was.
    bool run_if_unchanged() {
        return run_if([read = row_](const token& row) { return row == read; });
    }

  private:
    template <class MayEnd>
    bool run_if(MayEnd may_end) {
        const identity_lock held(*this, identity_key(row_));
        if (!mark(may_end)) return false;
        held.flight->publish();
        if (!row_.refresh_token.empty() || !row_.access_token.empty()) parts_.revoke(row_);
        deadline_ = (std::max)(deadline_, parts_.save_deadline());
        rows_.end_by(deadline_);
        while (!rows_.remove(row_)) {
            std::optional<token> row = rows_.find_by_id(row_.id);
            if (!row || !is_revoking(*row)) break; // gone, or another login
            row_ = *std::move(row);
            stop_if_late();
        }
        held.flight->publish();
        tell(event_kind::revoked, row_);
        return true;
    }

    /// Writes into the row that its session is being revoked. False if the row as it is now must not end.
    template <class MayEnd>
    bool mark(MayEnd& may_end) {
        for (;;) {
            std::optional<token> row = rows_.find_by_id(row_.id);
            if (!row) throw no_session();
            if (!may_end(*row)) return false;
            token_status status = read_status(row->status);
            if (!is_revoking(*row))
                status = {.kind = status_kind::revoking,
                          .fingerprint = token_status::fingerprint_of(row->refresh_token),
                          .since = parts_.clock.now()};
            row_ = *row;
            row_.status = to_status(status);
            if (rows_.replace(*row, row_)) return true;
            stop_if_late();
        }
    }

    void stop_if_late() const {
        if (is_late()) throw error(errc::lock_timeout, "tokenkeep: the row changes all the time");
    }

    token row_;
};

}}} // namespace tokenkeep::v1::detail

#endif
