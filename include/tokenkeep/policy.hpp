// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_POLICY_HPP
#define TOKENKEEP_POLICY_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/clock.hpp>
#include <tokenkeep/os/fair_mutex.hpp>
#include <tokenkeep/os/file_trust.hpp>
#include <tokenkeep/os/os.hpp>
#include <tokenkeep/rules.hpp>
#include <tokenkeep/sealer.hpp>
#include <tokenkeep/sql_schema.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <string>
#include <type_traits>

namespace tokenkeep { inline namespace v1 {

/// Makes the id of a new row: 128 random bits from the operating system, as 32 hex digits. The id says nothing about
/// the row, and no two rows get the same one. The default.
struct random_id {
    std::string operator()() const { return detail::random_hex(16); }
};

/// A mutex that does nothing, for stores that only one thread ever uses:
///   struct single : tokenkeep::defaults { using mutex = tokenkeep::null_mutex; };
struct null_mutex {
    void lock() noexcept {}
    bool try_lock() noexcept { return true; }
    void unlock() noexcept {}
    void lock_shared() noexcept {}
    void unlock_shared() noexcept {}
};

/// What stores are made with: the default policy. A policy inherits from it and overrides what it changes:
///   struct ours : tokenkeep::defaults { using rules = my_rules; };
///   tokenkeep::basic_store<std::map<std::string, tokenkeep::token>, ours> store;
struct defaults {
    using rules = default_rules; ///< Which row a probe means: a model of matching_rules.
    using ids = random_id;       ///< A function object that makes ids. The store asks again while an id is taken.
    /// Guards the rows. Readers share it if it has lock_shared(). This one lets readers and writers take turns. Any
    /// other mutex will do, such as std::shared_mutex, std::mutex, or null_mutex. With one that has no try_lock_until,
    /// a call waits for the other threads of its store without a deadline.
    using mutex = detail::fair_mutex;

    /// Encrypts the tokens where a store keeps them: a model of sealer. The constructors of file_store, document
    /// stores, sql_store and basic_redis_store take one after the place. A store in memory does not use it.
    ///   struct sealed : tokenkeep::defaults { using sealer = my_sealer; };
    using sealer = no_seal;
    /// Whether a sealed table hides names too: every field of text except the id. If not, it hides the secrets only, so
    /// that people can read in the table whose tokens it holds. Times stay readable.
    ///   struct hidden : sealed { static constexpr bool seals_names = true; };
    static constexpr bool seals_names = false;

    /// How long a change waits while others change the same file, document or table.
    static constexpr std::chrono::milliseconds store_lock_timeout{15'000};

    using files = detail::system_files;                 ///< The files of a file_store: a model of file_system.
    using schema = sql_schema;                          ///< The table of an sql_store.
    static constexpr bool erases_deleted_tokens = true; ///< Whether a file_store and SQLite overwrite deleted rows.

    // For stores in files: file_store, a document store over text_file, SQLite.

    /// Whether a path that is a symbolic link means the file to which the link leads. If not, the link is refused. The
    /// link is followed once, when the store is made. The link must belong to the user or to root, and others must not
    /// be able to replace it. The lock file and all other files then lie beside the file that
    /// it leads to, and that file's directory must be private. If the link leads elsewhere later, the store does not.
    ///   struct ours : tokenkeep::defaults { static constexpr bool follows_link = true; };
    static constexpr bool follows_link = false;

    /// Whether a directory that its group can write is accepted, and the group shares the files in it: a web and a cron
    /// user, or Kubernetes' fsGroup. The store's files then have mode 0660 and the directory's group. The files and the
    /// directory may belong to any user. What is required:
    ///   - The directory is setgid or sticky (chmod g+s), and others cannot write it.
    ///   - The program is a member of the group.
    ///   - Others have no right to the files, and no access-control list names another user or group.
    /// If the group cannot write the directory, it shares nothing: the files are private to the user.
    ///
    /// Each member of the group can then do what the program can: read all tokens, change and remove them, put older
    /// files in their place, and hold the locks. If the directory is sticky, files can only be replaced by their owner:
    /// document stores cannot save what another user has saved, and a file_store rewrites only the user's own file.
    /// SQLite needs setgid. Files that exist keep their mode: run chmod 660 on them.
    ///   struct ours : tokenkeep::defaults { static constexpr bool trusts_group = true; };
    static constexpr bool trusts_group = false;
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
concept has_sealer = requires {
    requires sealer<typename P::sealer>;
};

/// When a call that begins now ends: at its deadline, or earlier after the policy's store_lock_timeout.
template <class Policy>
deadline end_of_call(deadline end) {
    return (std::min)(end, std::chrono::steady_clock::now() + Policy::store_lock_timeout);
}

/// Tells files, a document or a connection what the policy trusts, if it can be told.
template <class Policy, class Place>
void trust_as_policy(Place& place) {
    constexpr file_trust trusted{.follows_link = Policy::follows_link, .trusts_group = Policy::trusts_group};
    if constexpr ((trusted.follows_link || trusted.trusts_group) && requires { place.trust(trusted); })
        place.trust(trusted);
}
template <class Policy, class Place>
Place trusting(Place place) {
    trust_as_policy<Policy>(place);
    return place;
}

/// The rules of a policy. After explain_policy has failed: a chain without rules, so that the compiler reports nothing
/// else.
template <class P>
using rules_of = std::conditional_t<has_rules<P>, typename P::rules, first_applicable<>>;

template <class P>
struct sealer_of_policy {
    using type = no_seal;
};
template <has_sealer P>
struct sealer_of_policy<P> {
    using type = typename P::sealer;
};
/// The sealer of a policy. After explain_policy has failed: no sealer, so that the compiler reports nothing else.
template <class P>
using sealer_of = typename sealer_of_policy<P>::type;

/// Whether a store is known to look for the row of this probe by its seed: by what it says at run time, or else by the
/// rules of its policy.
template <class S>
bool store_looks_for_seed([[maybe_unused]] S& store, const token& probe) {
    if constexpr (requires {
                      { store.looks_for_seed(probe) } -> std::convertible_to<bool>;
                  })
        return store.looks_for_seed(probe);
    else if constexpr (requires { typename S::policy_type; })
        return rules_of<typename S::policy_type>::find(
            probe, [](auto rule) { return place_of_key<decltype(rule)>() == place_of_key<by_seed>(); });
    else
        return false;
}

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
        explain_sealer<typename P::sealer>();
    }
    return true;
}

} // namespace detail

}} // namespace tokenkeep::v1

#endif
