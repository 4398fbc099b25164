// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_KEEPER_HPP
#define TOKENKEEP_KEEPER_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/keeper/login.hpp>
#include <tokenkeep/detail/keeper/parts.hpp>
#include <tokenkeep/detail/keeper/refresh.hpp>
#include <tokenkeep/detail/keeper/revocation.hpp>
#include <tokenkeep/detail/keeper/seeding.hpp>
#include <tokenkeep/event.hpp>
#include <tokenkeep/fwd.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/keeper_options.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/session.hpp>
#include <tokenkeep/store.hpp>
#include <tokenkeep/text/url.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace tokenkeep { inline namespace v0 {

namespace detail {

template <class O>
concept event_observer = requires(O& observer, const event& e) {
    observer(e);
};

template <class Store, class Transport, class Provider, class Observer, class Clock>
consteval bool explain_keeper() {
    explain_token_store<Store>();
    static_assert(http_transport<Transport>, "tokenkeep: a transport is called with const http_request& and gives "
                                             "http_response; see http_transport in tokenkeep/http.hpp");
    explain_authorization_provider<Provider>();
    static_assert(event_observer<Observer>,
                  "tokenkeep: an observer is called with const event&; see tokenkeep/event.hpp");
    static_assert(clock<Clock>,
                  "tokenkeep: a clock needs now, steady_now, sleep_until and wait_until; see tokenkeep/clock.hpp");
    return true;
}

} // namespace detail

/// Hands out valid access tokens for any probe: the one place where store, transport and provider meet.
///
/// What the probe holds decides what happens. A grant token that is not the row's is exchanged. A refresh token is
/// looked up and, if no row has it or was seeded with it, makes a row. An access token, a user or an id is looked up.
///
/// A refresh is a transaction over the store, so that one refresh token is spent once, however many threads, keepers
/// and processes share the store; nothing that lives is destroyed by a failure:
///   look up - fresh: done, without a lock
///   enter the flight of this identity (one in each keeper), then lock_token
///   R  read again under the lock: if a sibling has refreshed it, adopt that
///   M  write the spend marker into the row, durably, and only if the row is as it was read
///   5  send   6  read how it ended   7  count the expiry from before sending
///   8  write the new tokens, durably, in one write that also clears the marker, only if the row holds what was spent;
///      then hand them out
///   9  if that fails, keep them and the lock, and save them before anything else is spent
///
/// It throws tokenkeep::error; where a refresh fails, the old access token is handed out instead as long as it lives:
///   token_not_found           there is no session for the probe; log in
///   reauthorization_required  the server refused the refresh token, or it was revoked, and the row stays; or it
///                             refused the grant token, and there is no row if there was none before
///   client_rejected, request_rejected   configuration; nothing was spent
///   throttled, server_unavailable, transport_failure   passing; see error::retry_after; nothing was spent
///   outcome_unknown           the answer was lost; the doubt is settled by one spend when nothing is left to lose
///   storage_failure           the store could not take the marker; nothing was sent
///   rotation_not_saved        rotation_not_saved_error, with the new record
///   lock_timeout              not this caller's turn before its deadline
///   ambiguous, invalid_record, malformed_response, unknown_data_center, and what a store of yours throws
///
/// After a failure that has not ended the session a caller without a living token waits out the pause (that of
/// retry_after, or a backoff) if it ends before the caller's deadline; otherwise it gets the failure at once, as do those
/// who waited while it happened. A keeper makes no request in between; each has pauses of its own.
///
/// The store and the transport, the observer and the clock are referred to if they are given by name and owned if they
/// are moved in; the provider is copied. Spelled out, keeper<S&, T&, P> refers and keeper<S, T, P> owns. A keeper can
/// neither be copied nor moved. All members may be called from many threads at once. Only one thing is forbidden: to
/// call back, from a transport or observer, for the identity that is just being refreshed; that is errc::lock_timeout.
template <class Store, class Transport, class Provider, class Observer, class Clock>
class keeper {
    static_assert(detail::explain_keeper<std::remove_reference_t<Store>, std::remove_reference_t<Transport>, Provider,
                                         std::remove_reference_t<Observer>, std::remove_reference_t<Clock>>());
    using parts_type = detail::keeper_parts<Store, Transport, Provider, Observer, Clock>;

  public:
    keeper(Store&& store, Transport&& transport, Provider provider, keeper_options options = {},
           Observer&& observer = Observer{}, Clock&& clock = Clock{})
        : parts_{std::forward<Store>(store),       std::forward<Transport>(transport), std::move(provider), options,
                 std::forward<Observer>(observer), std::forward<Clock>(clock)} {}

