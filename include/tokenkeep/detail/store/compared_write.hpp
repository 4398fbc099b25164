// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_COMPARED_WRITE_HPP
#define TOKENKEEP_DETAIL_STORE_COMPARED_WRITE_HPP

#include <tokenkeep/compilation.hpp>
#include <tokenkeep/store.hpp>
#include <tokenkeep/token.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// A record that turns `before` into `after` when it is merged, as far as merging can do that. It holds the names of
/// the identity and what has changed.
token changes_between(const token& before, const token& after);
#ifdef TOKENKEEP_INLINE
TOKENKEEP_INLINE token changes_between(const token& before, const token& after) {
    const bool new_access = !after.access_token.empty() && after.access_token != before.access_token;
    token change{.user_name = after.user_name,
                 .client_id = after.client_id,
                 .api_domain = after.api_domain,
                 .label = after.label,
                 .id = after.id};
    for (const field& f : fields) {
        f.visit([&](auto member) {
            if (!(after.*member == before.*member)) change.*member = after.*member;
        });
    }
    if (new_access) {
        change.expires_at = after.expires_at;
        change.issued_at = after.issued_at;
        change.status = after.status;
    } else if (after.status.empty() && !before.status.empty()) {
        change.status = "none";
    }
    return change;
}
#endif

/// If the row still is `expected`, makes it `record`; see comparing_store. If the store cannot compare, reads the row,
/// and then saves only what differs. `compares` is store_compares of the store.
template <class Store>
bool replace_row(Store&& store, bool compares, const token& expected, const token& record) {
    if constexpr (has_replace_token<std::remove_reference_t<Store>>)
        if (compares) return store.replace_token(expected, record);
    if (store.find_token_by_id(expected.id) != expected) return false;
    store.save_token(changes_between(expected, record));
    return true;
}

/// If the row still is `expected`, removes it. If the store cannot compare, reads the row first.
template <class Store>
bool remove_row(Store&& store, bool compares, const token& expected) {
    if constexpr (has_remove_token<std::remove_reference_t<Store>>)
        if (compares) return store.remove_token(expected);
    if (store.find_token_by_id(expected.id) != expected) return false;
    store.delete_token(expected.id);
    return true;
}

}}} // namespace tokenkeep::v1::detail

#endif
