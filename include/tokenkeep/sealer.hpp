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
#include <vector>

namespace tokenkeep { inline namespace v1 {

/// No sealer, the default: rows are stored as they are. Those who can read the file can read them.
///   basic_file_store<defaults> store{"tokens.tkj", no_seal{}}; // the same as file_store
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
template <class S>
concept has_key_ids = requires(const S& sealer) {
    { sealer.key_ids() } -> std::convertible_to<std::vector<std::string>>;
};
template <class S>
concept has_fingerprints = requires(const S& sealer, std::string_view text) {
    { sealer.fingerprint(text, text) } -> std::convertible_to<std::string>;
};

} // namespace detail

/// Encrypts what a store keeps: authenticated encryption with associated data (RFC 5116).
///
///   struct sealed : defaults { using sealer = my_sealer; };
///   basic_file_store<sealed> store{"tokens.tkj", my_sealer{key}};
///   basic_document_store<text_file, json_codec, sealed> other{"tokens.json", my_sealer{key}};
///   basic_sqlite_store<sealed> third{"tokens.db", my_sealer{key}};
///   basic_redis_store<sealed> fourth{redis_parameters{.host = "redis.example"}, my_sealer{key}};
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
///   E4  Many threads may call the members at once. All are const.
/// May:   throw anything derived from std::exception: the operation of the store then fails, and nothing has changed.
///
/// The associated data says to which place a text belongs, such as the id of its row: a text that is moved to another
/// place does not open. Ids and key ids are not encrypted. In one file or table, all rows are sealed or none is. To
/// change keys, use a sealer that seals with the new key and opens with both: each save seals its row with the new key,
/// and reseal (see reseal.hpp) seals all rows with it. If open returns nullopt, calls that need the row throw
/// errc::permissions, and the row stays where it is.
///
/// Two members are optional. A sealer that has both is a fingerprinting_sealer:
///
///   expression                  | what it gives you                     | without it
///   ----------------------------|---------------------------------------|---------------------------------------------
///   `key_ids()` gives           | Stores in tables: they look a secret  | Only stores that open every row: file_store
///   std::vector<std::string>    | up under each key.                    | and basic_document_store.
///   `fingerprint(text, key_id)` | Stores in tables: they have an index  | The same: a secret is sealed to other bytes
///   gives std::string           | of fingerprints.                      | each time, so these cannot be looked up.
///
/// Models: openssl_sealer, sodium_sealer; no_seal stands for no sealer.
template <class S>
concept sealer = std::same_as<S, no_seal> || detail::seals_and_opens<S>;

/// A sealer with which a table can look up what is sealed in it.
///
/// Shape (the least model):
///   struct f {   // besides the members of a sealer
///       std::vector<std::string> key_ids() const;
///       std::string              fingerprint(std::string_view text, std::string_view key_id) const;
///   };
/// Meaning:
///   F1  key_ids returns the id of every key by which the sealer can open. The first one is key_id(). None is empty.
///   F2  fingerprint returns 32 bytes. The same text and key give the same bytes; another text or key gives others.
///   F3  Without the key, no one can tell from a fingerprint which text it is of, even if only few texts are possible.
///       So it is a MAC such as HMAC-SHA-256, not a hash. Its key is not the one that seals, but derived from it.
/// May:   throw, as for sealer. A key id that key_ids does not return is an error.
/// Models: openssl_sealer, sodium_sealer.
template <class S>
concept fingerprinting_sealer = detail::seals_and_opens<S> && detail::has_key_ids<S> && detail::has_fingerprints<S>;

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

/// Says in a sentence why a type is not a sealer for tables. no_seal is none, so a table without a sealer does not ask.
template <class S>
consteval bool explain_fingerprinting_sealer() {
    if constexpr (explain_sealer<S>() && seals_and_opens<S>) {
        static_assert(has_key_ids<S>, "tokenkeep: the sealer of a table needs key_ids() const, giving a "
                                      "std::vector<std::string>; see the concept fingerprinting_sealer");
        if constexpr (has_key_ids<S>)
            static_assert(
                has_fingerprints<S>,
                "tokenkeep: the sealer of a table needs std::string fingerprint(string_view text, string_view "
                "key_id) const; see the concept fingerprinting_sealer");
    }
    return true;
}

} // namespace detail

}} // namespace tokenkeep::v1

#endif
