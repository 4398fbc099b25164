// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_LOGIN_HPP
#define TOKENKEEP_DETAIL_KEEPER_LOGIN_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/keeper/former.hpp>
#include <tokenkeep/detail/keeper/transaction.hpp>

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The login. The keeper sends a grant token once and never again (RFC 6749 4.1.2). The new tokens replace what the row
/// held before.
class login : transaction {
  public:
    /// `probe` holds a grant token. It also says whose it is: by an id, a user, or at least a client id. If the grant
    /// token was sent already and tokens came, `come` has them, and nothing is sent.
    login(keeper_parts& parts, const token& probe, deadline until, answer_room* come = nullptr)
        : transaction(parts, until), probe_(require_owner(probe)), come_(come) {}

    /// The probe, if it says whose login it is. Otherwise throws errc::invalid_record.
    static const token& require_owner(const token& probe) {
        if (probe.id.empty() && probe.user_name.empty() && probe.client_id.empty())
            throw error(errc::invalid_record, "tokenkeep: a login needs a user or a client to go with it");
        return probe;
    }

    /// The row of this login. A grant token that was exchanged before is not exchanged again, so the row's access token
    /// may be due.
    token run() {
        for (;;) {
            if (std::optional<token> row = parts_.find(rows_, probe_); row && is_done(*row)) return *std::move(row);
            if (std::optional<token> row = under_first_lock()) return *std::move(row);
            if (is_late()) throw error(errc::lock_timeout, "tokenkeep: others are logging in all the time");
        }
    }

    /// Whether this call exchanged the grant token and saved the tokens that came.
    bool has_exchanged() const { return has_exchanged_; }
    /// Whether the tokens that had come are this login's now: saved, or kept with the identity's lock.
    bool has_taken_tokens() const { return is_sent_; }

  private:
    static bool has_tokens(const token& row) { return !row.access_token.empty() || !row.refresh_token.empty(); }

    /// Whether the row holds the tokens of this grant token, or of a login after it. If its status names the grant
    /// token, its tokens are older.
    bool is_done(const token& row) const {
        if (row.grant_token != probe_.grant_token)
            return is_former_hash(row.former, text::sha256_hex(probe_.grant_token.reveal()));
        return has_tokens(row) &&
               read_status(row.status).fingerprint != token_status::fingerprint_of(probe_.grant_token);
    }
    bool is_in_doubt(const token& row) const { return is_marked_with(row, probe_.grant_token); }

    /// Takes a lock and goes on under it. If the row has tokens, it is the row's lock. If not, it is the lock of the
    /// name that the identity has before there are tokens. The caller that makes the row holds it until the row has
    /// tokens. Nullopt: look again.
    std::optional<token> under_first_lock() {
        const std::optional<token> seen = parts_.find(rows_, probe_);
        const bool is_first = !seen || !has_tokens(*seen);
        const std::string key = identity_key(is_first ? probe_ : *seen);
        identity_lock held(*this, key);
        const std::optional<token> row = parts_.find(rows_, probe_);
        if (!row) return is_first ? first_login(held, key) : std::nullopt;
        const std::string own_key = identity_key(*row);
        if (own_key == key) return under_own_lock(held, held, *row);
        if (!is_first) return std::nullopt;
        identity_lock own(*this, own_key);
        const std::optional<token> now = parts_.find(rows_, probe_);
        if (!now || identity_key(*now) != own_key) return std::nullopt;
        return under_own_lock(held, own, *now);
    }

    /// There is no row. Step 3, mark: inserts one with the marker in it, and takes its lock, before anything is sent.
    std::optional<token> first_login(identity_lock& held, const std::string& key) {
        token record = probe_;
        record.code_verifier.clear();
        token_status marker = new_marker(probe_.grant_token);
        record.status = to_status(marker);
        wiped_request request = request_for(record, probe_.code_verifier);
        try {
            rows_.save(record);
            return send_inserted(held, key, record, std::move(request));
        } catch (...) { // the save may have taken place all the same
            if (!is_sent_) {
                held.flight->note_unsent({.nonce = std::move(marker.nonce)}, {}, parts_.clock.steady_now());
                take_back_insertion(record);
            }
            throw;
        }
    }

    /// Takes the lock of the row that was inserted, and sends the grant token. Nullopt: look again.
    std::optional<token> send_inserted(identity_lock& held, const std::string& key, const token& record,
                                       wiped_request request) {
        const std::optional<token> row = find_by_status(record);
        if (!row) return std::nullopt;
        if (!is_as_inserted(*row, record)) return take_back(*row);
        const std::string own_key = identity_key(*row);
        if (own_key == key) return send_if_marked(held, *row, std::move(request));
        identity_lock own(*this, own_key);
        return send_if_marked(own, *row, std::move(request));
    }

