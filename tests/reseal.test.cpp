// SPDX-License-Identifier: MIT
#include <tokenkeep/reseal.hpp>

#include <tokenkeep/basic_store.hpp>

#include "support/catch.hpp"

#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace tokenkeep;

namespace {

/// A store in memory that remembers which rows have the new key.
struct sealed_store : memory_store {
    bool reseal_token(const std::string& id) {
        asked.push_back(id);
        return find_token_by_id(id) && with_new_key.insert(id).second;
    }

    std::vector<std::string> asked{};
    std::set<std::string> with_new_key{};
};
static_assert(resealing_store<sealed_store> && !resealing_store<memory_store>);

/// A store in memory that changes the key of all rows at once.
struct document_like : memory_store {
    bool reseal_tokens() { return !std::exchange(has_new_key, true); }

    bool has_new_key = false;
};
static_assert(resealing_store<document_like>);

sealed_store store_of(int rows) {
    sealed_store store;
    for (int n = 0; n < rows; ++n)
        store.save_token({.access_token = "at-" + std::to_string(n), .id = std::to_string(n)});
    return store;
}

} // namespace

TEST_CASE("reseal: every row gets the first key, and the report counts them", "[reseal]") {
    sealed_store store = store_of(5);
    store.with_new_key = {"1", "3"};
    std::size_t calls = 0;
    const reseal_report report = reseal(store, [&](const reseal_report& so_far) {
        CHECK(so_far.done() == ++calls);
        CHECK(so_far.total == 5);
    });
    CHECK(report.resealed == 3);
    CHECK(report.unchanged == 2);
    CHECK(calls == 5);
    CHECK(store.with_new_key.size() == 5);
    CHECK(reseal(store).resealed == 0);
}

TEST_CASE("reseal: a store that seals all rows at once is called once", "[reseal]") {
    document_like store;
    for (const std::string id : {"1", "2", "3"}) store.save_token({.access_token = "at-" + id, .id = id});
    std::size_t calls = 0;
    const auto count = [&](const reseal_report& so_far) {
        ++calls;
        CHECK(so_far.done() == 3);
    };
    const reseal_report first = reseal(store, count), second = reseal(store, count);
    CHECK(calls == 2);
    CHECK(first.total == 3);
    CHECK(first.resealed == 3);
    CHECK(second.unchanged == 3);
    document_like empty;
    CHECK(reseal(empty).total == 0);
    CHECK(empty.has_new_key);
}

TEST_CASE("reseal: it asks a store that can give only its ids for no more", "[reseal]") {
    struct table_like : sealed_store {
        std::vector<std::string> token_ids() { return {"1", "2"}; }
        std::vector<token> get_tokens() { throw std::logic_error("all rows are asked for"); }
    } store;
    for (const std::string id : {"1", "2"}) store.save_token({.access_token = "at-" + id, .id = id});
    CHECK(reseal(store).resealed == 2);
    CHECK(store.asked == std::vector<std::string>{"1", "2"});
}

TEST_CASE("reseal: it can be stopped after any row and goes on when it is called again", "[reseal]") {
    for (std::size_t last = 1; last <= 5; ++last) {
        sealed_store store = store_of(5);
        CHECK_THROWS_AS(reseal(store,
                               [&](const reseal_report& so_far) {
                                   if (so_far.done() == last) throw std::runtime_error("stopped");
                               }),
                        std::runtime_error);
        CHECK(store.with_new_key.size() == last);
        const reseal_report rest = reseal(store);
        CHECK(rest.resealed == 5 - last);
        CHECK(rest.unchanged == last);
    }
}

TEST_CASE("reseal: a row that others delete meanwhile is skipped", "[reseal]") {
    sealed_store store = store_of(3);
    const reseal_report report = reseal(store, [&](const reseal_report& so_far) {
        if (so_far.done() == 1)
            for (const token& row : store.get_tokens())
                if (row.id != store.asked[0]) store.delete_token(row.id);
    });
    CHECK(report.done() == 3);
    CHECK(report.resealed == 1);
}
