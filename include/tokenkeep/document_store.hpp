// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DOCUMENT_STORE_HPP
#define TOKENKEEP_DOCUMENT_STORE_HPP

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

namespace tokenkeep { inline namespace v0 {

namespace detail {

/// What load may give: text that is there or not, as std::string or as secret.
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
inline constexpr bool is_versioned = can_load_versioned<D>&& can_save_versioned<D>;

} // namespace detail

/// A place that keeps one document: a file, a keychain entry, a cloud secret.
///
/// Shape (the least model):
///   struct d {
///       std::optional<std::string> load();
///       void                       save(std::string_view bytes);
///   };
/// Meaning:
///   D1  load gives what the last successful save was given.
///   D2  A failed save throws and leaves what load gives unchanged.
///   D3  load before any save gives nullopt; that is not an error. A document that was damaged or emptied is never
///       nullopt.
/// May:   throw anything derived from std::exception. load and save need not be thread-safe: the store locks. load may
///        give std::optional<secret> instead. Two abilities make the store more than a token_store:
///        `g lock(const std::string& name, deadline until)`, thread-safe, with
///        independent locks by name whose guards are as locking_store says, makes it a locking_store and a
///        comparing_store; the empty name guards load - change - save.
///        `std::pair<std::optional<std::string>, Version> load_versioned()` together with
///        `bool save(std::string_view bytes, const Version& expected)`, false if the document is no longer of that
///        version (or, for a version that came with nullopt, is there now), makes it a comparing_store; load and the
///        plain save are then not needed.
/// Models: text_file; examples/keychain.cpp.
template <class D>
concept document = (detail::can_load<D> && detail::can_save<D>) || detail::is_versioned<D>;

namespace detail {

template <class D>
consteval bool explain_document() {
    if constexpr (names_load_versioned<D> || can_load_versioned<D>) {
        static_assert(can_load_versioned<D>,
                      "tokenkeep: load_versioned() must give a pair of optional<string> and a version; "
                      "see document in tokenkeep/document_store.hpp");
        if constexpr (can_load_versioned<D>)
            static_assert(can_save_versioned<D>,
                          "tokenkeep: a document with load_versioned() needs bool save(string_view, "
                          "const version&); see tokenkeep/document_store.hpp");
    } else {
        static_assert(can_load<D>,
                      "tokenkeep: a document needs load(), giving optional<string>; see tokenkeep/document_store.hpp");
        if constexpr (can_load<D>)
            static_assert(can_save<D>,
                          "tokenkeep: a document needs save(string_view); see tokenkeep/document_store.hpp");
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

template <class C>
consteval bool explain_codec() {
    static_assert(can_encode<C>,
                  "tokenkeep: a codec needs static secret encode(const std::vector<token>&); see json_codec");
    if constexpr (can_encode<C>)
        static_assert(can_decode<C>,
                      "tokenkeep: a codec needs static std::vector<token> decode(std::string_view); see json_codec");
    return true;
}

} // namespace detail

/// A store that keeps all its tokens in one document, which is read at each look-up and written whole at each change.
/// Fit for some hundred tokens; every process that shares the document sees the others' changes at its next call.
///
/// What it can do follows from the document: see there. It may be moved while nobody else uses it. A document that is
/// empty or damaged is an error (errc::storage_corrupt), never a new store.
///
/// A codec that keeps only some fields of a row says so with `static token as_stored(token row)`, which gives the row as it
/// comes back; two rows are then compared by these.
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
    explicit basic_document_store(Document document) : document_(std::move(document)) {}

    /// Makes the document of these: `json_file_store store{"tokens.json"}`.
    template <class... Arguments>
        requires std::constructible_from<Document, Arguments...>
    explicit basic_document_store(Arguments&&... arguments) : document_(std::forward<Arguments>(arguments)...) {}

    basic_document_store(basic_document_store&& other) noexcept : document_(std::move(other.document_)) {}
    basic_document_store& operator=(basic_document_store&& other) noexcept {
        document_ = std::move(other.document_);
        return *this;
    }

    std::optional<token> find_token(const token& probe) { return load().find(probe); }
    void save_token(const token& record) {
        change([&](row_set& rows) { return rows.save(record), true; });
    }
    void delete_token(const std::string& id) {
        change([&](row_set& rows) { return rows.find_by_id(id) && (rows.erase(id), true); });
    }
    std::vector<token> get_tokens() { return load().all(); }
    void delete_tokens() {
        change([](row_set& rows) { return rows.clear(), true; });
    }
    std::optional<token> find_token_by_id(const std::string& id) { return load().find_by_id(id); }

  private:
    auto lock_identity(const std::string& key, deadline until) { return document_.lock(key, until); }
    bool replace(const token& expected, const token& record) {
        return change([&](row_set& rows) { return rows.replace(as_stored(expected), record); });
    }
    bool remove(const token& expected) {
        return change([&](row_set& rows) { return rows.remove(as_stored(expected)); });
    }

    /// Does `edit(row_set&)` to the document and saves it if the result is true; the result.
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

    /// nullopt: somebody else changed the document meanwhile, and nothing was saved.
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

/// A store in a JSON file that people can read: `json_file_store store{"tokens.json"};`
using json_file_store = basic_document_store<text_file>;

}} // namespace tokenkeep::v0

#endif
