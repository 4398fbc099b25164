// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_SEALER_HPP
#define TOKENKEEP_SEALER_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/fwd.hpp>
#include <tokenkeep/secret.hpp>

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace tokenkeep { inline namespace v1 {

/// No sealer, the default: rows are stored as they are. Whoever can read the file can read them.
///   basic_file_store<defaults, no_seal> store{"tokens.tkj"}; // the same as file_store
struct no_seal {};

namespace detail {

template <class S>
concept has_key_id = requires(const S& sealer) {
    { sealer.key_id() } -> std::convertible_to<std::string>;
};
template <class S>
concept can_seal = requires(const S& sealer, std::string_view text) {
    { sealer.seal(text, text) } -> std::convertible_to<secret>;
};
template <class S>
concept can_open = requires(const S& sealer, std::string_view text) {
    { sealer.open(text, text, text) } -> std::convertible_to<std::optional<secret>>;
};
template <class S>
concept seals_and_opens = has_key_id<S> && can_seal<S> && can_open<S>;

} // namespace detail

/// Encrypts the rows of a file_store: authenticated encryption with associated data (RFC 5116).
///
///   basic_file_store<defaults, my_sealer> store{"tokens.tkj", my_sealer{key}};
///
/// Shape (the least model):
///   struct s {
///       std::string           key_id() const;
///       secret                seal(std::string_view plain, std::string_view associated) const;
///       std::optional<secret> open(std::string_view sealed, std::string_view associated,
///                                  std::string_view key_id) const;
///   };
/// Meaning:
///   E1  open returns what seal was given, if the associated data is the same, and if key_id is what key_id() returned
///       when seal was called.
///   E2  If anything in its three arguments differs, open returns nullopt.
///   E3  The sealed text tells nothing but its size. Without the key, no one can make a text that open accepts.
/// May:   throw anything derived from std::exception: the operation of the store then fails, and nothing has changed.
/// The
///        store calls it from one thread at a time. The associated data contains the id of the row, so a row that is
///        moved to another id does not open. Ids and key ids are not encrypted. In one file, all rows are sealed or
///        none is. To change keys, use a sealer that seals with the new key and opens with both: each save seals its
///        row with the new key, and compact() seals every row with it. If open returns nullopt, calls that need the row
///        throw errc::permissions, and the row stays in the file.
/// Models: none in this header; no_seal stands for no sealer.
template <class S>
concept sealer = std::same_as<S, no_seal> || detail::seals_and_opens<S>;

namespace detail {

/// Says in a sentence why a type is not a sealer.
template <class S>
consteval bool explain_sealer() {
    if constexpr (!std::is_same_v<S, no_seal>) {
        static_assert(has_key_id<S>,
                      "tokenkeep: a sealer needs key_id() const, giving a std::string; see the concept sealer");
        if constexpr (has_key_id<S>)
            static_assert(can_seal<S>, "tokenkeep: a sealer needs secret seal(string_view plain, string_view "
                                       "associated) const; see the concept sealer");
        if constexpr (has_key_id<S> && can_seal<S>)
            static_assert(can_open<S>, "tokenkeep: a sealer needs optional<secret> open(string_view sealed, "
                                       "string_view associated, string_view key_id) const; see the concept sealer");
    }
    return true;
}

} // namespace detail

}} // namespace tokenkeep::v1

#endif
