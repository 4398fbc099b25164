// SPDX-License-Identifier: MIT
#include <tokenkeep/text/hmac.hpp>

#include "support/catch.hpp"

#include <array>
#include <string>
#include <string_view>

using namespace tokenkeep;

namespace {

std::string hex(const std::array<unsigned char, 32>& bytes) {
    std::string digits;
    for (const unsigned char byte : bytes) (digits += "0123456789abcdef"[byte >> 4]) += "0123456789abcdef"[byte & 15];
    return digits;
}

std::string counting(int from, int to) {
    std::string bytes;
    for (int byte = from; byte <= to; ++byte) bytes += static_cast<char>(byte);
    return bytes;
}

} // namespace

TEST_CASE("hmac: the test cases of RFC 4231", "[text]") {
    using text::hmac_sha256;
    CHECK(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")) ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hex(hmac_sha256(std::string(20, '\xaa'), std::string(50, '\xdd'))) ==
          "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    CHECK(hex(hmac_sha256(counting(1, 25), std::string(50, '\xcd'))) ==
          "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    CHECK(hex(hmac_sha256(std::string(20, '\x0c'), "Test With Truncation")).substr(0, 32) ==
          "a3b6167473100ee06e0c796c2955552b");
    CHECK(hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")) ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    CHECK(hex(hmac_sha256(std::string(131, '\xaa'),
                          "This is a test using a larger than block-size key and a larger than block-size data. The "
                          "key needs to be hashed before being used by the HMAC algorithm.")) ==
          "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST_CASE("hmac: without a key and without a text", "[text]") {
    CHECK(hex(text::hmac_sha256("", "")) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    CHECK(text::hmac_sha256("", {}) == text::hmac_sha256("", ""));
}

TEST_CASE("hmac: keys of 63, 64 and 65 bytes are three keys, and a long one is its digest", "[text]") {
    const auto of = [](std::size_t size) { return text::hmac_sha256(std::string(size, 'k'), "text"); };
    CHECK(of(63) != of(64));
    CHECK(of(64) != of(65));
    const auto digest = text::sha256(std::string(65, 'k'));
    CHECK(of(65) == text::hmac_sha256(std::string(digest.begin(), digest.end()), "text"));
}

TEST_CASE("hmac: pieces give what the whole gives", "[text]") {
    const std::string bytes(200, 'x');
    const std::string_view whole = bytes;
    for (std::size_t cut = 0; cut <= whole.size(); ++cut)
        REQUIRE(text::hmac_sha256("key", {whole.substr(0, cut), "", whole.substr(cut)}) ==
                text::hmac_sha256("key", whole));
}
