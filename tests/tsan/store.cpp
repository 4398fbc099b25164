// SPDX-License-Identifier: MIT
// Eight threads mix every operation on one store, for the thread sanitizer. With TOKENKEEP_NULL_MUTEX the stores are
// made without a lock, and the sanitizer must report it.
#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/document_store.hpp>
#include <tokenkeep/file_store.hpp>

#include "support/temporary.hpp"
#include "support/toy_sealer.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <latch>
#include <list>
#include <map>
#include <string>
#include <thread>
#include <vector>

#ifdef TOKENKEEP_NULL_MUTEX
// Ends at the first report: what follows on a race may be anything.
extern "C" const char* __tsan_default_options() { return "halt_on_error=1"; }
#endif

namespace {

using namespace tokenkeep;

struct policy : defaults {
#ifdef TOKENKEEP_NULL_MUTEX
    using mutex = null_mutex;
#endif
};

struct sealed : policy {
    using sealer = tests::toy_sealer;
};

/// A document in memory, which relies on its store's lock.
struct note {
    std::optional<std::string> load() { return text; }
    void save(std::string_view bytes) { text = std::string(bytes); }
    std::optional<std::string> text{};
};

std::atomic<int> failures = 0;

template <class Store>
void mix(Store& store, unsigned thread, int rounds) {
    const std::string user = "user " + std::to_string(thread % 4);
    const auto soon = [] { return std::chrono::steady_clock::now() + std::chrono::seconds(60); };
    for (int n = 0; n < rounds; ++n) {
        const std::string access = "access " + std::to_string(thread) + "." + std::to_string(n);
        store.save_token(
            {.user_name = user, .client_id = "app", .refresh_token = "refresh of " + user, .access_token = access});
        if constexpr (locking_store<Store>) {
            const auto held = store.lock_token(user, soon());
            (void)store.find_token({.user_name = user});
        }
        const std::optional<token> row = store.find_token({.client_id = "app", .refresh_token = "refresh of " + user});
        if constexpr (detail::shows_rows<Store>) {
            const auto visit = [&](const detail::row_view& seen) {
                if (seen.user_name != user || !seen.access_token.starts_with("access ")) ++failures;
            };
            const token probe{.user_name = user};
            store.visit_token(detail::row_view(probe), visit);
        }
        if (!row) continue;
        (void)store.find_token_by_id(row->id);
        if constexpr (comparing_store<Store>) {
            token next = *row;
            next.scope = access;
            (void)store.replace_token(*row, next);
            if (n % 16 == 0) (void)store.remove_token(next);
        }
        for (const token& other : store.get_tokens())
            if (other.user_name.empty()) ++failures;
        if (n % 8 == 0) store.delete_token(row->id);
        if (n % 32 == 0) store.delete_tokens();
    }
}

template <class Store>
void run(const char* name, Store& store, int rounds) {
    std::latch all_are_here(8);
    std::vector<std::thread> threads;
    for (unsigned thread = 0; thread < 8; ++thread)
        threads.emplace_back([&, thread] {
            all_are_here.arrive_and_wait();
            try {
                mix(store, thread, rounds);
            } catch (const std::exception& fault) {
                ++failures;
                std::printf("%s: %s\n", name, fault.what());
            }
        });
    for (std::thread& thread : threads) thread.join();
    if (store.get_tokens().size() > 4) ++failures;
    std::printf("%s: done\n", name);
}

#ifdef TOKENKEEP_NULL_MUTEX
/// One thread saves, and then another looks up. A relaxed atomic keeps them apart, which orders nothing for the
/// sanitizer: it must report a race, and nothing happens that a race could spoil.
template <class Store>
void save_then_find(Store& store) {
    std::atomic<bool> is_saved = false;
    std::thread writer([&] {
        store.save_token({.user_name = "ada", .access_token = "a"});
        is_saved.store(true, std::memory_order_relaxed);
    });
    std::thread reader([&] {
        while (!is_saved.load(std::memory_order_relaxed)) std::this_thread::yield();
        (void)store.find_token({.user_name = "ada"});
    });
    writer.join();
    reader.join();
}
#endif

} // namespace

int main() {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    basic_store<indexed, policy> memory;
#ifdef TOKENKEEP_NULL_MUTEX
    save_then_find(memory);
#endif
    run("memory_store", memory, 200);
    basic_store<std::map<std::string, token>, policy> map;
    run("map_store", map, 200);
    basic_store<std::vector<std::list<std::string>>, policy> list;
    run("list_store", list, 200);
    basic_document_store<note, json_codec, policy> in_memory{note()};
    run("document store in memory", in_memory, 100);
    basic_document_store<note, json_codec, sealed> sealed_note{note(), {"key-1", {{"key-1", "one"}}}};
    run("sealed document store", sealed_note, 40);
    const temporary_directory here;
    basic_document_store<text_file, json_codec, policy> in_file{text_file(here / "tokens.json")};
    run("document store in a file", in_file, 40);
    basic_file_store<policy> journal{here / "tokens.tkj"};
    run("file_store", journal, 100);
    std::printf("%d failures\n", failures.load());
    return failures == 0 ? 0 : 1;
}
