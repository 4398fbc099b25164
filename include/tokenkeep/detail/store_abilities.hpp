// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_ABILITIES_HPP
#define TOKENKEEP_DETAIL_STORE_ABILITIES_HPP

#include <tokenkeep/token.hpp>

#include <chrono>
#include <string>

namespace tokenkeep::inline v0::detail {

// What a store can do only over some documents or connections, as its bases. A store that cannot do it must not have the
// name either: a store that names an ability and lacks it is taken for a mistake, see explain_token_store.

template <class Store, bool is_able>
struct locking_ability {};

template <class Store>
struct locking_ability<Store, true> {
    /// See locking_store; the lock reaches as far as that of what the store is over.
    auto lock_token(const std::string& key, std::chrono::steady_clock::time_point deadline) {
        return static_cast<Store&>(*this).lock_identity(key, deadline);
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

} // namespace tokenkeep::inline v0::detail

#endif
