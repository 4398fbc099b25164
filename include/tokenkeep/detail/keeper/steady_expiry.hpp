// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_STEADY_EXPIRY_HPP
#define TOKENKEEP_DETAIL_KEEPER_STEADY_EXPIRY_HPP

#include <tokenkeep/token.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// A hash that tells one access token with its expiry from another. No secret can be read from it.
inline std::size_t hash_of_access(const token& row) {
    const std::int64_t end = row.expires_at.value_or(timestamp{}).time_since_epoch().count();
    return std::hash<std::string_view>{}(row.access_token.reveal()) ^ std::hash<std::int64_t>{}(end);
}

/// Remembers when access tokens end by the steady clock. The time is fixed when the token is first seen. Up to 256
/// tokens are remembered. If one takes the place of another, the other counts as new again.
class steady_expiry {
  public:
    using time_point = std::chrono::steady_clock::time_point;

    /// When the row's access token ends: `seems`, if the token is new here, or else what it was at first.
    time_point end_of(const token& row, time_point seems) {
        const std::size_t hash = hash_of_access(row);
        slot& own = slots_[hash % slots_.size()];
        const std::lock_guard lock(own.mutex);
        if (std::exchange(own.token, hash) != hash) own.end = seems;
        return own.end;
    }

  private:
    struct slot {
        std::mutex mutex{};
        std::size_t token = 0;
        time_point end{};
    };
    std::array<slot, 256> slots_{};
};

}}} // namespace tokenkeep::v1::detail

#endif
