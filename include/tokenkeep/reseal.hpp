// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_RESEAL_HPP
#define TOKENKEEP_RESEAL_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

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
    std::size_t resealed = 0;  ///< Rows that another key had sealed. A file or a document counts as one row.
    std::size_t unchanged = 0; ///< Rows that the first key had sealed already, or that others deleted meanwhile.

    /// How many rows have been looked at so far.
    std::size_t done() const { return resealed + unchanged; }
};

namespace detail {

template <class S>
concept has_reseal_token = requires(S& store, const std::string& id) {
    { store.reseal_token(id) } -> std::same_as<bool>;
};

struct ignore_resealing {
    void operator()(const reseal_report&) const noexcept {}
};

} // namespace detail

/// A store whose rows are sealed (see sealer.hpp), and which can seal one of them again.
///
/// Shape (the least model):
///   struct s {   // besides the six operations
///       bool reseal_token(const std::string& id);
///   };
/// Meaning:
///   K1  If another key than the sealer's first one has sealed the row of that id, reseal_token seals it with the first
///       key and gives true. The row is the same afterwards.
///   K2  If the first key has sealed the row, or if there is no such row, it changes nothing and gives false.
///   K3  It loses no change that others make to the row at the same time.
/// A store may seal all its rows in one step, as a file or a document does. For it, "the row" in K1 and K2 means all
/// that it holds, rows or none, and their earlier versions, whatever the id: the first call gives true, and the next
/// ones give false.
/// May:   throw, and then the row has its old key or the new one. Need not be fast: it is called once for each row.
/// Models: sql_store, basic_redis_store, basic_file_store and basic_document_store with a policy that names a sealer;
/// any_store, which throws errc::request_rejected if its store is not a model.
template <class S>
concept resealing_store = token_store<S> && detail::has_reseal_token<S>;

namespace detail {

/// Says in a sentence why a store cannot be sealed again.
template <class S>
consteval bool explain_resealing_store() {
    static_assert(explain_token_store<S>());
    if constexpr (token_store<S>)
        static_assert(has_reseal_token<S>, "tokenkeep: reseal needs a store with a sealer, which has bool "
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
///   basic_file_store     | The first call rewrites the file.           | Copies of a damaged file, and backups; see
///                        | compact() alone does the same.              | Old blocks in file_store.hpp.
///   basic_document_store | The first call saves the document.          | What the document keeps of its earlier
///                        |                                             | versions.
///
/// It may be stopped and called again at any time: rows that have the first key are left alone.
/// `progress(const reseal_report&)` is called after each row. If it throws, reseal ends. reseal throws what the store
/// throws. A row that cannot be opened makes it throw before it changes anything: restore that row, or delete it.
///
/// Cost: one transaction for each row of a table, which changes those that have another key. A file or a document is
/// changed once, and once more each time that another program has saved with the old key; a document is read once for
/// each row. All rows are in memory at the beginning. From plain to sealed, and back: see migrate.hpp.
template <class Store, std::invocable<const reseal_report&> Progress = detail::ignore_resealing>
reseal_report reseal(Store& store, Progress progress = {}) {
    static_assert(detail::explain_resealing_store<Store>());
    reseal_report report;
    if constexpr (resealing_store<Store>) {
        std::vector<std::string> ids;
        for (const token& row : store.get_tokens()) ids.push_back(row.id);
        report.total = ids.size();
        if (ids.empty()) store.reseal_token(std::string()); // a file or document without rows is sealed too
        for (const std::string& id : ids) {
            ++(store.reseal_token(id) ? report.resealed : report.unchanged);
            progress(std::as_const(report));
        }
    }
    return report;
}

}} // namespace tokenkeep::v1

#endif
