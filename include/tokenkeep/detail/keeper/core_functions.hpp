// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_CORE_FUNCTIONS_HPP
#define TOKENKEEP_DETAIL_KEEPER_CORE_FUNCTIONS_HPP

#include <tokenkeep/compilation.hpp>
#include <tokenkeep/detail/keeper/client_credentials.hpp>
#include <tokenkeep/detail/keeper/core.hpp>
#include <tokenkeep/detail/keeper/device_login.hpp>
#include <tokenkeep/detail/keeper/login.hpp>
#include <tokenkeep/detail/keeper/refresh.hpp>
#include <tokenkeep/detail/keeper/revocation.hpp>
#include <tokenkeep/detail/keeper/seeding.hpp>
#include <tokenkeep/detail/keeper/upkeep.hpp>
#include <tokenkeep/text/url.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#ifdef TOKENKEEP_INLINE

namespace tokenkeep { inline namespace v1 { namespace detail {

TOKENKEEP_INLINE keeper_core::keeper_core(erased_store& store, erased_transport& transport, erased_provider& provider,
                                          const keeper_options& options, erased_observer& observer, erased_clock& clock)
    : parts_{store, transport, provider, options, observer, clock} {}

TOKENKEEP_INLINE keeper_core::~keeper_core() {
    lives_->store(false, std::memory_order_release);
    const deadline end = parts_.save_deadline();
    parts_.flights.for_each([&](const std::string&, identity_flight& flight) {
        if (!flight.unsaved) return;
        try {
            parts_.save_unsaved(flight, end);
        } catch (const std::exception&) { // the marker in the row tells the next process
        }
    });
}

TOKENKEEP_INLINE secret keeper_core::access_token(const token& probe, std::optional<deadline> until) {
    if (const auto last = known_.last(probe)) return pin(probe, last->get(), nullptr, until)->access_token;
    if (parts_.store.shows_rows()) {
        const bool needs_deadline = !until && parts_.store.has_until(); // if not, the clock is not asked for one
        std::optional<secret> fresh =
            at_hand(probe, needs_deadline ? parts_.default_deadline() : until.value_or((deadline::max)()));
        if (fresh) return *std::move(fresh);
    }
    return std::move(record(probe, nullptr, until).access_token);
}

TOKENKEEP_INLINE std::optional<secret> keeper_core::fresh_token(const token& probe) {
    if (parts_.store.never_blocks()) return at_hand(probe, (deadline::max)());
    return known_.find(probe, parts_.clock.coarse_now());
}

/// The access token of the probe's row, if nothing is to be done before it is handed out. Nullopt means that more has
/// to be looked at. Copies nothing but the token.
TOKENKEEP_INLINE std::optional<secret> keeper_core::at_hand(const token& given, deadline until) {
    if (!given.grant_token.empty() || !given.refresh_token.empty() || !given.seed.empty()) return std::nullopt;
    if (parts_.serves_clients()) {
        const token probe = parts_.with_client(given);
        return shown(row_view(parts_.asks_for_client(probe) ? parts_.by_seed_of_client(probe) : probe), until);
    }
    row_view probe(given);
    if (parts_.lacks_client(given)) probe.client_id = parts_.provider.client_id();
    return shown(probe, until);
}

/// The same for a probe that names the client.
TOKENKEEP_INLINE std::optional<secret> keeper_core::shown(const row_view& probe, deadline until) {
    std::optional<secret> access;
    std::optional<token> told; // neither the observer nor the clock is called while the store is locked
    const clock_times at = parts_.times();
    const auto visit = [&](const row_view& row) {
        if (!parts_.is_at_hand(row, at)) return;
        access.emplace(row.access_token);
        if (parts_.observer.ignores_events()) return;
        told.emplace();
        told->id = row.id;
        (row.refresh_token.empty() ? told->grant_token = secret(row.grant_token)
                                   : told->refresh_token = secret(row.refresh_token));
    };
    row_access rows = parts_.rows(until);
    parts_.show(rows, probe, visit);
    if (told) parts_.tell(event_kind::cache_hit, *told);
    return access;
}

/// All calls decide here what is to be done.
TOKENKEEP_INLINE token keeper_core::record(const token& given, const secret* rejected, std::optional<deadline> wanted) {
    const token probe = parts_.with_client(given);
    const deadline until = wanted.value_or(parts_.default_deadline());
    row_access rows = parts_.rows(until);
    token row;
    if (!probe.grant_token.empty()) {
        login given_login(parts_, probe, until);
        row = given_login.run();
        if (given_login.has_exchanged()) return row;
        parts_.flight_of(identity_key(row))->publish(); // what sessions know may be older
    } else if (!probe.refresh_token.empty()) {
        row = seeding(parts_, probe, until).run();
    } else {
        if (parts_.asks_for_client(probe)) return token_of_client(probe, rejected, until);
        std::optional<token> found = parts_.find(rows, probe);
        if (!found) throw no_session();
        row = *std::move(found);
        if (parts_.is_of_client(row)) return token_of_client(std::move(row), rejected, until);
        if (is_unexchanged(row)) {
            const token stored_login = row;
            row = login(parts_, stored_login, until).run();
        }
    }
    if (parts_.has_ended(row))
        throw error(errc::reauthorization_required,
                    "tokenkeep: the session has lasted as long as session_lifetime or session_idle allow; the user "
                    "has to log in again");
    if (parts_.fresh(row, rejected)) {
        if (rejected != nullptr)
            parts_.flight_of(identity_key(row))->publish(); // the rejected one is known to sessions
        parts_.tell(event_kind::cache_hit, row);
    } else {
        row = refresh_transaction(parts_, std::move(row), rejected, until).run();
    }
    parts_.note_use(rows, row);
    return row;
}

TOKENKEEP_INLINE http_response keeper_core::send(http_request given, const token& probe,
                                                 std::optional<deadline> until) {
    // An API may reject every token, for example if a scope is missing. Then this pause makes five refreshes in ten
    // minutes. Zoho allows ten.
    constexpr std::chrono::minutes pause_in_vain{2};
    wiped_request request(std::move(given));
    token row = record(probe, nullptr, until);
    http_response response = send_once(*request, row);
    if (!parts_.provider.is_token_rejected(response)) return response;
    const auto flight = parts_.flight_of(identity_key(row));
    if (flight->would_refresh_in_vain(row, parts_.clock.steady_now())) return response;
    const secret rejected = std::move(row.access_token);
    row = record(token{.id = row.id}, &rejected, until);
    response = send_once(*request, row);
    if (parts_.provider.is_token_rejected(response))
        flight->refreshed_in_vain(row, parts_.clock.steady_now() + pause_in_vain);
    return response;
}

TOKENKEEP_INLINE void keeper_core::revoke(const token& probe, std::optional<deadline> until) {
    const deadline end = until.value_or(parts_.default_deadline());
    row_access rows = parts_.rows(end);
    std::optional<token> row = parts_.find_or_seeded(rows, parts_.with_client(probe));
    if (!row) throw no_session();
    revocation(parts_, *std::move(row), end).run();
}

TOKENKEEP_INLINE token keeper_core::log_in_with_device(const token& probe,
                                                       function_ref<void(const device_prompt&)> show,
                                                       std::optional<deadline> until) {
    return device_login(parts_, parts_.with_client(probe), until.value_or((deadline::max)())).run(show);
}

TOKENKEEP_INLINE refresh_due_report keeper_core::refresh_due(std::chrono::milliseconds within,
                                                             function_ref<void(const refresh_due_report&)> progress) {
    return upkeep(parts_).refresh_due(within, progress);
}

TOKENKEEP_INLINE sweep_report keeper_core::sweep(const sweep_policy& policy,
                                                 function_ref<void(const sweep_report&)> progress) {
    return upkeep(parts_).sweep(policy, progress);
}

/// The version is read before the row, so that a change in between is seen at the next call. If the row cannot be
/// looked at again after its version, the token is given and not pinned.
TOKENKEEP_INLINE std::shared_ptr<const pinned_token>
keeper_core::pin(const token& probe, const pinned_token* last, const secret* rejected, std::optional<deadline> until) {
    std::string id = last != nullptr && !probe.access_token.empty() ? last->id : std::string();
    std::shared_ptr<const published_version> published = last != nullptr ? last->published : nullptr;
    for (;;) {
        const std::uint64_t version = published ? published->count.load(std::memory_order_acquire) : 0;
        token row = record(id.empty() ? probe : token{.id = id}, rejected, until);
        if (!probe.access_token.empty()) id = row.id; // its access token will not find the row again
        const auto own = parts_.flight_of(identity_key(row))->published;
        if (own == published) return pin_row(probe, std::move(row), own, version);
        published = own; // known only now: the row is looked at again, after its version
        const std::uint64_t current = own->count.load(std::memory_order_acquire);
        std::optional<token> again;
        try {
            again = parts_.rows(until.value_or(parts_.default_deadline())).find_by_id(row.id);
        } catch (const std::exception&) {
            return std::make_shared<const pinned_token>(
                pinned_token{std::move(row.access_token), std::move(row.id), (deadline::min)(), own, current});
        }
        if (again && again->access_token == row.access_token) return pin_row(probe, std::move(row), own, current);
    }
}

TOKENKEEP_INLINE std::shared_ptr<const pinned_token>
keeper_core::pin_row(const token& probe, token row, std::shared_ptr<const published_version> published,
                     std::uint64_t version) {
    const clock_times at = parts_.times();
    std::optional<std::chrono::milliseconds> lasts = parts_.lasts(row_view(row), at, parts_.options.refresh_margin);
    if (const auto session = parts_.session_lasts(row)) lasts = (std::min)(lasts.value_or(*session), *session);
    const deadline due = lasts ? time_after(at.steady_now, *lasts) : (deadline::max)();
    auto seen = std::make_shared<const pinned_token>(
        pinned_token{std::move(row.access_token), std::move(row.id), due, std::move(published), version});
    known_.note(probe, seen, at.steady_now);
    return seen;
}

TOKENKEEP_INLINE token keeper_core::token_of_client(token wanted, const secret* rejected, deadline until) {
    return client_credentials(parts_, std::move(wanted), rejected, until).run();
}

/// Whether a program has stored the row with a grant token and no other token.
TOKENKEEP_INLINE bool keeper_core::is_unexchanged(const token& row) {
    if (!has_only_grant(row)) return false;
    return read_status(row.status).kind == status_kind::none ||
           parts_.flight_of(identity_key(row))->unmarked(row, parts_.clock.steady_now());
}

TOKENKEEP_INLINE http_response keeper_core::send_once(http_request& request, const token& row) {
    check_target(request, row);
    if (!row.token_type.empty() && !text::equal_ignoring_case(row.token_type, "bearer"))
        parts_.tell(event_kind::warning, row, "the token is not of type bearer");
    erase_header(request.headers, "Authorization"); // the rejected one, when this is the second time
    parts_.provider.authorize(request, row);
    parts_.warn_of_plain_http(request, row);
    return parts_.transport(std::as_const(request));
}

/// Whether a request goes to the record's api_domain.
inline bool goes_home(const http_request& request, const token& row) {
    const bool has_scheme = row.api_domain.find("://") != std::string::npos;
    const std::string home = has_scheme ? row.api_domain : "https://" + row.api_domain;
    const auto from = text::parse_url(home), to = text::parse_url(request.url);
    return from && to && text::same_origin(*from, *to);
}

TOKENKEEP_INLINE void keeper_core::check_target(const http_request& request, const token& row) const {
    const bool is_home = goes_home(request, row);
    plain_http allowed = parts_.provider.allowed_plain_http();
    allowed.to_any_host = allowed.to_any_host && is_home;
    require_secure_url(request.url, allowed);
    if (!is_home && !parts_.options.allow_other_hosts && !row.api_domain.empty())
        throw error(errc::request_rejected, "tokenkeep: the request goes to another host than the record's api_domain; "
                                            "set allow_other_hosts if that is meant");
}

}}} // namespace tokenkeep::v1::detail

#endif // TOKENKEEP_INLINE

#endif
