// SPDX-License-Identifier: MIT
// Zoho's table has no column for the seed, so no rule can look it up there.
// expect: tokenkeep: a rule looks up a field that the policy's schema has no column for
#include <tokenkeep/sql_store.hpp>
#include <tokenkeep/zoho/schema.hpp>

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
    std::uint64_t changes() { return 0; }
    void reset() {}
};

struct my_connection {
    static constexpr tokenkeep::sql_dialect dialect{};
    void connect(std::chrono::milliseconds) {}
    void execute(const std::string&) {}
    my_statement prepare(const std::string&) { return {}; }
};

struct ours : tokenkeep::zoho_schema {
#ifdef MISTAKE
    using rules = tokenkeep::first_applicable<tokenkeep::by_id, tokenkeep::by_seed>;
#else
    using rules = tokenkeep::first_applicable<tokenkeep::by_id, tokenkeep::by_refresh_token>;
#endif
};

void look() {
    tokenkeep::sql_store<my_connection, ours> store;
    (void)store.find_token({.seed = "s"});
}
