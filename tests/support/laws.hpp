// SPDX-License-Identifier: MIT
// The store laws as our own tests run them.
#ifndef TOKENKEEP_TESTS_SUPPORT_LAWS_HPP
#define TOKENKEEP_TESTS_SUPPORT_LAWS_HPP

#include <tokenkeep/testing/store_laws.hpp>

#include <set>
#include <string>
#include <string_view>
#include <vector>

/// The breaches a store was found guilty of, each with its law in front, and the laws that were tested.
struct law_findings {
    std::vector<std::string> breaches{};
    std::set<std::string> broken{};
    std::set<std::string> tested{};
};

inline const std::set<std::string> laws_of_every_store{"S1", "S2", "S3",  "S4",  "S5",  "S6", "S7",
                                                       "S8", "S9", "S10", "S11", "S12", "May"};

inline std::set<std::string> operator+(std::set<std::string> some, const std::set<std::string>& more) {
    some.insert(more.begin(), more.end());
    return some;
}

inline const std::set<std::string> laws_of_locking{"L1", "L2", "L3", "L4"};
inline const std::set<std::string> laws_of_comparing{"C1", "C2", "C3"};
inline const std::set<std::string> laws_of_deadlines{"D1", "D2", "D3"};

template <class Rules = tokenkeep::default_rules, class Make>
law_findings findings_about(Make make, tokenkeep::testing::store_limits limits = {}) {
    law_findings found;
    tokenkeep::testing::store_laws<Rules>(
        make,
        [&](std::string_view law, bool holds, const std::string& sentence) {
            found.tested.emplace(law);
            if (holds) return;
            found.broken.emplace(law);
            found.breaches.push_back(std::string(law) + ": " + sentence);
        },
        limits);
    return found;
}

#endif
