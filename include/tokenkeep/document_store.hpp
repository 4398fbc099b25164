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
#include <tokenkeep/detail/store/sealed_codec.hpp>
#include <tokenkeep/detail/store/store_url.hpp>
#include <tokenkeep/detail/store/turns.hpp>
#include <tokenkeep/document.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/fwd.hpp>
#include <tokenkeep/json_codec.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/status.hpp>
#include <tokenkeep/store.hpp>
#include <tokenkeep/text_file.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

namespace detail {

/// Whether a change that others made since the load is seen: by its version, or because a lock that cannot end before
/// its guard keeps others out.
template <class D>
concept makes_comparing = is_versioned<D> ||(can_lock<D> && !lock_may_lapse<D>);

/// How much of a document must stay free when this record is saved. If its status is the spend marker, new tokens will
/// follow: twice the refresh token and the access token that it has, and at least 4 KiB or a quarter of the capacity,
/// whichever is less. Any other record needs nothing. `size_of(plain)` gives how many bytes of the document are needed
/// for so many bytes of tokens.
/// Decision: the tokens of the record stand for all that were seen. Counting what the row held earlier would need a
/// field more in every format, and tokens of one server hardly grow threefold.
template <class Size>
std::size_t room_for_new_tokens(const token& record, std::size_t capacity, Size size_of) {
    if (read_status(record.status).kind != status_kind::spend) return 0;
    const std::size_t least = (std::min)(std::size_t{4096}, capacity / 4);
    return (std::max)(least, size_of(2 * (record.refresh_token.size() + record.access_token.size())));
}

} // namespace detail

