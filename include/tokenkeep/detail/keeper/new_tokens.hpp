// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_NEW_TOKENS_HPP
#define TOKENKEEP_DETAIL_KEEPER_NEW_TOKENS_HPP

#include <tokenkeep/detail/keeper/freshness.hpp>
#include <tokenkeep/oauth/provider.hpp>

#include <string>

namespace tokenkeep { inline namespace v0 { namespace detail {

/// New tokens on their way into the store, and what they were bought with.
struct new_tokens {
    token marked{}; ///< The row when its refresh or grant token was sent.
    grant_kind bought_with{};
    token_response answer{};
    timestamp sent{};
    std::string status{}; ///< The row's, once they are in it.

    /// What the row is to become, if nobody changes it meanwhile.
    token record() const { return applied_to(marked); }

    /// A row that nobody has seeded is seeded with the first refresh token that is rotated away: a program that still
    /// has that one, or a record with it, then means this row and brings no new login.
    token applied_to(const token& row) const {
        token record = apply_response(row, answer, sent, bought_with);
        record.status = status;
        if (bought_with == grant_kind::refresh_token) {
            if (is_marked_with(row, row.grant_token)) record.status = row.status; // a login that is under way
            if (record.seed.empty() && record.grant_token.empty() && record.refresh_token != row.refresh_token)
                record.seed = text::sha256_hex(row.refresh_token.reveal());
        }
        return record;
    }

    /// Whether the row is still the one they belong into: it holds what was spent, or already what came back.
    bool belong_to(const token& row) const {
        if (is_revoking(row)) return false;
        if (bought_with == grant_kind::authorization_code && row.grant_token != marked.grant_token) return false;
        return row.refresh_token == marked.refresh_token ||
               (!answer.refresh_token.empty() && row.refresh_token == answer.refresh_token);
    }
};

/// New tokens that the store would not take, with the lock that must not be let go before it does.
template <class Guard>
struct unsaved_tokens {
    new_tokens tokens;
    Guard guard;
};

}}} // namespace tokenkeep::v0::detail

#endif
