// SPDX-License-Identifier: MIT
#include <tokenkeep/sql_store.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace std::string_literals;
using tokenkeep::errc;

namespace {

struct unused_statement {
    void bind(std::size_t, std::optional<std::string_view>) {}
    bool step() { return false; }
    std::optional<std::string_view> column(std::size_t) { return std::nullopt; }
    std::uint64_t changes() { return 0; }
    void reset() {}
};

/// A connection that fails if anything is sent.
struct unused_connection {
    static constexpr tokenkeep::sql_dialect dialect{};
    std::string name{};

    std::string table() const { return name; }
    void connect(std::chrono::milliseconds) { throw std::logic_error("it connects"); }
    void execute(const std::string&) { throw std::logic_error("it sends something"); }
    unused_statement prepare(const std::string&) { throw std::logic_error("it sends something"); }
};

struct nameless : tokenkeep::defaults {
    struct schema : tokenkeep::sql_schema {
        static constexpr std::string_view table{};
    };
};

template <class Policy = tokenkeep::defaults>
void make_store_on(const std::string& table) {
    tokenkeep::sql_store<unused_connection, Policy> store(unused_connection{table});
}

} // namespace

TEST_CASE("sql_store: the name of a table is plain, or refused before anything is sent", "[sql_store]") {
    for (const std::string& name :
         {"two words"s, "a-b"s, "a\"b"s, "a`b"s, "a'b"s, "a;drop table b"s, "a.b"s, "\xc3\xa4"s, "a\0b"s, "a\n"s, " "s,
          "%"s, "tokenkeep_schema"s, "Tokenkeep_Schema"s, std::string(49, 'a')}) {
        CAPTURE(name);
        CHECK(code_of([&] { make_store_on(name); }) == errc::invalid_record);
    }
    CHECK(code_of([] { make_store_on<nameless>(""); }) == errc::invalid_record);
    for (const std::string& name : {std::string(48, 'a'), "select"s, "Order"s, "_"s, "9"s, "a__b"s, ""s})
        CHECK_NOTHROW(make_store_on(name));
}
