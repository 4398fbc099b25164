// SPDX-License-Identifier: MIT
#include <tokenkeep/memory/hash_index.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

using tokenkeep::detail::hash_index;

TEST_CASE("hash_index: nothing is found in an empty one", "[hash_index]") {
    hash_index<int*> index;
    const auto any = [](const int*) { return true; };
    CHECK(index.find(7, any) == nullptr);
    CHECK(index.take(7, any) == nullptr);
    index.for_each_of(7, [](const int*) { FAIL("there is none"); });
    CHECK(index.size() == 0);
}

TEST_CASE("hash_index: pointers of one hash are told apart by what the caller compares", "[hash_index]") {
    std::vector<int> numbers{1, 2, 3};
    hash_index<int*> index;
    index.reserve(numbers.size());
    for (int& number : numbers) index.insert(7, &number);
    const auto is = [](int wanted) { return [wanted](const int* number) { return *number == wanted; }; };
    CHECK(**index.find(7, is(2)) == 2);
    CHECK(index.find(7, is(4)) == nullptr);
    CHECK(index.find(8, is(2)) == nullptr);
    CHECK(*index.take(7, is(1)) == 1);
    CHECK(index.find(7, is(1)) == nullptr);
    int sum = 0;
    index.for_each_of(7, [&](const int* number) { sum += *number; });
    CHECK(sum == 5);
    CHECK(index.size() == 2);
}

TEST_CASE("hash_index: it agrees with a multimap over many changes, with hashes that collide and wrap around",
          "[hash_index]") {
    hash_index<std::unique_ptr<int>> index;
    std::multimap<std::size_t, int> expected;
    std::uint32_t random = 1;
    const auto pick = [&](std::uint32_t below) {
        return (random = random * 1'664'525u + 1'013'904'223u) / 65'536u % below;
    };
    for (int step = 0; step < 20'000; ++step) {
        const std::size_t hash = pick(40) < 20 ? 0 - std::size_t{1 + pick(9)} : pick(60);
        if (pick(100) < (step % 4'000 < 2'000 ? 60 : 40)) {
            index.reserve(index.size() + 1);
            index.insert(hash, std::make_unique<int>(step));
            expected.emplace(hash, step);
        } else if (const auto at = expected.find(hash); at != expected.end()) {
            const auto taken = index.take(hash, [&](const auto& number) { return *number == at->second; });
            REQUIRE(taken);
            CHECK(*taken == at->second);
            expected.erase(at);
        } else {
            CHECK(!index.take(hash, [](const auto&) { return true; }));
        }
        REQUIRE(index.size() == expected.size());
        std::size_t seen = 0;
        index.for_each_of(hash, [&](const auto& number) { seen += *number <= step ? 1u : 0u; });
        REQUIRE(seen == expected.count(hash));
    }
    for (const auto& [hash, number] : expected)
        CHECK(index.find(hash, [wanted = number](const auto& each) { return *each == wanted; }) != nullptr);
    std::size_t seen = 0;
    index.for_each([&](const auto&) { ++seen; });
    CHECK(seen == expected.size());
    CHECK(seen > 100);
}
