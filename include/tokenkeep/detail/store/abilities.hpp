// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_ABILITIES_HPP
#define TOKENKEEP_DETAIL_STORE_ABILITIES_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/store.hpp>
#include <tokenkeep/token.hpp>

#include <string>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// What a document or a connection needs so that the store over it is a locking_store.
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

/// Gives true. If a document or a connection has a `lock` of another form, the compiler says which form it needs.
template <class Place>
consteval bool explain_lock() {
    if constexpr (names_lock<Place>)
        static_assert(
            can_lock<Place>,
            "tokenkeep: the lock of a document or a connection must take (const std::string& name, "
            "steady_clock::time_point deadline) and give a movable guard that any thread may release; see the concept "
            "document or sql_connection");
    return true;
}

// Bases that give a store an ability only if its document, connection or policy has it. A store without the ability
// must not have the name either, because explain_token_store reports a store that has the name and lacks the ability.

template <class Store, bool is_able>
struct locking_ability {};

template <class Store>
struct locking_ability<Store, true> {
    /// Takes the lock of one identity; see locking_store. It reaches as far as the lock of the document or connection.
    ///   auto guard = store.lock_token(identity_key(row), std::chrono::steady_clock::now() + 5s);
    auto lock_token(const std::string& key, deadline until) {
        return static_cast<Store&>(*this).lock_identity(key, until);
    }
};

template <class Store, bool is_able>
struct comparing_ability {};

template <class Store>
struct comparing_ability<Store, true> {
    /// Makes the row `record` if it still is `expected`, and says whether it did; see comparing_store.
    ///   if (!store.replace_token(expected, record)) read_again();
    bool replace_token(const token& expected, const token& record) {
        return static_cast<Store&>(*this).replace(expected, record);
    }
    /// Removes the row if it still is `expected`, and says whether it did; see comparing_store.
    ///   if (!store.remove_token(expected)) read_again();
    bool remove_token(const token& expected) { return static_cast<Store&>(*this).remove(expected); }
};

}}} // namespace tokenkeep::v1::detail

#endif
