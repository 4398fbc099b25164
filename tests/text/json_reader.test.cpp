// SPDX-License-Identifier: MIT
#include <tokenkeep/text/json_reader.hpp>

#include <tokenkeep/text/json.hpp>

#include "support/catch.hpp"

#include <string>
#include <string_view>
#include <utility>

using namespace tokenkeep;
using detail::bad_json_value, detail::json_reader;
using text::json_fault;

namespace {

/// The names of the members that are bad, if bad values are marked; "fault" if the text cannot be read.
std::string bad_members(const std::string& text) {
    json_reader reader(text, bad_json_value::marked);
    if (reader.read() != json_fault::none) return "fault";
    std::string names;
    for (const json_reader::member& each : reader.members())
        if (each.is_bad) names.append(each.name).append(" ");
    return names;
}

} // namespace

TEST_CASE("json_reader: a bad value marks the member of the outermost object in which it lies, and no other",
          "[text]") {
    for (const char* bad : {"\"\xff\"",
                            "\"\xc3\"",
                            "\"\\ud800\"",
                            "\"\\udc00\"",
                            "\"\\ud800\\u0041\"",
                            "\"\\x\"",
                            "\"\\u12g4\"",
                            "\"\t\"",
                            "NaN",
                            "-",
                            "01",
                            "1.",
                            "tru",
                            "nul",
                            "nulll",
                            "{\"a\":1,\"a\":2}",
                            "[{\"b\":[{\"a\":1,\"\\u0061\":2}]}]",
                            "{\"\xff\":1}",
                            "[[[-]]]",
                            "{\"c\":\"\\ud800\"}"}) {
        CAPTURE(bad);
        const std::string text = "{\"x\":[1,{\"a\":\"b\"}],\"bad\":" + std::string(bad) + " ,\"y\":{\"a\":1}}";
        CHECK(bad_members(text) == "bad ");
        json_reader strict(text);
        CHECK(strict.read() != json_fault::none);
    }
    CHECK(bad_members("{\"a\xff\":1,\"b\":2}") == "a\xff ");
    CHECK(bad_members("{\"a\":-,\"b\":\"\\ud800\"}") == "a b ");
    CHECK(bad_members("{\"a\":1,\"b\":\"\\ud83d\\ude00\"}").empty());
}

TEST_CASE("json_reader: the outermost object may repeat names, where bad values are marked", "[text]") {
    json_reader reader(R"({"a":1,"b":{"c":1},"\u0061":2})", bad_json_value::marked);
    REQUIRE(reader.read() == json_fault::none);
    CHECK(reader.repeats_names());
    REQUIRE(reader.members().size() == 3);
    CHECK(reader.members()[2].name == "a");
    CHECK(reader.members()[2].written == "\"\\u0061\"");
    CHECK(reader.members()[2].value.integer() == 2);
    json_reader once(R"({"a":{"c":1,"c":2}})", bad_json_value::marked);
    REQUIRE(once.read() == json_fault::none);
    CHECK_FALSE(once.repeats_names());
}

TEST_CASE("json_reader: only a string of visible characters without escapes counts as visible", "[text]") {
    const std::pair<const char*, bool> cases[] = {
        {"\"!#[]~\"", true},
        {"\"a-string-of-more-than-sixteen-characters\"", true},
        {"\"\"", true},
        {"\"a b\"", false},
        {"\"a-string-of-more-than-sixteen-characters \"", false},
        {"\"a\x7f\"", false},
        {"\"\\u0041\"", false},
        {"\"\xc3\xa9\"", false},
        {"\"\xff\"", false},
        {"[\"a\"]", false},
        {"{\"a\":\"b\"}", false},
        {"1", false},
        {"null", false},
    };
    for (const auto& [value, is_visible] : cases) {
        CAPTURE(value);
        const std::string text = "{\"a\":\"b\",\"v\": " + std::string(value) + " ,\"c\":\"d e\"}";
        json_reader reader(text, bad_json_value::marked);
        REQUIRE(reader.read() == json_fault::none);
        REQUIRE(reader.members().size() == 3);
        CHECK(reader.members()[0].is_visible);
        CHECK(reader.members()[1].is_visible == is_visible);
        CHECK_FALSE(reader.members()[2].is_visible);
        CHECK(reader.members()[1].value.raw() == value);
    }
}

TEST_CASE("json_reader: a fault in the structure is a fault, also where bad values are marked", "[text]") {
    for (const char* text : {"", "{", "}", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":1,}", "{\"a\":1]", "{\"a\":[1}",
                             "{\"a\":\"", "{\"a\":\"\\", "{\"a\":\"\\\"", "{a:1}", "{\"a\":1 2}", "{\"a\":1:2}",
                             "{\"a\":\"b\"c}", "{\"a\":1}{", "{\"a\":1}x", "{\"a\":tr\"ue}"}) {
        CAPTURE(text);
        CHECK(bad_members(text) == "fault");
    }
    CHECK(bad_members(std::string(65, '[')) == "fault");
    CHECK(bad_members("{\"a\":" + std::string(64, '[') + std::string(64, ']') + "}") == "fault");
    CHECK(bad_members("{\"a\":" + std::string(63, '[') + std::string(63, ']') + "}").empty());
}

TEST_CASE("json_reader: a bad string is decoded without harm, and is no token", "[text]") {
    for (const char* bad : {"\\ud800", "\\udc00", "\\ud800\\", "\\ud800\\u", "\\ud800\\u00", "\\ud800\\ud800", "\\u",
                            "\\u1", "\\u123", "\\x", "\\ud800\\udc0", "a\\ud800", "\\u12g4"}) {
        CAPTURE(bad);
        const std::string written =
            std::string("{\"t\":\"") + bad + (bad[std::string_view(bad).size() - 1] == '\\' ? "\\\"}" : "\"}");
        json_reader reader(written, bad_json_value::marked);
        REQUIRE(reader.read() == json_fault::none);
        const std::string text = reader.members()[0].value.text();
        CHECK(text.find(detail::json_substitute) != std::string::npos);
        CHECK(text.size() == reader.members()[0].value.text_size());
        CHECK(text.size() <= reader.members()[0].value.raw().size());
        CHECK_FALSE(text::is_printable(text));
    }
}