    keeper(const keeper&) = delete;
    keeper& operator=(const keeper&) = delete;

    /// Tokens that could not be saved are tried once more; then their locks are released.
    ~keeper() {
        lives_->store(false, std::memory_order_release);
        parts_.flights.for_each([&](const std::string&, auto& flight) {
            if (!flight.unsaved) return;
            try {
                parts_.save_unsaved(flight);
            } catch (const std::exception&) { // the marker in the row tells the next process
            }
        });
    }

    /// An access token that is valid now, of whatever type. Without a deadline a caller waits for its turn as long as
    /// options.lock_timeout says.
    secret access_token(const token& probe, std::optional<deadline> until = {}) {
        return std::move(obtain(probe, nullptr, until).access_token);
    }

    /// The whole row, its access token fresh.
    token record(const token& probe, std::optional<deadline> until = {}) { return obtain(probe, nullptr, until); }

    /// Another access token, after a server answered 401 to `rejected`. If the stored one is another already, that one.
    secret refresh(const token& probe, const secret& rejected, std::optional<deadline> until = {}) {
        return std::move(obtain(probe, &rejected, until).access_token);
    }

    /// Sends the request with the identity's access token; on 401 refreshes it and sends once more. The answer may be
    /// anything, a second 401 included; after that a 401 is the answer at once for two minutes, or until there is another
    /// access token. Throws errc::request_rejected, and sends nothing, for plain http (a loopback
    /// literal apart, where the provider allows it), for another host than the record's api_domain (unless
    /// options.allow_other_hosts), and for tokens that need a proof (dpop, mac). What the transport throws comes through.
    http_response send(http_request given, const token& probe, std::optional<deadline> until = {}) {
        detail::wiped_request request(std::move(given));
        token row = obtain(probe, nullptr, until);
        http_response response = send_once(*request, row);
        if (response.status != 401) return response;
        const auto flight = parts_.flights.of(identity_key(row));
        if (flight->would_refresh_in_vain(row, parts_.clock.steady_now())) return response;
        const secret rejected = std::move(row.access_token);
        row = obtain(token{.id = row.id}, &rejected, until);
        response = send_once(*request, row);
        if (response.status == 401) flight->refreshed_in_vain(row, parts_.clock.steady_now() + pause_in_vain);
        return response;
    }

    /// Ends the session on both sides: the row is marked, the server told (RFC 7009), the row removed. Throws
    /// errc::token_not_found if there is none. If the server cannot be told, the error comes through, nothing of the
    /// row is handed out any more, and the next call finishes the work.
    void revoke(const token& probe, std::optional<deadline> until = {}) {
        std::optional<token> row = parts_.find_or_seeded(parts_.with_client(probe));
        if (!row) throw detail::no_session();
        detail::revocation<parts_type>(parts_, *std::move(row), until.value_or(default_deadline())).run();
    }

    /// The hot path for one identity. The keeper must stay where it is and outlive the session.
    tokenkeep::session session(const token& probe) {
        return tokenkeep::session(
            {.keeper = this,
             .keeper_lives = lives_,
             .now = [](void* self) { return static_cast<keeper*>(self)->parts_.clock.steady_now(); },
             .obtain = &keeper::obtain_pinned},
            probe);
    }

  private:
    deadline default_deadline() {
        return detail::time_after(parts_.clock.steady_now(),
                                  parts_.options.effective_lock_timeout(parts_.replay_grace()));
    }

    /// The row of the probe, its access token fresh: the whole decision of what is to be done.
    token obtain(const token& given, const secret* rejected, std::optional<deadline> wanted) {
        const token probe = parts_.with_client(given);
        const deadline until = wanted.value_or(default_deadline());
        token row;
        if (!probe.grant_token.empty()) {
            detail::login<parts_type> login(parts_, probe, until);
            row = login.run();
            if (login.has_exchanged()) return row;
        } else if (!probe.refresh_token.empty()) {
            row = detail::seeding<parts_type>(parts_, probe, until).run();
        } else {
            std::optional<token> found = parts_.find(probe);
            if (!found) throw detail::no_session();
            row = *std::move(found);
            if (is_unexchanged(row)) {
                const token login = row;
                row = detail::login<parts_type>(parts_, login, until).run();
            }
        }
        if (parts_.fresh(row, rejected)) {
            parts_.tell(event_kind::cache_hit, row);
            return row;
        }
        return detail::refresh_transaction<parts_type>(parts_, std::move(row), rejected, until).run();
    }

