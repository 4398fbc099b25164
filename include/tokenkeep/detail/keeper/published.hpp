// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_PUBLISHED_HPP
#define TOKENKEEP_DETAIL_KEEPER_PUBLISHED_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/secret.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Counts the changes of one identity's access token that a keeper has made or seen.
struct published_version {
    std::atomic<std::uint64_t> count{0};
};

/// An access token as it was last seen. It is current while the count of `published` is `version`, and until `due`.
struct pinned_token {
    secret access_token{};
    std::string id{}; ///< The id of the row.
    deadline due{};
    std::shared_ptr<const published_version> published{};
    std::uint64_t version = 0;
};

/// Whether a token is current at this time. `seen` may be null.
inline bool is_current(const std::shared_ptr<const pinned_token>& seen, deadline now) {
    return seen != nullptr && seen->published->count.load(std::memory_order_acquire) == seen->version &&
           now < seen->due;
}

}}} // namespace tokenkeep::v1::detail

#endif
