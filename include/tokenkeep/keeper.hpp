// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_KEEPER_HPP
#define TOKENKEEP_KEEPER_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/keeper/core.hpp>
#include <tokenkeep/detail/keeper/core_functions.hpp>
#include <tokenkeep/detail/keeper/erased_parts.hpp>
#include <tokenkeep/detail/keeper/fitting.hpp>
#include <tokenkeep/detail/store/erased_store.hpp>
#include <tokenkeep/event.hpp>
#include <tokenkeep/fwd.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/keeper_options.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/refresh_due.hpp>
#include <tokenkeep/session.hpp>
#include <tokenkeep/store.hpp>
#include <tokenkeep/store_sweep.hpp>

#include <chrono>
#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

namespace tokenkeep { inline namespace v1 {

/// Hands out access tokens that are valid now. It uses a store, a transport and a provider of yours.
///   tokenkeep::file_store store{"tokens.tkj"};
///   tokenkeep::keeper keep{store, transport, provider};
///   tokenkeep::secret access = keep.access_token({.user_name = "ada"});
///
/// Words: a *probe* is a token of which you fill in what you know. The *row* is the record in the store that it means.
/// An access token is *fresh* until shortly before its end; then it is *due*. To *spend* a refresh or grant token is to
/// send it.
///
/// What the probe holds decides what happens:
///
/// | the probe holds | what the keeper does |
/// | --- | --- |
/// | a grant token that the row has never had | it logs in: it exchanges the grant token, once, and saves the row |
/// | a refresh token that no program gave before | it saves a new row; if the user has a row, a new login in it |
/// | any other refresh token, an access token, a user, an id | it looks the row up |
/// | none of these, and the provider has client_credentials | it gets a token of the client itself |
///
/// A refresh or grant token that a program gave for a user earlier means the row as it is now, and is never sent again;
/// the row remembers the last 16. An old refresh token that came from the server counts as a new login: do not bring
/// one.
///
/// A token of the client itself (RFC 6749 4.4) belongs to the client id, the label and the scope of the probe; its row
/// keeps the scope that was asked for. It is stored, shared and fetched again like the token of a user, but it has no
/// refresh token: if a request fails, nothing
/// is lost, and the next call asks again. The store must keep the field `seed`. One with Zoho's ten columns does not:
/// errc::invalid_record.
///
/// If the access token of the row is due, the keeper refreshes it. A refresh is a transaction over the store, so that
/// all threads, keepers and processes that share the store spend a refresh token once, and no failure destroys a
/// session that still lives:
///   1 look up                 if the access token is fresh, the keeper hands it out, without a lock
///                             else it waits for the other callers of this keeper, then locks the identity
///   2 reread                  if another process has refreshed the token meanwhile, the keeper uses that one
///   3 mark                    the keeper writes its marker into the row, only if the row is as it was read
///   4 send                    it sends the refresh token; if it stood still since 3, it first marks again
///   5 read the outcome        tokens, a refusal, or no answer
///   6 merge                   it puts the answer into the row; the lifetime counts from before the request was sent
///   7 save                    one write puts the new tokens into the row and removes the marker; if the row no longer
///                             holds the token that was spent, the keeper drops the new tokens; then it hands out the
///                             access token
///   8 keep what is unsaved    if the save fails, the keeper holds the tokens and the lock, and saves them before it
///                             sends anything else for this identity
///
/// If a refresh fails and the old access token is still valid, the keeper hands out the old one, except after
/// rotation_not_saved. Otherwise it throws tokenkeep::error. What the store throws at a look-up or at the first save
/// comes through as it is.
///
/// | errc | when | what to do |
/// | --- | --- | --- |
/// | token_not_found | no row matches the probe | let the user log in |
/// | reauthorization_required | the token was refused, a revoke is not finished, or no refresh token | as above |
/// | outcome_unknown, at a refresh | no answer, a 5xx, or one that is not JSON; the cause is nested | try later |
/// | outcome_unknown, at a login | the same; the keeper does not send the grant token again | log in again |
/// | throttled, server_unavailable, transport_failure | temporary; nothing was spent | try after retry_after() |
/// | lock_timeout | others worked on the identity, or kept the store busy, until the deadline | try later |
/// | client_rejected, request_rejected | nothing was spent | correct the configuration |
/// | malformed_response | the answer has no access token; its refresh token is saved | try later |
/// | storage_failure | the store did not take the marker; nothing was sent | look at the store |
/// | rotation_not_saved | see rotation_not_saved_error; also if there was no memory to read the answer | call again |
/// | ambiguous, invalid_record, unknown_data_center | the probe or the row cannot be used | correct it |
/// | invalid_record, the cause nested | the store has no room for the new access token | use another store |
///
/// After a failed refresh request the keeper pauses for this identity, as long as the server asked for and at least for
/// the backoff; see keeper_options. After an unexplained refusal, the pauses last from a minute to an hour; see
/// response_error::is_unexplained. The keeper sends nothing in between. The call that meets the failure throws at once,
/// and so do those that waited for it. A later call without a valid access token waits for the end of the pause, and
/// throws at once if its deadline comes earlier. Each keeper has pauses of its own.
///
/// The keeper refers to a store, transport, observer or clock that is given by name. That part must live longer than
/// the keeper. It owns one that is moved in. It copies the provider. If a keeper is a member of your class, write:
///   decltype(tokenkeep::keeper{store_, transport_, provider_}) keep_{store_, transport_, provider_};   // refers
///   tokenkeep::keeper<tokenkeep::file_store, my_transport, tokenkeep::oauth2_provider> owns_;
///
/// Thread safety: all members may be called from many threads at once. If a transport or an observer calls the keeper
/// for the identity that is just being refreshed, that call gets the old access token if it is valid, and else throws
/// errc::lock_timeout. A keeper can neither be copied nor moved.
template <class Store, class Transport, class Provider, class Observer, class Clock>
class keeper {
    static_assert(detail::explain_keeper<std::remove_reference_t<Store>, std::remove_reference_t<Transport>, Provider,
                                         std::remove_reference_t<Observer>, std::remove_reference_t<Clock>>());

