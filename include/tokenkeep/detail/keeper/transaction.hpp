// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_TRANSACTION_HPP
#define TOKENKEEP_DETAIL_KEEPER_TRANSACTION_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/keeper/parts.hpp>
#include <tokenkeep/identity_key.hpp>
#include <tokenkeep/os/os.hpp>
#include <tokenkeep/rotation_not_saved.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// How a request to the token endpoint ended.
enum class outcome_kind {
    tokens,    ///< Tokens came.
    not_spent, ///< Certainly nothing was spent.
    refused,   ///< The server refused the refresh or grant token (invalid_grant).
    unknown,   ///< The refresh or grant token may have been spent.
};
struct outcome {
    outcome_kind kind = outcome_kind::unknown;
    std::exception_ptr why{};
    bool may_be_under_way = false; ///< Unknown, and the request may still reach the server.
    bool has_overrun = false;      ///< The transport has taken longer than the request's timeout.
    std::chrono::milliseconds retry_after{0};
    std::string server_code{};   ///< See response_error::server_code.
    bool is_unexplained = false; ///< See response_error::is_unexplained.
};

/// `outer`, with the failure `why` nested in it.
template <class Outer>
std::exception_ptr with_reason(const Outer& outer, const std::exception_ptr& why) {
    try {
        std::rethrow_exception(why);
    } catch (...) {
        try {
            std::throw_with_nested(outer);
        } catch (...) {
            return std::current_exception();
        }
    }
}

/// The error for tokens that came without an access token that can be used. The refresh token is saved by then.
inline std::exception_ptr no_access_token(const token_response& answer) {
    return std::make_exception_ptr(
        response_error(errc::malformed_response,
                       std::string("tokenkeep: the server's answer brought a refresh token, which is saved, but ")
                           .append(sentence_about(answer.missing_access_token)),
                       {.reason = answer.missing_access_token, .is_unexplained = true}));
}

/// The parts of a keeper, and the steps that its transactions share. A transaction is an object that lives for one
/// call. Its steps: 1 look up, 2 reread, 3 mark, 4 send, 5 read the outcome, 6 merge, 7 save, 8 keep what is unsaved.
class transaction {
  protected:
    transaction(keeper_parts& parts, deadline until) : parts_(parts), rows_(parts.rows(until)), deadline_(until) {}

    void tell(event_kind kind, const token& row, std::string_view detail = {}) const { parts_.tell(kind, row, detail); }

    bool is_late() const { return parts_.clock.steady_now() >= deadline_; }

    bool usable(const token& row, const secret* rejected) const { return parts_.usable(row, rejected); }
    bool fresh(const token& row, const secret* rejected) const { return parts_.fresh(row, rejected); }

    /// Takes the identity's lock. If new tokens are unsaved, they are saved first, and their lock is taken over, unless
    /// it may have lapsed. If that fails, throws rotation_not_saved_error, and the tokens and their lock stay (step 8).
    erased_guard lock(identity_flight& flight, const std::string& key) {
        if (flight.unsaved) {
            parts_.save_unsaved(flight, deadline_);
            std::optional<erased_guard> guard = std::move(flight.unsaved->guard);
            flight.unsaved.reset();
            if (rows_.excludes()) return *std::move(guard);
        }
        return rows_.lock(key);
    }

    /// The flight and the lock of an identity. The destructor gives them back in the reverse order.
    struct identity_lock {
        identity_lock(transaction& by, const std::string& key)
            : flight(by.parts_.flight_of(key)),
              entered(*flight, by.parts_.clock, by.deadline_),
              guard(by.lock(*flight, key)) {
            by.rows_.renew(guard, by.parts_.lease());
        }

        std::shared_ptr<identity_flight> flight;
        flight_lock entered;
        erased_guard guard;
    };

    /// A marker for a token that is about to be spent. `first_sent` is given if it may have been sent before.
    token_status new_marker(const secret& spent, std::optional<timestamp> first_sent = std::nullopt) const {
        const timestamp now = parts_.clock.now();
        return {.kind = status_kind::spend,
                .fingerprint = token_status::fingerprint_of(spent),
                .first_sent = first_sent.value_or(now),
                .last_sent = now,
                .nonce = random_hex(8)};
    }

    /// Whether the request of a marker may still be under way. If a marker is from the future, its age counts from when
    /// it was first seen: no clock can block an identity.
    bool is_young(identity_flight& flight, const token_status& marker) const {
        if (!marker.last_sent) return false;
        const timestamp now = parts_.clock.now();
        const auto doubt_expires_after = parts_.options.effective_doubt_expires_after(rows_.excludes());
        if (now >= *marker.last_sent) return time_between(*marker.last_sent, now) < doubt_expires_after;
        const auto steady_now = parts_.clock.steady_now();
        if (flight.future_nonce != marker.nonce) {
            flight.future_nonce = marker.nonce;
            flight.future_nonce_seen = steady_now;
        }
        return steady_now - flight.future_nonce_seen < doubt_expires_after;
    }

