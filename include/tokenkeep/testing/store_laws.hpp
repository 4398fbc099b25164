// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_STORE_LAWS_HPP
#define TOKENKEEP_TESTING_STORE_LAWS_HPP

#include <tokenkeep/testing/detail/comparing_laws.hpp>
#include <tokenkeep/testing/detail/finding_laws.hpp>
#include <tokenkeep/testing/detail/keeping_laws.hpp>
#include <tokenkeep/testing/detail/locking_laws.hpp>
#include <tokenkeep/testing/detail/saving_laws.hpp>

#include <cstddef>
#include <type_traits>

namespace tokenkeep { inline namespace v0 { namespace testing {

/// What a store under test need not carry. It must then refuse such text and change nothing (S10, S11).
struct store_limits {
    bool only_utf8 = false;     ///< Text that is not UTF-8: JSON has no place for it.
    bool no_nul = false;        ///< Text with a NUL byte: some databases have no place for it.
    std::size_t longest_id = 0; ///< Ids of more bytes than that, unless it is 0: keys of databases are short.
};

/// Tests that a store keeps the contract of token_store, and those of locking_store and comparing_store if it has
/// these abilities, in any test framework:
///   testing::store_laws([] { return my_store(); }, [](std::string_view law, bool holds, const std::string& sentence) {
///       INFO(law << ": " << sentence);
///       CHECK(holds);
///   });
///
/// `make` gives a new and empty store at each call. `report` is called for everything that was looked at, with the
/// number of the law in the concept's comment ("May" for many threads at once), from one thread at a time. `Rules` are
/// the rules the store goes by: first the id and then the user, as in default_rules, whatever follows. Part of the time
/// it takes is waiting for locks that are held.
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
    if constexpr (locking_store<store>) detail::locking_laws(make, check);
    if constexpr (comparing_store<store>) detail::comparing_laws<Rules>(make, check);
}

}}} // namespace tokenkeep::v0::testing

#endif
