// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_CORE_HPP
#define TOKENKEEP_DETAIL_KEEPER_CORE_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/keeper/erased_parts.hpp>
#include <tokenkeep/detail/keeper/known_tokens.hpp>
#include <tokenkeep/detail/keeper/parts.hpp>
#include <tokenkeep/detail/keeper/published.hpp>
#include <tokenkeep/detail/store/erased_store.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/keeper_options.hpp>
#include <tokenkeep/memory/function_ref.hpp>
#include <tokenkeep/oauth/device.hpp>
#include <tokenkeep/refresh_due.hpp>
#include <tokenkeep/store_sweep.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// What a keeper does, for parts of any type. The class keeper says what each function means. A call without a deadline
/// ends by keeper_options::lock_timeout.
class keeper_core {
  public:
    /// The parts must live longer.
    keeper_core(erased_store& store, erased_transport& transport, erased_provider& provider,
                const keeper_options& options, erased_observer& observer, erased_clock& clock);
    keeper_core(const keeper_core&) = delete;
    keeper_core& operator=(const keeper_core&) = delete;
    ~keeper_core();

    secret access_token(const token& probe, std::optional<deadline> until);
    std::optional<secret> fresh_token(const token& probe);
    /// The row of the probe, with a fresh access token. `rejected` is an access token that got a 401, or null.
    token record(const token& probe, const secret* rejected, std::optional<deadline> until);
    http_response send(http_request given, const token& probe, std::optional<deadline> until);
    void revoke(const token& probe, std::optional<deadline> until);
    token log_in_with_device(const token& probe, function_ref<void(const device_prompt&)> show,
                             std::optional<deadline> until);
    refresh_due_report refresh_due(std::chrono::milliseconds within,
                                   function_ref<void(const refresh_due_report&)> progress);
    sweep_report sweep(const sweep_policy& policy, function_ref<void(const sweep_report&)> progress);

    /// For sessions and fresh_token: the access token, and until when a session may give it without asking. `last` is
    /// what the session got before, or null.
    std::shared_ptr<const pinned_token> pin(const token& probe, const pinned_token* last, const secret* rejected,
                                            std::optional<deadline> until);
    /// The time by which pinned_token::due counts.
    deadline coarse_now() { return parts_.clock.coarse_now(); }
    /// False as soon as this object is gone.
    std::shared_ptr<const std::atomic<bool>> lives() const { return lives_; }

  private:
    std::optional<secret> at_hand(const token& probe, deadline until);
    std::optional<secret> shown(const row_view& probe, deadline until);
    token token_of_client(token wanted, const secret* rejected, deadline until);
    bool is_unexchanged(const token& row);
    http_response send_once(http_request& request, const token& row);
    void check_target(const http_request& request, const token& row) const;
    std::shared_ptr<const pinned_token>
    pin_row(const token& probe, token row, std::shared_ptr<const published_version> published, std::uint64_t version);

    keeper_parts parts_;
    known_tokens known_{};
    std::shared_ptr<std::atomic<bool>> lives_ = std::make_shared<std::atomic<bool>>(true);
};

}}} // namespace tokenkeep::v1::detail

#endif
