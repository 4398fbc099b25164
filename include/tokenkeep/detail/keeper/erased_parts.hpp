// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_ERASED_PARTS_HPP
#define TOKENKEEP_DETAIL_KEEPER_ERASED_PARTS_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/store/erased_store.hpp>
#include <tokenkeep/event.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/memory/function_ref.hpp>
#include <tokenkeep/oauth/provider.hpp>

#include <chrono>
#include <concepts>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

// A transport, a provider, an observer and a clock of any type. What is written for them is compiled once, and not for
// each keeper. A class erased_X_of holds the part, or refers to it if its type is a reference.

namespace tokenkeep { inline namespace v1 { namespace detail {

class erased_transport : public erased {
  public:
    virtual http_response operator()(const http_request& request) = 0;
};

template <class Transport>
class erased_transport_of final : public erased_transport {
  public:
    explicit erased_transport_of(Transport&& transport) : transport_(std::forward<Transport>(transport)) {}
    http_response operator()(const http_request& request) override { return transport_(request); }

  private:
    Transport transport_;
};

class erased_observer : public erased {
  public:
    virtual bool ignores_events() const = 0;
    virtual void operator()(const event& e) = 0;
};

template <class Observer>
class erased_observer_of final : public erased_observer {
  public:
    explicit erased_observer_of(Observer&& observer) : observer_(std::forward<Observer>(observer)) {}
    bool ignores_events() const override { return std::is_same_v<std::remove_cvref_t<Observer>, ignore_events>; }
    void operator()(const event& e) override { observer_(e); }

  private:
    Observer observer_;
};

class erased_clock : public erased {
  public:
    virtual timestamp now() = 0;
    virtual deadline steady_now() = 0;
    virtual deadline coarse_now() = 0; ///< steady_now() if the clock has no other.
    virtual void sleep_until(deadline t) = 0;
    virtual bool wait_until(std::condition_variable& changed, std::unique_lock<std::mutex>& lock, deadline t,
                            function_ref<bool()> predicate) = 0;
};

template <class Member>
struct class_of_member;
template <class C, class Type>
struct class_of_member<Type C::*> {
    using type = C;
};
/// Whether a clock has coarse_now for its steady_now: one class has both. A class that hides only the steady_now of its
/// base does not count the time that the base's coarse_now counts.
template <class C>
concept has_coarse_now = requires(C& clock) {
    { clock.coarse_now() } -> std::convertible_to<deadline>;
    requires std::is_same_v < typename class_of_member<decltype(&C::coarse_now)>::type,
    typename class_of_member<decltype(&C::steady_now)>::type > ;
};

template <class Clock>
class erased_clock_of final : public erased_clock {
  public:
    explicit erased_clock_of(Clock&& clock) : clock_(std::forward<Clock>(clock)) {}
    timestamp now() override { return clock_.now(); }
    deadline steady_now() override { return clock_.steady_now(); }
    deadline coarse_now() override {
        if constexpr (has_coarse_now<std::remove_cvref_t<Clock>>)
            return clock_.coarse_now();
        else
            return clock_.steady_now();
    }
    void sleep_until(deadline t) override { clock_.sleep_until(t); }
    bool wait_until(std::condition_variable& changed, std::unique_lock<std::mutex>& lock, deadline t,
                    function_ref<bool()> predicate) override {
        return clock_.wait_until(changed, lock, t, predicate);
    }

  private:
    Clock clock_;
};

template <class P>
concept can_request_client_token = requires(const P& provider, P& asked, const token& record) {
    { provider.client_credentials } -> std::convertible_to<bool>;
    { asked.client_credentials_request(record) } -> std::convertible_to<http_request>;
};

template <class P>
concept can_log_in_with_device = requires(P& provider, const token& record, const http_response& response,
                                          timestamp sent) {
    { provider.device_authorization_request(record) } -> std::convertible_to<http_request>;
    { provider.device_token_request(record) } -> std::convertible_to<http_request>;
    { provider.read_device_authorization(response, record, sent) } -> std::convertible_to<device_authorization>;
};

/// The functions of the concept authorization_provider. For an optional member that is not there, what the concept's
/// table says holds.
class erased_provider : public erased {
  public:
    virtual http_request exchange_request(const token& record) = 0;
    virtual http_request refresh_request(const token& record) = 0;
    virtual std::optional<http_request> revoke_request(const token& record) = 0;
    virtual token_response read_token_response(const http_response& response, const token& record) = 0;
    virtual void read_revoke_response(const http_response& response) = 0;
    virtual void authorize(http_request& request, const token& record) = 0;
    virtual bool is_token_rejected(const http_response& response) = 0;

