// SPDX-License-Identifier: MIT
// A lock that cannot be waited for with a deadline is no ability.
// expect: tokenkeep: a connection's lock must take (const std::string& name, steady_clock::time_point deadline)
#include <tokenkeep/sql_store.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct my_statement {
    void bind(std::size_t, std::optional<std::string_view>) {}
    bool step() { return false; }
    std::optional<std::string_view> column(std::size_t) { return std::nullopt; }
    std::uint64_t changes() { return 0; }
    void reset() {}
};

struct my_connection {
    static constexpr tokenkeep::sql_dialect dialect{};
    void connect(std::chrono::milliseconds) {}
    void execute(const std::string&) {}
    my_statement prepare(const std::string&) { return {}; }
#ifdef MISTAKE
    std::unique_ptr<int> lock(const std::string&) { return std::make_unique<int>(); }
#else
    std::unique_ptr<int> lock(const std::string&, std::chrono::steady_clock::time_point) {
        return std::make_unique<int>();
    }
#endif
};

void keep() {
    tokenkeep::sql_store store{my_connection()};
    store.save_token({.user_name = "ada", .access_token = "a"});
}
