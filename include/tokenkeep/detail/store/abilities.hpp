// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_ABILITIES_HPP
#define TOKENKEEP_DETAIL_STORE_ABILITIES_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/store.hpp>
#include <tokenkeep/token.hpp>

#include <string>

namespace tokenkeep { inline namespace v0 { namespace detail {

/// What documents and connections may have to make a locking_store of the store over them.
template <class D>
concept can_lock = requires(D& place, const std::string& name, deadline until) {
    { place.lock(name, until) } -> lock_guard_value;
};

struct named_lock {
    int lock;
};
template <class D>
concept names_lock = can_be_base<D> && !requires {
    &with_name<D, named_lock>::lock;
};

/// Says in a sentence why the `lock` that a document or connection has is not the ability.
template <class Place>
consteval bool explain_lock() {
    if constexpr (names_lock<Place>)
        static_assert(can_lock<Place>,
                      "tokenkeep: the lock of a document or a connection must take (const std::string& name, "
                      "steady_clock::time_point deadline) and give a movable guard that any thread may release; see "
                      "document in tokenkeep/document_store.hpp and sql_connection in tokenkeep/sql_connection.hpp");
    return true;
}

// What a store can do only over some documents or connections, as its bases. A store that cannot do it must not have the
// name either: a store that names an ability and lacks it is taken for a mistake, see explain_token_store.

template <class Store, bool is_able>
struct locking_ability {};

template <class Store>
struct locking_ability<Store, true> {
    /// See locking_store; the lock reaches as far as that of what the store is over.
    auto lock_token(const std::string& key, deadline until) {
        return static_cast<Store&>(*this).lock_identity(key, until);
    }
};

template <class Store, bool is_able>
struct comparing_ability {};

template <class Store>
struct comparing_ability<Store, true> {
    /// See comparing_store.
    bool replace_token(const token& expected, const token& record) {
        return static_cast<Store&>(*this).replace(expected, record);
    }
    /// See comparing_store.
    bool remove_token(const token& expected) { return static_cast<Store&>(*this).remove(expected); }
};

}}} // namespace tokenkeep::v0::detail

#endif
