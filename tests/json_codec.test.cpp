// SPDX-License-Identifier: MIT
#include <tokenkeep/json_codec.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

using namespace tokenkeep;

namespace {

timestamp at(std::int64_t count) { return timestamp{std::chrono::milliseconds{count}}; }

std::string encoded(const std::vector<token>& rows) { return std::string(json_codec::encode(rows).reveal()); }

std::error_code fault_of(const std::string& document) {
    return code_of([&] { (void)json_codec::decode(document); });
}

std::string with_row(const std::string& row) { return R"({"tokenkeep":1,"tokens":[)" + row + "]}"; }

const token whole{"ada",  "app",  "secret",   "refresh", "access", "grant", "url",        "domain",
                  "read", "B",    at(11),     at(-12),   "status", "seed",  R"({"a":1})", at(16),
                  at(17), at(18), "verifier", "label",   "former", "7"};

} // namespace

TEST_CASE("json_codec: the document is JSON as others read it, with the stored names", "[json_codec]") {
    const auto document = nlohmann::json::parse(encoded({whole, {.user_name = "bob", .id = "8"}}));
    CHECK(document.size() == 2);
    CHECK(document["tokenkeep"] == 2);
    REQUIRE(document["tokens"].size() == 2);
    const auto& row = document["tokens"][0];
    CHECK(row.size() == std::size(fields));
    CHECK(row["user_name"] == "ada");
    CHECK(row["expiry_time"] == 11);
    CHECK(row["issued_at"] == -12);
    CHECK(row["extra"] == R"({"a":1})");
    CHECK(row["used_at"] == 18);
    CHECK(row["label"] == "label");
    CHECK(document["tokens"][1] == nlohmann::json({{"id", "8"}, {"user_name", "bob"}}));
}

TEST_CASE("json_codec: the version is 1 as long as no row has a field of 0.2, so that 0.1 can read the document",
          "[json_codec]") {
    token old;
    for (const field& f : fields)
        if (f.since == 1) f.visit([&](auto member) { old.*member = whole.*member; });
    CHECK(nlohmann::json::parse(encoded({}))["tokenkeep"] == 1);
    CHECK(nlohmann::json::parse(encoded({old}))["tokenkeep"] == 1);
    for (const field& f : fields) {
        if (f.since == 1) continue;
        CAPTURE(f.name);
        token newer{.id = "8"};
        f.visit([&](auto member) { newer.*member = whole.*member; });
        CHECK(nlohmann::json::parse(encoded({old, newer}))["tokenkeep"] == 2);
        CHECK((json_codec::decode(encoded({old, newer})) == std::vector<token>{old, newer}));
    }
    const std::vector<token> of_0_1 = json_codec::decode(
        R"({"tokenkeep":1,"tokens":[)"
        "\n"
        R"({"id":"7","user_name":"ada","refresh_token":"r","expiry_time":5,"seed":"s","extra":"{}"}]})"
        "\n");
    CHECK(
        (of_0_1 ==
         std::vector<token>{
             {.user_name = "ada", .refresh_token = "r", .expires_at = at(5), .seed = "s", .extra = "{}", .id = "7"}}));
    CHECK(json_codec::decode(R"({"tokenkeep":2,"tokens":[{"id":"7"}]})").size() == 1);
}

