// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DOCUMENT_HPP
#define TOKENKEEP_DOCUMENT_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/secret.hpp>
#include <tokenkeep/store.hpp>
#include <tokenkeep/token.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tokenkeep { inline namespace v1 {

namespace detail {

/// What load may give: text, as std::string or as secret, or nothing.
template <class L>
concept loaded_text = std::same_as<L, std::optional<std::string>> || std::same_as<L, std::optional<secret>>;

template <class D>
concept can_load = requires(D& document) {
    { document.load() } -> loaded_text;
};
template <class D>
concept can_save = requires(D& document, std::string_view bytes) {
    document.save(bytes);
};
template <class D>
concept can_load_versioned = requires(D& document) {
    requires loaded_text<std::remove_cvref_t<decltype(document.load_versioned().first)>>;
    document.load_versioned().second;
};
template <class D>
concept can_save_versioned = requires(D& document, std::string_view bytes) {
    { document.save(bytes, document.load_versioned().second) } -> std::convertible_to<bool>;
};

struct named_load_versioned {
    int load_versioned;
};
template <class D>
concept names_load_versioned = can_be_base<D> && !requires {
    &with_name<D, named_load_versioned>::load_versioned;
};

template <class D>
concept is_versioned = can_load_versioned<D> && can_save_versioned<D>;

template <class D>
concept has_capacity = requires(D& document) {
    { document.capacity() } -> std::same_as<std::size_t>;
};

struct named_capacity {
    int capacity;
};
template <class D>
concept names_capacity = can_be_base<D> && !requires {
    &with_name<D, named_capacity>::capacity;
};

} // namespace detail

/// A place that keeps one text under one name: a file, a keychain entry, a secret in the cloud. A basic_document_store
/// keeps all its tokens in it.
///
/// Shape (the least model):
///   struct d {
///       std::optional<std::string> load();
///       void                       save(std::string_view bytes);
///   };
/// Meaning:
///   D1  load gives the bytes of the last successful save.
///   D2  A save that fails throws, and load still gives the old bytes.
///   D3  Before the first save, load gives nullopt. If the document was damaged or emptied, load does not give nullopt.
/// May:   throw anything derived from std::exception. The store calls load and save from one thread at a time. Look-ups
///        take no lock of the document. So if load runs during another program's save, it must give the old bytes or
///        the new ones. load may give std::optional<secret>. These members are optional:
///
///   expression                      | what it gives you                          | without it
///   --------------------------------|--------------------------------------------|--------------------------------
///   `lock(name, until)` gives a     | A locking_store and a comparing_store.     | Only one program may write.
///   guard; see locking_store.       | Each name is a lock of its own. A change   | What another program saves
///   name: const std::string&. It    | holds the empty name from load to save.    | between load and save is lost.
///   must be thread-safe.            | lock_token holds the name of an identity   |
///                                   | (see identity_key.hpp).                    |
///   `load_versioned()` gives        | A comparing_store. The save gives false if | The same.
///   std::pair<std::optional<        | the document has another version now. The  |
///   std::string>, Version>, and     | version that comes with nullopt means that |
///   `save(bytes, const Version&)`   | there is no document. After false, the     |
///   gives bool                      | store repeats its change on the new text.  |
///                                   | load() and save(bytes) are not needed.     |
///   `capacity()` gives              | A save of more bytes throws                | The save fails when the new
///   std::size_t: how many bytes     | errc::storage_failure, and the document is | tokens have come: a refresh
///   the document holds at most      | not asked. Before the keeper sends a       | token may be spent, and its
///                                   | refresh token, the new tokens must have    | successor is only in memory.
///                                   | room: see basic_document_store.            |
///   `lock_may_lapse`, a static      | The store has it too: see locking_store.   | The lock lasts until the guard
///   constexpr bool that is true     | The document must have versions then.      | or its program ends.
///   `trust(const file_trust&)`      | The document is told which links and       | It decides itself.
///                                   | groups the policy trusts, if any.          |
///
/// Models: text_file; keyring; examples/keychain.cpp; those in examples/documents.
template <class D>
concept document = (detail::can_load<D> && detail::can_save<D>) || detail::is_versioned<D>;

namespace detail {

template <class D>
consteval bool explain_document() {
    if constexpr (names_load_versioned<D> || can_load_versioned<D>) {
        static_assert(can_load_versioned<D>,
                      "tokenkeep: load_versioned() must give a pair of optional<string> and a version; see the "
                      "concept document");
        if constexpr (can_load_versioned<D>)
            static_assert(can_save_versioned<D>,
                          "tokenkeep: a document with load_versioned() needs bool save(string_view, const version&); "
                          "see the concept document");
    } else {
        static_assert(can_load<D>,
                      "tokenkeep: a document needs load(), giving optional<string>; see the concept document");
        if constexpr (can_load<D>)
            static_assert(can_save<D>, "tokenkeep: a document needs save(string_view); see the concept document");
    }
    if constexpr (lock_may_lapse<D>)
        static_assert(is_versioned<D>, "tokenkeep: a document whose lock may lapse needs load_versioned() and "
                                       "save(string_view, const version&); see the concept document");
    if constexpr (names_capacity<D>)
        static_assert(has_capacity<D>,
                      "tokenkeep: capacity() of a document must give std::size_t; see the concept document");
    return true;
}

template <class C>
concept can_encode = requires(const std::vector<token>& rows) {
    { C::encode(rows) } -> std::same_as<secret>;
};
template <class C>
concept can_decode = requires(std::string_view bytes) {
    { C::decode(bytes) } -> std::same_as<std::vector<token>>;
};

template <class C>
concept keeps_less = requires(const token& row) {
    { C::as_stored(row) } -> std::same_as<token>;
};

} // namespace detail

/// The format of a document: two static functions, and perhaps more.
///
///   expression              | what it gives you                               | without it
///   ------------------------|-------------------------------------------------|--------------------------------------
///   `encode(rows)`          | the bytes of all rows, as a secret.             | (required)
///                           | rows: const std::vector<token>&                 |
///   `decode(bytes)`         | the rows, as std::vector<token>.                | (required)
///                           | bytes: std::string_view                         |
///   `as_stored(token row)`  | the row as decode gives it after encode. The    | the codec stores every field of a row
///                           | store compares rows in this form.               |
///   `refuses_sealer`, a     | With a sealer, a store of this codec does not   | a sealer may seal its documents
///   static constexpr bool   | compile: other programs read its documents.     |
///   that is true            |                                                 |
///
/// decode(encode(rows)) gives the rows, each as as_stored gives it. encode throws errc::invalid_record if the format
/// cannot carry a value. decode throws errc::storage_corrupt for empty or damaged bytes; it does not give an empty
/// list.
/// Models: json_codec, zoho::csv, zoho::unquoted_csv.
template <class C>
concept document_codec = detail::can_encode<C> && detail::can_decode<C>;

namespace detail {

template <class C>
consteval bool explain_codec() {
    static_assert(can_encode<C>,
                  "tokenkeep: a codec needs static secret encode(const std::vector<token>&); see the concept "
                  "document_codec");
    if constexpr (can_encode<C>)
        static_assert(can_decode<C>,
                      "tokenkeep: a codec needs static std::vector<token> decode(std::string_view); see the concept "
                      "document_codec");
    return true;
}

} // namespace detail

}} // namespace tokenkeep::v1

#endif
