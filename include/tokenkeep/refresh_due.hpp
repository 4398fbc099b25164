// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_REFRESH_DUE_HPP
#define TOKENKEEP_REFRESH_DUE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/clock.hpp>
#include <tokenkeep/text/sha256.hpp>
#include <tokenkeep/token.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>

namespace tokenkeep { inline namespace v1 {

/// What keeper::refresh_due has done so far, or in all.
struct refresh_due_report {
    std::size_t total = 0;     ///< Rows that the store had at the beginning.
    std::size_t refreshed = 0; ///< Sessions that were refreshed, by this keeper or meanwhile by another one.
    std::size_t not_due = 0;   ///< Sessions whose tokens last longer.
    std::size_t skipped = 0;   ///< Rows without a session that can be refreshed: no refresh token, over, or in doubt.
    std::size_t failed = 0;    ///< Sessions that could not be refreshed now.
    std::chrono::milliseconds next_in{0}; ///< After this time, call refresh_due again.

    /// How many rows have been looked at so far.
    std::size_t done() const { return refreshed + not_due + skipped + failed; }
};

namespace detail {

struct ignore_refreshing {
    void operator()(const refresh_due_report&) const noexcept {}
};

/// A number of 0 to 65,535 that differs from row to row, and for a row from token to token.
inline int lot_of(const token& row) {
    const std::array<unsigned char, 32> digest =
        text::sha256_hash().update(row.id).update(row.access_token.reveal()).finish();
    return digest[0] * 256 + digest[1];
}

/// When a session is due for a refresh in the background: when its access token or its refresh token ends within a half
/// to the whole of `within`. The lot decides where in between, so that sessions of one minute are not refreshed in one
/// second. Of a token's life, at most the second half counts. Some servers do not make a refresh token live longer, so
/// at least half of `within` lies between two refreshes for it. Nullopt: never.
inline std::optional<timestamp> due_at(const token& row, std::chrono::milliseconds within) {
    const auto ahead = [&](std::chrono::milliseconds window) { return window - window * lot_of(row) / 131'072; };
    std::optional<timestamp> due;
    if (row.expires_at) {
        const auto life = row.issued_at ? time_between(*row.issued_at, *row.expires_at) : within;
        due = time_before(*row.expires_at, ahead((std::min)(within, life / 2)));
    }
    if (row.refresh_expires_at) {
        timestamp for_refresh_token = time_before(*row.refresh_expires_at, ahead(within));
        if (row.issued_at) for_refresh_token = (std::max)(for_refresh_token, time_before(*row.issued_at, -within / 2));
        due = due ? (std::min)(*due, for_refresh_token) : for_refresh_token;
    }
    return due;
}

} // namespace detail

}} // namespace tokenkeep::v1

#endif
