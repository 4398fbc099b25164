// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_STORE_HPP
#define TOKENKEEP_STORE_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/token.hpp>

#include <concepts>
#include <iterator>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <type_traits>

namespace tokenkeep { inline namespace v0 {

namespace detail {

template <class S>
concept has_find_token = requires(S& store, const token& probe) {
    { store.find_token(probe) } -> std::same_as<std::optional<token>>;
};
template <class S>
concept has_save_token = requires(S& store, const token& record) {
    store.save_token(record);
};
template <class S>
concept has_delete_token = requires(S& store, const std::string& id) {
    store.delete_token(id);
};
template <class R>
concept token_range = requires(R&& range) {
    { *std::begin(range) } -> std::convertible_to<const token&>;
    std::end(range);
};
template <class S>
concept has_get_tokens = requires(S& store) {
    { store.get_tokens() } -> token_range;
};
template <class S>
concept has_delete_tokens = requires(S& store) {
    store.delete_tokens();
};
template <class S>
concept has_find_token_by_id = requires(S& store, const std::string& id) {
    { store.find_token_by_id(id) } -> std::same_as<std::optional<token>>;
};

/// A guard of a standard mutex may only be released by the thread that took it, so it is none of ours.
template <class G>
inline constexpr bool is_thread_bound = false;
template <class M>
inline constexpr bool is_thread_bound<std::unique_lock<M>> = true;
template <class M>
inline constexpr bool is_thread_bound<std::shared_lock<M>> = true;

template <class G>
concept lock_guard_value = std::move_constructible<G> && !is_thread_bound<G>;

template <class S>
concept has_lock_token = requires(S& store, const std::string& key, deadline until) {
    { store.lock_token(key, until) } -> lock_guard_value;
};
template <class S>
concept has_replace_token = requires(S& store, const token& expected, const token& record) {
    { store.replace_token(expected, record) } -> std::convertible_to<bool>;
};
template <class S>
concept has_remove_token = requires(S& store, const token& expected) {
    { store.remove_token(expected) } -> std::convertible_to<bool>;
};

// Whether a class has any member of a name, whatever its kind: a second base with the same name makes it ambiguous.
struct named_lock_token {
    int lock_token;
};
struct named_replace_token {
    int replace_token;
};
struct named_remove_token {
    int remove_token;
};
template <class S, class Named>
struct with_name : S, Named {};
template <class S>
concept can_be_base = std::is_class_v<S> && !std::is_final_v<S>;
template <class S>
concept names_lock_token = can_be_base<S> && !requires {
    &with_name<S, named_lock_token>::lock_token;
};
template <class S>
concept names_replace_token = can_be_base<S> && !requires {
    &with_name<S, named_replace_token>::replace_token;
};
template <class S>
concept names_remove_token = can_be_base<S> && !requires {
    &with_name<S, named_remove_token>::remove_token;
};

} // namespace detail

/// A place that keeps tokens: the six operations of Zoho's TokenStore, made exact.
///
/// Shape (the least model):
///   struct s {
///       std::optional<token> find_token(const token& probe);
///       void                 save_token(const token& record);
///       void                 delete_token(const std::string& id);
///       std::vector<token>   get_tokens();
///       void                 delete_tokens();
///       std::optional<token> find_token_by_id(const std::string& id);
///   };
/// Meaning:
///   S1   find_token gives the one row the probe means by the store's rules, as a complete new value; the probe is
///        not touched. No such row is nullopt; so is a probe to which no rule applies.
///   S2   A probe that means more than one row is errc::ambiguous.
///   S3   save_token inserts, and gives the row an id if it has none, or merges into the row the rules name; see
///        merge. There is never a second row for one identity.
///   S4   A save after which two rows would agree under a rule that applies to the saved record is errc::ambiguous.
///   S5   A record without any token, and without a row to merge into, is errc::invalid_record.
///   S6   delete_token removes the row of that id; that there is none is not an error.
///   S7   get_tokens gives every row once, in any order; an empty store gives an empty range.
///   S8   delete_tokens removes every row.
///   S9   find_token_by_id gives the row of exactly that id; a miss is nullopt.
///   S10  A failed operation throws and changes nothing, or says that it may have (errc::indeterminate).
///   S11  Values come back as they went in, byte for byte, of any length and with any characters, or the save fails.
///   S12  An id is never given a second time for another row.
/// May:   throw anything derived from std::exception. Every operation may be called from many threads at once.
/// Models: file_store, sql_store, basic_store, basic_document_store; examples/custom_store.cpp.
template <class S>
concept token_store = detail::has_find_token<S> && detail::has_save_token<S> && detail::has_delete_token<S> &&
    detail::has_get_tokens<S> && detail::has_delete_tokens<S> && detail::has_find_token_by_id<S>;

/// A store that can keep others away from one identity for as long as a refresh takes.
///
/// Shape (the least model):
///   struct s {   // besides the six operations
///       g lock_token(const std::string& key, deadline until);
///   };
/// Meaning:
///   L1  While the guard lives, no other call with that key, by any thread or process that shares the store, gives
///       one. Other keys are free, and so are the six operations.
///   L2  A deadline that passes is errc::lock_timeout. A guard that converts to false means the same, never
///       permission. The deadline is real time.
///   L3  Destroying the guard releases the lock, on any thread. It dies with its process.
///   L4  The guard may be moved; it is no std::unique_lock, which only its own thread may release.
/// May:   throw other errors where the lock cannot be had at all.
/// Models: file_store and basic_document_store over text_file (across processes), sql_store (with a server across
///         machines), basic_store (within one process).
template <class S>
concept locking_store = token_store<S> && detail::has_lock_token<S>;

/// A store that changes a row only if it is still as it was read.
///
/// Shape (the least model):
///   struct s {   // besides the six operations
///       bool replace_token(const token& expected, const token& record);
///       bool remove_token(const token& expected);
///   };
/// Meaning:
///   C1  `expected` is a row as the store gave it. If the row of that id differs in anything or is gone, the result
///       is false and nothing changed.
///   C2  Otherwise replace_token makes the row exactly `record`, without merging; remove_token removes it.
///   C3  Neither inserts. A replacement keeps the id (errc::invalid_record) and S4 (errc::ambiguous).
/// May:   throw as the six operations do.
/// Models: file_store, sql_store, basic_store, basic_document_store where the document locks or has versions.
template <class S>
concept comparing_store = token_store<S> && detail::has_replace_token<S> && detail::has_remove_token<S>;

namespace detail {

/// Says in a sentence why a type is no token_store, or why an ability that it names is not the ability.
template <class S>
consteval bool explain_token_store() {
    static_assert(has_find_token<S>, "tokenkeep: a store needs find_token(const token&), giving exactly "
                                     "std::optional<token>; see tokenkeep/store.hpp");
    if constexpr (has_find_token<S>)
        static_assert(has_save_token<S>, "tokenkeep: a store needs save_token(const token&); see tokenkeep/store.hpp");
    if constexpr (has_find_token<S> && has_save_token<S>)
        static_assert(has_delete_token<S>,
                      "tokenkeep: a store needs delete_token(const std::string& id); see tokenkeep/store.hpp");
    if constexpr (has_find_token<S> && has_save_token<S> && has_delete_token<S>)
        static_assert(has_get_tokens<S>, "tokenkeep: a store needs get_tokens(), giving a range of token; see "
                                         "tokenkeep/store.hpp");
    if constexpr (has_find_token<S> && has_save_token<S> && has_delete_token<S> && has_get_tokens<S>)
        static_assert(has_delete_tokens<S>, "tokenkeep: a store needs delete_tokens(); see tokenkeep/store.hpp");
    if constexpr (has_find_token<S> && has_save_token<S> && has_delete_token<S> && has_get_tokens<S> &&
                  has_delete_tokens<S>)
        static_assert(has_find_token_by_id<S>, "tokenkeep: a store needs find_token_by_id(const std::string&), giving "
                                               "exactly std::optional<token>; see tokenkeep/store.hpp");
    if constexpr (token_store<S> && names_lock_token<S>)
        static_assert(has_lock_token<S>,
                      "tokenkeep: lock_token must take (const std::string& key, steady_clock::time_point deadline) and "
                      "give a movable guard that any thread may release; see locking_store in tokenkeep/store.hpp");
    if constexpr (token_store<S> && (names_replace_token<S> || names_remove_token<S>)) {
        static_assert(has_replace_token<S>,
                      "tokenkeep: a store that compares needs bool replace_token(const token& "
                      "expected, const token& record); see comparing_store in tokenkeep/store.hpp");
        if constexpr (has_replace_token<S>)
            static_assert(has_remove_token<S>, "tokenkeep: a store that compares needs bool remove_token(const token& "
                                               "expected); see comparing_store in tokenkeep/store.hpp");
    }
    return true;
}

/// A guard that converts to bool is tested: false is lock_timeout, never permission.
template <class Guard>
Guard require_locked(Guard guard) {
    if constexpr (requires { static_cast<bool>(guard); })
        if (!static_cast<bool>(guard)) throw error(errc::lock_timeout, "tokenkeep: the lock was not obtained");
    return guard;
}

} // namespace detail

}} // namespace tokenkeep::v0

#endif
