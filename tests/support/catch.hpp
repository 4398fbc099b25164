// SPDX-License-Identifier: MIT
// Catch2 2.x and 3.x name their headers differently; this is the one place that knows.
#ifndef TOKENKEEP_TESTS_SUPPORT_CATCH_HPP
#define TOKENKEEP_TESTS_SUPPORT_CATCH_HPP

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
#else
#include <catch2/catch.hpp>
inline auto ContainsSubstring(const std::string& text) { return Catch::Matchers::Contains(text); }
using Catch::Matchers::StartsWith;
#endif

#endif
