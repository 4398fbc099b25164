// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ANY_STORE_HPP
#define TOKENKEEP_ANY_STORE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/store/erased_store.hpp>
#include <tokenkeep/detail/store/row_view.hpp>
#include <tokenkeep/detail/store/store_url.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/memory/function_ref.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/reseal.hpp>
#include <tokenkeep/store.hpp>
#include <tokenkeep/token.hpp>

#include <algorithm>
#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

/// A store that a program chooses at run time. It holds a store of any type, and does what that store does:
///   any_store store = is_test ? any_store(memory_store()) : any_store(file_store("tokens.tkj"));
///   keeper keep{store, transport, provider};
/// open_store, below, chooses by a URL.
///
/// A keeper over an any_store does what it does over the store itself: it asks locks(), compares(), lock_lapses() and
/// looks_for_seed(). A store with `until` keeps its deadlines too.
///
/// Cost: each call goes through one virtual function. get_tokens copies the rows into a vector. A lock takes a small
/// block of memory.
///
/// Errors and thread safety are those of the store that it holds. It may be moved while no other thread uses it. What
/// it was moved from may only be destroyed or assigned to.
class any_store {
  public:
    /// The guard of a lock; see locking_store. It converts to true if it holds one.
    using guard = detail::erased_guard;

    /// Holds this store, which is moved in.
    ///   any_store store{file_store("tokens.tkj")};
    template <class Store>
        requires(!std::same_as<Store, any_store>)
    explicit any_store(Store store) : any_store(std::in_place_type<Store>, std::move(store)) {}

    /// Holds a store that is made from these arguments, for a type that cannot be moved.
    ///   any_store store{std::in_place_type<my_store>, "tokens"};
    template <class Store, class... Arguments>
    explicit any_store(std::in_place_type_t<Store>, Arguments&&... arguments) {
        static_assert(detail::explain_token_store<Store>());
        if constexpr (token_store<Store>)
            store_ = std::make_shared<model<Store>>(std::forward<Arguments>(arguments)...);
    }

    any_store(any_store&&) noexcept = default;
    any_store& operator=(any_store&&) noexcept = default;
    ~any_store() = default;

    /// Whether the store is a locking_store. If not, lock_token throws errc::request_rejected.
    bool locks() const { return store_->locks(); }
    /// Whether the store is a comparing_store. If not, replace_token and remove_token throw errc::request_rejected.
    bool compares() const { return store_->compares(); }
    /// Whether the store is a resealing_store. If not, reseal throws errc::request_rejected.
    ///   if (store.reseals()) reseal(store);
    bool reseals() const { return store_->reseals(); }
    /// Whether the store's lock is a lease; see locking_store.
    bool lock_lapses() const { return store_->lock_lapses(); }
    /// Whether the store is known to look for the row of this probe by its seed: its rules do.
    bool looks_for_seed(const token& probe) const { return store_->looks_for_seed(probe); }

    std::optional<token> find_token(const token& probe) { return store_->find_token(probe, end_); }
    void save_token(const token& record) { store_->save_token(record, end_); }
    void delete_token(const std::string& id) { store_->delete_token(id, end_); }
    std::vector<token> get_tokens() { return store_->get_tokens(end_); }
    void delete_tokens() { store_->delete_tokens(end_); }
    std::optional<token> find_token_by_id(const std::string& id) { return store_->find_token_by_id(id, end_); }

    // For the keeper, as basic_store::visit_token: what the store can do, and its row without a copy if it can show it.
    bool never_blocks() const { return store_->never_blocks(); }
    bool shows_rows() const { return store_->shows_rows(); }
    bool visit_token(const detail::row_view& probe, detail::function_ref<void(const detail::row_view&)> visit) {
        return store_->visit_token(probe, visit, end_);
    }

    /// The lock of the store; see locking_store.
    ///   if (store.locks()) auto held = store.lock_token(identity_key(row), std::chrono::steady_clock::now() + 5s);
    guard lock_token(const std::string& key, deadline until) {
        if (!locks())
            throw error(errc::request_rejected, "tokenkeep: the store of this any_store does not lock; ask locks()");
        return store_->lock_token(key, (std::min)(until, end_), end_);
    }
    /// Makes the row `record` if it still is `expected`, and says whether it did; see comparing_store.
    ///   if (!store.replace_token(expected, record)) read_again();
    bool replace_token(const token& expected, const token& record) {
        require_comparing();
        return store_->replace_token(expected, record, end_);
    }
    /// Removes the row if it still is `expected`, and says whether it did; see comparing_store.
    ///   if (!store.remove_token(expected)) read_again();
    bool remove_token(const token& expected) {
        require_comparing();
        return store_->remove_token(expected, end_);
    }
    /// Seals every row with the first key of the store's sealer. The free function reseal calls it.
    ///   const reseal_report report = store.reseal();
    template <std::invocable<const reseal_report&> Progress = detail::ignore_resealing>
    reseal_report reseal(Progress progress = {}) {
        return store_->reseal(progress);
    }

