// SPDX-License-Identifier: MIT
#include <tokenkeep/text/json.hpp>

#include "support/catch.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

using namespace tokenkeep;
using text::json_fault;
using text::json_kind;
using text::parse_json;

namespace {

std::string repeated(std::string_view piece, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) text += piece;
    return text;
}

/// An object with `count` different members, of which the last is named like the first if asked.
std::string wide_object(std::size_t count, bool repeat) {
    std::string text = "{";
    for (std::size_t i = 0; i < count; ++i) text += "\"member" + std::to_string(i * 7919 % count) + "\":0,";
    text += repeat ? "\"member0\":1}" : "\"last\":1}";
    return text;
}

/// Walks everything a value offers, as a reader of untrusted text might.
std::size_t visited(const text::json_value& value) {
    std::size_t sum = value.raw().size() + value.text().size() + (value.integer() ? 1 : 0);
    value.for_each_element([&](const text::json_value& element) { sum += visited(element); });
    value.for_each_member([&](const text::json_value& name, const text::json_value& member) {
        sum += name.text().size() + visited(member) + value.find(name.text())->raw().size();
    });
    return sum;
}

} // namespace

TEST_CASE("json: texts of RFC 8259 are taken", "[text]") {
    for (const char* text : {"null",
                             "true",
                             "false",
                             "0",
                             "-0",
                             "1",
                             "-1",
                             "10",
                             "1.5",
                             "-0.0",
                             "1e1",
                             "1E+1",
                             "1e-1",
                             "0e0",
                             "0.5e+07",
                             "123456789012345678901234567890",
                             "1e999",
                             "-1e-999",
                             "\"\"",
                             "\"a\"",
                             "[]",
                             "[ ]",
                             "{}",
                             "{ }",
                             "[1]",
                             "[[]]",
                             "[[],[]]",
                             "[{}]",
                             "{\"a\":[]}",
                             "{\"\":0}",
                             "{\"a\":1,\"b\":{\"a\":1}}",
                             "[{\"a\":1},{\"a\":1}]",
                             " \t\r\n[ \t\r\n1 \t\r\n, \t\r\n2 \t\r\n] \t\r\n",
                             "{ \"a\" : 1 , \"b\" : 2 } ",
                             "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                             "\"\\u0000\"",
                             "\"\\u00e9\\uD83D\\ude00\"",
                             "\"\\ufeff\\uFFFF\\ue000\\ud7ff\"",
                             "\"\x7f\"",
                             "\"\xc3\xa9\"",
                             "\"\xe2\x82\xac\"",
                             "\"\xf0\x9f\x98\x80\"",
                             "\"\xf4\x8f\xbf\xbf\"",
                             "\"\xef\xbb\xbf\"",
                             "[1,true,null,\"x\",{},[]]"}) {
        CAPTURE(text);
        const auto result = parse_json(text);
        CHECK(result.fault == json_fault::none);
        CHECK(static_cast<bool>(result));
    }
}

