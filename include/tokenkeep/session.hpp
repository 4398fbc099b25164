// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_SESSION_HPP
#define TOKENKEEP_SESSION_HPP

#include <tokenkeep/detail/keeper/published.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/token.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <utility>

namespace tokenkeep { inline namespace v0 {

namespace detail {

/// How a session reaches its keeper, whatever the keeper's type.
struct session_source {
    void* keeper = nullptr;
    std::shared_ptr<const std::atomic<bool>> keeper_lives{};
    std::chrono::steady_clock::time_point (*now)(void* keeper) = nullptr;
    std::shared_ptr<const pinned_token> (*obtain)(void* keeper, const token& probe, const pinned_token* last,
                                                  const secret* rejected) = nullptr;
};

} // namespace detail

/// One identity's access token, for programs that ask for it all the time: while the token is fresh, a call reads one
/// counter and the clock; it asks no store, takes no lock and copies nothing.
///
/// Use one session object a thread; copies are cheap. Its keeper must stay where it is and outlive it, except that a
/// session goes on giving the token it has. What other processes do is seen when the token is due, or at refresh().
class session {
  public:
    session(detail::session_source source, token probe)
        : source_(std::move(source)), probe_(std::make_shared<const token>(std::move(probe))) {}

    /// A token that is valid now; the reference holds until the next call on this object. Throws as
    /// keeper::access_token does.
    const secret& access_token() {
        if (!pinned_ || is_stale()) obtain(nullptr);
        return pinned_->access_token;
    }

    /// After a server answered 401 to the token last given: another one. Throws as keeper::refresh does.
    const secret& refresh() {
        const std::shared_ptr<const detail::pinned_token> last = pinned_;
        obtain(last ? &last->access_token : nullptr);
        return pinned_->access_token;
    }

  private:
    bool is_stale() const {
        if (!source_.keeper_lives->load(std::memory_order_acquire)) return false;
        return pinned_->published->count.load(std::memory_order_acquire) != pinned_->version ||
               source_.now(source_.keeper) >= pinned_->due;
    }

    void obtain(const secret* rejected) {
        if (!source_.keeper_lives->load(std::memory_order_acquire))
            throw error(errc::token_not_found, "tokenkeep: the keeper of this session is gone");
        pinned_ = source_.obtain(source_.keeper, *probe_, pinned_.get(), rejected);
    }

    detail::session_source source_;
    std::shared_ptr<const token> probe_;
    std::shared_ptr<const detail::pinned_token> pinned_{};
};

}} // namespace tokenkeep::v0

#endif
