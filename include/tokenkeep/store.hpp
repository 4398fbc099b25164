// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_STORE_HPP
#define TOKENKEEP_STORE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/clock.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/token.hpp>

#include <chrono>
#include <concepts>
#include <iterator>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <type_traits>

namespace tokenkeep { inline namespace v1 {

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

/// What a store, document or connection says of its lock: whether it can end while its holder lives.
template <class S>
inline constexpr bool lock_may_lapse = false;
template <class S>
    requires requires { requires S::lock_may_lapse; }
inline constexpr bool lock_may_lapse<S> = true;

/// Only the thread that locked a standard mutex may release it, so its guard cannot be the guard of a store.
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

// Whether a class has any member of a name: a second base class with that name makes the name ambiguous.
struct named_lock_token {
    int lock_token;
};
struct named_replace_token {
    int replace_token;
};
struct named_remove_token {
    int remove_token;
};
struct named_until {
    int until;
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

template <class S>
concept names_until = can_be_base<S> && !requires {
    &with_name<S, named_until>::until;
};

} // namespace detail

/// A place that keeps tokens: the six operations of Zoho's TokenStore, made exact. A program can write its own class;
/// row_rules does the thinking, and testing::store_laws tests the result.
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
///   S1   find_token gives a copy of the one row that the probe means under the store's rules. It does not change the
///        probe. If there is no such row, or no rule applies to the probe, it gives nullopt.
///   S2   If the probe means more than one row, find_token throws errc::ambiguous.
///   S3   save_token merges the record into the row that the rules name (see merge). If there is none, it inserts the
///        record, and gives it an id if it has none. There is never a second row for one identity. If the rules bind
///        the label (see same_client), rows of different labels are different identities.
///   S4   If two rows would agree under a rule that applies to the merged record, save_token throws errc::ambiguous.
///   S5   If the record has no token at all and there is no row to merge it into, save_token throws
///        errc::invalid_record.
///   S6   delete_token removes the row of that id. If there is none, that is not an error.
///   S7   get_tokens gives every row once, in any order. An empty store gives an empty range.
///   S8   delete_tokens removes every row.
///   S9   find_token_by_id gives the row of exactly that id, or nullopt.
///   S10  An operation that fails throws and has changed nothing, or throws errc::indeterminate. One exception: a
///        removal throws errc::storage_failure if the row is gone but its bytes could not be erased.
///   S11  Values come back as they went in, byte for byte, at any length and with any characters; or the save fails.
///        A store that has no place for a field says so in its comment.
///   S12  The store never gives an id to a second row.
/// May:   throw anything derived from std::exception. Many threads call every operation at once. Six things are
///        optional; the keeper finds them by their names and uses them:
///
///   | expression | what it gives you | without it |
///   | --- | --- | --- |
///   | `lock_token`; see locking_store | one refresh at a time for an identity | a marker and a pause, as below |
///   | `replace_token`, `remove_token`; see comparing_store | no write undoes a change of others | the keeper reads
///     the row again before each write |
///   | `until`; see deadline_store | a caller's deadline ends the store's waiting too | a call waits as long as the
///     store waits |
///   | `static constexpr bool never_blocks = true`, for a store that waits for nothing but its other callers |
///     keeper::fresh_token asks the store | keeper::fresh_token answers from what the keeper has seen |
///   | a type `policy_type`, the policy by whose rules it finds rows | if these look for seeds, no get_tokens | the
///     keeper reads all rows for a refresh token that no row has |
///   | `locks()`, `compares()`, `lock_lapses()`, `looks_for_seed(probe)`, each giving bool; see any_store | what the
///     store can do is known only at run time. If locks() or compares() is false, the keeper does not call lock_token,
///     or replace_token and remove_token. | what the store has, it can do |
///
///   Without locking or comparing, the keeper writes its marker, waits keeper_options::read_back_pause, and checks that
///   the marker is still its own. If a read and the write after it take longer than that, two processes can refresh at
///   once.
/// Models: file_store, sql_store, basic_store, basic_document_store; examples/custom_store.cpp.
template <class S>
concept token_store = detail::has_find_token<S> && detail::has_save_token<S> && detail::has_delete_token<S> &&
    detail::has_get_tokens<S> && detail::has_delete_tokens<S> && detail::has_find_token_by_id<S>;

/// A store that can lock an identity while the keeper refreshes it.
///
/// Shape (the least model):
///   struct s {   // besides the six operations
///       g lock_token(const std::string& key, deadline until);
///   };
/// Meaning:
///   L1  While the guard lives, no other call with that key gives a guard, in any thread or process that shares the
///       store. Other keys are free, and so are the six operations.
///   L2  If `until` passes, lock_token throws errc::lock_timeout. If a guard converts to false, the caller does not
///       have the lock. `until` is a time of std::chrono::steady_clock.
///   L3  Destroying the guard releases the lock, on any thread. The lock ends with its process.
///   L4  The guard can be moved. A std::unique_lock of a standard mutex will not do, because only the thread that
///       locked it may release it.
/// May:   throw other errors if the store cannot lock at all.
///
/// The lock may be a lease: it then ends after some time, even if its holder lives. A store with such a lock must be a
/// comparing_store. It says so, as a document or a connection does to the store over it, and two laws change:
///   static constexpr bool lock_may_lapse = true;
///   L1'  L1 holds while the lease runs.
///   L3'  Destroying the guard releases the lock. The lock of a process that has ended lasts until its lease ends.
/// The keeper takes a lease only to spare duplicate requests. What decides is the compare of each write, as if the
/// store could not lock: see keeper_options::doubt_expires_after. The guard may have `renew(milliseconds)`, which lets
/// the lease run for that time from now. The keeper calls it before it sends a request, for as long as the request and
/// the save of its answer may take.
///
/// Models: file_store and basic_document_store over text_file (across processes), sql_store (with a server across
///         machines), basic_store (within one process). A lease: redis_store.
template <class S>
concept locking_store = token_store<S> && detail::has_lock_token<S>;

/// A store that can change a row on the condition that the row is still as the caller has read it:
///   while (!store.replace_token(row, next)) next = changed(row = store.find_token_by_id(row.id).value());
///
/// Shape (the least model):
///   struct s {   // besides the six operations
///       bool replace_token(const token& expected, const token& record);
///       bool remove_token(const token& expected);
///   };
/// Meaning:
///   C1  `expected` is a row as the store gave it. If the row of that id is gone or differs in any field, the result is
///       false and nothing has changed.
///   C2  Otherwise replace_token makes the row exactly `record`, without merging, and remove_token removes it.
///   C3  Neither inserts a row. A replacement keeps the id (else errc::invalid_record), and S4 holds for it.
/// May:   throw as the six operations do.
/// Models: file_store, sql_store, redis_store, basic_store; basic_document_store if the document locks or has versions.
template <class S>
concept comparing_store = token_store<S> && detail::has_replace_token<S> && detail::has_remove_token<S>;

namespace detail {

// What a store can do: what it says at run time, or else what it has.

template <class S>
concept has_locks = requires(S& store) {
    { store.locks() } -> std::convertible_to<bool>;
};
template <class S>
bool store_locks([[maybe_unused]] S& store) {
    if constexpr (has_locks<S>)
        return store.locks();
    else
        return locking_store<S>;
}

template <class S>
bool store_compares([[maybe_unused]] S& store) {
    if constexpr (requires {
                      { store.compares() } -> std::convertible_to<bool>;
                  })
        return store.compares();
    else
        return comparing_store<S>;
}

/// Whether the lock of a store can end while its holder lives.
template <class S>
bool lock_lapses([[maybe_unused]] S& store) {
    if constexpr (requires {
                      { store.lock_lapses() } -> std::convertible_to<bool>;
                  })
        return store.lock_lapses();
    else
        return lock_may_lapse<S>;
}

template <class G>
concept has_renew = requires(G& guard, std::chrono::milliseconds time) {
    guard.renew(time);
};

template <class V, class S>
concept locks_like = locking_store<V>
== locking_store<S>;
template <class V, class S>
concept compares_like = comparing_store<V>
== comparing_store<S>;
/// A store with the abilities of S.
template <class V, class S>
concept store_like = token_store<V> && locks_like<V, S> && compares_like<V, S>;

template <class S>
concept has_until = requires(S& store, deadline end) {
    { store.until(end) } -> store_like<S>;
};

} // namespace detail

/// A store whose calls can end by a deadline that the caller gives:
///   store.until(std::chrono::steady_clock::now() + std::chrono::seconds(2)).save_token(record);
///
/// Shape (the least model):
///   struct s {   // besides the six operations
///       v until(deadline end);
///   };
/// Meaning:
///   D1  until gives a value that refers to the store, and does nothing else. The value is a token_store. It locks if
///       the store locks, and it compares if the store compares. Its calls do what the store's own calls do.
///   D2  No call of the value waits for others after `end`, whether they are threads, processes or a server. A call
///       that would wait longer throws errc::lock_timeout or errc::storage_failure; a change may say errc::not_saved
///       instead. If the change may have been made, it says errc::indeterminate. If nothing keeps it waiting, a call
///       may succeed after `end`.
///   D3  The value's lock_token waits until the earlier of its own deadline and `end`. The guard may outlive the value.
/// May:   take as long as the disk takes: a flush cannot be cut short. Many threads may use values of one store at
///        once. A store that waits for nothing outside its process does not need until.
/// Models: file_store, sql_store, redis_store, basic_document_store.
template <class S>
concept deadline_store = token_store<S> && detail::has_until<S>;

namespace detail {

/// Says in a sentence what a type lacks to be a token_store, or what a member of an optional ability lacks.
template <class S>
consteval bool explain_token_store() {
    static_assert(has_find_token<S>, "tokenkeep: a store needs find_token(const token&), giving exactly "
                                     "std::optional<token>; see the concept token_store");
    if constexpr (has_find_token<S>)
        static_assert(has_save_token<S>,
                      "tokenkeep: a store needs save_token(const token&); see the concept token_store");
    if constexpr (has_find_token<S> && has_save_token<S>)
        static_assert(has_delete_token<S>,
                      "tokenkeep: a store needs delete_token(const std::string& id); see the concept token_store");
    if constexpr (has_find_token<S> && has_save_token<S> && has_delete_token<S>)
        static_assert(has_get_tokens<S>,
                      "tokenkeep: a store needs get_tokens(), giving a range of token; see the concept token_store");
    if constexpr (has_find_token<S> && has_save_token<S> && has_delete_token<S> && has_get_tokens<S>)
        static_assert(has_delete_tokens<S>, "tokenkeep: a store needs delete_tokens(); see the concept token_store");
    if constexpr (has_find_token<S> && has_save_token<S> && has_delete_token<S> && has_get_tokens<S> &&
                  has_delete_tokens<S>)
        static_assert(has_find_token_by_id<S>, "tokenkeep: a store needs find_token_by_id(const std::string&), giving "
                                               "exactly std::optional<token>; see the concept token_store");
    if constexpr (token_store<S> && names_lock_token<S>)
        static_assert(has_lock_token<S>,
                      "tokenkeep: lock_token must take (const std::string& key, steady_clock::time_point deadline) and "
                      "give a movable guard that any thread may release; see the concept locking_store");
    if constexpr (token_store<S> && (names_replace_token<S> || names_remove_token<S>)) {
        static_assert(has_replace_token<S>, "tokenkeep: a store that compares needs bool replace_token(const token& "
                                            "expected, const token& record); see the concept comparing_store");
        if constexpr (has_replace_token<S>)
            static_assert(has_remove_token<S>, "tokenkeep: a store that compares needs bool remove_token(const token& "
                                               "expected); see the concept comparing_store");
    }
    if constexpr (token_store<S> && lock_may_lapse<S>) {
        static_assert(has_replace_token<S>, "tokenkeep: a store whose lock may lapse needs bool replace_token(const "
                                            "token& expected, const token& record); see the concept locking_store");
        if constexpr (has_replace_token<S>)
            static_assert(has_remove_token<S>, "tokenkeep: a store whose lock may lapse needs bool remove_token(const "
                                               "token& expected); see the concept locking_store");
    }
    if constexpr (token_store<S> && names_until<S>)
        static_assert(has_until<S>, "tokenkeep: until must take a steady_clock::time_point and give a store that locks "
                                    "and compares as this store does; see the concept deadline_store");
    return true;
}

/// Gives the guard on, or throws errc::lock_timeout if it converts to false.
template <class Guard>
Guard require_locked(Guard guard) {
    if constexpr (requires { static_cast<bool>(guard); })
        if (!static_cast<bool>(guard)) throw error(errc::lock_timeout, "tokenkeep: the lock was not obtained");
    return guard;
}

} // namespace detail

}} // namespace tokenkeep::v1

#endif