TEST_CASE("json: what is not JSON is a syntax fault", "[text]") {
    for (const char* text : {"",
                             " ",
                             "nul",
                             "nulll",
                             "True",
                             "NULL",
                             "tru",
                             "+1",
                             "-",
                             "01",
                             "-01",
                             "00",
                             "1.",
                             ".5",
                             "-.5",
                             "1e",
                             "1e+",
                             "1.e1",
                             "0x1",
                             "1_0",
                             "1 2",
                             "NaN",
                             "Infinity",
                             "-Infinity",
                             "'a'",
                             "\"",
                             "\"a",
                             "\"\\\"",
                             "\"\\",
                             "\"\\x\"",
                             "\"\\a\"",
                             "\"\\U0041\"",
                             "\"\\u\"",
                             "\"\\u004\"",
                             "\"\\u00g0\"",
                             "\"\\u 041\"",
                             "\"\\u",
                             "\"\n\"",
                             "\"\t\"",
                             "\"\x1f\"",
                             "\"a\rb\"",
                             "\"a\"b",
                             "[",
                             "]",
                             "[1",
                             "[1,",
                             "[1,]",
                             "[,1]",
                             "[,]",
                             "[1,,2]",
                             "[1 2]",
                             "[1}",
                             "[1:2]",
                             "[\"a\"",
                             "[]]",
                             "[1]]",
                             "[]1",
                             "[]{}",
                             "{",
                             "}",
                             "{]",
                             "{\"a\"",
                             "{\"a\":",
                             "{\"a\":1",
                             "{\"a\":1,",
                             "{\"a\":1,}",
                             "{,}",
                             "{\"a\"}",
                             "{\"a\":}",
                             "{a:1}",
                             "{1:1}",
                             "{\"a\" 1}",
                             "{\"a\":1 \"b\":2}",
                             "{\"a\":1:2}",
                             "{\"a\":1]",
                             "{\"a\",1}",
                             "{null:1}",
                             "{\"a\":1}}",
                             "{}{}",
                             "{} x",
                             "/**/1",
                             "1//",
                             "[1]#",
                             "{\"a\":1}{\"x\":1}",
                             "\x0b"
                             "1",
                             "\x0c"
                             "1",
                             "\xc2\xa0"
                             "1",
                             "\xe2\x80\xa8"
                             "1",
                             "\xff\xfe",
                             "<html>",
                             "a=b"}) {
        CAPTURE(text);
        CHECK(parse_json(text).fault == json_fault::syntax);
    }
    CHECK(parse_json(std::string_view("1\0", 2)).fault == json_fault::syntax);
    CHECK(parse_json(std::string_view("\"a\0\"", 4)).fault == json_fault::syntax);
    CHECK(parse_json(std::string_view("\0[\0]\0", 6)).fault == json_fault::syntax);
    CHECK(parse_json({}).fault == json_fault::syntax);
}

TEST_CASE("json: what is not UTF-8, a lone surrogate and a byte order mark are an encoding fault", "[text]") {
    for (const char* text : {"\xef\xbb\xbf{}",
                             "\xef\xbb\xbf",
                             "\"\x80\"",
                             "\"\xbf\"",
                             "\"\xc0\xaf\"",
                             "\"\xc1\xbf\"",
                             "\"\xc3\"",
                             "\"\xc3(\"",
                             "\"\xe2\x82\"",
                             "\"\xe0\x80\x80\"",
                             "\"\xe0\x9f\xbf\"",
                             "\"\xed\xa0\x80\"",
                             "\"\xed\xbf\xbf\"",
                             "\"\xf0\x80\x80\x80\"",
                             "\"\xf0\x8f\xbf\xbf\"",
                             "\"\xf4\x90\x80\x80\"",
                             "\"\xf5\x80\x80\x80\"",
                             "\"\xff\"",
                             "\"\xfe\"",
                             "\"\xf0\x9f\x98\"",
                             "\"plain plain \xe9 plain\"",
                             "{\"\xe9\":1}",
                             "\"\\ud800\"",
                             "\"\\udc00\"",
                             "\"\\ud800x\"",
                             "\"\\ud800\\n\"",
                             "\"\\ud800\\u0041\"",
                             "\"\\ud800\\ud800\"",
                             "\"\\uDFFF\\uD800\"",
                             "\"\\ud800\\u\"",
                             "{\"\\ud800\":1}"}) {
        CAPTURE(text);
        CHECK(parse_json(text).fault == json_fault::encoding);
    }
}

TEST_CASE("json: a fault says where, and carries no value", "[text]") {
    const auto broken = parse_json("{\"a\": tru }");
    CHECK(broken.fault == json_fault::syntax);
    CHECK(broken.offset == 9);
    CHECK(broken.value.kind() == json_kind::null);
    const auto twice = parse_json("{\"a\":1,\"b\":2,\"a\":3}");
    CHECK(twice.fault == json_fault::duplicate);
    CHECK(twice.offset == 14); // behind the quote of the second "a"
    CHECK(parse_json("{\"a\":1,\"a\":2").offset == 12);
}

