// SPDX-License-Identifier: MIT
// A document whose lock is a lease has versions, because the lease may end between load and save.
// expect: tokenkeep: a document whose lock may lapse needs load_versioned() and save(string_view, const version&); see the concept document
#include <tokenkeep/document_store.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

struct my_guard {};

struct my_document {
    static constexpr bool lock_may_lapse = true;
    my_guard lock(const std::string&, std::chrono::steady_clock::time_point) { return {}; }
#ifdef MISTAKE
    std::optional<std::string> load() { return {}; }
    void save(std::string_view) {}
#else
    std::pair<std::optional<std::string>, int> load_versioned() { return {}; }
    bool save(std::string_view, const int&) { return true; }
#endif
};

void keep() {
    tokenkeep::basic_document_store store{my_document()};
    store.save_token({.user_name = "ada", .access_token = "a"});
}
