// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_REFRESH_HPP
#define TOKENKEEP_DETAIL_KEEPER_REFRESH_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/keeper/transaction.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The refresh transaction. It turns a row whose access token is due into one whose access token is fresh. All callers
/// that share the store together spend the refresh token at most once.
class refresh_transaction : transaction {
  public:
    /// `row` is as just read. `rejected` is an access token that got a 401, or null. If it is empty, the program asks
    /// by name that the refresh token be sent, even if the server has refused it before.
    refresh_transaction(keeper_parts& parts, token row, const secret* rejected, deadline until)
        : transaction(parts, until), row_(std::move(row)), rejected_(rejected) {}

    /// The row with a fresh access token. If the refresh fails and the old access token is usable, the row with the old
    /// one. Otherwise throws the failure.
    token run() {
        try {
            if (is_over(row_) && !may_be_revived()) throw session_is_over();
            const auto flight = parts_.flight_of(identity_key(row_));
            while (!refreshed_during_pause(*flight) && !attempt(*flight)) wait_a_little();
            return std::move(row_);
        } catch (const rotation_not_saved_error&) {
            throw;
        } catch (...) {
            if (!can_be_served(row_, rejected_)) throw;
            tell(event_kind::served_old, row_);
            return std::move(row_);
        }
    }

  private:
    /// Keeps to the pause after a passing failure, unless the refresh token may be sent again now; see waits_for_pause.
    /// True if another caller has then refreshed the row.
    bool refreshed_during_pause(identity_flight& flight) {
        if (is_replay_due() || !waits_for_pause(flight, usable(row_, rejected_))) return false;
        look_again();
        return fresh(row_, rejected_);
    }

    /// Steps 2 to 8, in the flight and under the lock. True if the row can be handed out. False if another sender's
    /// request may still be under way, or if a pause has begun: the caller waits outside, and looks again.
    bool attempt(identity_flight& flight) {
        const flight_lock entered(flight, parts_.clock, deadline_);
        if (entered.waited()) tell(event_kind::waited, row_);
        if (entered.failure_while_waiting()) std::rethrow_exception(entered.failure_while_waiting());
        if (flight.pause(parts_.clock.steady_now()) && !is_replay_due()) return false;
        erased_guard guard = lock(flight, identity_key(row_));
        const secret first_seen = row_.access_token;
        bool may_replay = true; // once in a call
        for (;;) {
            rows_.end_by(deadline_);
            rows_.renew(guard, parts_.lease());
            look_again();
            if (is_refreshed_since(first_seen)) return adopt(flight);
            if (is_over(row_) && !(may_be_revived() && flight.may_revive(parts_.clock.steady_now())))
                throw session_is_over();
            const token_status status = read_status(row_.status);
            if (is_late()) throw error(errc::lock_timeout, "tokenkeep: it could not be decided before the deadline");
            const bool in_doubt =
                is_marked_with(row_, row_.refresh_token) && !flight.unmarked(row_, parts_.clock.steady_now());
            const bool replay = in_doubt && may_replay && replay_time(status).count() > 0;
            if (row_.refresh_token.empty() || (in_doubt && !replay)) {
                if (usable(row_, rejected_)) return true;
                if (in_doubt ? is_young(flight, status) : is_exchange_under_way(flight, status)) return false;
                if (!in_doubt) refuse_without_refresh_token();
            }
            wiped_request request(parts_.provider.refresh_request(row_));
            const token before = row_;
            token_status marker =
                new_marker(row_.refresh_token, in_doubt ? std::optional(status.first_sent) : std::nullopt);
            row_.status = to_status(marker);
            parts_.begin_session_if_unknown(row_);
            // If a login was cut off before, its marker stays.
            answer_room room({.marked = row_,
                              .bought_with = grant_kind::refresh_token,
                              .status = is_marked_with(before, before.grant_token) ? before.status : std::string()});
            tell(event_kind::spent, row_); // before the marker: nothing slow comes between it and the request
            const deadline marked_at = parts_.clock.steady_now();
            try {
                if (!write_marker(before, row_) || !may_still_send(row_, marker, marked_at)) continue;
            } catch (...) {
                if (!in_doubt) flight.note_unsent({.nonce = std::move(marker.nonce)}, status.nonce, marked_at);
                throw;
            }
            const auto timeout = replay ? replay_time(marker) : parts_.request_timeout();
            if (timeout.count() == 0) { // writing the marker took longer than the grace allows
                take_back(before);
                continue;
            }
            room.tokens.marked.status = row_.status; // it may have been marked again
            const outcome result = ask(std::move(request), room, timeout);
            tell(event_kind::marked, row_);
            if (in_doubt) tell(replay ? event_kind::replayed : event_kind::settled, row_);
            may_replay = may_replay && !replay && !result.has_overrun;
            switch (result.kind) {
            case outcome_kind::tokens:
                if (finish(flight, guard, room)) return true;
                break;
            case outcome_kind::not_spent: take_back(before, result.server_code); fail(flight, row_, result.why, result);
            case outcome_kind::refused: refused(flight, result, in_doubt); break;
            case outcome_kind::unknown:
                tell(event_kind::outcome_unknown, row_);
                if (!result.may_be_under_way) note_nothing_under_way(marker);
                if (may_replay && !is_late() && replay_time(marker).count() > 0) break;
                fail(flight, row_,
                     with_reason(error(errc::outcome_unknown,
                                       "tokenkeep: no answer that can be understood; the token may have been spent",
                                       result.retry_after),
                                 result.why),
                     result);
            }
        }
    }

