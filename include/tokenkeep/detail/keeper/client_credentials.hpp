// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_CLIENT_CREDENTIALS_HPP
#define TOKENKEEP_DETAIL_KEEPER_CLIENT_CREDENTIALS_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/keeper/transaction.hpp>

#include <chrono>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Tokens of the client itself (RFC 6749 4.4): one row for each client id, label and scope. There is no refresh token,
/// so nothing can be lost: the row is not marked, and a request whose answer is lost is simply sent again. Of all
/// callers that share the store, one asks the server when the token is due.
class client_credentials : transaction {
  public:
    /// `wanted` is the row, or has the seed of a probe without a user; see seed_of_client. `rejected` is an access
    /// token that got a 401, or null.
    client_credentials(keeper_parts& parts, token wanted, const secret* rejected, deadline until)
        : transaction(parts, until), wanted_(std::move(wanted)), rejected_(rejected) {}

    /// The row with a fresh access token. If the server gives none and the old one is usable, the row with the old one.
    token run() {
        std::optional<token> row;
        try {
            for (;;) {
                rows_.end_by(deadline_);
                row = find();
                if (row && fresh(*row, rejected_)) {
                    tell(event_kind::cache_hit, *row);
                    return *std::move(row);
                }
                if (std::optional<token> made = attempt(row)) return *std::move(made);
                if (is_late()) throw error(errc::lock_timeout, "tokenkeep: the row changes all the time");
            }
        } catch (...) {
            if (!row || !can_be_served(*row, rejected_)) throw;
            tell(event_kind::served_old, *row);
            return *std::move(row);
        }
    }

  private:
    std::optional<token> find() {
        if (wanted_.id.empty()) return parts_.find_or_seeded(rows_, wanted_);
        std::optional<token> row = rows_.find_by_id(wanted_.id);
        if (!row) throw no_session();
        return row;
    }

    /// Under the lock of the row, or of the name that the identity has before there is a row. Nullopt: look again.
    std::optional<token> attempt(const std::optional<token>& seen) {
        const std::string key = identity_key(seen ? *seen : wanted_);
        const auto flight = parts_.flight_of(key);
        if (waits_for_pause(*flight, seen && usable(*seen, rejected_))) return std::nullopt;
        const flight_lock entered(*flight, parts_.clock, deadline_);
        if (entered.waited()) tell(event_kind::waited, seen.value_or(wanted_));
        if (entered.failure_while_waiting()) std::rethrow_exception(entered.failure_while_waiting());
        if (flight->pause(parts_.clock.steady_now())) return std::nullopt;
        erased_guard guard = lock(*flight, key);
        rows_.renew(guard, parts_.lease());
        std::optional<token> row = find();
        if (identity_key(row ? *row : wanted_) != key) return std::nullopt;
        if (row && is_revoking(*row))
            throw error(errc::reauthorization_required, "tokenkeep: this token is being revoked; finish with revoke");
        if (row && fresh(*row, rejected_)) {
            flight->succeeded();
            flight->publish();
            tell(event_kind::adopted, *row);
            return row;
        }
        return fetch(*flight, row);
    }

    std::optional<token> fetch(identity_flight& flight, const std::optional<token>& row) {
        const token wanted = as_asked_for(row);
        answer_room room({.marked = wanted, .bought_with = grant_kind::refresh_token});
        wiped_request request(parts_.provider.client_credentials_request(wanted));
        outcome result = ask(std::move(request), room, parts_.options.request_timeout);
        if (result.kind == outcome_kind::tokens) return keep(flight, row, room);
        if (result.kind == outcome_kind::refused)
            result.why =
                with_reason(error(errc::client_rejected, "tokenkeep: the server gives this client no token of its own"),
                            result.why);
        fail(flight, wanted, as_failure(result.why), result);
    }

    /// The row, with the scope and the client secret of the caller if it has come by them and not by the row's id.
    token as_asked_for(const std::optional<token>& row) const {
        if (!row || !wanted_.id.empty()) return row.value_or(wanted_);
        token wanted = *row;
        wanted.scope = wanted_.scope;
        if (!wanted_.client_secret.empty()) wanted.client_secret = wanted_.client_secret;
        return wanted;
    }

    /// What a transport throws may be anything. As an error it begins a pause.
    static std::exception_ptr as_failure(const std::exception_ptr& why) {
        try {
            std::rethrow_exception(why);
        } catch (const std::system_error&) {
            return why;
        } catch (...) {
            return with_reason(error(errc::transport_failure, "tokenkeep: the transport failed"), why);
        }
    }

    /// Writes the token into the row, in one write, and gives the row. The row keeps the scope that was asked for: its
    /// seed and the next request are made of it. Nullopt if the row has changed meanwhile.
    std::optional<token> keep(identity_flight& flight, const std::optional<token>& row, answer_room& room) {
        if (room.unread) throw std::bad_alloc();
        token_response& answer = room.tokens.answer;
        answer.refresh_token.clear(); // RFC 6749 4.4.3: it should not come
        answer.scope.clear();
        if (answer.access_token.empty())
            fail(flight, room.tokens.marked, no_access_token(answer), {.is_unexplained = true});
        token record = room.tokens.record();
        try {
            if (!row)
                record = insert(record);
            else if (!rows_.replace(*row, record))
                return std::nullopt;
        } catch (...) { // no caller asks the server again and again while the store takes nothing
            fail(flight, record, std::current_exception(), {});
        }
        flight.publish();
        flight.succeeded();
        parts_.note_seen(record);
        tell(event_kind::saved, record);
        return record;
    }

    /// Inserts the row, and gives it with its id. A store that does not keep the seed would get a row at each call: it
    /// gets none.
    token insert(const token& record) {
        rows_.save(record);
        if (std::optional<token> row = find()) return *std::move(row);
        for (const token& each : rows_.all())
            if (each.access_token == record.access_token && each.client_id == record.client_id) rows_.remove(each);
        throw error(errc::invalid_record, "tokenkeep: the store does not keep the field seed, by which a token of the "
                                          "client itself is found again; use a store with all fields");
    }

    token wanted_;
    const secret* rejected_;
};

}}} // namespace tokenkeep::v1::detail

#endif
