// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DOCUMENT_STORE_HPP
#define TOKENKEEP_DOCUMENT_STORE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/store/abilities.hpp>
#include <tokenkeep/detail/store/row_set.hpp>
#include <tokenkeep/fwd.hpp>
#include <tokenkeep/json_codec.hpp>
#include <tokenkeep/store.hpp>
#include <tokenkeep/text_file.hpp>

#include <chrono>
#include <concepts>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
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
///
/// Models: text_file; examples/keychain.cpp.
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

/// The format of a document: two static functions, and perhaps a third.
///
///   expression              | what it gives you                               | without it
///   ------------------------|-------------------------------------------------|--------------------------------------
///   `encode(rows)`          | the bytes of all rows, as a secret.             | (required)
///                           | rows: const std::vector<token>&                 |
///   `decode(bytes)`         | the rows, as std::vector<token>.                | (required)
///                           | bytes: std::string_view                         |
///   `as_stored(token row)`  | the row as decode gives it after encode. The    | the codec stores every field of a row
///                           | store compares rows in this form.               |
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

/// A store that keeps all its tokens in one document. Each look-up reads the document; each change reads it and writes
/// it whole. Every program that shares the document sees what others changed at its next call.
///   json_file_store store{"tokens.json"};
///   basic_document_store<text_file, zoho::csv, zoho::policy> shared{"tokens.csv"};
///   basic_document_store local{keychain_entry{"my-app"}};   // a document of your own
/// What the store can do, beyond the six operations, follows from the document: see the concept document.
///
/// Cost: each call reads, and each change writes, every row. Use it for some hundred tokens.
///
///   errc                | when                                                       | what to do
///   --------------------|------------------------------------------------------------|------------------------------
///   storage_corrupt     | the document is empty or damaged; it was left as it is.    | restore it from a backup
///                       | delete_tokens throws this too                              |
///   unsupported_version | a newer version of the library wrote the document          | update the library
///   invalid_record      | the codec cannot carry a value, or the record has no token | change the record
///   ambiguous           | the probe means several rows, or the save would            | name the user and the client
///   lock_timeout        | others held the document's lock, or changed it all the     | try later
///                       | time, for Policy::store_lock_timeout (see policy.hpp).     |
///                       | Threads of one store take turns before that, without a     |
///                       | limit                                                      |
///
/// What the document throws passes through. A store may be moved while no other thread uses it.
template <class Document, class Codec, class Policy>
class basic_document_store
    : public detail::locking_ability<basic_document_store<Document, Codec, Policy>, detail::can_lock<Document>>,
      public detail::comparing_ability<basic_document_store<Document, Codec, Policy>,
                                       detail::can_lock<Document> || detail::is_versioned<Document>> {
    static_assert(detail::explain_document<Document>() && detail::explain_lock<Document>());
    static_assert(detail::explain_codec<Codec>() && detail::explain_policy<Policy>());
    static constexpr bool locks = detail::can_lock<Document>;
    static constexpr bool versioned = detail::is_versioned<Document>;
    friend detail::locking_ability<basic_document_store, true>;
    friend detail::comparing_ability<basic_document_store, true>;
    using row_set = detail::row_set<std::vector<token>, Policy>;
    using mutex = typename Policy::mutex;

  public:
    using policy_type = Policy;

    /// A store over this document. Nothing is read before the first call.
    ///   basic_document_store store{keychain_entry{"my-app"}};
    explicit basic_document_store(Document document) : document_(std::move(document)) {}

    /// A store over a document that is made from these arguments:
    ///   json_file_store store{"tokens.json"};
    template <class... Arguments>
        requires std::constructible_from<Document, Arguments...>
    explicit basic_document_store(Arguments&&... arguments) : document_(std::forward<Arguments>(arguments)...) {}

    basic_document_store(basic_document_store&& other) noexcept : document_(std::move(other.document_)) {}
    basic_document_store& operator=(basic_document_store&& other) noexcept {
        document_ = std::move(other.document_);
        return *this;
    }

    /// The row that the probe means; nullopt if there is none. A probe is a record that says whose row you want; see
    /// token.hpp.
    ///   std::optional<token> ada = store.find_token({.user_name = "ada"});
    std::optional<token> find_token(const token& probe) { return load().find(probe); }
    /// Changes the row that the record means, or adds a row. A field that the record leaves empty keeps its value; see
    /// merge for the exception of a new access token.
    ///   store.save_token({.user_name = "ada", .refresh_token = "rt-1", .access_token = "at-1"});
    void save_token(const token& record) {
        change([&](row_set& rows) { return rows.save(record), true; });
    }
    /// Deletes the row of that id, if there is one.
    ///   store.delete_token(ada->id);
    void delete_token(const std::string& id) {
        change([&](row_set& rows) { return rows.find_by_id(id) && (rows.erase(id), true); });
    }
    /// Every row, in the document's order.
    std::vector<token> get_tokens() { return load().all(); }
    /// Deletes every row. The document then holds an empty list. If the document is damaged, throws
    /// errc::storage_corrupt.
    void delete_tokens() {
        change([](row_set& rows) { return rows.clear(), true; });
    }
    /// The row of exactly that id; nullopt if there is none.
    std::optional<token> find_token_by_id(const std::string& id) { return load().find_by_id(id); }

  private:
    auto lock_identity(const std::string& key, deadline until) { return document_.lock(key, until); }
    bool replace(const token& expected, const token& record) {
        return change([&](row_set& rows) { return rows.replace(as_stored(expected), record); });
    }
    bool remove(const token& expected) {
        return change([&](row_set& rows) { return rows.remove(as_stored(expected)); });
    }

    /// Loads the rows, lets `edit(row_set&)` change them, and saves them if it gives true. Gives what `edit` gives.
    template <class Edit>
    bool change(Edit edit) {
        const std::lock_guard lock(mutex_);
        const auto until = std::chrono::steady_clock::now() + Policy::store_lock_timeout;
        if constexpr (locks) {
            [[maybe_unused]] const auto others_wait = detail::require_locked(document_.lock(std::string(), until));
            return change_until(edit, until);
        } else {
            return change_until(edit, until);
        }
    }

    template <class Edit>
    bool change_until(Edit& edit, deadline until) {
        for (;;) {
            if (const std::optional<bool> done = change_once(edit)) return *done;
            if (std::chrono::steady_clock::now() >= until)
                throw error(errc::lock_timeout, "tokenkeep: others change the document all the time");
        }
    }

    /// nullopt if another program has changed the document since it was loaded: nothing was saved.
    template <class Edit>
    std::optional<bool> change_once(Edit& edit) {
        if constexpr (versioned) {
            auto [bytes, version] = document_.load_versioned();
            row_set rows = decode(std::move(bytes));
            if (!edit(rows)) return false;
            const secret encoded = Codec::encode(rows.all());
            if (!document_.save(encoded.reveal(), version)) return std::nullopt;
        } else {
            row_set rows = decode(document_.load());
            if (!edit(rows)) return false;
            const secret encoded = Codec::encode(rows.all());
            document_.save(encoded.reveal());
        }
        return true;
    }

    row_set load() {
        const std::lock_guard lock(mutex_);
        if constexpr (versioned)
            return decode(document_.load_versioned().first);
        else
            return decode(document_.load());
    }

    static decltype(auto) as_stored(const token& row) {
        if constexpr (detail::keeps_less<Codec>)
            return Codec::as_stored(row);
        else
            return (row);
    }

    template <class Text>
    static row_set decode(std::optional<Text> bytes) {
        if (!bytes) return {};
        if constexpr (std::is_same_v<Text, secret>) {
            return row_set(Codec::decode(bytes->reveal()));
        } else {
            const detail::wipe_at_exit wiped(*bytes);
            return row_set(Codec::decode(*bytes));
        }
    }

    mutex mutex_{};
    Document document_;
};

/// A store in a JSON file. People can read the file. Several processes can share it. The store is a locking_store and a
/// comparing_store.
///   json_file_store store{"tokens.json"};
using json_file_store = basic_document_store<text_file>;

}} // namespace tokenkeep::v1

#endif
