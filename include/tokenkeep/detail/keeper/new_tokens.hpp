// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_NEW_TOKENS_HPP
#define TOKENKEEP_DETAIL_KEEPER_NEW_TOKENS_HPP

#include <tokenkeep/detail/keeper/freshness.hpp>
#include <tokenkeep/detail/store/erased_store.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/rotation_not_saved.hpp>

#include <exception>
#include <new>
#include <optional>
#include <string>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// New tokens on their way into the store, and what was sent to get them.
struct new_tokens {
    token marked{}; ///< The row when its refresh or grant token was sent.
    grant_kind bought_with{};
    token_response answer{};
    timestamp sent{};
    std::string status{}; ///< The status of the row once the tokens are in it.

    /// Step 6, merge: what the row becomes if it was not changed meanwhile.
    token record() const { return applied_to(marked); }

    /// Step 6, merge: the row with these tokens. If it has no seed and no grant token, the first refresh token that the
    /// server rotates away becomes its seed. A program that still has that token, or a record with it, then means this
    /// row, and does not bring a new login.
    token applied_to(const token& row) const {
        token record = apply_response(row, answer, sent, bought_with);
        record.status = status;
        // A store that only merges cannot empty the access token of the login before; it is at least expired.
        if (record.access_token.empty() && !row.access_token.empty()) record.expires_at = timestamp{};
        if (bought_with == grant_kind::refresh_token) {
            if (is_marked_with(row, row.grant_token)) record.status = row.status; // a login is under way
            if (record.seed.empty() && record.grant_token.empty() && record.refresh_token != row.refresh_token)
                record.seed = text::sha256_hex(row.refresh_token.reveal());
        }
        return record;
    }

    /// Whether the tokens belong into the row: it still holds the refresh token that it had, or already the new one. A
    /// row that is being revoked takes no tokens. The tokens of a login also need a row with the same grant token.
    bool belong_to(const token& row) const {
        if (is_revoking(row)) return false;
        if (bought_with == grant_kind::authorization_code && row.grant_token != marked.grant_token) return false;
        return row.refresh_token == marked.refresh_token ||
               (!answer.refresh_token.empty() && row.refresh_token == answer.refresh_token);
    }
};

/// Room for the server's answer, made before the request leaves: what comes then is kept without more memory. Step 8,
/// keep what is unsaved: if the store does not take the new tokens, this stays in the flight, with the identity's lock.
struct answer_room {
    explicit answer_room(new_tokens expected) : tokens(std::move(expected)), no_memory(tokens.marked) {}

    /// To be called while the failure of a save is handled: throws rotation_not_saved_error, with the failure nested.
    [[noreturn]] void throw_not_saved() const {
        try {
            if (!unread) std::throw_with_nested(rotation_not_saved_error(tokens.record()));
        } catch (const std::bad_alloc&) {
        }
        std::throw_with_nested(no_memory);
    }

    new_tokens tokens;                      ///< Their answer is empty before it comes, and as long as it is unread.
    rotation_not_saved_error no_memory;     ///< For lack of memory to make one with the new tokens.
    std::optional<wiped_response> unread{}; ///< The answer, if there was no memory to read it.
    std::optional<erased_guard> guard{};
};

}}} // namespace tokenkeep::v1::detail

#endif
