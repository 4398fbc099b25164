// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_POLICY_HPP
#define TOKENKEEP_POLICY_HPP

#include <tokenkeep/os/os.hpp>
#include <tokenkeep/rules.hpp>
#include <tokenkeep/sql_schema.hpp>

#include <chrono>
#include <concepts>
#include <shared_mutex>
#include <string>

namespace tokenkeep { inline namespace v0 {

/// Makes the id of a new row: 128 random bits from the system, as 32 hex digits. Ids tell nothing and are not reused.
struct random_id {
    std::string operator()() const { return detail::random_hex(16); }
};

/// A mutex that does nothing, for stores that only one thread will ever use.
struct null_mutex {
    void lock() noexcept {}
    bool try_lock() noexcept { return true; }
    void unlock() noexcept {}
    void lock_shared() noexcept {}
    void unlock_shared() noexcept {}
};

/// What stores are made with. Inherit and override to choose otherwise:
///   struct ours : tokenkeep::defaults { using rules = my_rules; };
struct defaults {
    using rules = default_rules;     ///< Which row a probe means: a model of matching_rules.
    using ids = random_id;           ///< A function object that makes ids; asked again while an id is taken.
    using mutex = std::shared_mutex; ///< Guards the rows; shared by readers if it can be.

    /// How long a change waits for others who are changing the same file, document or table.
    static constexpr std::chrono::milliseconds store_lock_timeout{15'000};

    using files = detail::system_files;                 ///< What a file_store asks for files: a model of file_system.
    using schema = sql_schema;                          ///< The table of an sql_store.
    static constexpr bool erases_deleted_tokens = true; ///< A file_store, and SQLite, overwrite what is deleted.
};

namespace detail {

template <class P>
concept has_defaults = std::derived_from<P, defaults>;
template <class P>
concept has_rules = requires {
    requires matching_rules<typename P::rules>;
};
template <class P>
concept has_ids = requires {
    { typename P::ids{}() } -> std::convertible_to<std::string>;
};
template <class P>
concept has_mutex = requires(typename P::mutex& mutex) {
    mutex.lock();
    mutex.unlock();
};

template <class P>
consteval bool explain_policy() {
    static_assert(has_defaults<P>, "tokenkeep: a policy inherits what it does not change: `struct ours : "
                                   "tokenkeep::defaults { ... };`; see defaults");
    if constexpr (has_defaults<P>) {
        static_assert(has_rules<P>, "tokenkeep: a policy's `rules` must be a chain such as first_applicable<by_id, "
                                    "by_user>; see the concept matching_rules");
        static_assert(has_ids<P>, "tokenkeep: a policy's `ids` must be a function object that gives a std::string; see "
                                  "random_id");
        static_assert(has_mutex<P>, "tokenkeep: a policy's `mutex` must be a type with lock() and unlock(); see "
                                    "defaults");
    }
    return true;
}

} // namespace detail

}} // namespace tokenkeep::v0

#endif
