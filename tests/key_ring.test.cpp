// SPDX-License-Identifier: MIT
#include <tokenkeep/key_ring.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

#include <set>
#include <string>
#include <vector>

using namespace tokenkeep;

namespace {

secret key_of(char byte) { return secret(std::string(32, byte)); }

secret counting() {
    std::string bytes;
    for (char byte = 0; byte < 32; ++byte) bytes += byte;
    return secret(bytes);
}

std::string hex(const std::string& bytes) {
    std::string digits;
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        (digits += "0123456789abcdef"[value >> 4]) += "0123456789abcdef"[value & 15];
    }
    return digits;
}

} // namespace

// They are in files and tables: these answers never change. They were computed with Python's hmac.
TEST_CASE("key_ring: ids and fingerprints are HMAC-SHA-256", "[key_ring]") {
    const key_ring ring{counting()};
    CHECK(ring.key_id() == "5c57d89cbd9eb58b");
    CHECK(hex(ring.fingerprint("rt-1", ring.key_id())) ==
          "fa784fa8f09d0447c5dc87516ae98fe30bc4fbdcf0e88deb99556eb5fc2d76e7");
}

TEST_CASE("key_ring: the first key seals, and all are found by their ids", "[key_ring]") {
    const key_ring ring{key_of('a'), {key_of('b'), key_of('c')}};
    const std::vector<std::string> ids = ring.key_ids();
    REQUIRE(ids.size() == 3);
    CHECK(ring.key_id() == ids[0]);
    CHECK(*ring.find(ids[0]) == key_of('a'));
    CHECK(*ring.find(ids[1]) == key_of('b'));
    CHECK(*ring.find(ids[2]) == key_of('c'));
    CHECK(ring.find("") == nullptr);
    CHECK(ring.find("0123456789abcdef") == nullptr);
    CHECK(key_ring{key_of('b')}.key_id() == ids[1]); // an id is that of the key, in whatever ring
}

TEST_CASE("key_ring: a fingerprint belongs to a text and a key", "[key_ring]") {
    const key_ring ring{key_of('a'), {key_of('b')}};
    std::set<std::string> seen;
    for (const std::string& id : ring.key_ids())
        for (const char* text : {"", "rt-1", "rt-2"}) {
            const std::string fingerprint = ring.fingerprint(text, id);
            CHECK(fingerprint.size() == 32);
            CHECK(fingerprint == ring.fingerprint(text, id));
            CHECK(seen.insert(fingerprint).second);
        }
    const auto by_the_key_itself = text::hmac_sha256(key_of('a').reveal(), "rt-1");
    CHECK(seen.count(std::string(by_the_key_itself.begin(), by_the_key_itself.end())) == 0);
    CHECK(code_of([&] { (void)ring.fingerprint("rt-1", "another"); }) == errc::permissions);
}

TEST_CASE("key_ring: keys of another size and the same key twice are refused", "[key_ring]") {
    for (const std::size_t size : {0u, 16u, 31u, 33u, 64u}) {
        CAPTURE(size);
        const secret wrong(std::string(size, 'k'));
        CHECK(code_of([&] { key_ring ring{wrong}; }) == errc::request_rejected);
        CHECK(code_of([&] { key_ring ring(key_of('a'), {wrong}); }) == errc::request_rejected);
    }
    CHECK(has_all(words_of([] { key_ring ring(key_of('a'), {key_of('b'), secret("short")}); }), {"key 3", "5 bytes"}));
    CHECK(code_of([] { key_ring ring(key_of('a'), {key_of('b'), key_of('a')}); }) == errc::request_rejected);
    CHECK(has_all(words_of([] { key_ring ring(key_of('a'), {key_of('a')}); }), {"key 2", "twice"}));
}
