// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_STATUS_HPP
#define TOKENKEEP_STATUS_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/compilation.hpp>
#include <tokenkeep/token.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 {

/// What is being done to the refresh or grant token that a status names; see token_status.
enum class status_kind { none, spend, refused, revoking };

/// The field `status` of a record, taken apart. It says what is being done to one refresh token, or during a login to
/// one grant token, and names that token by its fingerprint. If the record holds another token, the status means
/// nothing.
///
/// The words: the *spend marker* is a status of the kind `spend`. The keeper writes it before it sends a token, so that
/// every process knows that the token may be spent. FP is the fingerprint. FIRST and LAST are when the token was first
/// and last sent, by the wall clock. NONCE is random and tells two markers apart. SINCE is when the session ended; old
/// versions did not write it.
///
/// | kind | text in the store | meaning | what the keeper does |
/// | --- | --- | --- | --- |
/// | none | empty, `none`, any other text | nothing is being done | refreshes when the token is due |
/// | none | `none FP` | the row has a grant token that was not exchanged | as above |
/// | spend | `spend FP FIRST LAST NONCE` | the token may have been sent | waits, then settles it |
/// | spend | `spend FP FIRST - NONCE` | the same, and no request is on its way | settles it when needed |
/// | refused | `dead FP refused SINCE` | the server refused it (invalid_grant) | never sends it; the user must log in |
/// | revoking | `dead FP revoking SINCE` | the program is revoking it | hands out nothing; revoke finishes the work |
///
/// To *settle* means: when the access token has ended, the keeper sends the refresh token once more, and the server's
/// answer shows whether it was spent. A grant token is never settled: the call that asks for it throws
/// errc::outcome_unknown.
///
/// | from | to | when |
/// | --- | --- | --- |
/// | none | spend | the keeper is about to send the token |
/// | spend | none | certainly nothing was spent, or the new tokens are saved |
/// | spend | spend | the keeper sends the same token again |
/// | spend | refused | the server answered invalid_grant |
/// | any | revoking | the program called revoke |
/// | any | none | a new login has put another token into the row |
///
///   const token_status status = read_status(row.status);
///   if (status.kind == status_kind::refused && status.is_about(row.refresh_token)) ask_the_user_to_log_in();
struct token_status {
    status_kind kind = status_kind::none;
    std::string fingerprint{};            ///< Of the token; see fingerprint_of.
    timestamp first_sent{};               ///< When the token was first sent (spend).
    std::optional<timestamp> last_sent{}; ///< When it was last sent; absent if no request is on its way (spend).
    std::string nonce{};                  ///< Tells this marker from any other (spend).
    std::optional<timestamp> since{};     ///< When the session ended, if that is known (refused, revoking).

    /// Whether this status is about that refresh or grant token. A status of kind none is about no token.
    ///   bool was_sent = status.is_about(row.refresh_token);
    bool is_about(const secret& spent) const {
        return kind != status_kind::none && fingerprint == fingerprint_of(spent);
    }

    /// The name of a token in a status: the first 32 hex digits of its SHA-256.
    static std::string fingerprint_of(const secret& spent);
};

#ifdef TOKENKEEP_INLINE
TOKENKEEP_INLINE std::string token_status::fingerprint_of(const secret& spent) {
    return text::sha256_hex(spent.reveal()).substr(0, 32);
}
#endif

/// Reads the text of a record's `status`. Text that cannot be read gives the kind none, and then only `kind` has a
/// meaning.
///   read_status("dead 5f36 refused").kind == status_kind::refused
token_status read_status(std::string_view text);
#ifdef TOKENKEEP_INLINE
TOKENKEEP_INLINE token_status read_status(std::string_view text) {
    const auto word = [&text] {
        const std::string_view head = text.substr(0, text.find(' '));
        text.remove_prefix(head.size() < text.size() ? head.size() + 1 : head.size());
        return head;
    };
    token_status status;
    const std::string_view form = word();
    status.fingerprint = word();
    if (form == "dead") {
        const std::string_view why = word(), since = word();
        status.since = timestamp_from_text(since);
        const bool is_whole = text.empty() && (since.empty() || status.since);
        if (why == "refused" && is_whole) status.kind = status_kind::refused;
        if (why == "revoking" && is_whole) status.kind = status_kind::revoking;
    } else if (form == "spend") {
        const std::optional<timestamp> first = timestamp_from_text(word());
        const std::string_view last = word();
        status.last_sent = timestamp_from_text(last);
        status.nonce = word();
        if (first && (status.last_sent || last == "-") && !status.nonce.empty() && text.empty()) {
            status.first_sent = *first;
            status.kind = status_kind::spend;
        }
    }
    return status;
}
#endif

/// The text for a record's `status`: the reverse of read_status. The kind none gives "none", because a store would not
/// replace a stored status by an empty one.
std::string to_status(const token_status& status);
#ifdef TOKENKEEP_INLINE
TOKENKEEP_INLINE std::string to_status(const token_status& status) {
    const std::string since = status.since ? ' ' + to_text(*status.since) : std::string();
    switch (status.kind) {
    case status_kind::none: return status.fingerprint.empty() ? "none" : "none " + status.fingerprint;
    case status_kind::refused: return "dead " + status.fingerprint + " refused" + since;
    case status_kind::revoking: return "dead " + status.fingerprint + " revoking" + since;
    case status_kind::spend: break;
    }
    return "spend " + status.fingerprint + ' ' + to_text(status.first_sent) + ' ' +
           (status.last_sent ? to_text(*status.last_sent) : "-") + ' ' + status.nonce;
}
#endif

}} // namespace tokenkeep::v1

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Whether the row has a spend marker for that refresh or grant token.
inline bool is_marked_with(const token& row, const secret& spent) {
    const token_status status = read_status(row.status);
    return status.kind == status_kind::spend && status.is_about(spent);
}

/// Whether the program is revoking the row's refresh token. The keeper then hands out nothing of the row.
inline bool is_revoking(const token& row) {
    const token_status status = read_status(row.status);
    return status.kind == status_kind::revoking && status.is_about(row.refresh_token);
}

/// Whether the row's refresh token was refused or is being revoked. The keeper does not send such a token.
inline bool is_over(const token& row) {
    const token_status status = read_status(row.status);
    const bool dead = status.kind == status_kind::refused || status.kind == status_kind::revoking;
    return dead && status.is_about(row.refresh_token);
}

/// Whether the row has a grant token and no other token.
inline bool has_only_grant(const token& row) {
    return row.access_token.empty() && row.refresh_token.empty() && !row.grant_token.empty();
}

}}} // namespace tokenkeep::v1::detail

#endif
