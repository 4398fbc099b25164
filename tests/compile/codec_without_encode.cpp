// SPDX-License-Identifier: MIT
// A codec writes documents.
// expect: tokenkeep: a codec needs static secret encode(const std::vector<token>&); see the concept document_codec
#include <tokenkeep/document_store.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct my_document {
    std::optional<std::string> load() { return std::nullopt; }
    void save(std::string_view) {}
};

struct my_codec {
#ifndef MISTAKE
    static tokenkeep::secret encode(const std::vector<tokenkeep::token>&) { return {}; }
#endif
    static std::vector<tokenkeep::token> decode(std::string_view) { return {}; }
};

void keep() {
    tokenkeep::basic_document_store<my_document, my_codec> store{my_document()};
    store.save_token({.user_name = "ada", .access_token = "a"});
}
