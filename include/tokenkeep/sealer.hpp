// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_SEALER_HPP
#define TOKENKEEP_SEALER_HPP

#include <tokenkeep/fwd.hpp>
#include <tokenkeep/secret.hpp>

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace tokenkeep { inline namespace v0 {

/// Rows lie in the file as they are; who can read the file can read them. The default.
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

} // namespace detail

/// What encrypts the rows of a file_store: authenticated encryption with associated data (RFC 5116).
///
/// Shape (the least model):
///   struct s {
///       std::string           key_id() const;
///       secret                seal(std::string_view plain, std::string_view associated) const;
///       std::optional<secret> open(std::string_view sealed, std::string_view associated, std::string_view key_id) const;
///   };
/// Meaning:
///   E1  open gives what seal was given, if the associated data is the same and key_id is what key_id() gave then.
///   E2  If anything in its three arguments differs, open gives nullopt.
///   E3  Nothing can be learnt from the sealed text but its size, nor can others make one that open accepts.
/// May:   throw anything derived from std::exception: the operation then fails and nothing has changed. Called from
///        one thread at a time. The associated data names the row, so that rows cannot be exchanged; ids and key ids
///        lie in the file as they are. A file is sealed throughout or not at all; a rewrite seals every row anew, so
///        a sealer that seals with a new key and still opens with the old changes keys by and by.
/// Models: no_seal stands for none.
template <class S>
concept sealer = std::same_as<S, no_seal> ||(detail::has_key_id<S>&& detail::can_seal<S>&& detail::can_open<S>);

namespace detail {

template <class S>
consteval bool explain_sealer() {
    if constexpr (!std::is_same_v<S, no_seal>) {
        static_assert(has_key_id<S>,
                      "tokenkeep: a sealer needs key_id() const, giving a std::string; see tokenkeep/sealer.hpp");
        if constexpr (has_key_id<S>)
            static_assert(can_seal<S>, "tokenkeep: a sealer needs secret seal(string_view plain, string_view "
                                       "associated) const; see tokenkeep/sealer.hpp");
        if constexpr (has_key_id<S> && can_seal<S>)
            static_assert(can_open<S>, "tokenkeep: a sealer needs optional<secret> open(string_view sealed, "
                                       "string_view associated, string_view key_id) const; see tokenkeep/sealer.hpp");
    }
    return true;
}

} // namespace detail

}} // namespace tokenkeep::v0

#endif
