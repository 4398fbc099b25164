// SPDX-License-Identifier: MIT
#include <tokenkeep/text/base64url.hpp>

#include <tokenkeep/text/sha256.hpp>

#include "support/catch.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <string>

using namespace tokenkeep;

namespace {

nlohmann::json table() { return nlohmann::json::parse(std::ifstream(TOKENKEEP_TEST_DATA "/base64url.json")); }

std::string bytes_of(const nlohmann::json& pair) {
    if (pair.contains("text")) return pair["text"];
    const std::string hex = pair["hex"];
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return bytes;
}

} // namespace

TEST_CASE("base64url: the vectors of RFC 4648 and others, both ways", "[text]") {
    const nlohmann::json valid = table()["valid"];
    REQUIRE(valid.size() == 11);
    for (const auto& pair : valid) {
        const std::string digits = pair["b64url"];
        CAPTURE(digits);
        CHECK(text::to_base64url(bytes_of(pair)) == digits);
        CHECK(text::from_base64url(digits) == bytes_of(pair));
    }
}

TEST_CASE("base64url: padding, foreign characters and bits left over are refused", "[text]") {
    const nlohmann::json invalid = table()["invalid"];
    REQUIRE(invalid.size() == 15);
    for (const auto& digits : invalid) {
        CAPTURE(digits);
        CHECK_FALSE(text::from_base64url(digits.get<std::string>()).has_value());
    }
}

TEST_CASE("base64url: the challenge of RFC 7636 Appendix B", "[text]") {
    const nlohmann::json pkce = table()["pkce"];
    const auto digest = text::sha256(pkce["verifier"].get<std::string>());
    CHECK(text::to_base64url({reinterpret_cast<const char*>(digest.data()), digest.size()}) == pkce["challenge"]);
}

TEST_CASE("base64url: of all texts of up to three digits exactly the shortest forms are taken", "[text]") {
    const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::size_t taken = 0;
    for (const char a : alphabet) {
        CHECK_FALSE(text::from_base64url({&a, 1}).has_value());
        for (const char b : alphabet) {
            const std::string two{a, b};
            if (const auto bytes = text::from_base64url(two)) {
                ++taken;
                if (text::to_base64url(*bytes) != two) FAIL("not the only form of its bytes: " << two);
            }
            for (const char c : alphabet) {
                const std::string three{a, b, c};
                const auto bytes = text::from_base64url(three);
                if (!bytes) continue;
                ++taken;
                if (text::to_base64url(*bytes) != three) FAIL("not the only form of its bytes: " << three);
            }
        }
    }
    CHECK(taken == 256 + 65536);
}

TEST_CASE("base64url: every length comes back", "[text]") {
    std::string bytes;
    for (int i = 0; i < 300; ++i) {
        CAPTURE(i);
        CHECK(text::from_base64url(text::to_base64url(bytes)) == bytes);
        bytes += static_cast<char>(i * 91);
    }
}

TEST_CASE("base64: the form for HTTP Basic is padded and has + and /", "[text]") {
    CHECK(text::to_base64("") == "");
    CHECK(text::to_base64("f") == "Zg==");
    CHECK(text::to_base64("fo") == "Zm8=");
    CHECK(text::to_base64("foo") == "Zm9v");
    CHECK(text::to_base64("\xfb\xff") == "+/8=");
    CHECK(text::to_base64("s6BhdRkqt3:7Fjfp0ZBr1KtDRbnfVdmIw") == "czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
}