  public:
    keeper(Store&& store, Transport&& transport, Provider provider, keeper_options options = {},
           Observer&& observer = Observer{}, Clock&& clock = Clock{})
        : store_(std::forward<Store>(store)),
          transport_(std::forward<Transport>(transport)),
          provider_(std::move(provider)),
          observer_(std::forward<Observer>(observer)),
          clock_(std::forward<Clock>(clock)),
          core_(store_, transport_, provider_, options, observer_, clock_) {}

    keeper() = delete; // tokenkeep: a keeper needs {store, transport, provider}
    template <class S, detail::given_by_name_with<S, Store, Transport> T>
    keeper(S&&, T&&, Provider, keeper_options = {}) = delete; // tokenkeep: keeper<Store&, ...> refers to a named store
    keeper(const keeper&) = delete;
    keeper& operator=(const keeper&) = delete;

    /// Tries once more to save tokens that the store did not take, for save_timeout in all. If that fails, the tokens
    /// are lost. Then the keeper releases its locks.
    ~keeper() = default;

    /// An access token that is valid now, of any token type. Without `until` the call waits for others as long as
    /// keeper_options::lock_timeout says. If the store is a deadline_store, `until` ends its calls too. Once a refresh
    /// token is sent, the call goes on until its answer is saved, even if `until` passes: for request_timeout, and
    /// save_timeout if the store is a deadline_store. A token without expires_at counts as valid. Cost while the token
    /// is fresh: one look-up in the store.
    ///   keep.access_token({.user_name = "ada", .grant_token = code});   // the login
    ///   secret access = keep.access_token({.user_name = "ada"});
    ///   secret soon = keep.access_token({.user_name = "ada"}, std::chrono::steady_clock::now() + 2s);
    secret access_token(const token& probe, std::optional<deadline> until = {}) {
        return core_.access_token(probe, until);
    }

    /// The access token of the probe's row if it is at hand and fresh, else nullopt. It sends nothing, and does not
    /// wait for files, databases or other machines, so an event loop may call it. If it gives nullopt, call
    /// access_token on a thread that may wait.
    ///   if (auto now = keep.fresh_token({.user_name = "ada"})) use(*now);
    ///
    /// If the store says `never_blocks`, as the stores in memory do, fresh_token asks the store, and throws what it
    /// throws. If not, it answers from what this keeper has seen: after its first call, the keeper remembers the token
    /// that access_token or a session gives for a probe. Like a session, it sees changes by this keeper at once, and
    /// other changes when the token is due. It gives nullopt for a probe with a refresh or grant token or a seed; over
    /// such a store, for a probe with any secret. Cost: one look-up in memory; after its first call, access_token over
    /// such a store copies the whole row.
    std::optional<secret> fresh_token(const token& probe) { return core_.fresh_token(probe); }