    /// Step 3, mark: writes the marker durably, if the row still is as it was read. False if the row has changed: read
    /// it again. If the marker cannot be written, throws errc::storage_failure, or errc::lock_timeout after the
    /// deadline; then nothing is sent.
    bool write_marker(const token& row, const token& marked) {
        try {
            if (!rows_.replace(row, marked)) return false;
        } catch (...) {
            std::throw_with_nested(error(is_late() ? errc::lock_timeout : errc::storage_failure,
                                         "tokenkeep: the spend marker could not be saved; nothing was sent"));
        }
        return marker_stands(marked);
    }

    /// To be called just before the token is sent, which the marker allowed at `marked_at`. If much time has passed
    /// since, because the machine stood still or the store was slow, others may have taken the marker for an old one
    /// and have sent the token themselves. Then this writes the marker again, if the row still is as it was marked.
    /// False if it is not: read it again, and send nothing.
    bool may_still_send(token& marked, token_status& marker, deadline marked_at) {
        const auto doubt = parts_.options.effective_doubt_expires_after(rows_.excludes());
        const auto prompt = std::min<std::chrono::milliseconds>(std::chrono::seconds(2), doubt / 4);
        for (int times = 0; times < most_markers; ++times) {
            const auto now = parts_.clock.steady_now();
            if (now - marked_at <= prompt) return true;
            marked_at = now;
            token again = marked;
            marker.last_sent = parts_.clock.now();
            again.status = to_status(marker);
            if (!write_marker(marked, again)) return false;
            marked = std::move(again);
        }
        return true; // each write takes as long; the last one shows that the row is as it was
    }

    /// Over a store that cannot both exclude others and compare: waits read_back_pause, and checks that the row still
    /// has this marker. If the store keeps no status at all, this cannot be checked: true, and the token may be sent
    /// twice. Over any other store: true.
    bool marker_stands(const token& marked) {
        if (!(rows_.excludes() && rows_.compares())) {
            parts_.clock.sleep_until(parts_.clock.steady_now() + parts_.options.read_back_pause);
            const std::optional<token> row = rows_.find_by_id(marked.id);
            if (!row || row->refresh_token != marked.refresh_token || row->grant_token != marked.grant_token)
                return false;
            const bool keeps_none = row->status.empty() && row->access_token == marked.access_token;
            return row->status == marked.status || keeps_none;
        }
        return true;
    }

    /// Steps 4 and 5, send and read the outcome. What is saved afterwards has save_timeout, whatever the caller's
    /// deadline is. If the transport throws, the request may still be under way, unless the exception says that it was
    /// not sent. Notes it if the transport takes longer than it may. If there is not enough memory to read a 2xx
    /// answer, keeps it in room.unread, and reports tokens.
    outcome ask(wiped_request request, answer_room& room, std::chrono::milliseconds timeout) {
        const token& row = room.tokens.marked;
        outcome result;
        room.tokens.sent = parts_.clock.now();
        const auto latest_end = parts_.clock.steady_now() + timeout + std::chrono::milliseconds(250);
        const auto note_end = [&] {
            rows_.end_by(parts_.save_deadline());
            if (parts_.clock.steady_now() <= latest_end) return;
            result.has_overrun = true;
            tell(event_kind::warning, row, "the transport took longer than http_request::timeout");
        };
        std::optional<wiped_response> response;
        try {
            response.emplace(parts_.post(std::move(request), row, timeout));
            note_end();
        } catch (...) {
            note_end();
            result.why = std::current_exception();
            result.kind = is_not_sent(result.why) ? outcome_kind::not_spent : outcome_kind::unknown;
            result.may_be_under_way = true;
            return result;
        }
        try {
            room.tokens.answer = parts_.provider.read_token_response(**response, row);
            result.kind = outcome_kind::tokens;
            for (const std::string& warning : room.tokens.answer.warnings) tell(event_kind::warning, row, warning);
        } catch (const response_error& refusal) {
            result.why = std::current_exception();
            result.retry_after = (std::max)(refusal.retry_after(), find_retry_after(**response, parts_.clock.now()));
            result.server_code = refusal.server_code();
            result.is_unexplained = refusal.is_unexplained();
            if (refusal.certainly_refused()) {
                const bool invalid_grant = refusal.code() == errc::reauthorization_required;
                result.kind = invalid_grant ? outcome_kind::refused : outcome_kind::not_spent;
            }
        } catch (const std::bad_alloc&) {
            result.why = std::current_exception();
            if ((*response)->status / 100 != 2) return result;
            room.unread.emplace(*std::move(response));
            result.kind = outcome_kind::tokens;
        } catch (...) {
            result.why = std::current_exception();
        }
        return result;
    }

