// SPDX-License-Identifier: MIT
#include <tokenkeep/text/form.hpp>

#include "support/catch.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <string>
#include <utility>
#include <vector>

using namespace tokenkeep;
using pairs = std::vector<std::pair<std::string, std::string>>;

namespace {

nlohmann::json table(const std::string& name) {
    return nlohmann::json::parse(std::ifstream(TOKENKEEP_TEST_DATA "/urlencoded-" + name + "-data.json"));
}

std::string written(const pairs& list) {
    std::vector<text::form_pair> views;
    for (const auto& [name, value] : list) views.push_back({name, value});
    return text::to_form(views);
}

} // namespace

TEST_CASE("form: the WHATWG parser table; what is not UTF-8 is an error instead of U+FFFD", "[text]") {
    const nlohmann::json cases = table("parser");
    REQUIRE(cases.size() == 35);
    std::size_t refused = 0;
    for (const auto& one : cases) {
        CAPTURE(one["input"]);
        const auto parsed = text::from_form(one["input"].get<std::string>());
        if (one["output"].dump().find("\xef\xbf\xbd") != std::string::npos) {
            CHECK_FALSE(parsed.has_value());
            ++refused;
        } else {
            CHECK(parsed == one["output"].get<pairs>());
        }
    }
    CHECK(refused == 5);
}

TEST_CASE("form: the WHATWG round trip table", "[text]") {
    const nlohmann::json cases = table("roundtrip");
    REQUIRE(cases.size() == 7);
    for (const auto& one : cases) {
        CAPTURE(one["input"]);
        const auto parsed = text::from_form(one["input"].get<std::string>());
        REQUIRE(parsed.has_value());
        CHECK(written(*parsed) == one["output"]);
    }
}

TEST_CASE("form: the WHATWG serializer table", "[text]") {
    const nlohmann::json cases = table("serializer");
    REQUIRE(cases.size() == 25);
    for (const auto& one : cases) {
        CAPTURE(one["output"]);
        const pairs list = one["pairs"];
        CHECK(written(list) == one["output"]);
        CHECK(text::from_form(one["output"].get<std::string>()) == list);
    }
}

TEST_CASE("form: a braced list is written in its order", "[text]") {
    CHECK(text::to_form({{"grant_type", "refresh_token"}, {"refresh_token", "a+b/c=="}}) ==
          "grant_type=refresh_token&refresh_token=a%2Bb%2Fc%3D%3D");
    CHECK(text::to_form(std::initializer_list<text::form_pair>{}).empty());
}

TEST_CASE("form: one part, as RFC 6749 2.3.1 wants it for Basic", "[text]") {
    CHECK(text::form_encode(" %&+\xc2\xa3\xe2\x82\xac") == "+%25%26%2B%C2%A3%E2%82%AC");
    CHECK(text::form_encode("a:b~") == "a%3Ab%7E");
}

TEST_CASE("form: every byte comes back, or is refused where it is not UTF-8", "[text]") {
    for (int i = 0; i < 256; ++i) {
        CAPTURE(i);
        const std::string byte(1, static_cast<char>(i));
        const auto parsed = text::from_form(text::to_form({{byte, byte}}));
        if (i < 0x80)
            CHECK(parsed == pairs{{byte, byte}});
        else
            CHECK_FALSE(parsed.has_value());
    }
}

TEST_CASE("form: the result has its memory from the start", "[text]") {
    const std::string secret(1000, '%');
    CHECK(text::form_encode(secret).capacity() == 3000);
    CHECK(text::to_form({{"a", secret}, {"b", secret}}).capacity() <= 6006);
}

TEST_CASE("form: a percent sign at the end stands for itself", "[text]") {
    CHECK(text::from_form("a=%4") == pairs{{"a", "%4"}});
    CHECK(text::from_form(std::string_view("a=%41", 4)) == pairs{{"a", "%4"}});
    CHECK(text::from_form("a=%") == pairs{{"a", "%"}});
    CHECK(text::from_form("a=%41") == pairs{{"a", "A"}});
}
