// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_DOCUMENT_ABILITIES_HPP
#define TOKENKEEP_DETAIL_DOCUMENT_ABILITIES_HPP

#include <tokenkeep/token.hpp>

#include <chrono>
#include <string>

namespace tokenkeep::inline v0::detail {

// What only some documents let a store do, as bases of basic_document_store. A store that cannot do it must not have
// the name either: a store that names an ability and lacks it is taken for a mistake, see explain_token_store.

template <class Store, bool is_able>
struct document_locking {};

template <class Store>
struct document_locking<Store, true> {
    /// See locking_store; the lock reaches as far as the document's.
    auto lock_token(const std::string& key, std::chrono::steady_clock::time_point deadline) {
        return static_cast<Store&>(*this).document_.lock(key, deadline);
    }
};

template <class Store, bool is_able>
struct document_comparing {};

template <class Store>
struct document_comparing<Store, true> {
    /// See comparing_store.
    bool replace_token(const token& expected, const token& record) {
        return static_cast<Store&>(*this).change(
            [&](auto& rows) { return rows.replace(Store::as_kept(expected), record); });
    }
    /// See comparing_store.
    bool remove_token(const token& expected) {
        return static_cast<Store&>(*this).change([&](auto& rows) { return rows.remove(Store::as_kept(expected)); });
    }
};

template <class Store, bool locks, bool compares>
struct document_abilities : document_locking<Store, locks>, document_comparing<Store, compares> {};

} // namespace tokenkeep::inline v0::detail

#endif