    /// Step 2, reread: reads the row again.
    void look_again() {
        std::optional<token> row = rows_.find_by_id(row_.id);
        if (!row) {
            row_.access_token.clear();
            throw no_session();
        }
        row_ = *std::move(row);
    }

    /// True if the token is fresh, or if another caller just fetched it. (Some servers issue tokens that are already
    /// expired; waiting for a fresh one would never end.)
    bool is_refreshed_since(const secret& first_seen) const {
        if (fresh(row_, rejected_)) return true;
        if (row_.access_token == first_seen || row_.access_token.empty() || is_revoking(row_)) return false;
        if (rejected_ != nullptr && row_.access_token == *rejected_) return false;
        const bool born_expired = row_.expires_at && row_.issued_at && *row_.expires_at <= *row_.issued_at;
        return born_expired || usable(row_, rejected_);
    }

    /// Takes over the token that another caller has fetched. Always true.
    bool adopt(identity_flight& flight) {
        flight.succeeded();
        flight.publish();
        tell(event_kind::adopted, row_);
        return true;
    }

    /// Whether the program asks by name for a refresh token that the server has refused. It may have been in error.
    bool may_be_revived() const { return rejected_ != nullptr && rejected_->empty() && !is_revoking(row_); }

    static error session_is_over() {
        return error(errc::reauthorization_required, "tokenkeep: the session is over; the user has to log in again");
    }

    /// Whether another caller's login may be under way. If the store excludes others, it cannot be: the lock would be
    /// taken.
    bool is_exchange_under_way(identity_flight& flight, const token_status& status) const {
        return !rows_.excludes() && is_marked_with(row_, row_.grant_token) && is_young(flight, status);
    }

    /// For a row without a refresh token: its login was cut off, or the server never gave one.
    [[noreturn]] void refuse_without_refresh_token() const {
        if (is_marked_with(row_, row_.grant_token)) throw lost_login_error();
        throw error(errc::reauthorization_required,
                    "tokenkeep: the access token has ended and there is no refresh token");
    }

    /// How long one more request with the same refresh token may take: until the provider no longer accepts that token,
    /// and at most as long as any request. Zero if none may be sent: that time is shorter than half a second, or the
    /// store does not exclude others.
    std::chrono::milliseconds replay_time(const token_status& marker) const {
        const timestamp now = parts_.clock.now();
        if (!rows_.excludes() || now < marker.first_sent) return std::chrono::milliseconds{0};
        const auto left = parts_.replay_grace() - time_between(marker.first_sent, now);
        if (left < std::chrono::milliseconds{500}) return std::chrono::milliseconds{0};
        return std::min<std::chrono::milliseconds>(left, parts_.options.request_timeout);
    }

