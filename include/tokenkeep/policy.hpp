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

/// The policy's, or the default where a policy that does not inherit has none.
template <class P>
constexpr std::chrono::milliseconds store_lock_timeout_of() {
    if constexpr (requires { P::store_lock_timeout; })
        return P::store_lock_timeout;
    else
        return defaults::store_lock_timeout;
}

template <class P>
constexpr bool erases_deleted_tokens_of() {
    if constexpr (requires { P::erases_deleted_tokens; })
        return P::erases_deleted_tokens;
    else
        return defaults::erases_deleted_tokens;
}

template <class P>
struct files_of {
    using type = defaults::files;
};
template <class P>
    requires requires { typename P::files; }
struct files_of<P> {
    using type = typename P::files;
};

template <class P>
struct schema_of {
    using type = defaults::schema;
};
template <class P>
    requires requires { typename P::schema; }
struct schema_of<P> {
    using type = typename P::schema;
};

template <class P>
consteval bool explain_policy() {
    static_assert(has_rules<P>,
                  "tokenkeep: a policy needs `using rules`, a chain such as first_applicable<by_id, by_user>; "
                  "inherit from tokenkeep::defaults; see tokenkeep/policy.hpp");
    if constexpr (has_rules<P>)
        static_assert(has_ids<P>, "tokenkeep: a policy needs `using ids`, a function object that gives a std::string; "
                                  "inherit from tokenkeep::defaults; see tokenkeep/policy.hpp");
    if constexpr (has_rules<P> && has_ids<P>)
        static_assert(has_mutex<P>, "tokenkeep: a policy needs `using mutex`, a type with lock() and unlock(); inherit "
                                    "from tokenkeep::defaults; see tokenkeep/policy.hpp");
    return true;
}

} // namespace detail

}} // namespace tokenkeep::v0

#endif
