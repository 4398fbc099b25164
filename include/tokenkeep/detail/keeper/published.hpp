// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_PUBLISHED_HPP
#define TOKENKEEP_DETAIL_KEEPER_PUBLISHED_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/secret.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace tokenkeep { inline namespace v0 { namespace detail {

/// Counts the changes that a keeper has made to, or seen of, one identity's access token.
struct published_version {
    std::atomic<std::uint64_t> count{0};
};

/// An access token as it was last seen, with what says whether it still is the one.
struct pinned_token {
    secret access_token{};
    std::string id{}; ///< The row's.
    deadline due{};
    std::shared_ptr<const published_version> published{};
    std::uint64_t version = 0;
};

}}} // namespace tokenkeep::v0::detail

#endif
