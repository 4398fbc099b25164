// SPDX-License-Identifier: MIT
#include <tokenkeep/text/sha256_blocks.hpp>

#include <tokenkeep/text/ascii.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

using namespace tokenkeep;
using detail::sha256_block_size;
using detail::sha256_state;

namespace {

using compression = void (*)(sha256_state&, const char*, std::size_t) noexcept;

/// Every way that this processor has.
std::vector<compression> all_ways() {
    std::vector<compression> ways{detail::sha256_blocks, detail::sha256_blocks_portable};
    if (detail::has_sha256_instructions())
        ways.push_back(detail::sha256_blocks_by_instructions);
    else
        WARN("skipped: there are no instructions for SHA-256, or the library cannot use them here");
    return ways;
}

/// The message, and behind it what FIPS 180-4, 5.1.1 says.
std::string padded(std::string_view message) {
    std::string bytes(message);
    bytes += static_cast<char>(0x80);
    while (bytes.size() % sha256_block_size != sha256_block_size - 8) bytes += '\0';
    for (int shift = 56; shift >= 0; shift -= 8)
        bytes += static_cast<char>((std::uint64_t{message.size()} * 8) >> shift);
    return bytes;
}

std::string hex_of(const sha256_state& state) {
    std::string bytes;
    for (const std::uint32_t word : state)
        for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(word >> shift);
    return text::to_hex({reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()});
}

std::string hex_by(compression take, std::string_view message) {
    const std::string bytes = padded(message);
    sha256_state state = detail::sha256_initial_state;
    take(state, bytes.data(), bytes.size() / sha256_block_size);
    return hex_of(state);
}

/// Bytes that differ from block to block, in all their bits.
std::string varied(std::size_t size) {
    std::string bytes;
    for (std::uint32_t n = 1; bytes.size() < size; n = n * 1'664'525 + 1'013'904'223)
        bytes += static_cast<char>(n >> 24);
    return bytes;
}

} // namespace

TEST_CASE("sha256_blocks: every way gives the digests of FIPS 180-4", "[text]") {
    for (const compression way : all_ways()) {
        CHECK(hex_by(way, "") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        CHECK(hex_by(way, "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        CHECK(hex_by(way, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        CHECK(hex_by(way, std::string(1'000'000, 'a')) ==
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
}

TEST_CASE("sha256_blocks: every way gives the same for bytes of all kinds, wherever they begin", "[text]") {
    const std::string bytes = varied(40 * sha256_block_size);
    for (std::size_t begin = 0; begin < 20; ++begin)
        for (std::size_t count = 0; count < 39; ++count) {
            sha256_state expected = detail::sha256_initial_state;
            detail::sha256_blocks_portable(expected, bytes.data() + begin, count);
            for (const compression way :
                 {detail::sha256_blocks, detail::has_sha256_instructions() ? detail::sha256_blocks_by_instructions
                                                                           : detail::sha256_blocks_portable}) {
                CAPTURE(begin, count);
                sha256_state state = detail::sha256_initial_state;
                way(state, bytes.data() + begin, count);
                REQUIRE(state == expected);
            }
        }
}

TEST_CASE("sha256_blocks: a run of blocks gives what one block after another gives", "[text]") {
    const std::string bytes = varied(9 * sha256_block_size);
    for (const compression way : all_ways()) {
        sha256_state by_run = detail::sha256_initial_state, one_by_one = by_run;
        way(by_run, bytes.data(), 9);
        for (std::size_t i = 0; i < 9; ++i) way(one_by_one, bytes.data() + i * sha256_block_size, 1);
        CHECK(by_run == one_by_one);
        way(by_run, nullptr, 0);
        CHECK(by_run == one_by_one);
    }
}

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
TEST_CASE("has_sha256_instructions: says of the processor what the system says", "[text]") {
    std::ifstream file("/proc/cpuinfo");
    const std::string all{std::istreambuf_iterator<char>(file), {}};
    const std::string first = all.substr(0, all.find("\n\n"));
#if defined(__x86_64__)
    const bool expected = first.find(" sha_ni") != std::string::npos && first.find(" sse4_1") != std::string::npos;
#else
    const bool expected = first.find(" sha2") != std::string::npos;
#endif
    CHECK(detail::has_sha256_instructions() == expected);
}
#endif
