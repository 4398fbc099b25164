// SPDX-License-Identifier: MIT
// A document that is not there yet is not the same as an empty one.
// expect: tokenkeep: a document needs load(), giving optional<string>; see the concept document
#include <tokenkeep/document_store.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

struct my_document {
#ifdef MISTAKE
    std::string load() { return {}; }
#else
    std::optional<std::string> load() { return std::nullopt; }
#endif
    void save(std::string_view) {}
};

void keep() {
    tokenkeep::basic_document_store store{my_document()};
    store.save_token({.user_name = "ada", .access_token = "a"});
}