TEST_CASE("json_codec: rows come back as they went in, in their order", "[json_codec]") {
    CHECK(json_codec::decode(encoded({})).empty());
    std::vector<token> rows{whole, {.user_name = "bob", .id = "8"}, {.id = "9"}};
    CHECK((json_codec::decode(encoded(rows)) == rows));
    for (const std::int64_t time :
         {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
        rows[0].expires_at = at(time);
        CHECK((json_codec::decode(encoded(rows)) == rows));
    }
}

TEST_CASE("json_codec: any character of UTF-8 comes back, in plain text and in secrets", "[json_codec]") {
    std::string all;
    for (char c = 1; c != 0x7f; ++c) all += c;
    all += std::string(1, '\0') + "\x7f\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91\xef\xbf\xbf\xf4\x8f\xbf\xbf";
    for (const std::string& text :
         {all, std::string("\"\\/\b\f\n\r\t"), std::string(65'536, 'x'), std::string("\\u0041")}) {
        const std::vector<token> rows{{.user_name = text, .access_token = text, .id = text}};
        CHECK((json_codec::decode(encoded(rows)) == rows));
        CHECK(nlohmann::json::parse(encoded(rows))["tokens"][0]["access_token"] == text);
    }
}

TEST_CASE("json_codec: text that is not UTF-8 is refused, never mended", "[json_codec]") {
    for (const char* text : {"\xe9", "a\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3"}) {
        CHECK(code_of([&] { encoded({{.user_name = text, .id = "1"}}); }) == errc::invalid_record);
        CHECK(code_of([&] { encoded({{.access_token = text, .id = "1"}}); }) == errc::invalid_record);
    }
}

TEST_CASE("json_codec: what others wrote is read, escapes and space included", "[json_codec]") {
    const std::vector<token> rows =
        json_codec::decode(" { \"tokens\" : [ { \"\\u0069d\" : \"7\" ,\n\"access_token\":\"\\u0061\\ud83d\\udd11\\/\" "
                           ", \"expiry_time\" : 5 } ] , \"tokenkeep\" : 1 } ");
    CHECK((rows == std::vector<token>{{.access_token = "a\xf0\x9f\x94\x91/", .expires_at = at(5), .id = "7"}}));
}

TEST_CASE("json_codec: what is damaged or empty is storage_corrupt", "[json_codec]") {
    for (const char* document : {"",
                                 " ",
                                 "\n",
                                 "null",
                                 "[]",
                                 "{}",
                                 "1",
                                 "\"tokenkeep\"",
                                 R"({"tokenkeep":1})",
                                 R"({"tokens":[]})",
                                 R"({"tokenkeep":1,"tokens":{}})",
                                 R"({"tokenkeep":1,"tokens":null})",
                                 R"({"tokenkeep":"1","tokens":[]})",
                                 R"({"tokenkeep":0,"tokens":[]})",
                                 R"({"tokenkeep":-1,"tokens":[]})",
                                 R"({"tokenkeep":1.5,"tokens":[]})",
                                 R"({"tokenkeep":null,"tokens":[]})",
                                 R"({"tokenkeep":1,"tokens":[]} x)",
                                 R"({"tokenkeep":1,"tokens":[]}{})",
                                 R"({"tokenkeep":1,"tokens":[],"tokens":[]})",
                                 "\xef\xbb\xbf{\"tokenkeep\":1,\"tokens\":[]}"}) {
        CAPTURE(document);
        CHECK(fault_of(document) == errc::storage_corrupt);
    }
    for (const char* row :
         {"1", "null", "\"7\"", "[]", "{}", R"({"user_name":"ada"})", R"({"id":""})", R"({"id":7})",
          R"({"id":"7","user_name":null})", R"({"id":"7","access_token":7})", R"({"id":"7","extra":{}})",
          R"({"id":"7","expiry_time":"5"})", R"({"id":"7","expiry_time":null})", R"({"id":"7","expiry_time":1.5})",
          R"({"id":"7","expiry_time":9223372036854775808})", R"({"id":"7"},{"id":"7"})", R"({"id":"7","id":"7"})"}) {
        CAPTURE(row);
        CHECK(fault_of(with_row(row)) == errc::storage_corrupt);
    }
    CHECK(json_codec::decode(with_row(R"({"id":"7"})")).size() == 1);
}

TEST_CASE("json_codec: what a newer version may have written is unsupported_version", "[json_codec]") {
    CHECK(fault_of(R"({"tokenkeep":3,"tokens":[]})") == errc::unsupported_version);
    CHECK(fault_of(R"({"tokenkeep":3,"rows":{}})") == errc::unsupported_version);
    CHECK(fault_of(R"({"tokenkeep":1,"tokens":[],"more":1})") == errc::unsupported_version);
    CHECK(fault_of(with_row(R"({"id":"7","new_field":"x"})")) == errc::unsupported_version);
}

TEST_CASE("json_codec: the document of another program is called that", "[json_codec]") {
    const auto words = [](std::string_view document) { return words_of([&] { (void)json_codec::decode(document); }); };
    for (const char* document : {R"({"name":"package","version":"1"})", "[]", "null", "1", R"({"tokens":[]})"})
        CHECK(has_all(words(document), {"not a tokenkeep document", "name another file"}));
    CHECK(has_all(words("\xef\xbb\xbf{}"), {"byte order mark", "without one"})); // some editors write it
    CHECK(has_all(words("# notes"), {"not JSON from byte 0", "name another file"}));
    CHECK(has_all(words(""), {"is empty", "restore it"}));
}

TEST_CASE("json_codec: no message says what the document holds", "[json_codec]") {
    for (const std::string& row :
         {std::string(R"({"id":"S3NT1NEL","id2":"S3NT1NEL"})"), std::string(R"({"S3NT1NEL":"S3NT1NEL"})"),
          std::string(R"({"id":"S3NT1NEL"},{"id":"S3NT1NEL"})"), std::string("S3NT1NEL")}) {
        try {
            (void)json_codec::decode(with_row(row));
            FAIL("it was read");
        } catch (const error& fault) {
            CHECK(std::string(fault.what()).find("S3NT1NEL") == std::string::npos);
        }
    }
}
