// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_RESEAL_HPP
#define TOKENKEEP_RESEAL_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/memory/function_ref.hpp>
#include <tokenkeep/store.hpp>
#include <tokenkeep/token.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

/// What reseal has done so far, or in all.
struct reseal_report {
    std::size_t total = 0;     ///< Rows that the store had at the beginning.
    std::size_t resealed = 0;  ///< Rows that were sealed again. Of a file or a document: all, if it was written again.
    std::size_t unchanged = 0; ///< Rows that the first key had sealed already, or that others deleted meanwhile.

    /// How many rows have been looked at so far.
    std::size_t done() const { return resealed + unchanged; }
};

namespace detail {

template <class S>
concept has_reseal_tokens = requires(S& store) {
    { store.reseal_tokens() } -> std::same_as<bool>;
};
template <class S>
concept has_reseal_token = requires(S& store, const std::string& id) {
    { store.reseal_token(id) } -> std::same_as<bool>;
};
template <class S>
concept has_reseal = requires(S& store, void (*progress)(const reseal_report&)) {
    { store.reseal(progress) } -> std::same_as<reseal_report>;
};
template <class S>
concept seals_again = has_reseal_tokens<S> || has_reseal_token<S> || has_reseal<S>;

template <class S>
concept has_token_ids = requires(S& store) {
    { store.token_ids() } -> std::same_as<std::vector<std::string>>;
};

/// The ids of all rows.
template <class Store>
std::vector<std::string> ids_of(Store& store) {
    if constexpr (has_token_ids<Store>) {
        return store.token_ids();
    } else {
        std::vector<std::string> ids;
        for (const token& row : store.get_tokens()) ids.push_back(row.id);
        return ids;
    }
}

struct ignore_resealing {
    void operator()(const reseal_report&) const noexcept {}
};

} // namespace detail

/// A store whose rows are sealed (see sealer.hpp), and which can seal them again.
///
/// Shape (the least model):
///   struct s {   // besides the six operations
///       bool reseal_tokens();
///   };
///   struct r {   // or, for a store that seals its rows one by one
///       bool reseal_token(const std::string& id);
///   };
/// Meaning:
///   K1  If another key than the sealer's first one has sealed anything in the store, reseal_tokens seals everything
///       with the first key and gives true. Everything means all rows and what the store keeps of their earlier
///       versions. If not, reseal_tokens changes nothing and gives false.
///   K2  reseal_token does the same for the row of that id. If there is no such row, it gives false.
///   K3  The rows are the same afterwards. No change is lost that others make at the same time.
/// May:   throw, and then each row has its old key or the new one. Need not be fast. These members are optional:
///
///   expression                | what it gives you                          | without it
///   --------------------------|--------------------------------------------|---------------------------------------
///   `token_ids()` gives       | reseal needs only the ids of the rows.     | reseal calls get_tokens: all rows are
///   std::vector<std::string>  |                                            | in memory at the beginning.
///   `reseal(progress)` gives  | reseal calls it, and does nothing else.    | reseal calls reseal_tokens, or
///   reseal_report             | For a store that holds another store.      | reseal_token for each row.
///
/// Models, with a policy that names a sealer: basic_file_store and basic_document_store by reseal_tokens, sql_store and
/// basic_redis_store by reseal_token. any_store, which throws errc::request_rejected if its store is not a model.
template <class S>
concept resealing_store = token_store<S> && detail::seals_again<S>;

namespace detail {

/// Says in a sentence why a store cannot be sealed again.
template <class S>
consteval bool explain_resealing_store() {
    static_assert(explain_token_store<S>());
    if constexpr (token_store<S>)
        static_assert(seals_again<S>,
                      "tokenkeep: reseal needs a store with a sealer, which has bool reseal_tokens() or bool "
                      "reseal_token(const std::string& id); see the concept resealing_store");
    return true;
}

} // namespace detail

/// Seals every row of a store with the first key of its sealer, in place. Afterwards no other key is needed, and none
/// opens anything in the store.
///   basic_sqlite_store<sealed> store{"tokens.db", my_sealer{new_key, old_key}};
///   const reseal_report report = reseal(store);
///   reseal(store, [](const reseal_report& so_far) { show(so_far.done(), so_far.total); });
///
/// Other programs may go on using the store. Their sealers must have both keys before the first row is sealed again.
/// If one of them still seals with the old key, run reseal again after the last of them has changed to the new one.
///
///   store                | how rows get the new key                    | what the old key can still open elsewhere
///   ---------------------|---------------------------------------------|---------------------------------------------
///   sql_store            | Each row in a transaction of its own.       | What the database keeps of replaced rows:
///                        |                                             | logs, free pages, backups.
///   basic_redis_store    | Each row in a change of its own.            | What Redis keeps of replaced rows:
///                        |                                             | append-only file, snapshots, replicas.
///   basic_file_store     | The file is rewritten.                      | Copies of a damaged file, and backups; see
///                        | compact() alone does the same.              | Old blocks in file_store.hpp.
///   basic_document_store | The document is saved once.                 | What the document keeps of its earlier
///                        |                                             | versions.
///
/// It may be stopped and called again at any time: rows that have the first key are left alone. `progress(const
/// reseal_report&)` is called after each row of a table, and once for a file or a document. If it throws, reseal ends.
/// reseal throws what the store throws. If a row of a file or a document cannot be opened, nothing changes. If a row of
/// a table cannot be opened, reseal ends there; the rows before it have the first key. Restore that row, or delete it,
/// and call reseal again.
///
/// Cost: for each row of a table, one look-up by its id, and one transaction if it has another key. Only the ids are in
/// memory. A file or a document is read, with all rows, and written once if need be. From plain to sealed, and back:
/// see migrate.hpp.
template <class Store, std::invocable<const reseal_report&> Progress = detail::ignore_resealing>
reseal_report reseal(Store& store, Progress progress = {}) {
    static_assert(detail::explain_resealing_store<Store>());
    reseal_report report;
    if constexpr (resealing_store<Store> && detail::has_reseal<Store>) {
        report = store.reseal(detail::function_ref<void(const reseal_report&)>(progress));
    } else if constexpr (resealing_store<Store>) {
        const std::vector<std::string> ids = detail::ids_of(store);
        report.total = ids.size();
        if constexpr (detail::has_reseal_tokens<Store>) {
            (store.reseal_tokens() ? report.resealed : report.unchanged) = report.total;
            progress(std::as_const(report));
        } else {
            for (const std::string& id : ids) {
                ++(store.reseal_token(id) ? report.resealed : report.unchanged);
                progress(std::as_const(report));
            }
        }
    }
    return report;
}

}} // namespace tokenkeep::v1

#endif