    /// The whole row, with an access token that is valid now. Otherwise as access_token.
    ///   std::string scope = keep.record({.user_name = "ada"}).scope;
    token record(const token& probe, std::optional<deadline> until = {}) { return core_.record(probe, nullptr, until); }

    /// Another access token, for a program whose own HTTP client got a 401 for `rejected`. If the store holds another
    /// fresh access token already, refresh gives that one without a request. If `rejected` is empty, the keeper also
    /// sends a refresh token that the server has refused, once a minute at most: the server may have been in error. No
    /// other call ever sends a refused token again. Otherwise as access_token.
    ///   if (status == 401) access = keep.refresh({.user_name = "ada"}, access);
    secret refresh(const token& probe, const secret& rejected, std::optional<deadline> until = {}) {
        return std::move(core_.record(probe, &rejected, until).access_token);
    }

    /// Sends a request to an API with the access token of the probe's row, in the header that the provider writes.
    /// After a 401 the keeper refreshes the token and sends the request once more. It gives any answer back, a second
    /// 401 too. If the second answer is 401, the keeper does not refresh this token after a 401 for two minutes; it
    /// still sends each request once. A provider may say that other answers mean the same; see is_token_rejected.
    ///   http_response me = keep.send({.method = "GET", .url = api + "/me"}, {.user_name = "ada"});
    ///
    /// Throws errc::request_rejected and does not send the request to the API:
    /// - if the URL is plain http, except to this machine if the provider has allow_loopback_http, and to the record's
    ///   api_domain if that begins with http and the provider has allow_plain_http,
    /// - if the token type is dpop or mac, which need a proof that the provider cannot give,
    /// - if the record has an api_domain and the URL has another scheme, host or port (unless
    ///   keeper_options::allow_other_hosts).
    /// What the transport throws comes through. Otherwise as access_token. `until` limits the waiting for a token;
    /// http_request::timeout limits the request to the API.
    http_response send(http_request request, const token& probe, std::optional<deadline> until = {}) {
        return core_.send(std::move(request), probe, until);
    }

    /// Ends the session at the server (RFC 7009) and removes the row. If the provider has no revocation, revoke only
    /// removes the row. If the row is marked and the request then fails, revoke throws, the keeper hands out nothing of
    /// the row any more, and the next revoke finishes the work. Throws errc::token_not_found if there is no row.
    ///   keep.revoke({.user_name = "ada"});
    void revoke(const token& probe, std::optional<deadline> until = {}) { core_.revoke(probe, until); }

    /// Logs a user in on a device without a browser (RFC 8628), and gives the row. The keeper asks the server for a
    /// code and calls show(const device_prompt&). Then it asks for tokens until the user has typed the code into the
    /// page, at the server's pace. The probe names the user, and the scope that is asked for.
    ///   keep.log_in_with_device({.user_name = "ada", .scope = "files"}, [](const device_prompt& prompt) {
    ///       std::printf("Open %s and type %s\n", prompt.verification_url.c_str(), prompt.user_code.c_str());
    ///   });
    ///
    /// Nothing is kept before tokens come, and no lock is held while the user types. If the network or the server fails
    /// meanwhile, the keeper goes on, more slowly. It throws:
    ///   - errc::reauthorization_required if the user refuses;
    ///   - errc::lock_timeout if the code ends or `until` passes; the last failure is nested;
    ///   - errc::outcome_unknown if an answer was lost and the server then takes the code for spent;
    ///   - rotation_not_saved_error if the store does not take the tokens: store.save_token(failure.record()) saves
    ///     them as soon as the store works again;
    ///   - what the server's refusal means, and what `show` throws.
    template <std::invocable<const device_prompt&> Show>
    token log_in_with_device(const token& probe, Show show, std::optional<deadline> until = {}) {
        static_assert(detail::can_log_in_with_device<Provider>,
                      "tokenkeep: this provider has no device login: it needs device_authorization_request, "
                      "device_token_request and read_device_authorization; see the concept authorization_provider");
        return core_.log_in_with_device(probe, show, until);
    }

