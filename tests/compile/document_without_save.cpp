// SPDX-License-Identifier: MIT
// A document can be written.
// expect: tokenkeep: a document needs save(string_view); see the concept document
#include <tokenkeep/document_store.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

struct my_document {
    std::optional<std::string> load() { return std::nullopt; }
#ifndef MISTAKE
    void save(std::string_view) {}
#endif
};

void keep() {
    tokenkeep::basic_document_store store{my_document()};
    store.save_token({.user_name = "ada", .access_token = "a"});
}
