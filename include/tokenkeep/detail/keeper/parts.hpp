// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_PARTS_HPP
#define TOKENKEEP_DETAIL_KEEPER_PARTS_HPP

#include <tokenkeep/detail/keeper/erased_parts.hpp>
#include <tokenkeep/detail/keeper/flight.hpp>
#include <tokenkeep/detail/keeper/freshness.hpp>
#include <tokenkeep/detail/keeper/new_tokens.hpp>
#include <tokenkeep/detail/keeper/row_access.hpp>
#include <tokenkeep/detail/keeper/steady_expiry.hpp>
#include <tokenkeep/event.hpp>
#include <tokenkeep/identity_key.hpp>
#include <tokenkeep/keeper_options.hpp>
#include <tokenkeep/os/os.hpp>
#include <tokenkeep/rules.hpp>

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

inline error no_session() { return error(errc::token_not_found, "tokenkeep: there is no session for this probe"); }

/// What the clocks say at one moment.
struct clock_times {
    timestamp now{};
    deadline steady_now{};
};

/// The parts of a keeper, and what its transactions do with them.
struct keeper_parts {
    static_assert(std::is_nothrow_move_constructible_v<new_tokens>);

    erased_store& store;
    erased_transport& transport;
    erased_provider& provider;
    keeper_options options;
    erased_observer& observer;
    erased_clock& clock;
    identity_flights flights{};
    steady_expiry seen{};

    /// The store's rows, for calls that end by `until`.
    row_access rows(deadline until) { return row_access(store, clock, until); }
    /// When a call ends that begins now and whose caller names no deadline.
    deadline default_deadline() {
        return time_after(clock.steady_now(), options.effective_lock_timeout(replay_grace()));
    }
    /// When saving what has come from the server ends, if it begins now.
    deadline save_deadline() { return time_after(clock.steady_now(), options.save_timeout); }

    /// How long the lock of an identity is needed at most, if a request begins now: until its answer is saved. Others
    /// who wait for a holder that was killed wait as long.
    std::chrono::milliseconds lease() const { return options.request_timeout + options.save_timeout; }

    /// The flight of an identity; see identity_key.
    std::shared_ptr<identity_flight> flight_of(const std::string& key) { return flights.of(key, clock.steady_now()); }

    /// Tells the observer. What the observer throws is ignored, because a transaction is under way.
    void tell(event_kind kind, const token& row, std::string_view detail = {}) {
        if (observer.ignores_events()) return;
        try {
            const secret& named = row.refresh_token.empty() ? row.grant_token : row.refresh_token;
            const std::string fingerprint = named.empty() ? std::string() : named.fingerprint();
            observer(event{kind, row.id, fingerprint, detail});
        } catch (...) { // an observer cannot stop a transaction
        }
    }

    /// The probe with the provider's client id, if the probe names no client. A probe with an access token and no user
    /// gets no client id, because by_access_token needs a probe without a client. A probe that names neither user nor
    /// token gets the seed of the client's own row, if the provider has client_credentials.
    token with_client(token probe) const {
        if (lacks_client(probe)) probe.client_id = provider.client_id();
        if (serves_clients() && probe.seed.empty() && names_no_login(probe)) probe.seed = seed_of_client(probe);
        return probe;
    }

    /// Whether with_client adds a client id.
    bool lacks_client(const token& probe) const {
        const bool by_access_token = !probe.access_token.empty() && probe.user_name.empty();
        return probe.client_id.empty() && !by_access_token && !provider.client_id().empty();
    }

    /// Whether the provider has client_credentials.
    bool serves_clients() const { return provider.client_credentials(); }
    /// Whether a probe from with_client asks for the client's own row.
    bool asks_for_client(const token& probe) const {
        return serves_clients() && names_no_login(probe) && probe.seed == seed_of_client(probe);
    }
    /// Whether the row is the client's own.
    bool is_of_client(const token& row) const {
        return serves_clients() && !row.seed.empty() && row.user_name.empty() && row.refresh_token.empty() &&
               row.grant_token.empty();
    }

    /// The row that a probe from with_client means. If the probe names a user, a row that was stored without a client
    /// may match too. Some rules apply only if the probe has a client secret, though none compares it: the provider's
    /// is then added.
    std::optional<token> find(row_access& rows, const token& probe) {
        const bool by_its_token = !probe.grant_token.empty() || !probe.refresh_token.empty() || !probe.seed.empty();
        if (!by_its_token || !probe.client_secret.empty()) return find_any_client(rows, probe);
        token with_secret = probe;
        with_secret.client_secret = provider.client_secret();
        return find_any_client(rows, with_secret);
    }

