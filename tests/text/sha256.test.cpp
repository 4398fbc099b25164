// SPDX-License-Identifier: MIT
#include <tokenkeep/text/sha256.hpp>

#include "support/catch.hpp"

#include <array>
#include <new>
#include <string>

using namespace tokenkeep;

TEST_CASE("sha256: the vectors of FIPS 180-4", "[text]") {
    CHECK(text::sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(text::sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(text::sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(text::sha256_hex("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                           "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu") ==
          "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    CHECK(text::sha256_hex(std::string(1'000'000, 'a')) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("sha256: bytes above 127 and zeros are bytes like others", "[text]") {
    CHECK(text::sha256_hex(std::string(3, '\xff')) ==
          "5ae7e6a42304dc6e4176210b83c43024f99a0bce9a870c3b6d2c95fc8ebfb74c");
    CHECK(text::sha256_hex(std::string(1, '\0')) == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

TEST_CASE("sha256: the bytes are those of the hexadecimal form", "[text]") {
    const auto digest = text::sha256("abc");
    CHECK(digest[0] == 0xba);
    CHECK(digest[1] == 0x78);
    CHECK(digest[31] == 0xad);
}

TEST_CASE("sha256: pieces give what the whole gives, wherever it is cut", "[text]") {
    std::string bytes;
    for (int i = 0; i < 200; ++i) bytes += static_cast<char>(i * 37);
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        const std::string_view whole(bytes.data(), size);
        const auto expected = text::sha256(whole);
        for (std::size_t cut = 0; cut <= size; ++cut) {
            CAPTURE(size, cut);
            text::sha256_hash hash;
            hash.update(whole.substr(0, cut)).update(whole.substr(cut));
            REQUIRE(hash.finish() == expected);
        }
        text::sha256_hash by_byte;
        for (const char c : whole) by_byte.update({&c, 1});
        REQUIRE(by_byte.finish() == expected);
    }
}

TEST_CASE("sha256: every length up to three blocks against a digest of digests made elsewhere", "[text]") {
    text::sha256_hash all;
    for (std::size_t size = 0; size <= 200; ++size) all.update(text::sha256_hex(std::string(size, 'a')));
    const std::array<unsigned char, 32> expected = {0xeb, 0x55, 0x52, 0x48, 0xbd, 0x20, 0xc7, 0x83, 0x1e, 0x51, 0x1d,
                                                    0x44, 0x61, 0xb4, 0x2c, 0x9b, 0x08, 0x4e, 0x3a, 0x64, 0xb4, 0x4d,
                                                    0x57, 0xb0, 0x00, 0x51, 0x17, 0x2f, 0x8a, 0xfe, 0x03, 0xff};
    CHECK(all.finish() == expected);
}

TEST_CASE("sha256: after finish the hash is as new", "[text]") {
    text::sha256_hash hash;
    hash.update("something else").finish();
    CHECK(hash.update("abc").finish() == text::sha256("abc"));
}

TEST_CASE("sha256: a copy goes on by itself", "[text]") {
    text::sha256_hash prefix;
    prefix.update("ab");
    text::sha256_hash copy = prefix;
    copy.update("c");
    prefix.update("d");
    CHECK(copy.finish() == text::sha256("abc"));
    CHECK(prefix.finish() == text::sha256("abd"));
}

TEST_CASE("sha256: no input is left in the memory of the hash", "[text]") {
    alignas(text::sha256_hash) unsigned char memory[sizeof(text::sha256_hash)];
    const auto holds = [&memory](std::string_view needle) {
        return std::string_view(reinterpret_cast<const char*>(memory), sizeof memory).find(needle) !=
               std::string_view::npos;
    };
    SECTION("after finish") {
        auto* const hash = new (memory) text::sha256_hash;
        hash->update("sentinel-in-the-block");
        CHECK(holds("sentinel-in-the-block"));
        hash->finish();
        CHECK_FALSE(holds("sentinel"));
        hash->~sha256_hash();
    }
    SECTION("after the end of an unfinished hash") {
        auto* const hash = new (memory) text::sha256_hash;
        hash->update("sentinel-in-the-block");
        hash->~sha256_hash();
        CHECK_FALSE(holds("sentinel"));
    }
}
