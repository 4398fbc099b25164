// SPDX-License-Identifier: MIT
// A statement says how many rows it found.
// expect: tokenkeep: a statement needs changes(), giving how many rows it found
#include <tokenkeep/sql_store.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct my_statement {
    void bind(std::size_t, std::optional<std::string_view>) {}
    bool step() { return false; }
    std::optional<std::string_view> column(std::size_t) { return std::nullopt; }
#ifndef MISTAKE
    std::uint64_t changes() { return 0; }
#endif
    void reset() {}
};

struct my_connection {
    static constexpr tokenkeep::sql_dialect dialect{};
    void connect(std::chrono::milliseconds) {}
    void execute(const std::string&) {}
    my_statement prepare(const std::string&) { return {}; }
};

void keep() {
    tokenkeep::sql_store store{my_connection()};
    store.save_token({.user_name = "ada", .access_token = "a"});
}