    /// A row that a program stored with nothing but a grant token.
    static bool is_unexchanged(const token& row) {
        return row.access_token.empty() && row.refresh_token.empty() && !row.grant_token.empty() &&
               read_status(row.status).kind == status_kind::none;
    }

    /// A resource that refuses whatever it is given, as for a scope that is missing, costs five tokens in ten minutes;
    /// Zoho gives ten.
    static constexpr std::chrono::minutes pause_in_vain{2};

    http_response send_once(http_request& request, const token& row) {
        check_target(request, row);
        if (!row.token_type.empty() && !text::equal_ignoring_case(row.token_type, "bearer"))
            parts_.tell(event_kind::warning, row, "the token is not of type bearer");
        erase_header(request.headers, "Authorization"); // the rejected one, when this is the second time
        parts_.provider.authorize(request, row);
        return parts_.transport(std::as_const(request));
    }

    void check_target(const http_request& request, const token& row) const {
        bool loopback_http = false;
        if constexpr (requires { parts_.provider.allow_loopback_http; })
            loopback_http = parts_.provider.allow_loopback_http;
        if (!text::is_secure_url(request.url, loopback_http))
            throw error(errc::request_rejected, "tokenkeep: an access token is sent over https only");
        if (parts_.options.allow_other_hosts || row.api_domain.empty()) return;
        const bool has_scheme = row.api_domain.find("://") != std::string::npos;
        const std::string home = has_scheme ? row.api_domain : "https://" + row.api_domain;
        const auto from = text::parse_url(home), to = text::parse_url(request.url);
        if (!from || !to || !text::same_origin(*from, *to))
            throw error(errc::request_rejected,
                        "tokenkeep: the request goes to another host than the record's api_domain; "
                        "set allow_other_hosts if that is meant");
    }

    /// For sessions: the token with what says how long it may be given without asking. The version is read before the
    /// row, so that a change in between is seen at the next call.
    static std::shared_ptr<const detail::pinned_token>
    obtain_pinned(void* self, const token& probe, const detail::pinned_token* last, const secret* rejected) {
        keeper& keep = *static_cast<keeper*>(self);
        std::string id = last != nullptr && !probe.access_token.empty() ? last->id : std::string();
        std::shared_ptr<const detail::published_version> published = last != nullptr ? last->published : nullptr;
        for (;;) {
            const std::uint64_t version = published ? published->count.load(std::memory_order_acquire) : 0;
            token row = keep.obtain(id.empty() ? probe : token{.id = id}, rejected, std::nullopt);
            if (!probe.access_token.empty()) id = row.id; // its access token will not find the row again
            const auto own = keep.parts_.flights.of(identity_key(row))->published;
            if (own == published) return keep.pin(std::move(row), own, version);
            published = own; // known only now: the row is looked at again, after its version
            const std::uint64_t current = own->count.load(std::memory_order_acquire);
            const std::optional<token> again = keep.parts_.rows().find_by_id(row.id);
            if (again && again->access_token == row.access_token) return keep.pin(std::move(row), own, current);
        }
    }

    std::shared_ptr<const detail::pinned_token>
    pin(token row, std::shared_ptr<const detail::published_version> published, std::uint64_t version) {
        const auto lasts = parts_.lasts(row, parts_.options.refresh_margin);
        const deadline due = lasts ? detail::time_after(parts_.clock.steady_now(), *lasts) : deadline::max();
        return std::make_shared<const detail::pinned_token>(
            detail::pinned_token{std::move(row.access_token), std::move(row.id), due, std::move(published), version});
    }

    parts_type parts_;
    std::shared_ptr<std::atomic<bool>> lives_ = std::make_shared<std::atomic<bool>>(true);
};

template <class Store, class Transport, class Provider>
keeper(Store&&, Transport&&, Provider&&, keeper_options = {})
    -> keeper<Store, Transport, std::remove_cvref_t<Provider>>;
template <class Store, class Transport, class Provider, class Observer>
keeper(Store&&, Transport&&, Provider&&, keeper_options, Observer&&)
    -> keeper<Store, Transport, std::remove_cvref_t<Provider>, Observer>;
template <class Store, class Transport, class Provider, class Observer, class Clock>
keeper(Store&&, Transport&&, Provider&&, keeper_options, Observer&&, Clock&&)
    -> keeper<Store, Transport, std::remove_cvref_t<Provider>, Observer, Clock>;

}} // namespace tokenkeep::v0

#endif