    /// The same store, for calls that end by `end` if the store is a deadline_store. If it is not, they take as long as
    /// the store takes, and only lock_token ends by then. The result may outlive this object.
    ///   store.until(std::chrono::steady_clock::now() + std::chrono::seconds(2)).save_token(record);
    any_store until(deadline end) { return any_store(store_, (std::min)(end, end_)); }

  private:
    struct held_store : detail::erased_store {
        virtual void delete_tokens(deadline end) = 0;
        virtual bool reseals() = 0;
        virtual reseal_report reseal(detail::function_ref<void(const reseal_report&)> progress) = 0;
    };

    template <class Store>
    struct model final : detail::erased_store_of<Store, held_store> {
        using detail::erased_store_of<Store, held_store>::erased_store_of;

        void delete_tokens(deadline end) override {
            this->by(end, [](auto&& store) { store.delete_tokens(); });
        }
        bool reseals() override {
            if constexpr (requires(Store & store) {
                              { store.reseals() } -> std::convertible_to<bool>;
                          })
                return this->store().reseals();
            else
                return resealing_store<Store>;
        }
        reseal_report reseal(detail::function_ref<void(const reseal_report&)> progress) override {
            if constexpr (resealing_store<Store>)
                return tokenkeep::reseal(this->store(), progress);
            else
                throw error(errc::request_rejected,
                            "tokenkeep: the store of this any_store is not sealed, or cannot be sealed again; ask "
                            "reseals()");
        }
    };

    any_store(std::shared_ptr<held_store> store, deadline end) : store_(std::move(store)), end_(end) {}

    void require_comparing() const {
        if (!compares())
            throw error(errc::request_rejected,
                        "tokenkeep: the store of this any_store does not compare; ask compares()");
    }

    std::shared_ptr<held_store> store_{};
    deadline end_ = (deadline::max)(); ///< See until.
};

template <>
inline constexpr bool detail::shows_rows<any_store> = true;

/// Opens the store that a URL names. `Stores` are the types that it may be. The scheme of the URL chooses among them:
///   any_store store = open_store<file_store, json_file_store, sqlite_store>("sqlite:tokens.db");
///   any_store other = open_store<memory_store, postgres_store>(configuration.token_store);
///
///   scheme     | store                          | what follows
///   -----------|--------------------------------|-------------------------------------------------------------------
///   file:      | file_store                     | a path: file:tokens.tkj, file:/var/lib/app/tokens.tkj
///   json:      | json_file_store                | a path
///   zoho-csv:  | basic_document_store<          | a path
///              |   text_file, zoho::csv,        |
///              |   zoho::policy>                |
///   sqlite:    | sqlite_store                   | a path
///   mysql:     | mysql_store                    | //user@host:port/database; see mysql_connection::from_url
///   postgres:  | postgres_store                 | //user@host:port/database; see postgres_connection::from_url.
///              |                                | postgresql: is the same
///   redis:     | redis_store                    | //user@host:port/number; see basic_redis_store::from_url
///   keyring:   | keyring_store                  | service, or service/account; see keyring::from_url
///   memory:    | memory_store                   | nothing
///
/// A path is taken as it is, without decoding; three slashes begin an absolute one: file:///var/lib/app/tokens.tkj. A
/// store with another policy has the same scheme. A type of your own needs a name for its scheme, and a
/// constructor that takes what follows as a std::string, or a function:
///   struct my_store {
///       static constexpr std::string_view scheme = "mine";
///       static my_store from_url(std::string_view what_follows);   // if the constructor will not do
///   };
///
/// A URL cannot name the key of a sealed store. A type of your own makes its sealer:
///   struct sealed_file : basic_file_store<sealed> {
///       explicit sealed_file(std::string path) : basic_file_store(std::move(path), my_sealer{read_key()}) {}
///   };
///   any_store hidden = open_store<sealed_file, memory_store>("file:tokens.tkj");
///
/// Throws errc::request_rejected if no store has the scheme, or if the URL holds a password: logs and lists of
/// processes show URLs. Passwords belong in a file that the database's client reads. Nothing is opened before the
/// store's first call, if the store does not do so in its constructor.
template <class... Stores>
any_store open_store(std::string_view url) {
    static_assert(sizeof...(Stores) > 0, "tokenkeep: open_store needs the types that it may open, as in "
                                         "open_store<file_store, json_file_store>(url); see open_store");
    static_assert((detail::explain_scheme<Stores>() && ...));
    if constexpr ((detail::has_scheme<Stores> && ...)) {
        static_assert(detail::are_distinct({Stores::scheme...}),
                      "tokenkeep: two of the stores have the same scheme, so that a URL cannot tell them apart; derive "
                      "from one of them, and give the derived class a scheme of its own; see open_store");
        const detail::store_url parts(url);
        std::optional<any_store> opened;
        static_cast<void>(
            ((parts.has_scheme(Stores::scheme) &&
              (opened.emplace(std::in_place_type<Stores>, detail::from_url<Stores>(parts.what_follows)), true)) ||
             ...));
        if (opened) return *std::move(opened);
        throw detail::unknown_scheme({Stores::scheme...});
    }
}

}} // namespace tokenkeep::v1

#endif
