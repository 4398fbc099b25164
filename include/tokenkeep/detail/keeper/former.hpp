// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_FORMER_HPP
#define TOKENKEEP_DETAIL_KEEPER_FORMER_HPP

#include <tokenkeep/text/sha256.hpp>
#include <tokenkeep/token.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace detail {

// The field `former` of a record: the refresh and grant tokens that programs gave this row earlier. Each is 16 hex
// digits, the beginning of the token's SHA-256. Spaces separate them. The newest comes first. A probe with such a token
// means the row as it is now, and the token is never sent again. A token that was pushed out by sixteen others counts
// as new.

inline constexpr std::size_t most_former_tokens = 16;
inline constexpr std::size_t digits_of_former_token = 16;

/// The text of a row's `former`, with one more token in front, given by its SHA-256 in hex. If the token is there
/// already, it moves to the front. The oldest goes if there are too many.
inline std::string with_former_hash(std::string_view former, std::string_view sha256) {
    std::string all(sha256.substr(0, digits_of_former_token));
    std::size_t count = 1;
    while (!former.empty() && count < most_former_tokens) {
        const std::string_view each = former.substr(0, former.find(' '));
        former.remove_prefix(each.size() < former.size() ? each.size() + 1 : each.size());
        if (each.empty() || sha256.starts_with(each)) continue;
        all.append(" ").append(each);
        ++count;
    }
    return all;
}

/// Whether the token of that SHA-256, in hex, is among the former tokens.
inline bool is_former_hash(std::string_view former, std::string_view sha256) {
    const auto in_spaces = [](std::string_view text) { return std::string(" ").append(text).append(" "); };
    return in_spaces(former).find(in_spaces(sha256.substr(0, digits_of_former_token))) != std::string::npos;
}

/// The text of with_former_hash, for the token itself. The text stays as it is if the token is empty.
inline std::string with_former_token(std::string_view former, const secret& given) {
    return given.empty() ? std::string(former) : with_former_hash(former, text::sha256_hex(given.reveal()));
}

}}} // namespace tokenkeep::v1::detail

#endif
