// SPDX-License-Identifier: MIT
// A document of versions says at each save whether the version was still that.
// expect: tokenkeep: a document with load_versioned() needs bool save(string_view, const version&); see the concept document
#include <tokenkeep/document_store.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

struct my_document {
    std::pair<std::optional<std::string>, int> load_versioned() { return {}; }
#ifdef MISTAKE
    void save(std::string_view) {}
#else
    bool save(std::string_view, const int&) { return true; }
#endif
};

void keep() {
    tokenkeep::basic_document_store store{my_document()};
    store.save_token({.user_name = "ada", .access_token = "a"});
}