    /// Keeps to the pause after a passing failure. False if there is none. If the caller has a usable token, or its
    /// deadline comes first, throws the failure; if the server asked for the pause, the error says how much is left.
    /// Otherwise waits for the end of the pause.
    bool waits_for_pause(identity_flight& flight, bool has_usable_token) {
        const auto pause = flight.pause(parts_.clock.steady_now());
        if (!pause) return false;
        if (!has_usable_token && pause->first <= deadline_) {
            parts_.clock.sleep_until(pause->first);
            return true;
        }
        try {
            std::rethrow_exception(pause->second);
        } catch (const error& failure) {
            if (failure.retry_after().count() == 0) throw;
            const auto left =
                (std::max)(std::chrono::milliseconds{1},
                           std::chrono::ceil<std::chrono::milliseconds>(pause->first - parts_.clock.steady_now()));
            std::throw_with_nested(error(static_cast<errc>(failure.code().value()),
                                         "tokenkeep: the server has asked for a pause that is not over", left));
        }
    }

    /// Whether the row's access token may still be handed out after a failure. Reads the row once more, if the store
    /// can be read.
    bool can_be_served(token& row, const secret* rejected) {
        rows_.end_by(deadline_);
        if (!usable(row, rejected)) return false;
        try {
            if (std::optional<token> now = rows_.find_by_id(row.id))
                row = *std::move(now);
            else
                return false;
        } catch (...) { // use the row as it was read last
        }
        return usable(row, rejected);
    }

    /// Throws the failure. If it is a std::system_error, callers that wait get it too, and a pause begins.
    [[noreturn]] void fail(identity_flight& flight, const token& row, const std::exception_ptr& why,
                           const outcome& result) {
        try {
            std::rethrow_exception(why);
        } catch (const std::system_error& failure) {
            if (failure.code() == errc::throttled) tell(event_kind::throttled, row, result.server_code);
            const auto pause = parts_.backoff(flight, result.retry_after, result.is_unexplained);
            flight.failed(why, parts_.clock.steady_now(), pause);
            throw;
        }
    }

    static bool is_not_sent(const std::exception_ptr& failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const transport_error& known) {
            return !known.may_have_been_sent();
        } catch (...) {
            return false;
        }
    }

    /// Step 7, save: writes the new tokens durably, in one write, and gives the row. Nullopt if the row is gone or
    /// holds other tokens; the new tokens are then dropped. If the store cannot hold the access token, saves the rest,
    /// and throws errc::invalid_record. If the store does not take them, or they are unread, keeps them with their lock
    /// (step 8) and throws rotation_not_saved_error.
    std::optional<token> save(identity_flight& flight, erased_guard& guard, answer_room& room) {
        const new_tokens& tokens = room.tokens;
        try {
            if (room.unread) throw std::bad_alloc();
            std::optional<token> saved = tokens.record();
            if (!rows_.replace(tokens.marked, *saved)) saved = parts_.save_tokens(rows_, tokens);
            if (!saved) {
                parts_.drop(rows_, tokens);
                return std::nullopt;
            }
            flight.publish();
            if (!tokens.answer.access_token.empty()) flight.succeeded();
            parts_.note_seen(*saved);
            tell(event_kind::saved, *saved);
            return saved;
        } catch (...) {
            if (const std::optional<token> rest = save_without_access_token(tokens)) {
                flight.publish();
                tell(event_kind::saved, *rest);
                std::throw_with_nested(error(errc::invalid_record,
                                             "tokenkeep: the store cannot hold the new access token; the rest of the "
                                             "server's answer is saved; use a store with room for longer tokens"));
            }
            room.guard.emplace(std::move(guard));
            flight.unsaved.emplace(std::move(room)); // this needs no memory
            tell(event_kind::not_saved, flight.unsaved->tokens.marked);
            flight.unsaved->throw_not_saved();
        }
    }

    /// While the failure of a save is handled: if the store refused the record (errc::invalid_record), saves it without
    /// the access token, and gives the row. Nullopt if that is not the failure, or does not help.
    std::optional<token> save_without_access_token(const new_tokens& tokens) {
        try {
            throw;
        } catch (const error& failure) {
            if (failure.code() != errc::invalid_record || tokens.answer.access_token.empty()) return std::nullopt;
        } catch (...) {
            return std::nullopt;
        }
        try {
            new_tokens rest = tokens;
            rest.answer.access_token.clear();
            return parts_.save_tokens(rows_, rest);
        } catch (...) {
            return std::nullopt;
        }
    }

    static constexpr int most_markers = 3;

    keeper_parts& parts_;
    row_access rows_;
    deadline deadline_;
};

}}} // namespace tokenkeep::v1::detail

#endif
