// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/sql/sealed_form.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace tokenkeep;

namespace {

/// Shows in each sealed text and fingerprint what it was asked for.
struct open_book {
    std::string key_id() const { return "k"; }
    std::vector<std::string> key_ids() const { return {"k", "old"}; }
    secret seal(std::string_view plain, std::string_view associated) const {
        return std::string(associated).append("=").append(plain);
    }
    std::optional<secret> open(std::string_view sealed, std::string_view associated, std::string_view key_id) const {
        if (key_id != "k" || !sealed.starts_with(std::string(associated) + "=")) return std::nullopt;
        return secret(sealed.substr(associated.size() + 1));
    }
    std::string fingerprint(std::string_view text, std::string_view key_id) const {
        asked.push_back(std::string(key_id).append(" ").append(text));
        std::string bytes = std::to_string(text.size());
        return bytes.append(32 - bytes.size(), '.');
    }

    mutable std::vector<std::string> asked{};
};
static_assert(fingerprinting_sealer<open_book>);

struct sealed : defaults {
    using sealer = open_book;
    struct rules : first_applicable<by_id, by_refresh_token> {};
    struct schema : sql_schema {
        static constexpr std::size_t columns = 8;
    };
};
struct hidden : sealed {
    static constexpr bool seals_names = true;
    struct rules : first_applicable<by_id, by_user, by_refresh_token> {};
};

/// A statement that has stepped to these cells.
template <class Cells>
struct stepped {
    const Cells& cells;
    std::optional<std::string_view> column(std::size_t n) const { return cells.values()[n]; }
};

template <class Form, class Cells>
token read(const Form& form, const Cells& cells) {
    stepped<Cells> statement{cells};
    return form.read(statement);
}

const token row{.user_name = "ada",
                .client_id = "app",
                .refresh_token = "rt-1",
                .expires_at = timestamp(std::chrono::milliseconds(1'500)),
                .id = "7"};
const std::string table = "tokens";

} // namespace

TEST_CASE("sealed_form: the cells of a row are what the format says", "[sealed_form]") {
    const open_book sealer;
    const detail::sealed_form<sealed> form(sealer, table);
    const auto cells = form.cells(row);
    const auto values = cells.values();
    const std::string of_token = text::to_base64url("14:tokenkeep cell6:tokens1:713:refresh_token=rt-1");
    using view = std::optional<std::string_view>;
    CHECK(values[0] == view("7"));
    CHECK(values[1] == view("ada"));
    CHECK(values[2] == view("app"));
    CHECK(values[3] == view());
    CHECK(values[4] == view(of_token));
    CHECK(values[7] == view("1500"));
    CHECK(values[10] == view("k"));
    REQUIRE(values.size() == 11);
    REQUIRE(sealer.asked.size() == 2);
    CHECK(sealer.asked[0] == "k 15:tokenkeep index6:tokens13:refresh_token4:rt-1");
    CHECK(sealer.asked[1] == "k 13:tokenkeep row6:tokens2:id1:79:user_name3:ada9:client_id3:app" +
                                 std::string("20:sealed refresh_token") + std::to_string(of_token.size()) + ":" +
                                 of_token + "11:expiry_time4:150019:refresh_token_index43:" + std::string(*values[9]) +
                                 "7:row_key1:k");
    CHECK(values[8]->size() == 43 + 2);
    CHECK(values[8]->ends_with(" k"));
    CHECK(read(form, cells) == row);

    form.with_keys(4, "rt-1", [](detail::sql_parameters keys) { CHECK(keys.size() == 2); });
    CHECK(sealer.asked[sealer.asked.size() - 2] == sealer.asked[0]);
    CHECK(sealer.asked.back() == "old 15:tokenkeep index6:tokens13:refresh_token4:rt-1");
    form.with_keys(1, "ada", [](detail::sql_parameters keys) {
        REQUIRE(keys.size() == 1);
        CHECK(keys[0] == view("ada"));
    });
}

TEST_CASE("sealed_form: no two places of a cell give the same associated data", "[sealed_form]") {
    const open_book sealer;
    const auto cell_of = [&](const std::string& of_table, const std::string& id, std::size_t column) {
        token one{.client_secret = "same", .refresh_token = "same", .id = id};
        return std::string(*detail::sealed_form<sealed>(sealer, of_table).cells(one).values()[column]);
    };
    std::vector<std::string> cells;
    for (const std::string of_table : {"a", "a1", "ab"})
        for (const std::string id : {"1", "11", "b", "b1", "1:b", ":1"})
            for (const std::size_t column : {3u, 4u}) cells.push_back(cell_of(of_table, id, column));
    for (std::size_t n = 0; n < cells.size(); ++n)
        for (std::size_t other = 0; other < n; ++other) CHECK(cells[n] != cells[other]);
}

TEST_CASE("sealed_form: with seals_names every text but the id is sealed", "[sealed_form]") {
    const open_book sealer;
    const detail::sealed_form<hidden> form(sealer, table);
    const auto cells = form.cells(row);
    using columns = detail::sql_columns<hidden>;
    CHECK(columns::count() == 12);
    CHECK(columns::name(9) == "user_name_index");
    CHECK(columns::name(10) == "refresh_token_index");
    CHECK(columns::name(11) == "row_key");
    CHECK(columns::look_up(1) == 9);
    CHECK(columns::look_up(4) == 10);
    CHECK(columns::look_up(0) == 0);
    CHECK(!columns::seals(0));
    CHECK(!columns::seals(7));
    CHECK(*cells.values()[1] == text::to_base64url("14:tokenkeep cell6:tokens1:79:user_name=ada"));
    CHECK(read(form, cells) == row);
}

TEST_CASE("sealed_form: what is no seal is a row that cannot be opened", "[sealed_form]") {
    const open_book sealer;
    const detail::sealed_form<sealed> form(sealer, table);
    const auto code_of_mac = [&](const std::optional<std::string>& mac) {
        auto cells = form.cells(row);
        cells[8] = mac;
        try {
            (void)read(form, cells);
        } catch (const detail::unopened_row& failure) {
            return std::string(failure.what());
        }
        return std::string("opened");
    };
    const std::string right(*form.cells(row).values()[8]), fingerprint = right.substr(0, 43);
    CHECK(code_of_mac(right) == "opened");
    CHECK_THAT(code_of_mac(std::nullopt), ContainsSubstring("missing or cut off"));
    CHECK_THAT(code_of_mac(""), ContainsSubstring("missing or cut off"));
    CHECK_THAT(code_of_mac(fingerprint), ContainsSubstring("missing or cut off"));
    CHECK_THAT(code_of_mac(fingerprint + "-k"), ContainsSubstring("missing or cut off"));
    CHECK_THAT(code_of_mac(fingerprint + " "), ContainsSubstring("it has no key \"\""));
    CHECK_THAT(code_of_mac(fingerprint + " K\n"), ContainsSubstring("it has no key \"K\\n\", which sealed the row"));
    CHECK_THAT(code_of_mac("A" + right.substr(1)), ContainsSubstring("the row is not as it was sealed"));
    CHECK_THAT(code_of_mac(fingerprint + " old"), ContainsSubstring("the key \"old\" that sealed it was another"));
    CHECK_THAT(code_of_mac(std::nullopt), ContainsSubstring("the row \"7\" of the table tokens"));
}

TEST_CASE("sealed_form: a key without an id is refused before anything is written", "[sealed_form]") {
    struct nameless : open_book {
        std::string key_id() const { return {}; }
    };
    struct of_nameless : sealed {
        using sealer = nameless;
    };
    const nameless sealer;
    const std::string name = "tokens";
    const detail::sealed_form<of_nameless> form(sealer, name);
    try {
        (void)form.cells({.user_name = "ada", .refresh_token = "rt-1", .id = "1"});
        FAIL("it is taken");
    } catch (const error& failure) {
        CHECK(failure.code() == errc::request_rejected);
        CHECK_THAT(failure.what(), ContainsSubstring("key_id() of the sealer of a table must not be empty"));
    }
}

TEST_CASE("sealed_form: a fingerprint of another size is refused before anything is written", "[sealed_form]") {
    struct long_prints : open_book {
        std::string fingerprint(std::string_view, std::string_view) const { return std::string(64, 'f'); }
    };
    struct of_long_prints : sealed {
        using sealer = long_prints;
    };
    const long_prints sealer;
    const std::string name = "tokens";
    const detail::sealed_form<of_long_prints> form(sealer, name);
    try {
        (void)form.cells({.user_name = "ada", .refresh_token = "rt-1", .id = "1"});
        FAIL("it is taken");
    } catch (const error& failure) {
        CHECK(failure.code() == errc::request_rejected);
        CHECK_THAT(failure.what(), ContainsSubstring("must give 32 bytes, and gives 64"));
    }
}