    /// Like find. If only a refresh token says which row is meant, the row that was once seeded with this token is
    /// found too; so is the client's own row, whatever its API domain. If the store's rules do not look for seeds, this
    /// reads all rows.
    std::optional<token> find_or_seeded(row_access& rows, const token& probe) {
        std::optional<token> row;
        if (!asks_for_client(probe)) row = find(rows, probe);
        if (row || !probe.user_name.empty() || !probe.id.empty()) return row;
        if (probe.refresh_token.empty() && !asks_for_client(probe)) return row;
        const token by_hash = probe.refresh_token.empty()
                                  ? by_seed_of_client(probe)
                                  : token{.client_id = probe.client_id,
                                          .api_domain = probe.api_domain,
                                          .seed = text::sha256_hex(probe.refresh_token.reveal()),
                                          .label = probe.label};
        row = find(rows, by_hash);
        if (row || rows.looks_for_seed(by_hash)) return row;
        for (const token& each : rows.all())
            if (matches<same_client<by_seed>>(by_hash, each)) return each;
        return std::nullopt;
    }

    /// What finds the client's own row, whatever its API domain.
    static token by_seed_of_client(const token& probe) {
        return {.client_id = probe.client_id, .seed = probe.seed, .label = probe.label};
    }

    /// Like find, without a copy of the row or of the probe: calls visit(row) if there is a row. The probe names the
    /// client; see erased_store::visit_token.
    void show(row_access& rows, const row_view& probe, function_ref<void(const row_view&)> visit) {
        if (rows.visit(probe, visit) || !may_mean_row_without_client(probe)) return;
        const auto visit_if_without_client = [&](const row_view& row) {
            if (row.client_id.empty()) visit(row);
        };
        rows.visit(without_client(probe), visit_if_without_client);
    }

    /// What the clocks say now. The steady time may be as late as coarse_now is.
    clock_times times() { return {clock.now(), clock.coarse_now()}; }

    /// How long the row's access token may be handed out, up to `margin` before its end. Zero if it is due. Nullopt if
    /// it has no known end. Two clocks count, and the shorter time wins: the wall clock, and the steady clock since the
    /// token was first seen. So no token lives longer if the wall clock is set back, or was ahead when the token came.
    std::optional<std::chrono::milliseconds> lasts(const row_view& row, const clock_times& at,
                                                   std::chrono::milliseconds margin) {
        const std::optional<std::chrono::milliseconds> left = fresh_for(row, at.now, margin);
        if (!left || left->count() == 0) return left;
        const deadline end = seen.end_of(row, time_after(at.steady_now, time_left(row, at.now)));
        const auto steady_left =
            std::chrono::floor<std::chrono::milliseconds>(end - at.steady_now) - margin_of(row, margin);
        return std::clamp(steady_left, std::chrono::milliseconds{0}, *left);
    }
    /// Notes that the row's access token is seen now, so that its time runs; see lasts.
    void note_seen(const token& row) { (void)lasts(row_view(row), times(), std::chrono::milliseconds{0}); }
    /// Whether the access token is worth sending; see is_usable.
    bool usable(const token& row, const secret* rejected) {
        const clock_times at = times();
        return is_usable(row, at.now, rejected) &&
               lasts(row_view(row), at, std::chrono::milliseconds{0}) != std::chrono::milliseconds{0};
    }
    /// Whether the access token is usable and not yet due for refresh.
    bool fresh(const token& row, const secret* rejected) {
        const clock_times at = times();
        return is_usable(row, at.now, rejected) &&
               lasts(row_view(row), at, options.refresh_margin) != std::chrono::milliseconds{0};
    }
    /// Whether nothing is to be done before the row's access token is handed out: it is fresh, its session has not
    /// ended, no request is under way, and its use need not be noted.
    bool is_at_hand(const row_view& row, const clock_times& at) {
        return !row.access_token.empty() && (row.status.empty() || row.status.substr(0, 4) == "none") &&
               session_time_left(row, options, at.now) != std::chrono::milliseconds{0} &&
               !(row.used_at && is_use_old(row, at.now)) && (!row.expires_at || at.now < *row.expires_at) &&
               lasts(row, at, options.refresh_margin) != std::chrono::milliseconds{0};
    }

    /// Whether the program's own limits have ended the row's session.
    bool has_ended(const token& row) const {
        return session_time_left(row_view(row), options, clock.now()) == std::chrono::milliseconds{0};
    }

