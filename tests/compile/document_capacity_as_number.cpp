// SPDX-License-Identifier: MIT
// A capacity is a number of bytes, as the standard library counts them.
// expect: tokenkeep: capacity() of a document must give std::size_t; see the concept document
#include <tokenkeep/document_store.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

struct my_document {
    std::optional<std::string> load() { return {}; }
    void save(std::string_view) {}
#ifdef MISTAKE
    int capacity() { return 65'536; }
#else
    std::size_t capacity() { return 65'536; }
#endif
};

void keep() {
    tokenkeep::basic_document_store store{my_document()};
    store.save_token({.user_name = "ada", .access_token = "a"});
}
