// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_STORE_LAWS_HPP
#define TOKENKEEP_TESTING_STORE_LAWS_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/testing/detail/comparing_laws.hpp>
#include <tokenkeep/testing/detail/deadline_laws.hpp>
#include <tokenkeep/testing/detail/finding_laws.hpp>
#include <tokenkeep/testing/detail/keeping_laws.hpp>
#include <tokenkeep/testing/detail/lease_laws.hpp>
#include <tokenkeep/testing/detail/locking_laws.hpp>
#include <tokenkeep/testing/detail/saving_laws.hpp>

#include <cstddef>
#include <type_traits>

namespace tokenkeep { inline namespace v1 { namespace testing {

/// The values that a store cannot keep. The store must refuse them and change nothing (laws S10 and S11).
struct store_limits {
    bool only_utf8 = false;     ///< The store refuses text that is not UTF-8. JSON cannot hold it.
    bool no_nul = false;        ///< The store refuses text with a NUL byte. Some databases cannot hold it.
    std::size_t longest_id = 0; ///< The store refuses an id of more bytes. 0: an id may have any length.
};

/// Tests that a store does what the concept token_store asks for, in any test framework. If the store can lock, compare
/// or end its calls by a deadline, the tests of locking_store, comparing_store and deadline_store run too. If its lock
/// is a lease, L1 and L3 are tested as L1' and L3' too, as far as a guard can be renewed.
///
///   testing::store_laws([] { return my_store(); }, [](std::string_view law, bool holds, const std::string& sentence) {
///       INFO(law << ": " << sentence);
///       CHECK(holds);
///   });
///
/// A store with rules of its own (see rules.hpp), no NUL bytes, and ids of at most 191 bytes:
///   testing::store_laws<my_rules>(make, report, {.no_nul = true, .longest_id = 191});
///
/// - `make` gives a new and empty store at each call.
/// - `report` gets the result of each check. `law` is the number of a law in the comment of the concept, such as "S3",
///   or "May" for "many threads at once". One thread at a time calls it.
/// - `Rules` are the store's matching rules. The first must be the id and the second the user, as in default_rules.
///
/// If the store locks, the tests wait about half a second for locks that are held. The rest is the time of the store.
/// If a lock ignores its deadline, the tests do not hang: after ten seconds (one second, if it happens again) they
/// report that law L2 is broken, and release the lock. If the waiting thread does not come back even then, they leave
/// it and its store behind.
template <matching_rules Rules = default_rules, class Make, class Report>
void store_laws(Make make, Report report, store_limits limits = {}) {
    using store = std::remove_cvref_t<decltype(make())>;
    static_assert(tokenkeep::detail::explain_token_store<store>());
    detail::law_check<Report> check(report);
    detail::finding_laws<Rules>(make, check);
    detail::saving_laws<Rules>(make, check);
    detail::merging_laws(make, check);
    detail::identity_laws<Rules>(make, check);
    detail::deleting_laws(make, check);
    detail::value_laws(make, check, !limits.only_utf8, !limits.no_nul, limits.longest_id);
    detail::thread_laws(make, check);
    store empty = make();
    if constexpr (locking_store<store>) {
        if (tokenkeep::detail::store_locks(empty)) detail::locking_laws(make, check);
        if (tokenkeep::detail::lock_lapses(empty)) detail::lease_laws(make, check);
    }
    if constexpr (comparing_store<store>)
        if (tokenkeep::detail::store_compares(empty)) detail::comparing_laws<Rules>(make, check);
    if constexpr (deadline_store<store>) detail::deadline_laws(make, check);
}

}}} // namespace tokenkeep::v1::testing

#endif
