// SPDX-License-Identifier: MIT
// A document's locks have names.
// expect: tokenkeep: the lock of a document or a connection must take (const std::string& name, steady_clock::time_point deadline)
#include <tokenkeep/document_store.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

struct my_document {
    std::optional<std::string> load() { return std::nullopt; }
    void save(std::string_view) {}
#ifdef MISTAKE
    std::unique_ptr<int> lock(std::chrono::steady_clock::time_point) { return {}; }
#else
    std::unique_ptr<int> lock(const std::string&, std::chrono::steady_clock::time_point) { return {}; }
#endif
};

void keep() {
    tokenkeep::basic_document_store store{my_document()};
    store.save_token({.user_name = "ada", .access_token = "a"});
}
