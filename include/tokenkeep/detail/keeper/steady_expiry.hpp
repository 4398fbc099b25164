// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_STEADY_EXPIRY_HPP
#define TOKENKEEP_DETAIL_KEEPER_STEADY_EXPIRY_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/store/row_view.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// A hash that tells one access token with its expiry from another. No secret can be read from it.
inline std::size_t hash_of_access(const row_view& row) {
    const std::int64_t end = row.expires_at.value_or(timestamp{}).time_since_epoch().count();
    return std::hash<std::string_view>{}(row.access_token) ^ std::hash<std::int64_t>{}(end);
}

/// Remembers when access tokens end by the steady clock. The time is fixed when the token is first seen. Up to 256
/// tokens are remembered. If one takes the place of another, the other counts as new again.
///
/// Threads do not wait for each other. If two write one slot at the same moment, what they leave may fit no token; the
/// token then counts as new.
class steady_expiry {
  public:
    /// When the row's access token ends: `seems`, if the token is new here, or else what it was at first.
    deadline end_of(const row_view& row, deadline seems) {
        const std::uint64_t hash = hash_of_access(row);
        slot& own = slots_[hash % slots_.size()];
        const std::uint64_t end = own.end.load(std::memory_order_relaxed);
        if ((own.check.load(std::memory_order_relaxed) ^ end) == hash)
            return deadline(deadline::duration(static_cast<deadline::rep>(end)));
        const auto first = static_cast<std::uint64_t>(seems.time_since_epoch().count());
        own.end.store(first, std::memory_order_relaxed);
        own.check.store(first ^ hash, std::memory_order_relaxed);
        return seems;
    }

  private:
    struct slot {
        std::atomic<std::uint64_t> check{0}; ///< The token's hash XOR `end`. Halves of two writes fit no token.
        std::atomic<std::uint64_t> end{0};
    };
    std::array<slot, 256> slots_{};
};

}}} // namespace tokenkeep::v1::detail

#endif