    /// Sends the grant token if the row still is as it was marked. Nullopt: look again.
    std::optional<token> send_if_marked(identity_lock& held, const token& row, wiped_request request) {
        if (!marker_stands(row) || rows_.find_by_id(row.id) != row) return std::nullopt;
        answer_room room = room_for(row);
        return send(held, std::nullopt, room, std::move(request));
    }

    /// Nothing was sent. Removes the row that this call has inserted, if that is possible.
    void take_back_insertion(const token& record) {
        try {
            const std::optional<token> row = find_by_status(record);
            if (!row) return;
            if (is_as_inserted(*row, record))
                rows_.remove(*row);
            else
                take_back(*row);
        } catch (...) { // the marker stays and says that the outcome is unknown
        }
    }

    /// Whether the row is this call's own: not another caller's into which the save was merged.
    static bool is_as_inserted(const token& row, const token& record) {
        token inserted = record;
        inserted.id = row.id;
        return row == inserted;
    }

    /// The save was merged into another caller's row, which had appeared meanwhile. Takes this call's marker and grant
    /// token out of that row again. The next look finds the row.
    std::nullopt_t take_back(const token& row) {
        token theirs = row;
        theirs.grant_token.clear();
        theirs.status.clear();
        undo(row, theirs);
        return std::nullopt;
    }

    /// The row that carries this call's marker, even if the store's rules do not find it.
    std::optional<token> find_by_status(const token& record) {
        if (std::optional<token> row = parts_.find(rows_, record); row && row->status == record.status) return row;
        for (const token& row : rows_.all())
            if (row.status == record.status) return row;
        return std::nullopt;
    }

    /// There is a row. `held` is its lock. `first` is the lock that this call took first; it may be the same. Step 3,
    /// mark: writes the marker, and then sends the grant token. Throws if the grant token was refused or may have been
    /// sent before. Nullopt: look again.
    std::optional<token> under_own_lock(const identity_lock& first, identity_lock& held, const token& row) {
        if (is_done(row)) return row;
        if (const token_status status = read_status(row.status);
            status.kind == status_kind::refused && status.is_about(probe_.grant_token))
            throw error(errc::reauthorization_required, "tokenkeep: the server has refused this grant token");
        const std::optional<token> unmarked = first.flight->unmarked(row, parts_.clock.steady_now());
        const token& before = unmarked ? *unmarked : row;
        if (is_in_doubt(row) && !unmarked) {
            if (!rows_.excludes() && is_young(*held.flight, read_status(row.status)) && !is_late()) {
                parts_.clock.sleep_until(
                    (std::min)(deadline_, parts_.clock.steady_now() + parts_.options.read_back_pause));
                return std::nullopt;
            }
            throw lost_login_error();
        }
        token marked = merge(before, what_is_asked_for());
        marked.id = row.id;
        marked.scope = probe_.scope;
        const bool is_stored = before.grant_token == probe_.grant_token;
        if (!is_stored) marked.former = with_former_token(before.former, before.grant_token);
        marked.code_verifier = without_verifier(before);
        end_what_is_over(before, marked);
        token_status marker = new_marker(probe_.grant_token);
        marked.status = to_status(marker);
        answer_room room = room_for(marked);
        wiped_request request =
            request_for(marked, is_stored && !has_code_verifier(probe_) ? before.code_verifier : probe_.code_verifier);
        unsent_marker unsent{.nonce = std::move(marker.nonce), .before = before, .after = marked};
        try {
            if (!write_marker(row, marked)) return std::nullopt;
        } catch (...) { // the marker may have been written all the same
            first.flight->note_unsent(std::move(unsent), read_status(row.status).nonce, parts_.clock.steady_now());
            undo(marked, before);
            throw;
        }
        return send(held, before, room, std::move(request));
    }

    static answer_room room_for(const token& marked) {
        return answer_room({.marked = marked, .bought_with = grant_kind::authorization_code});
    }

    /// What the probe says about the login, without what it says about tokens that it may hold.
    token what_is_asked_for() const {
        token given = probe_;
        given.access_token.clear();
        given.refresh_token.clear();
        given.code_verifier.clear();
        for (const auto member :
             {&token::expires_at, &token::issued_at, &token::refresh_expires_at, &token::logged_in_at, &token::used_at})
            (given.*member).reset();
        for (const auto member : {&token::status, &token::former}) (given.*member).clear();
        return given;
    }