    /// Whether the row says that its refresh token may have been spent, and the provider accepts it again now.
    bool is_replay_due() const {
        return is_marked_with(row_, row_.refresh_token) && replay_time(read_status(row_.status)).count() > 0;
    }

    /// Steps 6 and 7, merge and save. True if the new tokens are saved. False if the row now holds other tokens, which
    /// the caller looks at.
    bool finish(identity_flight& flight, erased_guard& guard, answer_room& room) {
        std::optional<token> saved;
        try {
            saved = save(flight, guard, room);
        } catch (const rotation_not_saved_error&) {
            throw;
        } catch (const error&) { // a part is saved
            fail(flight, row_, std::current_exception(), {.is_unexplained = true});
        }
        if (!saved) return false;
        row_ = *std::move(saved);
        if (room.tokens.answer.access_token.empty())
            fail(flight, row_, no_access_token(room.tokens.answer), {.is_unexplained = true});
        return true;
    }

    /// Takes the marker back, if that is possible. An older doubt stays.
    void take_back(const token& before, std::string_view detail = {}) {
        try {
            if (rows_.replace(row_, before)) tell(event_kind::taken_back, before, detail);
        } catch (...) { // the marker stays, and is settled later
        }
        row_ = before;
    }

    /// A response came, so no request is under way any more. Whether the refresh token was spent stays in doubt.
    void note_nothing_under_way(token_status& marker) {
        token cleared = row_;
        marker.last_sent.reset();
        cleared.status = to_status(marker);
        try {
            if (rows_.replace(row_, cleared)) row_ = std::move(cleared);
        } catch (...) { // the marker stays and grows old
        }
    }

    /// The server has refused the refresh token (invalid_grant). If the row still holds that token, marks it refused
    /// and throws. Otherwise another login has put a token there: returns, and the caller looks at it. Over a store
    /// that does not exclude others, another sender may have won and be about to save. The refusal is then believed
    /// only when no other request can be under way. If it settles a doubt, none can, because the marker before was old;
    /// without a compare, as far as read_back_pause keeps two senders apart.
    void refused(identity_flight& flight, const outcome& result, bool settles) {
        const std::exception_ptr refusal = with_reason(
            error(errc::reauthorization_required, "tokenkeep: the server refused the refresh token"), result.why);
        const secret spent = row_.refresh_token;
        const token_status marker = read_status(row_.status);
        tell(event_kind::refused, row_, result.server_code);
        for (;;) {
            look_again();
            if (row_.refresh_token != spent) return;
            if (!settles && !rows_.excludes() && is_young(flight, marker)) {
                if (usable(row_, rejected_)) std::rethrow_exception(refusal);
                wait_a_little();
                rows_.end_by((std::max)(deadline_, parts_.save_deadline()));
                continue;
            }
            token dead = row_;
            dead.status = to_status({.kind = status_kind::refused,
                                     .fingerprint = token_status::fingerprint_of(spent),
                                     .since = parts_.clock.now()});
            try {
                if (!rows_.replace(row_, dead) && !is_late()) continue;
                row_ = std::move(dead);
            } catch (...) { // the marker stays; the next caller that settles it comes here again
            }
            std::rethrow_exception(refusal);
        }
    }

    /// Waits read_back_pause. Throws errc::outcome_unknown if the deadline has passed.
    void wait_a_little() {
        if (is_late()) throw error(errc::outcome_unknown, "tokenkeep: another sender's request may still be under way");
        parts_.clock.sleep_until((std::min)(deadline_, parts_.clock.steady_now() + parts_.options.read_back_pause));
    }

    token row_;
    const secret* rejected_;
};

}}} // namespace tokenkeep::v1::detail

#endif
