// SPDX-License-Identifier: MIT
// A version comes with the text it is of.
// expect: tokenkeep: load_versioned() must give a pair of optional<string> and a version; see the concept document
#include <tokenkeep/document_store.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

struct my_document {
#ifdef MISTAKE
    std::optional<std::string> load_versioned() { return {}; }
#else
    std::pair<std::optional<std::string>, int> load_versioned() { return {}; }
#endif
    bool save(std::string_view, const int&) { return true; }
};

void keep() {
    tokenkeep::basic_document_store store{my_document()};
    store.save_token({.user_name = "ada", .access_token = "a"});
}