    /// Notes in the row that its access token is handed out now. The time is written only if the one in the row is
    /// older than a quarter of session_idle. If it cannot be written, the session may end earlier. A row that is being
    /// refreshed is left alone: the refresh compares it with what it has marked.
    void note_use(row_access& rows, token& row) {
        if (!row.used_at || !is_use_old(row_view(row), clock.now()) ||
            read_status(row.status).kind == status_kind::spend)
            return;
        token used = row;
        used.used_at = clock.now();
        try {
            if (rows.replace(row, used)) row = std::move(used);
        } catch (...) { // the access token is handed out all the same
        }
    }

    /// Writes when the session began and was used into a row that does not say so, if a limit needs it.
    void begin_session_if_unknown(token& row) const {
        if (options.session_lifetime.count() > 0 && !row.logged_in_at) row.logged_in_at = clock.now();
        if (options.session_idle.count() > 0 && !row.used_at) row.used_at = clock.now();
    }

    /// Tells the observer after a login if the store does not keep what the limits need.
    void warn_if_without_limits(row_access& rows, const token& logged_in) {
        if (options.session_lifetime.count() <= 0 && options.session_idle.count() <= 0) return;
        try {
            const std::optional<token> row = rows.find_by_id(logged_in.id);
            if (row && (!row->logged_in_at || !row->used_at))
                tell(event_kind::warning, *row,
                     "the store does not keep when a session began, so session_lifetime and session_idle do not count");
        } catch (...) { // the login is done
        }
    }

    /// How long a session value may hand out the row's access token without asking the keeper, if the program's limits
    /// say so: until the session ends, and until its use has to be noted again.
    std::optional<std::chrono::milliseconds> session_lasts(const token& row) const {
        std::optional<std::chrono::milliseconds> left = session_time_left(row_view(row), options, clock.now());
        if (left && options.session_idle.count() > 0 && row.used_at) {
            const std::chrono::milliseconds quarter = note_use_after(), used = time_between(*row.used_at, clock.now());
            left = (std::min)(*left, used < quarter ? quarter - used : quarter);
        }
        return left;
    }

    /// How long a request to the token endpoint may take. If the provider accepts a spent token for a while, a request
    /// whose answer is lost leaves time to send the token again.
    std::chrono::milliseconds request_timeout() const {
        const auto grace = replay_grace();
        if (grace.count() == 0) return options.request_timeout;
        return (std::min)(options.request_timeout,
                          std::max<std::chrono::milliseconds>(std::chrono::seconds(5), grace / 2));
    }

    /// Sends a request about the row to the authorization server. The request is wiped afterwards.
    http_response post(wiped_request request, const token& row, std::chrono::milliseconds timeout) {
        request->timeout = timeout;
        warn_of_plain_http(*request, row);
        return transport(std::as_const(*request));
    }

    /// Tells the observer if a request with a secret goes to another machine without TLS.
    void warn_of_plain_http(const http_request& request, const token& row) {
        if (is_plain_http(request.url))
            tell(event_kind::warning, row, "a request with a secret goes over plain http, which everybody can read");
    }

    std::chrono::milliseconds replay_grace() const { return provider.replay_grace(); }

    /// How long to pause after a failure: at least as long as the server asked for, and at least the next step of the
    /// backoff. Each step is twice as long as the one before; up to a half of it is taken off by chance. After an
    /// unexplained refusal, the steps are those of next_unexplained_pause.
    std::chrono::milliseconds backoff(identity_flight& flight, std::chrono::milliseconds retry_after,
                                      bool is_unexplained) {
        if (is_unexplained) return (std::max)(retry_after, flight.next_unexplained_pause(clock.steady_now()));
        const unsigned doublings = (std::min)(flight.failures_that_count(clock.steady_now()), 16U);
        const auto step = (std::min)(options.longest_backoff, options.first_backoff * (1 << doublings));
        unsigned char chance = 0;
        random_bytes(&chance, 1);
        return (std::max)(retry_after, step - step * chance / 512);
    }

    /// Step 7, save: writes the new tokens into the row if they still belong there, and gives the row. Nullopt if the
    /// row is gone or holds other tokens. Throws what the store throws, and errc::storage_failure if the row changes
    /// all the time.
    std::optional<token> save_tokens(row_access& store_rows, const new_tokens& tokens) {
        for (int tries = 0; tries < 1'000; ++tries) {
            const std::optional<token> row = store_rows.find_by_id(tokens.marked.id);
            if (!row || !tokens.belong_to(*row)) return std::nullopt;
            token record = tokens.applied_to(*row);
            if (store_rows.replace(*row, record)) return record;
        }
        throw error(errc::storage_failure, "tokenkeep: the row changes all the time");
    }

