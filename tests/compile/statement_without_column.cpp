// SPDX-License-Identifier: MIT
// A row of a result has columns.
// expect: tokenkeep: a statement needs column(std::size_t), giving std::optional<std::string_view>
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
#ifndef MISTAKE
    std::optional<std::string_view> column(std::size_t) { return std::nullopt; }
#endif
    std::uint64_t changes() { return 0; }
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
