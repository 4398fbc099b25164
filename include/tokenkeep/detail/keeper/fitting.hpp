// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_FITTING_HPP
#define TOKENKEEP_DETAIL_KEEPER_FITTING_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/event.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/store.hpp>

#include <concepts>
#include <type_traits>

// Whether parts fit a keeper, and what to write if they do not.

namespace tokenkeep { inline namespace v1 { namespace detail {

template <class O>
concept event_observer = requires(O& observer, const event& e) {
    observer(e);
};

template <class Store, class Transport, class Provider, class Observer, class Clock>
consteval bool explain_keeper() {
    explain_token_store<Store>();
    static_assert(http_transport<Transport>,
                  "tokenkeep: a transport takes const http_request& and gives http_response; see "
                  "the concept http_transport");
    explain_authorization_provider<Provider>();
    static_assert(event_observer<Observer>, "tokenkeep: an observer takes const event&; see ignore_events");
    static_assert(clock<Clock>,
                  "tokenkeep: a clock needs now, steady_now, sleep_until and wait_until; see the concept clock");
    return true;
}

template <class Store, class Transport, class Provider, class Observer, class Clock>
concept can_keep = token_store<Store> && http_transport<Transport> && authorization_provider<Provider> &&
    event_observer<Observer> && clock<Clock>;

template <class Part, class Given>
concept given_by_name = !std::is_reference_v<Part> && std::same_as<Given, Part&>;

/// Whether a store or a transport that a keeper would own was given by name.
template <class GivenTransport, class GivenStore, class Store, class Transport>
concept given_by_name_with = given_by_name<Store, GivenStore> || given_by_name<Transport, GivenTransport>;

}}} // namespace tokenkeep::v1::detail

#endif