    /// The code verifier goes with the grant token, and is in no row while the grant token may be spent: a grant token
    /// is sent once.
    wiped_request request_for(token record, const secret& code_verifier) {
        if (come_ != nullptr) return wiped_request({});
        record.code_verifier = code_verifier;
        return wiped_request(parts_.provider.exchange_request(record));
    }

    /// What a row holds in the place of its code verifier once that was sent. A store that only merges cannot empty it.
    secret without_verifier(const token& row) const {
        return row.code_verifier.empty() || rows_.compares() ? secret() : secret(used_code_verifier);
    }

    /// The marker of a login replaces the note that the old session was refused or is being revoked. So that this
    /// session does not come back to life, its refresh token goes first. If it is being revoked, its access token goes
    /// too, and the server is told. A store that only merges cannot empty a token: the tokens stay, and the access
    /// token of a session that is being revoked is at least expired.
    void end_what_is_over(const token& row, token& marked) {
        if (!is_over(row)) return;
        if (rows_.compares()) marked.refresh_token.clear();
        if (!is_revoking(row)) return;
        if (rows_.compares()) marked.access_token.clear();
        marked.expires_at = timestamp{};
        try {
            parts_.revoke(row);
        } catch (...) { // the server could not be told; the login goes on
        }
    }

    /// Steps 4 to 8. The row holds the marker. `before` is the row without it; nullopt if this call has inserted it.
    std::optional<token> send(identity_lock& held, const std::optional<token>& before, answer_room& room,
                              wiped_request request) {
        const token& marked = room.tokens.marked;
        tell(event_kind::marked, marked);
        tell(event_kind::spent, marked);
        is_sent_ = true;
        const outcome result =
            come_ != nullptr ? take_over(room) : ask(std::move(request), room, parts_.options.request_timeout);
        switch (result.kind) {
        case outcome_kind::tokens: return keep(held, room);
        case outcome_kind::unknown:
            tell(event_kind::outcome_unknown, marked);
            std::rethrow_exception(with_reason(lost_login_error(), result.why));
        case outcome_kind::refused:
            tell(event_kind::refused, marked, result.server_code);
            undo(marked, before, status_kind::refused);
            break;
        case outcome_kind::not_spent: undo(marked, before); break;
        }
        std::rethrow_exception(result.why);
    }

    /// In place of steps 4 and 5, if the tokens came before.
    outcome take_over(answer_room& room) {
        room.tokens.answer = std::move(come_->tokens.answer);
        room.tokens.sent = come_->tokens.sent;
        if (come_->unread) room.unread.emplace(*std::move(come_->unread));
        rows_.end_by(parts_.save_deadline());
        return {.kind = outcome_kind::tokens};
    }

    /// Step 7, save: gives the row with the new tokens. If another login has taken the row meanwhile, gives it as it
    /// now is.
    std::optional<token> keep(identity_lock& held, answer_room& room) {
        std::optional<token> row = save(*held.flight, held.guard, room);
        has_exchanged_ = row.has_value();
        if (row) parts_.warn_if_without_limits(rows_, *row);
        if (!row) row = rows_.find_by_id(room.tokens.marked.id);
        if (!row) throw no_session();
        if (has_exchanged_ && room.tokens.answer.access_token.empty())
            std::rethrow_exception(no_access_token(room.tokens.answer));
        return row;
    }

    /// Nothing was spent, or the server refused the grant token. Puts the row back as it was, if that is possible;
    /// removes it if there was none. The grant token may have to stay: it was there before, or the store only merges
    /// and cannot empty it. Then the status says what became of it, because the tokens beside it are of another login.
    /// If the status already says something about the refresh token, that is more important and stays. The code
    /// verifier of a grant token that was refused does not come back.
    void undo(const token& marked, std::optional<token> before, status_kind kind = status_kind::none) {
        try {
            const secret& grant = marked.grant_token;
            if (before && kind == status_kind::refused) before->code_verifier = marked.code_verifier;
            const bool stays = before && (before->grant_token == grant || !rows_.compares());
            if (stays && !read_status(before->status).is_about(before->refresh_token))
                before->status = to_status(
                    {.kind = kind, .fingerprint = token_status::fingerprint_of(grant), .since = parts_.clock.now()});
            if (before ? rows_.replace(marked, *before) : rows_.remove(marked)) tell(event_kind::taken_back, marked);
        } catch (...) { // the marker stays and says that the outcome of this grant is unknown
        }
    }

    const token& probe_;
    answer_room* come_;
    bool has_exchanged_ = false;
    bool is_sent_ = false;
};

}}} // namespace tokenkeep::v1::detail

#endif
