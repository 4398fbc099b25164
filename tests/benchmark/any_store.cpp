// SPDX-License-Identifier: MIT
// What an any_store costs over the store that it holds: a look-up, the keeper's cached token, and the lock.
#include "benchmark/measuring.hpp"

#include <tokenkeep/any_store.hpp>
#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/file_store.hpp>
#include <tokenkeep/indexed.hpp>
#include <tokenkeep/keeper.hpp>

#include "support/temporary.hpp"

#include <cstdio>
#include <cstdlib>

namespace {

using namespace measuring;

struct plan {
    std::size_t rounds, calls;
};

/// The mean time of a call.
template <class Call>
std::function<double()> mean_of(std::size_t calls, Call call) {
    return [=] {
        return seconds_of([&] {
                   for (std::size_t n = 0; n < calls; ++n) call();
               }) /
               static_cast<double>(calls);
    };
}

template <class Store>
void compare(const char* name, Store& store, tokenkeep::any_store& any, const plan& how) {
    const token probe{.id = id_of(0)};
    token row = row_of(0);
    row.expires_at = std::nullopt;
    store.save_token(row);
    any.save_token(row);
    const auto transport = [](const tokenkeep::http_request&) { return tokenkeep::http_response{}; };
    tokenkeep::keeper keep{store, transport, tokenkeep::oauth2_provider{}};
    tokenkeep::keeper keep_any{any, transport, tokenkeep::oauth2_provider{}};
    const auto show = [&](const char* what, auto own, auto through_any) {
        const turns took = alternate(how.rounds, {mean_of(how.calls, own), mean_of(how.calls, through_any)});
        std::printf("%-13s %-13s %7.0f ns  any_store %7.0f ns\n", name, what, median(took[0]) * 1e9,
                    median(took[1]) * 1e9);
    };
    const auto soon = [] { return steady_clock::now() + std::chrono::seconds(5); };
    show(
        "find_token", [&] { require(store.find_token(probe).has_value(), "find_token"); },
        [&] { require(any.find_token(probe).has_value(), "find_token"); });
    show(
        "access_token", [&] { require(!keep.access_token(probe).empty(), "access_token"); },
        [&] { require(!keep_any.access_token(probe).empty(), "access_token"); });
    show(
        "lock_token", [&] { (void)store.lock_token("key", soon()); }, [&] { (void)any.lock_token("key", soon()); });
}

} // namespace

int main(int count, char** words) {
    using tokenkeep::any_store, tokenkeep::file_store, tokenkeep::memory_store;
    const bool quick = count > 1 && std::string_view(words[1]) == "--quick";
    const plan how = quick ? plan{3, 100} : plan{101, 10'000};
    const temporary_directory folder;
    memory_store memory;
    any_store any_memory{memory_store()};
    compare("memory_store", memory, any_memory, how);
    file_store file(folder / "tokens.tkj");
    any_store any_file{file_store(folder / "other.tkj")};
    compare("file_store", file, any_file, how);
    return EXIT_SUCCESS;
}