    /// Step 8, keep what is unsaved: tries again, until the deadline, to save the flight's unsaved tokens, which stay
    /// in the flight. Throws rotation_not_saved_error if that fails. If an answer that was unread brings no tokens, its
    /// outcome is unknown, and the marker in the row is settled.
    void save_unsaved(identity_flight& flight, deadline until) {
        answer_room& room = *flight.unsaved;
        try {
            if (room.unread && !read_again(room)) return tell(event_kind::outcome_unknown, room.tokens.marked);
            row_access store_rows = rows(until);
            const std::optional<token> saved = save_tokens(store_rows, room.tokens);
            if (!saved) drop(store_rows, room.tokens);
            flight.publish();
            if (!room.tokens.answer.access_token.empty()) flight.succeeded();
            if (saved) tell(event_kind::saved, *saved);
        } catch (...) {
            tell(event_kind::not_saved, room.tokens.marked);
            room.throw_not_saved();
        }
    }

    /// Asks the server to revoke the row's tokens (RFC 7009). Does nothing if the provider has no revocation. Throws
    /// what the response means. A token that the server calls invalid counts as revoked.
    void revoke(const token& row) {
        try {
            revoke_once(row);
        } catch (const response_error& refusal) {
            if (refusal.server_code() == "invalid_token" || refusal.server_code() == "invalid_grant")
                return; // the token had ended before
            if (refusal.server_code() != "unsupported_token_type" || row.access_token.empty() ||
                row.refresh_token.empty())
                throw;
            token access_only = row; // RFC 7009 2.2.1: revoke the other token
            access_only.refresh_token.clear();
            revoke_once(access_only);
        }
    }

    /// Gives up new tokens, because their row is gone or holds other tokens. If the server has sent a new refresh
    /// token, and its row is gone or is being revoked, that token is revoked too, if the server can. In all other cases
    /// nothing is revoked: a server may end everything that the user has granted to this client (RFC 7009 2.1), and so
    /// also the row's session.
    void drop(row_access& store_rows, const new_tokens& tokens) {
        const token record = tokens.record();
        tell(event_kind::dropped, record);
        try {
            const bool is_new = record.refresh_token != tokens.marked.refresh_token;
            const std::optional<token> row = store_rows.find_by_id(record.id);
            if (is_new && (!row || is_revoking(*row))) revoke(record);
        } catch (...) { // no caller uses these tokens, revoked or not
        }
    }

  private:
    std::chrono::milliseconds note_use_after() const { return session_limit(options.session_idle) / 4; }
    bool is_use_old(const row_view& row, timestamp now) const {
        return options.session_idle.count() > 0 && time_between(*row.used_at, now) >= note_use_after();
    }

    static bool names_no_login(const token& probe) {
        return probe.id.empty() && probe.user_name.empty() && probe.access_token.empty() &&
               probe.refresh_token.empty() && probe.grant_token.empty();
    }

    /// The seed of the client's own row: the SHA-256 of these words, client id, label and scope, each with its length.
    static std::string seed_of_client(const token& probe) {
        std::string words;
        for (const std::string_view word : {std::string_view("client credentials"), std::string_view(probe.client_id),
                                            std::string_view(probe.label), std::string_view(probe.scope)})
            words.append(std::to_string(word.size())).append(":").append(word);
        return text::sha256_hex(words);
    }

    /// Reads an answer for which there was no memory before. False if it brings no tokens.
    bool read_again(answer_room& room) {
        try {
            room.tokens.answer = provider.read_token_response(**room.unread, room.tokens.marked);
            room.unread.reset();
            return true;
        } catch (const std::bad_alloc&) {
            throw;
        } catch (...) {
            return false;
        }
    }

    std::optional<token> find_any_client(row_access& rows, const token& probe) {
        std::optional<token> row = rows.find(probe);
        if (row || !may_mean_row_without_client(probe)) return row;
        row = rows.find(without_client(probe));
        if (row && !row->client_id.empty()) row.reset();
        return row;
    }

    /// Whether a probe that names a user may also mean a row that was stored without a client. `Probe` is token or
    /// row_view.
    template <class Probe>
    bool may_mean_row_without_client(const Probe& probe) const {
        return !probe.user_name.empty() && !probe.client_id.empty() && probe.client_id == provider.client_id();
    }
    template <class Probe>
    static Probe without_client(Probe probe) {
        probe.client_id = decltype(probe.client_id)();
        probe.client_secret = decltype(probe.client_secret)();
        return probe;
    }

    void revoke_once(const token& row) {
        std::optional<http_request> request = provider.revoke_request(row);
        if (!request) return;
        const wiped_response response(post(wiped_request(*std::move(request)), row, options.request_timeout));
        provider.read_revoke_response(*response);
    }
};

}}} // namespace tokenkeep::v1::detail

#endif