/// A store that keeps all its tokens in one document. Each look-up reads the document; each change reads it and writes
/// it whole. Every program that shares the document sees what others changed at its next call.
///   json_file_store store{"tokens.json"};
///   basic_document_store<text_file, zoho::csv, zoho::policy> shared{"tokens.csv"};
///   basic_document_store local{keychain_entry{"my-app"}};   // a document of your own
/// What the store can do, beyond the six operations, follows from the document: see document.hpp.
///
/// Cost: each call reads, and each change writes, every row. Use it for some hundred tokens.
///
///   errc                | when                                                       | what to do
///   --------------------|------------------------------------------------------------|------------------------------
///   storage_corrupt     | the document is empty or damaged; it was left as it is.    | restore it from a backup
///                       | delete_tokens throws this too                              |
///   unsupported_version | a newer version of the library wrote the document          | update the library
///   permissions         | this sealer cannot open the document                       | use the sealer that sealed it
///   permissions         | the document is sealed and the store has no sealer, or the | make the store as the document
///                       | reverse                                                    | is, or migrate (migrate.hpp)
///   storage_failure     | the document has a capacity, and the change does not fit,  | delete rows, or give each user
///                       | or the new tokens of a refresh would not fit               | a document of their own
///   invalid_record      | the codec cannot carry a value, or the record has no token | change the record
///   ambiguous           | the probe means several rows, or the save would            | name the user and the client
///   lock_timeout        | other threads or programs kept the store busy or locked,   | try later
///                       | or changed the document all the time, until the deadline   |
///                       | (see until)                                                |
///
/// If the document has a capacity, the store refuses the spend marker (see status.hpp) unless there is room for the new
/// tokens: twice the row's refresh and access token, and at least 4 KiB, or a quarter of the capacity if that is less.
/// So the keeper notices before it sends the refresh token that it could not save the new one. Rows that are refreshed
/// at the same time count on the same room. A sealed document is larger by a third and by what the sealer adds; the
/// store counts that.
///
/// Encryption. If the policy names a sealer (see sealer.hpp), the store seals the document as a whole. The document is
/// then one line of text, which begins with `tokenkeep-sealed` and names the key. Each change seals all rows again. So
/// after a change of keys, the next save uses the new key for all. reseal (see reseal.hpp) does the same and changes no
/// row: it saves the document once. If the document itself keeps earlier versions, these have the old key.
///   struct sealed : defaults { using sealer = my_sealer; };
///   basic_document_store<text_file, json_codec, sealed> store{"tokens.json", my_sealer{key}};
///
///   what can be read in a sealed document            |
///   -------------------------------------------------|----------------------------------------------------------
///   the size of all rows together                    | yes, to the byte
///   the id of the key                                | yes
///   how many rows there are, ids, names, tokens      | no
///
///   somebody who can write the document              | what the store does
///   -------------------------------------------------|----------------------------------------------------------
///   changes a byte of it, or cuts it off             | errc::storage_corrupt. If the check at the end is made right
///                                                    | again: errc::permissions, "this sealer cannot open"
///   makes a document without the key                 | errc::permissions
///   puts a plain document in its place               | errc::permissions; none of its tokens is used
///   puts an older version of it in its place         | takes it: nothing binds the document to its time
///   puts another sealed document of the same key in  | takes it: nothing binds the document to its place. Give each
///   its place, or exchanges two                      | document a key of its own if that matters
///   removes it                                       | takes it: there are no rows
///
/// In a change, the store calls the sealer while it holds its lock. In a look-up, it holds no lock. So many threads may
/// call the sealer at once.
///
/// What the document throws passes through. A store may be moved while no other thread uses it. What it was moved from
/// may only be destroyed or assigned to.
template <class Document, class Codec, class Policy>
class basic_document_store
    : public detail::named_by<Document, Codec>,
      public detail::locking_ability<basic_document_store<Document, Codec, Policy>, detail::can_lock<Document>>,
      public detail::comparing_ability<basic_document_store<Document, Codec, Policy>,
                                       detail::makes_comparing<Document>> {
    static_assert(detail::explain_document<Document>() && detail::explain_lock<Document>());
    static_assert(detail::explain_codec<Codec>() && detail::explain_policy<Policy>());
    static_assert(detail::explain_sealed_codec<Codec, detail::sealer_of<Policy>>());
    static constexpr bool locks = detail::can_lock<Document>;
    static constexpr bool versioned = detail::is_versioned<Document>;
    friend detail::locking_ability<basic_document_store, true>;
    friend detail::comparing_ability<basic_document_store, true>;
    using row_set = detail::row_set<std::vector<token>, Policy>;
    using codec = detail::sealed_codec<Codec, detail::sealer_of<Policy>>;
    static constexpr bool needs_sealer = !std::default_initializable<detail::sealer_of<Policy>>;

  public:
    using policy_type = Policy;

    /// Whether the lock is a lease, which can end while its guard is held: whether the document says so.
    static constexpr bool lock_may_lapse = detail::lock_may_lapse<Document>;

    /// A store over this document. Nothing is read before the first call.
    ///   basic_document_store store{keychain_entry{"my-app"}};
    explicit basic_document_store(Document document) requires std::default_initializable<detail::sealer_of<Policy>>
        : shared_(std::make_shared<shared>(detail::sealer_of<Policy>(), std::move(document))) {}

    /// A store over a document that is made from these arguments:
    ///   json_file_store store{"tokens.json"};
    template <class... Arguments>
        requires(!needs_sealer && std::constructible_from<Document, Arguments...>)
    explicit basic_document_store(Arguments&&... arguments)
        : shared_(std::make_shared<shared>(detail::sealer_of<Policy>(), std::forward<Arguments>(arguments)...)) {}

    /// A store over `place`, or over a document that is made from it, with the policy's sealer:
    ///   basic_document_store<text_file, json_codec, sealed> store{"tokens.json", my_sealer{key}};
    template <class Place>
        requires std::constructible_from<Document, Place>
    explicit basic_document_store(Place&& place, detail::sealer_of<Policy> sealer)
        : shared_(std::make_shared<shared>(std::move(sealer), std::forward<Place>(place))) {}

    /// For open_store, over a document that has from_url: what follows the scheme. A store whose sealer needs a key has
    /// no from_url; see open_store.
    template <class Place = Document>
        requires(!needs_sealer && detail::has_from_url<Place>)
    static basic_document_store from_url(std::string_view what_follows) {
        return basic_document_store(Place::from_url(what_follows));
    }

    basic_document_store(basic_document_store&&) noexcept = default;
    basic_document_store& operator=(basic_document_store&&) noexcept = default;
    ~basic_document_store() = default;

    /// The same store, for calls that wait until `end`, and no longer than Policy::store_lock_timeout; see
    /// deadline_store. It may outlive this object. What the document itself waits for is not cut short.
    ///   store.until(std::chrono::steady_clock::now() + std::chrono::seconds(2)).save_token(record);
    basic_document_store until(deadline end) { return basic_document_store(shared_, (std::min)(end, end_)); }

    /// The row that the probe means; nullopt if there is none. A probe is a record that says whose row you want; see
    /// token.hpp.
    ///   std::optional<token> ada = store.find_token({.user_name = "ada"});
    std::optional<token> find_token(const token& probe) { return load().find(probe); }
    /// Changes the row that the record means, or adds a row. A field that the record leaves empty keeps its value; see
    /// merge for the exception of a new access token.
    ///   store.save_token({.user_name = "ada", .refresh_token = "rt-1", .access_token = "at-1"});
    void save_token(const token& record) {
        change([&](row_set& rows) { return rows.save(record), true; }, record);
    }
    /// Deletes the row of that id, if there is one.
    ///   store.delete_token(ada->id);
    void delete_token(const std::string& id) {
        change([&](row_set& rows) { return rows.find_by_id(id) && (rows.erase(id), true); });
    }
    /// Every row, in the document's order.
    std::vector<token> get_tokens() { return load().all(); }
    /// Deletes every row. The document then holds an empty list. If the document is damaged, throws
    /// errc::storage_corrupt. If it cannot be opened, throws errc::permissions.
    void delete_tokens() {
        change([](row_set& rows) { return rows.clear(), true; });
    }
    /// The row of exactly that id; nullopt if there is none.
    std::optional<token> find_token_by_id(const std::string& id) { return load().find_by_id(id); }

    /// If another key than the sealer's first one has sealed the document, saves it again, and gives true. If not,
    /// gives false; see reseal.
    ///   store.reseal_tokens();
    bool reseal_tokens() requires(!std::same_as<detail::sealer_of<Policy>, no_seal>) {
        return change([](row_set&, bool has_other_key) { return has_other_key; });
    }

  private:
    struct shared {
        template <class... Arguments>
        explicit shared(detail::sealer_of<Policy> sealer, Arguments&&... arguments)
            : document(std::forward<Arguments>(arguments)...), format(std::move(sealer)) {
            detail::trust_as_policy<Policy>(document);
        }

        detail::turns<typename Policy::mutex> turns{};
        Document document;
        const codec format;
    };

    basic_document_store(std::shared_ptr<shared> of, deadline end) : shared_(std::move(of)), end_(end) {}

    /// When a call that begins now ends.
    deadline end() const { return detail::end_of_call<Policy>(end_); }

    auto lock_identity(const std::string& key, deadline until) {
        return shared_->document.lock(key, (std::min)(until, end_));
    }
    bool replace(const token& expected, const token& record) {
        return change([&](row_set& rows) { return rows.replace(as_stored(expected), record); }, record);
    }
    bool remove(const token& expected) {
        return change([&](row_set& rows) { return rows.remove(as_stored(expected)); });
    }

    /// Loads the rows, lets `edit(row_set&)` or `edit(row_set&, has_other_key)` change them, and saves them if it gives
    /// true. Gives what `edit` gives. `record` is what it puts into a row, if it does.
    template <class Edit>
    bool change(Edit edit, const token& record = {}) {
        const deadline until = end();
        return shared_->turns.take(until, [&] {
            if constexpr (locks) {
                [[maybe_unused]] const auto others_wait =
                    detail::require_locked(shared_->document.lock(std::string(), until));
                return change_until(edit, record, until);
            } else {
                return change_until(edit, record, until);
            }
        });
    }

    template <class Edit>
    bool change_until(Edit& edit, const token& record, deadline until) {
        for (;;) {
            if (const std::optional<bool> done = change_once(edit, record)) return *done;
            if (std::chrono::steady_clock::now() >= until)
                throw error(errc::lock_timeout, "tokenkeep: others change the document all the time");
        }
    }

    /// nullopt if another program has changed the document since it was loaded: nothing was saved.
    template <class Edit>
    std::optional<bool> change_once(Edit& edit, const token& record) {
        if constexpr (versioned) {
            auto [bytes, version] = shared_->document.load_versioned();
            const std::optional<row_set> rows = edited(edit, std::move(bytes));
            if (!rows) return false;
            const secret encoded = shared_->format.encode(rows->all());
            require_room(encoded.size(), record);
            if (!shared_->document.save(encoded.reveal(), version)) return std::nullopt;
        } else {
            const std::optional<row_set> rows = edited(edit, shared_->document.load());
            if (!rows) return false;
            const secret encoded = shared_->format.encode(rows->all());
            require_room(encoded.size(), record);
            shared_->document.save(encoded.reveal());
        }
        return true;
    }

    /// The rows after the edit; nullopt if it gives false.
    template <class Edit, class Text>
    std::optional<row_set> edited(Edit& edit, std::optional<Text> bytes) const {
        std::optional<row_set> rows;
        if constexpr (std::invocable<Edit&, row_set&>) {
            rows = decode(std::move(bytes));
            if (!edit(*rows)) rows.reset();
        } else {
            const bool has_other_key = bytes && shared_->format.has_other_key(detail::view_of(*bytes));
            rows = decode(std::move(bytes));
            if (!edit(*rows, has_other_key)) rows.reset();
        }
        return rows;
    }

    /// Throws unless the document can hold so many bytes, and the new tokens that the record may be waiting for.
    void require_room(std::size_t size, const token& record) {
        if constexpr (detail::has_capacity<Document>) {
            const std::size_t capacity = shared_->document.capacity();
            const std::size_t room = detail::room_for_new_tokens(record, capacity, codec::size_of);
            if (size <= capacity && room <= capacity - size) return;
            throw error(errc::storage_failure,
                        "tokenkeep: the document would have " + std::to_string(size) + " bytes" +
                            (room == 0 ? "" : " and must keep " + std::to_string(room) + " free for new tokens") +
                            ", and its capacity is " + std::to_string(capacity) +
                            "; delete rows, or give each user a document of their own");
        }
    }

    row_set load() {
        return decode(shared_->turns.take(end(), [&] {
            if constexpr (versioned)
                return shared_->document.load_versioned().first;
            else
                return shared_->document.load();
        }));
    }

    static decltype(auto) as_stored(const token& row) {
        if constexpr (detail::keeps_less<Codec>)
            return Codec::as_stored(row);
        else
            return (row);
    }

    template <class Text>
    row_set decode(std::optional<Text> bytes) const {
        if (!bytes) return {};
        if constexpr (std::is_same_v<Text, secret>) {
            return row_set(shared_->format.decode(bytes->reveal()));
        } else {
            const detail::wipe_at_exit wiped(*bytes);
            return row_set(shared_->format.decode(*bytes));
        }
    }

    std::shared_ptr<shared> shared_;
    deadline end_ = (deadline::max)(); ///< See until.
};

/// A store in a JSON file. People can read the file. Several processes can share it. The store is a locking_store and a
/// comparing_store.
///   json_file_store store{"tokens.json"};
using json_file_store = basic_document_store<text_file>;

}} // namespace tokenkeep::v1

#endif
