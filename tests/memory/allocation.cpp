// SPDX-License-Identifier: MIT
// Every allocation of a change to a file_store fails once. What is then said is true, and the store goes on.
#include <tokenkeep/file_store.hpp>

#include "support/searched_memory.hpp"
#include "support/temporary.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>

namespace {

using namespace tokenkeep;
using tests::until_failure;

/// The system's files, of which flushing the directory may fail.
struct files : system_files {
    bool* breaks_names;
    void flush_directory(const std::string& path) const {
        if (*breaks_names) throw file_error(errc::storage_failure, "flush the directory of", path, EIO);
        system_files::flush_directory(path);
    }
};
struct policy : defaults {
    using files = ::files;
};
using store = basic_file_store<policy>;

int passed = 0, failed = 0;

void check(bool holds, const char* what, long allocation) {
    ++(holds ? passed : failed);
    if (!holds) std::printf("%s, allocation %ld\n", what, allocation);
}

token row(const std::string& id, std::size_t size) {
    return {.user_name = "user " + id, .access_token = "of " + id + std::string(size, 'x'), .id = id};
}

/// Runs `change` on a store with rows x and y, with each of its allocations failing; `is_done` tells from a store
/// whether the change is in the file. Where a name cannot be flushed and memory is lacking to say so, no more is asked
/// than that the next save works.
template <class Change, class IsDone>
void sweep(const char* what, bool breaks_names, Change change, IsDone is_done) {
    bool has_failed = true;
    for (long n = 0; has_failed; ++n) {
        const temporary_directory here;
        const std::string path = here / "tokens";
        bool breaks = false;
        const files disk{{}, &breaks};
        store on{path, {}, disk};
        on.save_token(row("x", 10));
        on.save_token(row("y", 10));
        breaks = breaks_names;
        std::optional<std::error_code> code;
        until_failure = n;
        try {
            change(on);
            has_failed = until_failure < 0;
            until_failure = -1;
            code = std::error_code();
        } catch (const error& fault) {
            has_failed = until_failure < 0;
            until_failure = -1;
            code = fault.code();
        } catch (const std::bad_alloc&) {
            until_failure = -1;
        }
        breaks = false;
        const bool is_there = is_done(store{path, {}, disk});
        const bool may_be_there = code && (!*code || code == errc::indeterminate || code == errc::storage_failure);
        const bool must_be_there = code && !*code;
        if (!breaks_names) check(is_there ? may_be_there : !must_be_there, what, n);
        on.save_token(row("z", 10));
        check(is_done(on) == is_there && on.find_token_by_id("z"), "what follows", n);
    }
}

} // namespace

int main() {
    for (const bool breaks_names : {false, true}) {
        sweep(
            "a save", breaks_names, [](store& on) { on.save_token(row("new", 30'000)); },
            [](auto&& on) { return on.find_token_by_id("new").has_value(); });
        sweep(
            "a delete", breaks_names, [](store& on) { on.delete_token("x"); },
            [](auto&& on) { return !on.find_token_by_id("x"); });
        sweep(
            "a delete of all", breaks_names, [](store& on) { on.delete_tokens(); },
            [](auto&& on) { return !on.find_token_by_id("x"); });
    }
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
