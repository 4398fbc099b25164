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

namespace tokenkeep { inline namespace v0 { namespace detail {

/// Tells one access token, with its expiry, from another. No secret can be read from it.
inline std::size_t hash_of_access(const token& row) {
    const std::int64_t end = row.expires_at.value_or(timestamp{}).time_since_epoch().count();
    return std::hash<std::string_view>{}(row.access_token.reveal()) ^ std::hash<std::int64_t>{}(end);
}

/// When access tokens end by the steady clock, as it seemed when they were first seen: of some hundred tokens. One that
/// another has displaced counts as seen for the first time, which is as good as to go by the wall clock alone.
class steady_expiry {
  public:
    using time_point = std::chrono::steady_clock::time_point;

    /// The end of the row's access token: `seems`, or what that was at first.
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

}}} // namespace tokenkeep::v0::detail

#endif