    /// A cheap value for one identity, for programs that ask for its access token all the time; see tokenkeep::session.
    /// The keeper must live longer than the session.
    ///   tokenkeep::session ada = keep.session({.user_name = "ada"});
    tokenkeep::session session(const token& probe) { return tokenkeep::session(core_, probe); }

    /// Refreshes the sessions whose access token or refresh token ends within a half to the whole of `within`. A lot
    /// decides where in between, so that thousands of sessions of one minute are not refreshed in one second. A program
    /// calls it from time to time, from a thread or a job of its own; `next_in` says when. Keepers that do so at the
    /// same moment spend each refresh token once. It does not count as use: see keeper_options::session_idle.
    ///   try { next = keep.refresh_due(10min).next_in; } catch (const tokenkeep::error&) { next = 1min; }
    ///   keep.refresh_due(10min, [](const refresh_due_report& so_far) { show(so_far.done(), so_far.total); });
    ///
    /// The progress is called after each row. If it throws, refresh_due ends. If a session cannot be refreshed, it is
    /// counted, and the next one is tried. If three in a row fail because of the server, the network or the client, or
    /// one because of the store, refresh_due throws: call again later. Cost: one look at all rows, which are in memory
    /// meanwhile, and one refresh after the other.
    template <std::invocable<const refresh_due_report&> Progress = detail::ignore_refreshing>
    refresh_due_report refresh_due(std::chrono::milliseconds within, Progress progress = {}) {
        return core_.refresh_due(within, progress);
    }

    /// Deletes the rows that are over, as the function sweep does (see store_sweep.hpp). Sessions that are past their
    /// lifetime or their idle time are revoked at the server first. If the server refuses to revoke one session, that
    /// row stays and is counted. If the server, the network or the store fails, or the server does not accept the
    /// client, sweep throws: call again later.
    ///   keep.sweep({.lifetime = 30 * 24h, .dead_for = 24h});
    ///
    /// Throws errc::request_rejected if the policy has an idle time, and the keeper no session_idle of at most that.
    template <std::invocable<const sweep_report&> Progress = detail::ignore_sweeping>
    sweep_report sweep(const sweep_policy& policy, Progress progress = {}) {
        return core_.sweep(policy, progress);
    }

  private:
    detail::erased_store_of<Store> store_;
    detail::erased_transport_of<Transport> transport_;
    detail::erased_provider_of<Provider> provider_;
    detail::erased_observer_of<Observer> observer_;
    detail::erased_clock_of<Clock> clock_;
    detail::keeper_core core_;
};

/// The compiler chooses this class if a part of a keeper does not fit. It only says why: its members fit every call, so
/// that the compiler reports nothing else.
template <class Store, class Transport, class Provider, class Observer, class Clock>
    requires(!detail::can_keep<std::remove_reference_t<Store>, std::remove_reference_t<Transport>, Provider,
                               std::remove_reference_t<Observer>, std::remove_reference_t<Clock>>)
class keeper<Store, Transport, Provider, Observer, Clock> {
    static_assert(detail::explain_keeper<std::remove_reference_t<Store>, std::remove_reference_t<Transport>, Provider,
                                         std::remove_reference_t<Observer>, std::remove_reference_t<Clock>>());

  public:
    keeper(auto&&, auto&&, auto&&, keeper_options = {}, auto&&...);
    secret access_token(const token&, std::optional<deadline> = {});
    std::optional<secret> fresh_token(const token&);
    token record(const token&, std::optional<deadline> = {});
    secret refresh(const token&, const secret&, std::optional<deadline> = {});
    http_response send(http_request, const token&, std::optional<deadline> = {});
    token log_in_with_device(const token&, auto&&, std::optional<deadline> = {});
    void revoke(const token&, std::optional<deadline> = {});
    tokenkeep::session session(const token&);
    refresh_due_report refresh_due(std::chrono::milliseconds, auto&&...);
    sweep_report sweep(const sweep_policy&, auto&&...);
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

}} // namespace tokenkeep::v1

#endif