TEST_CASE("json: nesting is bounded, whatever the brackets, and deep texts need no deep stack", "[text]") {
    const std::size_t limit = text::json_depth_limit;
    CHECK(limit == 64);
    CHECK(parse_json(repeated("[", limit) + repeated("]", limit)).fault == json_fault::none);
    CHECK(parse_json(repeated("[", limit + 1) + repeated("]", limit + 1)).fault == json_fault::depth);
    CHECK(parse_json(repeated("{\"a\":", limit) + "1" + repeated("}", limit)).fault == json_fault::none);
    CHECK(parse_json(repeated("{\"a\":", limit + 1) + "1" + repeated("}", limit + 1)).fault == json_fault::depth);
    CHECK(parse_json(repeated("[{\"a\":", 32) + "1" + repeated("}]", 32)).fault == json_fault::none);
    CHECK(parse_json(repeated("[{\"a\":", 32) + "1" + repeated("]}", 32)).fault == json_fault::syntax);
    CHECK(parse_json(repeated("[", 100'000)).fault == json_fault::depth);
    CHECK(parse_json(repeated("[[],", 100'000)).fault == json_fault::depth);
    CHECK(parse_json("[" + repeated("[],", 100'000) + "[]]").fault == json_fault::none);
}

TEST_CASE("json: a text longer than asked for is not read", "[text]") {
    CHECK(parse_json("[1,2]", 5).fault == json_fault::none);
    CHECK(parse_json("[1,2]", 4).fault == json_fault::size);
    CHECK(parse_json("[1,2]", 4).offset == 4);
}

TEST_CASE("json: a repeated name is found, also where it is spelled otherwise", "[text]") {
    for (const char* text :
         {"{\"a\":1,\"a\":1}", "{\"\":1,\"\":2}", "{\"a\":1,\"b\":2,\"c\":3,\"a\":4}", "{\"a\":1,\"\\u0061\":2}",
          "{\"\\u0061\":1,\"a\":2}", "{\"\\u0061\":1,\"\\u0061\":2}", "{\"\\/\":1,\"/\":2}",
          "{\"\xc3\xa9\":1,\"\\u00E9\":2}", "{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}",
          "{\"x\":{\"a\":1,\"a\":2}}", "[[{\"a\":1,\"a\":2}]]", "[{\"a\":1},{\"a\":1,\"a\":1},{\"a\":1}]",
          "{\"a\":{\"a\":1},\"a\":1}", "{\"a\":{\"b\":{\"c\":1}},\"b\":1,\"c\":1,\"a\":1}"}) {
        CAPTURE(text);
        CHECK(parse_json(text).fault == json_fault::duplicate);
    }
    for (const char* text :
         {"{\"a\":1,\"A\":1}", "{\"a\":1,\"a \":1}", "{\"a\":{\"a\":{\"a\":1}}}", "{\"a\":\"b\",\"b\":\"a\"}",
          "{\"x\":{\"a\":1},\"y\":{\"a\":1},\"a\":1}", "{\"\\\\u0061\":1,\"a\":2}", "{\"a\":1,\"a\\u0000\":1}"}) {
        CAPTURE(text);
        CHECK(parse_json(text).fault == json_fault::none);
    }
    for (const std::size_t count : {2u, 15u, 16u, 17u, 18u, 100u}) {
        CAPTURE(count);
        CHECK(parse_json(wide_object(count, false)).fault == json_fault::none);
        CHECK(parse_json(wide_object(count, true)).fault == json_fault::duplicate);
    }
}

TEST_CASE("json: a syntax fault anywhere wins over a repeated name", "[text]") {
    CHECK(parse_json("{\"a\":1,\"a\":2").fault == json_fault::syntax);
    CHECK(parse_json("[{\"a\":1,\"a\":2},]").fault == json_fault::syntax);
    CHECK(parse_json("{\"a\":1,\"a\":2} x").fault == json_fault::syntax);
    CHECK(parse_json("[{\"a\":1,\"a\":2},\"\xff\"]").fault == json_fault::encoding);
}

TEST_CASE("json: a megabyte of members takes moments", "[text]") {
    const auto before = std::chrono::steady_clock::now();
    CHECK(parse_json(wide_object(70'000, false)).fault == json_fault::none);
    CHECK(parse_json(wide_object(70'000, true)).fault == json_fault::duplicate);
    std::string escaped = "{";
    for (int i = 0; i < 70'000; ++i) escaped += "\"\\n" + std::to_string(i) + "\":0,";
    CHECK(parse_json(escaped + "\"\":0}").fault == json_fault::none);
    CHECK(parse_json("[\"" + repeated("\\\"", 500'000) + "\"]").value.raw().size() == 1'000'004);
    const std::string backslashes = "[\"" + repeated("\\\\", 500'000) + "\",1]";
    const auto quotes = parse_json(backslashes);
    std::size_t elements = 0;
    quotes.value.for_each_element([&](const text::json_value&) { ++elements; });
    CHECK(elements == 2);
    // Quadratic time would be minutes.
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(30));
}

TEST_CASE("json: a value knows its kind and its own text", "[text]") {
    const std::pair<const char*, json_kind> rows[] = {{" null ", json_kind::null},     {"true", json_kind::boolean},
                                                      {"\nfalse", json_kind::boolean}, {"-1", json_kind::number},
                                                      {"0 ", json_kind::number},       {"\"x\"", json_kind::string},
                                                      {" [1 , 2] ", json_kind::array}, {"{}", json_kind::object}};
    for (const auto& [text, kind] : rows) {
        CAPTURE(text);
        const auto result = parse_json(text);
        REQUIRE(result);
        CHECK(result.value.kind() == kind);
        CHECK(result.value.raw().find_first_of(" \n") == (kind == json_kind::array ? 2 : std::string_view::npos));
    }
    CHECK(parse_json(" [1 , 2] ").value.raw() == "[1 , 2]");
    CHECK(text::json_value{}.kind() == json_kind::null);
}

TEST_CASE("json: members are found by their name, unescaped", "[text]") {
    const std::string text =
        "{ \"a\" : 1 , \"b\\n\":\"two\",\"c\":{\"a\":3,\"x\":[\"}\",\"\\\"]\"]} ,\"d\": [ {\"a\":4} , 5 ] , "
        "\"\xc3\xa9\":null,\"end\":true }";
    const auto result = parse_json(text);
    REQUIRE(result);
    const text::json_value object = result.value;
    CHECK(object.find("a")->integer() == 1);
    CHECK(object.find("a")->raw() == "1");
    CHECK(object.find("b\n")->text() == "two");
    CHECK(object.find("c")->find("a")->integer() == 3);
    CHECK(object.find("c")->find("x")->raw() == "[\"}\",\"\\\"]\"]");
    CHECK(object.find("d")->raw() == "[ {\"a\":4} , 5 ]");
    CHECK(object.find("\xc3\xa9")->kind() == json_kind::null);
    CHECK(object.find("end")->boolean() == true);
    CHECK_FALSE(object.find("e").has_value());
    CHECK_FALSE(object.find("").has_value());
    CHECK_FALSE(object.find("end ").has_value());
    CHECK_FALSE(object.find("x").has_value());

    std::vector<std::string> names;
    object.for_each_member(
        [&](const text::json_value& name, const text::json_value&) { names.push_back(name.text()); });
    CHECK(names == std::vector<std::string>{"a", "b\n", "c", "d", "\xc3\xa9", "end"});
}

TEST_CASE("json: elements come in order, and nested ones as they are written", "[text]") {
    const auto result = parse_json("[ 1 ,[2,[3]], {\"a\":[4]} ,\"5]\", null]");
    REQUIRE(result);
    std::vector<std::string> raws;
    result.value.for_each_element([&](const text::json_value& value) { raws.emplace_back(value.raw()); });
    CHECK(raws == std::vector<std::string>{"1", "[2,[3]]", "{\"a\":[4]}", "\"5]\"", "null"});
    parse_json("[]").value.for_each_element([](const text::json_value&) { FAIL("nothing is there"); });
}

TEST_CASE("json: what is asked of a value of another kind is absent", "[text]") {
    for (const char* text : {"null", "true", "1", "\"1\"", "[1]", "{\"a\":1}"}) {
        CAPTURE(text);
        CHECK(parse_json(text).value.plain_text().has_value() == (*text == '"'));
        const auto value = parse_json(text).value;
        const auto is = [&value](json_kind kind) { return value.kind() == kind; };
        CHECK(value.boolean().has_value() == is(json_kind::boolean));
        CHECK(value.integer().has_value() == is(json_kind::number));
        CHECK(value.find("a").has_value() == is(json_kind::object));
        CHECK(value.text() == (is(json_kind::string) ? "1" : ""));
        CHECK(value.is_text("1") == is(json_kind::string));
        CHECK_FALSE(value.is_text(""));
        int visits = 0;
        value.for_each_element([&](const text::json_value&) { ++visits; });
        CHECK(visits == is(json_kind::array));
        value.for_each_member([&](const text::json_value&, const text::json_value&) { ++visits; });
        CHECK(visits == (is(json_kind::array) || is(json_kind::object)));
    }
}

TEST_CASE("json: an integer is exact or absent", "[text]") {
    CHECK(parse_json("9223372036854775807").value.integer() == INT64_MAX);
    CHECK(parse_json("-9223372036854775808").value.integer() == INT64_MIN);
    CHECK(parse_json("-0").value.integer() == 0);
    for (const char* text : {"9223372036854775808", "-9223372036854775809", "1.0", "1e3", "0.5"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_json(text).value.integer().has_value());
    }
}

TEST_CASE("json: a string is unescaped into memory of the caller's", "[text]") {
    const auto check = [](const char* json, std::string_view expected) {
        CAPTURE(json);
        const auto result = parse_json(json);
        REQUIRE(result);
        CHECK(result.value.text() == expected);
        CHECK(result.value.is_text(expected));
        CHECK(result.value.text_size() == expected.size());
        CHECK(result.value.plain_text().has_value() == (std::string_view(json).find('\\') == std::string_view::npos));
        if (result.value.plain_text()) CHECK(*result.value.plain_text() == expected);
        std::string memory(result.value.raw().size(), '#');
        REQUIRE(result.value.copy_text(memory.data()) == expected.size());
        CHECK(memory.substr(0, expected.size()) == expected);
        CHECK(memory.substr(expected.size()) == std::string(memory.size() - expected.size(), '#'));
    };
    check("\"\"", "");
    check("\"a\"", "a");
    check("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t");
    check("\"a\\u0041\\u00e9\\u20AC\\ud83d\\uDE00z\"", "aA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z");
    check("\"\\udbff\\udfff\\ud800\\udc00\"", "\xf4\x8f\xbf\xbf\xf0\x90\x80\x80");
    check("\"x\\u0000y\"", std::string_view("x\0y", 3));
    check("\"plain text of more than eight bytes \xc3\xa9 and then some\"",
          "plain text of more than eight bytes \xc3\xa9 and then some");
}

TEST_CASE("json: is_text compares all of the text", "[text]") {
    const auto value = parse_json("\"a\\nbc\"").value;
    CHECK(value.is_text("a\nbc"));
    for (const char* other : {"", "a", "a\n", "a\nb", "a\nbcd", "a\nbd", "b\nbc", "a\\nbc"})
        CHECK_FALSE(value.is_text(other));
}

TEST_CASE("json: a special byte is noticed wherever it stands", "[text]") {
    for (std::size_t size = 0; size < 40; ++size) {
        for (std::size_t at = 0; at <= size; ++at) {
            for (int byte = 0; byte < 256; ++byte) {
                std::string inside(size, 'x');
                inside.insert(at, 1, static_cast<char>(byte));
                const auto fault = parse_json("\"" + inside + "\"").fault;
                const auto expected = byte < 0x20 || byte == '"' ? json_fault::syntax
                                      : byte == '\\'             ? json_fault::syntax
                                      : byte >= 0x80             ? json_fault::encoding
                                                                 : json_fault::none;
                if (fault != expected) FAIL("size " << size << ", byte " << byte << " at " << at);
            }
        }
    }
}

namespace {

/// Whether the set has exactly these characters, and each way to find another one gives the same.
template <class Set>
bool has_exactly(int first, int last) {
    for (int byte = 0; byte < 256; ++byte) {
        const bool expected = byte >= first && byte <= last && byte != '"' && byte != '\\';
        if (Set::has(static_cast<char>(byte)) != expected) return false;
        for (std::size_t at = 0; at < 40; ++at) { // sixteen, eight and one at a time
            std::string text(40, 'x');
            text[at] = static_cast<char>(byte);
            text[39] = '"';
            const char* const found = Set::skip(text.data(), text.data() + text.size());
            if (found != text.data() + (expected || at == 39 ? 39 : at)) return false;
        }
        for (std::size_t at = 0; at < 8; ++at) {
            std::string text(8, '#');
            text[at] = static_cast<char>(byte);
            std::uint64_t word = 0;
            std::memcpy(&word, text.data(), 8);
            if ((Set::others(word) == 0) != expected) return false;
        }
    }
    return true;
}

} // namespace

TEST_CASE("json: a set of characters is the same, whether it is read in long pieces or one at a time", "[text]") {
    CHECK(has_exactly<tokenkeep::detail::json_plain>(0x20, 0x7f));
    CHECK(has_exactly<tokenkeep::detail::json_visible>(0x21, 0x7e));
}

TEST_CASE("json: every text is written so that it comes back", "[text]") {
    std::string all;
    for (int i = 0; i < 0x80; ++i) all += static_cast<char>(i);
    all += "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 and a long plain tail of characters";
    for (std::size_t from = 0; from <= 0x80; ++from) {
        std::string json = "[";
        text::append_json_string(json, std::string_view(all).substr(from));
        json += ']';
        CAPTURE(from);
        const auto result = parse_json(json);
        REQUIRE(result);
        result.value.for_each_element([&](const text::json_value& value) { CHECK(value.text() == all.substr(from)); });
        CHECK(nlohmann::json::parse(json)[0] == all.substr(from));
    }
    std::string json;
    text::append_json_string(json, "a\"b\\c\n\r\t\x01\x1f/\x7f");
    CHECK(json == "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f/\x7f\"");
    std::vector<char> other;
    struct sink {
        std::vector<char>& out;
        void push_back(char c) { out.push_back(c); }
        void append(const char* from, std::size_t size) { out.insert(out.end(), from, from + size); }
    } to{other};
    text::append_json_string(to, "");
    CHECK(other == std::vector<char>{'"', '"'});
}

namespace {

/// Another parser's opinion, as far as the two agree on what JSON is.
struct judge : nlohmann::json_sax<nlohmann::json> {
    bool out_of_range = false;
    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool string(string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool start_object(std::size_t) override { return true; }
    bool key(string_t&) override { return true; }
    bool end_object() override { return true; }
    bool start_array(std::size_t) override { return true; }
    bool end_array() override { return true; }
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& fault) override {
        out_of_range = fault.id == 406;
        return false;
    }
};

} // namespace

TEST_CASE("json: mutated texts never crash, and another parser takes the same ones", "[text]") {
    const std::vector<std::string> seeds = {
        "{\"access_token\":\"1000.aa.bb\",\"expires_in\":3600,\"scope\":\"a "
        "b\",\"x\":[1,-2.5e3,null,true,false,{\"y\":\"\\u00e9\"}]}",
        "[\"\\ud83d\\ude00\",\"\xf0\x9f\x98\x80\",\"\\n\\t\\\\\\\"\", 0.5E-3 , {} , [] ]",
        "{\"a\":{\"b\":{\"c\":[[[1]]]}},\"\\u0061b\":\"\"}", " \"\xc3\xa9\xe2\x82\xac\" ", "-12.75e+2"};
    const std::string bytes =
        std::string("{}[]:,\"\\ntfu0123456789eE+-. \t\n/xrabd\x80\xbf\xc3\xa9\xed\xf0\xff\x1f\x7f");
    std::uint64_t state = 20240229;
    const auto random = [&state](std::size_t below) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return static_cast<std::size_t>(state >> 33) % below;
    };
    std::size_t taken = 0, compared = 0, sum = 0;
    for (int round = 0; round < 60'000; ++round) {
        std::string text = seeds[random(seeds.size())];
        for (std::size_t change = 1 + random(4); change > 0 && !text.empty(); --change) {
            const std::size_t at = random(text.size());
            switch (random(5)) {
            case 0: text.erase(at, 1 + random(4)); break;
            case 1: text.insert(at, 1, bytes[random(bytes.size())]); break;
            case 2: text.insert(at, text.substr(random(text.size()), random(12))); break;
            case 3: text.resize(at); break;
            default: text[at] = bytes[random(bytes.size())];
            }
        }
        const auto result = parse_json(text);
        if (result) sum += visited(result.value);
        judge other;
        const bool accepted = nlohmann::json::sax_parse(text, &other);
        const bool other_rules = other.out_of_range || text.starts_with("\xef\xbb\xbf") ||
                                 result.fault == json_fault::duplicate || result.fault == json_fault::depth;
        if (other_rules) continue;
        ++compared;
        taken += accepted;
        if (accepted != static_cast<bool>(result)) {
            CAPTURE(round, text);
            FAIL("the two differ");
        }
        if (accepted && nlohmann::json::parse(result.value.raw()) != nlohmann::json::parse(text))
            FAIL("the value is not the whole text");
    }
    CHECK(compared > 50'000);
    CHECK(taken > 5'000);
    CHECK(sum > 0);
}
