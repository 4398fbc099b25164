// SPDX-License-Identifier: MIT
#include <tokenkeep/memory/hash_index.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <map>

using tokenkeep::detail::hash_index;

TEST_CASE("hash_index: nothing is found in an empty one", "[hash_index]") {
    hash_index index;
    CHECK(index.find(7, [](std::uint32_t) { return true; }) == hash_index::none);
    index.for_each_of(7, [](std::uint32_t) { FAIL("there is none"); });
    CHECK(index.size() == 0);
}

TEST_CASE("hash_index: numbers of one hash are told apart by what the caller compares", "[hash_index]") {
    hash_index index;
    index.reserve(3);
    for (const std::uint32_t number : {1u, 2u, 3u}) index.insert(7, number);
    const auto is = [](std::uint32_t wanted) { return [wanted](std::uint32_t number) { return number == wanted; }; };
    CHECK(index.find(7, is(2)) == 2);
    CHECK(index.find(7, is(4)) == hash_index::none);
    CHECK(index.find(8, is(2)) == hash_index::none);
    index.erase(7, 1);
    CHECK(index.find(7, is(1)) == hash_index::none);
    index.renumber(7, 3, 9);
    std::uint32_t sum = 0;
    index.for_each_of(7, [&](std::uint32_t number) { sum += number; });
    CHECK(sum == 11);
    CHECK(index.size() == 2);
}

TEST_CASE("hash_index: it agrees with a multimap over many changes, with hashes that collide and wrap around",
          "[hash_index]") {
    hash_index index;
    std::multimap<std::uint32_t, std::uint32_t> expected;
    std::uint32_t random = 1;
    const auto pick = [&](std::uint32_t below) {
        return (random = random * 1'664'525u + 1'013'904'223u) / 65'536u % below;
    };
    for (std::uint32_t step = 0; step < 20'000; ++step) {
        const std::uint32_t hash = pick(40) < 20 ? 0 - std::uint32_t{1 + pick(9)} : pick(60);
        const auto at = expected.find(hash);
        if (pick(100) < (step % 4'000 < 2'000 ? 60 : 40)) {
            index.reserve(index.size() + 1);
            index.insert(hash, step);
            expected.emplace(hash, step);
        } else if (at == expected.end()) {
            CHECK(index.find(hash, [](std::uint32_t) { return true; }) == hash_index::none);
        } else if (pick(4) == 0) {
            index.renumber(hash, at->second, step);
            at->second = step;
        } else {
            index.erase(hash, at->second);
            expected.erase(at);
        }
        REQUIRE(index.size() == expected.size());
        std::size_t seen = 0;
        index.for_each_of(hash, [&](std::uint32_t number) { seen += number <= step ? 1u : 0u; });
        REQUIRE(seen == expected.count(hash));
    }
    for (const auto& [hash, number] : expected)
        CHECK(index.find(hash, [wanted = number](std::uint32_t each) { return each == wanted; }) == number);
    CHECK(expected.size() > 100);
}
