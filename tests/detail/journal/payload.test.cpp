// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/journal/payload.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

using namespace tokenkeep;
using detail::wiping_string;

namespace {

std::string bytes_of_row(const token& row) {
    wiping_string out;
    detail::append_row(out, row);
    return std::string(out);
}

std::optional<token> row_in(std::string_view bytes, std::string_view id = {}) {
    const detail::row_parts parts(bytes);
    return parts.is_row() ? std::optional(token(parts.view(id))) : std::nullopt;
}

} // namespace

TEST_CASE("row_payload: the tag of a field is its place in the table, for ever", "[row_payload]") {
    const char* const names[] = {"id",
                                 "user_name",
                                 "client_id",
                                 "client_secret",
                                 "refresh_token",
                                 "access_token",
                                 "grant_token",
                                 "expiry_time",
                                 "redirect_url",
                                 "api_domain",
                                 "scope",
                                 "token_type",
                                 "issued_at",
                                 "status",
                                 "seed",
                                 "extra",
                                 "refresh_expires_at",
                                 "logged_in_at",
                                 "used_at",
                                 "code_verifier",
                                 "label",
                                 "former"};
    REQUIRE(std::size(names) == std::size(fields));
    for (std::size_t tag = 0; tag < std::size(names); ++tag) CHECK(fields[tag].name == names[tag]);
    CHECK(bytes_of_row({.user_name = "ada"}) == std::string("\2\0\3\0\0\0ada", 9));
}

TEST_CASE("row_payload: what is absent takes no room, and every field comes back", "[row_payload]") {
    CHECK(bytes_of_row({.id = "not among them"}).empty());
    token row;
    for (const field& f : fields) {
        if (f.text == &token::id) continue;
        f.visit([&](auto member) {
            if constexpr (std::is_same_v<decltype(member), std::optional<timestamp> token::*>)
                row.*member = timestamp(std::chrono::milliseconds(-5));
            else
                row.*member = std::string(f.name) + std::string("\0\xff", 2);
        });
    }
    row.id = "7";
    CHECK(row_in(bytes_of_row(row), "7") == row);
    CHECK(row_in("") == token{});
}

TEST_CASE("row_payload: fields that a newer version has written are kept as they are", "[row_payload]") {
    const std::string newer("\xe8\x03\5\0\0\0later\0\0\2\0\0\0xy", 19);
    const std::string bytes = bytes_of_row({.user_name = "ada"}) + newer;
    const detail::row_parts parts(bytes);
    REQUIRE(parts.is_row());
    CHECK(token(parts.view("7")) == token{.user_name = "ada", .id = "7"});
    CHECK(parts.content(1) == "ada");
    CHECK(parts.content(2).empty());
    CHECK(parts.unknown() == newer);
}

TEST_CASE("row_payload: what is cut short, or has a time of another size, is no row", "[row_payload]") {
    const token row{.user_name = "ada", .access_token = "a", .expires_at = timestamp(std::chrono::milliseconds(5))};
    const std::string bytes = bytes_of_row(row);
    const std::size_t ends[] = {0, 9, 16, bytes.size()};
    for (std::size_t size = 0; size <= bytes.size(); ++size)
        CHECK(row_in(bytes.substr(0, size)).has_value() ==
              (std::find(std::begin(ends), std::end(ends), size) != std::end(ends)));
    CHECK(!row_in(std::string("\x8\0\1\0\0\0a", 7)));
    CHECK(!row_in(std::string("\2\0\xff\xff\xff\xff", 6) + "ada"));
}
