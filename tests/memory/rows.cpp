// SPDX-License-Identifier: MIT
// Every allocation of a change to a memory_store fails once. The call then throws, and every row is as it was and is
// found by each of its keys.
#include <tokenkeep/basic_store.hpp>

#include "support/searched_memory.hpp"

#include <cstddef>
#include <cstdio>
#include <new>
#include <string>
#include <vector>

namespace {

using namespace tokenkeep;

int passed = 0, failed = 0;

token row(std::size_t number) {
    const std::string name = std::to_string(number);
    return {.user_name = "user " + name,
            .client_id = "app",
            .refresh_token = "refresh " + name,
            .access_token = "access " + name,
            .seed = "seed " + name,
            .id = "id " + name};
}

/// The table, its indices and their slots have no room left after so many rows.
constexpr std::size_t full = 12;

/// Whether the store has exactly these rows, each under each of its keys.
bool holds(const memory_store& store, const std::vector<token>& rows) {
    bool good = store.get_tokens() == rows;
    for (const token& each : rows) {
        good = good && store.find_token_by_id(each.id) == each;
        good = good && store.find_token({.access_token = each.access_token}) == each;
        if (each.user_name.empty()) continue; // it has no other keys
        good = good && store.find_token({.user_name = each.user_name}) == each;
        good = good && store.find_token({.client_id = "app", .refresh_token = each.refresh_token}) == each;
        good = good && store.find_token({.client_id = "app", .seed = each.seed}) == each;
    }
    return good;
}

/// Runs `change`, which makes `after` of the rows, with each of its allocations failing.
template <class Change>
void sweep(const char* what, const std::vector<token>& before, const std::vector<token>& after, Change change) {
    bool has_failed = true;
    long allocations = -1;
    for (; has_failed; ++allocations) {
        memory_store store;
        for (const token& each : before) store.save_token(each);
        has_failed = false;
        tests::until_failure = allocations + 1;
        try {
            change(store);
        } catch (const std::bad_alloc&) {
            has_failed = true;
        }
        tests::until_failure = -1;
        bool good = holds(store, has_failed ? before : after);
        change(store);
        good = good && holds(store, after);
        ++(good ? passed : failed);
        if (!good) std::printf("%s, allocation %ld\n", what, allocations + 1);
    }
    if (allocations == 0) { // nothing was allocated, so nothing was tested
        ++failed;
        std::printf("%s: no allocation\n", what);
    }
}

} // namespace

int main() {
    std::vector<token> before;
    for (std::size_t number = 0; number < full; ++number) before.push_back(row(number));

    std::vector<token> after = before;
    after.push_back(row(full));
    sweep("a new row", before, after, [](memory_store& store) { store.save_token(row(full)); });

    after = before;
    after[3].access_token = "an access token of another size";
    after[3].refresh_token = "a refresh token of another size";
    sweep("a save of another size", before, after, [&](memory_store& store) { store.save_token(after[3]); });

    // A row that was found by its id and its access token only gets the other keys.
    sweep("new keys", {{.access_token = "access 5", .id = "id 5"}}, {row(5)},
          [](memory_store& on) { on.save_token(row(5)); });

    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 && passed > 10 ? 0 : 1;
}
