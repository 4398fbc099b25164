// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_SESSION_HPP
#define TOKENKEEP_SESSION_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/detail/keeper/core.hpp>
#include <tokenkeep/detail/keeper/core_functions.hpp>
#include <tokenkeep/detail/keeper/published.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/token.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

namespace tokenkeep { inline namespace v1 {

/// The access token of one identity, for programs that ask for it all the time. While the token is fresh, a call reads
/// one counter and the clock. It asks no store, takes no lock and copies nothing.
///   tokenkeep::session ada = keep.session({.user_name = "ada"});
///   std::string header = "Bearer " + std::string(ada.access_token().reveal());
///
/// Each thread uses a session object of its own; copies are cheap. The session sees changes by its keeper at once. It
/// sees other changes when the token is due, or at refresh(). The keeper must live longer than the session. If it does
/// not, access_token gives the last token, even if that has ended, and refresh throws errc::token_not_found.
class session {
  public:
    /// Programs call keeper::session instead.
    session(detail::keeper_core& keeper, token probe)
        : keeper_(&keeper), keeper_lives_(keeper.lives()), probe_(std::make_shared<const token>(std::move(probe))) {}

    /// An access token that is valid now. The reference is valid until the next call on this object. Throws as
    /// keeper::access_token does.
    const secret& access_token() {
        if (!is_fresh()) obtain(nullptr);
        return pinned_->access_token;
    }

    /// Another access token, after an API answered 401 to the last one. Throws as keeper::refresh does.
    ///   if (status == 401) retry_with(ada.refresh());
    const secret& refresh() {
        const std::shared_ptr<const detail::pinned_token> last = pinned_;
        obtain(last ? &last->access_token : nullptr);
        return pinned_->access_token;
    }

  private:
    bool is_fresh() const {
        if (!keeper_lives_->load(std::memory_order_acquire)) return pinned_ != nullptr;
        return detail::is_current(pinned_, keeper_->coarse_now());
    }

    void obtain(const secret* rejected) {
        if (!keeper_lives_->load(std::memory_order_acquire))
            throw error(errc::token_not_found, "tokenkeep: the keeper of this session is gone");
        pinned_ = keeper_->pin(*probe_, pinned_.get(), rejected, std::nullopt);
    }

    detail::keeper_core* keeper_;
    std::shared_ptr<const std::atomic<bool>> keeper_lives_;
    std::shared_ptr<const token> probe_;
    std::shared_ptr<const detail::pinned_token> pinned_{};
};

}} // namespace tokenkeep::v1

#endif
