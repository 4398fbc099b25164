// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/journal/packed_rows.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace tokenkeep;

namespace {

using table = detail::packed_rows<default_rules>;

void put(table& rows, const token& row, std::uint64_t seq = 1) {
    detail::wiping_string payload;
    detail::append_row(payload, row);
    rows.insert_or_assign(row.id, payload, {seq, 64 * seq, payload.size()});
}

template <class Rule>
std::set<std::string> ids(const table& rows, Rule rule, const token& probe) {
    std::set<std::string> found;
    rows.for_each_match(rule, probe, [&](const detail::packed_row& row) { found.emplace(row.id()); });
    return found;
}

using names = std::set<std::string>;
const same_client<by_user> user;
const same_client<needs_client<by_refresh_token>> refresh;

} // namespace

TEST_CASE("packed_rows: a row that changes is found by its new keys and no longer by the old", "[packed_rows]") {
    table rows;
    put(rows, {.user_name = "ada", .client_id = "app", .refresh_token = "R1", .id = "1"});
    put(rows, {.user_name = "bob", .client_id = "app", .refresh_token = "R2", .id = "2"});
    put(rows, {.user_name = "eve", .client_id = "app", .refresh_token = "R3", .id = "1"}, 3);
    CHECK(rows.size() == 2);
    CHECK(ids(rows, user, {.user_name = "ada"}).empty());
    CHECK(ids(rows, user, {.user_name = "eve"}) == names{"1"});
    CHECK(ids(rows, refresh, {.client_id = "app", .refresh_token = "R1"}).empty());
    CHECK(ids(rows, refresh, {.client_id = "app", .refresh_token = "R3"}) == names{"1"});
    CHECK(ids(rows, by_id{}, {.id = "2"}) == names{"2"});
    CHECK(rows.find("1")->place().seq == 3);
    CHECK(rows.find("1")->view().user_name == "eve");
    rows.erase("1");
    CHECK(ids(rows, user, {.user_name = "eve"}).empty());
    CHECK(rows.find("1") == nullptr);
    rows.erase("1");
    CHECK(rows.find("2")->view().user_name == "bob");
}

TEST_CASE("packed_rows: rows with an empty key are found by no rule, and of others all", "[packed_rows]") {
    table rows;
    put(rows, {.access_token = "a", .id = "1"});
    CHECK(ids(rows, user, {}).empty());
    CHECK(ids(rows, same_client<by_access_token>{}, {.access_token = "a"}) == names{"1"});
    for (const char* client : {"a", "b", "c"}) put(rows, {.user_name = "ada", .client_id = client, .id = client});
    CHECK(ids(rows, user, {.user_name = "ada"}) == names{"a", "b", "c"});
    CHECK(ids(rows, user, {.user_name = "ada", .client_id = "b"}) == names{"b"});
}

TEST_CASE("packed_rows: it agrees with a map over many changes, and with rows larger than a block", "[packed_rows]") {
    table rows;
    rows.expect(3);
    std::map<std::string, token> expected;
    std::uint32_t random = 1;
    const auto pick = [&](std::uint32_t below) {
        return (random = random * 1'664'525u + 1'013'904'223u) / 65'536u % below;
    };
    for (int step = 0; step < 2'000; ++step) {
        const std::string id = std::to_string(pick(300));
        if (pick(3) == 0) {
            rows.erase(id);
            expected.erase(id);
        } else {
            const token row{.user_name = "user " + std::to_string(pick(200)),
                            .access_token = std::string(pick(500) == 0 ? 5'000'000 : pick(900), 'x'),
                            .id = id};
            put(rows, row);
            expected[id] = row;
        }
        REQUIRE(rows.size() == expected.size());
        const token probe{.user_name = "user " + std::to_string(pick(200))};
        names wanted;
        for (const auto& [name, row] : expected)
            if (row.user_name == probe.user_name) wanted.insert(name);
        REQUIRE(ids(rows, user, probe) == wanted);
    }
    std::map<std::string, token> all;
    rows.for_each([&](const detail::packed_row& row) { all.emplace(row.id(), row.view()); });
    CHECK((all == expected));
    table moved = std::move(rows);
    rows = table();
    CHECK(moved.size() == expected.size());
    CHECK((token(moved.find(expected.begin()->first)->view()) == expected.begin()->second));
}

TEST_CASE("arena: its pieces do not overlap, and are aligned", "[packed_rows]") {
    detail::arena memory;
    std::vector<std::pair<char*, std::size_t>> pieces;
    for (std::size_t n = 0; n < 300; ++n) {
        const std::size_t size = n % 50 == 0 ? 3'000'000 : n * 7 % 1'000;
        char* const piece = memory.allocate(size);
        CHECK(reinterpret_cast<std::uintptr_t>(piece) % alignof(void*) == 0);
        std::fill_n(piece, size, static_cast<char>(n));
        pieces.emplace_back(piece, size);
    }
    for (std::size_t n = 0; n < pieces.size(); ++n) {
        const std::string_view piece(pieces[n].first, pieces[n].second);
        CHECK(piece.find_first_not_of(static_cast<char>(n)) == piece.npos);
    }
}
