// SPDX-License-Identifier: MIT
#include <tokenkeep/row_codec.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <vector>

using namespace tokenkeep;
using namespace std::chrono_literals;

namespace {

/// A row in which every field has a value of its own.
token full_row() {
    token row;
    int n = 0;
    for (const field& f : fields) {
        const std::string text =
            f.time != nullptr ? std::to_string(1'700'000'000'000 + n) : "value " + std::to_string(n);
        detail::read_cell(f, row, text);
        ++n;
    }
    return row;
}

} // namespace

TEST_CASE("row_codec: every field comes back as it was", "[row_codec]") {
    const token row = full_row();
    std::vector<row_cell> cells = encode_row(row);
    REQUIRE(cells.size() == std::size(fields));
    for (std::size_t n = 0; n < cells.size(); ++n) {
        CHECK(cells[n].name == fields[n].name);
        CHECK(!cells[n].text.empty());
    }
    CHECK(decode_row(cells) == row);
    std::reverse(cells.begin(), cells.end());
    CHECK(decode_row(cells) == row);
}

TEST_CASE("row_codec: text keeps every byte, and times their milliseconds", "[row_codec]") {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
    const token row{.user_name = bytes,
                    .refresh_token = bytes,
                    .expires_at = timestamp(-1ms),
                    .issued_at = timestamp(1'700'000'000'001ms),
                    .id = bytes};
    CHECK(decode_row(encode_row(row)) == row);
}

TEST_CASE("row_codec: an absent field is an empty cell, and comes back absent", "[row_codec]") {
    const token row{.access_token = "a", .id = "1"};
    const std::vector<row_cell> cells = encode_row(row);
    CHECK(std::count_if(cells.begin(), cells.end(), [](const row_cell& cell) { return !cell.text.empty(); }) == 2);
    CHECK(decode_row(cells) == row);
    CHECK(decode_row({}) == token{});
}

TEST_CASE("row_codec: a name of a newer version is left out, and a time that is none is over", "[row_codec]") {
    const std::vector<row_cell> cells{{"id", "1"}, {"of_tomorrow", "x"}, {"expiry_time", "soon"}};
    CHECK(decode_row(cells) == token{.expires_at = timestamp{}, .id = "1"});
}