    virtual std::string_view client_id() const = 0; ///< Empty if there is none.
    virtual secret client_secret() const = 0;       ///< Empty if there is none.
    virtual std::chrono::milliseconds replay_grace() const = 0;
    virtual plain_http allowed_plain_http() const = 0; ///< For requests to the record's api_domain.

    virtual bool client_credentials() const = 0;
    virtual http_request client_credentials_request(const token& record) = 0; ///< If client_credentials().

    /// Only for a provider that can_log_in_with_device. The same holds for the two below.
    virtual http_request device_authorization_request(const token& record) = 0;
    virtual http_request device_token_request(const token& record) = 0;
    virtual device_authorization read_device_authorization(const http_response& response, const token& record,
                                                           timestamp sent) = 0;
};

template <class Provider>
class erased_provider_of final : public erased_provider {
  public:
    explicit erased_provider_of(Provider&& provider) : provider_(std::move(provider)) {}

    http_request exchange_request(const token& record) override { return provider_.exchange_request(record); }
    http_request refresh_request(const token& record) override { return provider_.refresh_request(record); }
    std::optional<http_request> revoke_request(const token& record) override {
        return provider_.revoke_request(record);
    }
    token_response read_token_response(const http_response& response, const token& record) override {
        return provider_.read_token_response(response, record);
    }
    void read_revoke_response(const http_response& response) override {
        tokenkeep::read_revoke_response(provider_, response);
    }
    void authorize(http_request& request, const token& record) override { provider_.authorize(request, record); }
    bool is_token_rejected(const http_response& response) override {
        if constexpr (requires {
                          { provider_.is_token_rejected(response) } -> std::convertible_to<bool>;
                      })
            return provider_.is_token_rejected(response);
        else
            return response.status == 401;
    }

    std::string_view client_id() const override {
        if constexpr (requires { provider_.client_id; })
            return provider_.client_id;
        else
            return {};
    }
    secret client_secret() const override {
        if constexpr (requires { provider_.client_secret; })
            return secret(provider_.client_secret);
        else
            return {};
    }
    std::chrono::milliseconds replay_grace() const override {
        if constexpr (requires { provider_.replay_grace; })
            return provider_.replay_grace;
        else
            return std::chrono::milliseconds{0};
    }
    plain_http allowed_plain_http() const override {
        plain_http allowed;
        if constexpr (requires { provider_.allow_loopback_http; }) allowed.to_loopback = provider_.allow_loopback_http;
        if constexpr (requires { provider_.allow_plain_http; }) allowed.to_any_host = provider_.allow_plain_http;
        return allowed;
    }

    bool client_credentials() const override {
        if constexpr (can_request_client_token<Provider>)
            return provider_.client_credentials;
        else
            return false;
    }
    http_request client_credentials_request([[maybe_unused]] const token& record) override {
        if constexpr (can_request_client_token<Provider>)
            return provider_.client_credentials_request(record);
        else
            return {};
    }

    http_request device_authorization_request([[maybe_unused]] const token& record) override {
        if constexpr (can_log_in_with_device<Provider>)
            return provider_.device_authorization_request(record);
        else
            return {};
    }
    http_request device_token_request([[maybe_unused]] const token& record) override {
        if constexpr (can_log_in_with_device<Provider>)
            return provider_.device_token_request(record);
        else
            return {};
    }
    device_authorization read_device_authorization([[maybe_unused]] const http_response& response,
                                                   [[maybe_unused]] const token& record,
                                                   [[maybe_unused]] timestamp sent) override {
        if constexpr (can_log_in_with_device<Provider>)
            return provider_.read_device_authorization(response, record, sent);
        else
            return {};
    }

  private:
    Provider provider_;
};

}}} // namespace tokenkeep::v1::detail

#endif
