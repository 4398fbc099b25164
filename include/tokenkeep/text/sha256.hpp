// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_SHA256_HPP
#define TOKENKEEP_TEXT_SHA256_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/memory/number_cast.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/text/ascii.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace text {

/// SHA-256 (FIPS 180-4) of bytes that come in pieces. The bytes may be secret: finish and the destructor wipe the bytes
/// that the object has kept, and the words made from them.
///   sha256_hash hash;
///   hash.update("a").update("b");
///   std::array<unsigned char, 32> digest = hash.finish();
class sha256_hash {
  public:
    sha256_hash() noexcept = default;
    sha256_hash(const sha256_hash&) noexcept = default;
    sha256_hash& operator=(const sha256_hash&) noexcept = default;
    ~sha256_hash() { wipe_input(); }

    /// Adds bytes at the end of what is hashed.
    sha256_hash& update(std::string_view bytes) noexcept {
        const std::size_t held = held_back();
        length_ += bytes.size();
        if (held + bytes.size() < block_size) return hold_back(held, bytes);
        if (held != 0) {
            const std::size_t missing = block_size - held;
            hold_back(held, bytes.substr(0, missing));
            bytes.remove_prefix(missing);
            compress(block_);
        }
        for (; bytes.size() >= block_size; bytes.remove_prefix(block_size)) compress(bytes.data());
        return hold_back(0, bytes);
    }

    /// The digest of all bytes that were added. Afterwards the object can be used again from the start.
    std::array<unsigned char, 32> finish() noexcept {
        const std::uint64_t bits = length_ * 8;
        std::size_t held = held_back();
        block_[held++] = static_cast<char>(0x80);
        if (held > length_at) {
            std::memset(block_ + held, 0, block_size - held);
            compress(block_);
            held = 0;
        }
        std::memset(block_ + held, 0, length_at - held);
        for (std::size_t i = 0; i < 8; ++i) block_[length_at + i] = static_cast<char>(bits >> (56 - 8 * i));
        compress(block_);

        std::array<unsigned char, 32> digest{};
        for (std::size_t i = 0; i < digest.size(); ++i)
            digest[i] = static_cast<unsigned char>(state_[i / 4] >> (24 - 8 * (i % 4)));
        wipe_input();
        state_ = initial_state;
        length_ = 0;
        return digest;
    }

  private:
    using words = std::array<std::uint32_t, 8>;

    static constexpr std::size_t block_size = 64;
    static constexpr std::size_t length_at = 56; ///< Where the length begins in the last block.
    static constexpr words initial_state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                            0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    static constexpr std::uint32_t round_constants[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

    std::size_t held_back() const noexcept { return detail::number_cast<std::size_t>(length_ % block_size); }

    sha256_hash& hold_back(std::size_t at, std::string_view bytes) noexcept {
        if (!bytes.empty()) std::memcpy(block_ + at, bytes.data(), bytes.size());
        return *this;
    }

    void expand(const char* block) noexcept {
        for (std::size_t i = 0; i < 16; ++i) {
            std::uint32_t word = 0;
            for (std::size_t j = 0; j < 4; ++j) word = word << 8 | static_cast<unsigned char>(block[4 * i + j]);
            schedule_[i] = word;
        }
        for (std::size_t i = 16; i < 64; ++i) {
            const std::uint32_t a = schedule_[i - 15], b = schedule_[i - 2];
            schedule_[i] = schedule_[i - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3) + schedule_[i - 7] +
                           (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10);
        }
    }

    void compress(const char* block) noexcept {
        expand(block);
        auto [a, b, c, d, e, f, g, h] = state_;
        for (std::size_t i = 0; i < 64; ++i) {
            const std::uint32_t t1 = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                                     ((e & f) ^ (~e & g)) + round_constants[i] + schedule_[i];
            const std::uint32_t t2 =
                (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
            h = g, g = f, f = e, e = d + t1;
            d = c, c = b, b = a, a = t1 + t2;
        }
        const words round = {a, b, c, d, e, f, g, h};
        for (std::size_t i = 0; i < round.size(); ++i) state_[i] += round[i];
    }

    void wipe_input() noexcept {
        detail::wipe(block_, sizeof block_);
        detail::wipe(schedule_, sizeof schedule_);
    }

    words state_ = initial_state;
    std::uint64_t length_ = 0;
    char block_[block_size] = {};
    std::uint32_t schedule_[64] = {};
};

/// The SHA-256 digest of the bytes (FIPS 180-4).
inline std::array<unsigned char, 32> sha256(std::string_view bytes) noexcept {
    return sha256_hash{}.update(bytes).finish();
}

/// The SHA-256 digest as 64 hexadecimal digits in lower case.
///   sha256_hex("").substr(0, 8)   // "e3b0c442"
inline std::string sha256_hex(std::string_view bytes) { return to_hex(sha256(bytes)); }

}}} // namespace tokenkeep::v1::text

#endif
