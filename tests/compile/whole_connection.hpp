// SPDX-License-Identifier: MIT
// A connection that has what it needs, and its statement. The mistakes take something away from them.
#include <tokenkeep/sql_store.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct whole_statement {
    void bind(std::size_t, std::optional<std::string_view>) {}
    bool step() { return false; }
    std::optional<std::string_view> column(std::size_t) { return std::nullopt; }
    std::uint64_t changes() { return 0; }
    void reset() {}
};

template <class Statement = whole_statement>
struct whole_connection {
    static constexpr tokenkeep::sql_dialect dialect{};
    void connect(std::chrono::milliseconds) {}
    void execute(const std::string&) {}
    Statement prepare(const std::string&) { return {}; }
};

template <class Connection>
void keep() {
    tokenkeep::sql_store store{Connection()};
    store.save_token({.user_name = "ada", .access_token = "a"});
}
