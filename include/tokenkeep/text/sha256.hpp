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
#include <tokenkeep/text/sha256_blocks.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace text {

/// SHA-256 (FIPS 180-4) of bytes that come in pieces. Uses the instructions of the processor if it has them. The bytes
/// may be secret: finish and the destructor wipe those that the object has kept.
///   sha256_hash hash;
///   hash.update("a").update("b");
///   std::array<unsigned char, 32> digest = hash.finish();
class sha256_hash {
  public:
    sha256_hash() noexcept = default;
    sha256_hash(const sha256_hash&) noexcept = default;
    sha256_hash& operator=(const sha256_hash&) noexcept = default;
    ~sha256_hash() { detail::wipe(block_, sizeof block_); }

    /// Adds bytes at the end of what is hashed.
    sha256_hash& update(std::string_view bytes) noexcept {
        const std::size_t held = held_back();
        length_ += bytes.size();
        if (held + bytes.size() < block_size) return hold_back(held, bytes);
        if (held != 0) {
            const std::size_t missing = block_size - held;
            hold_back(held, bytes.substr(0, missing));
            bytes.remove_prefix(missing);
            detail::sha256_blocks(state_, block_, 1);
        }
        const std::size_t blocks = bytes.size() / block_size;
        detail::sha256_blocks(state_, bytes.data(), blocks);
        return hold_back(0, bytes.substr(blocks * block_size));
    }

    /// The digest of all bytes that were added. Afterwards the object can be used again from the start.
    std::array<unsigned char, 32> finish() noexcept {
        const std::uint64_t bits = length_ * 8;
        std::size_t held = held_back();
        block_[held++] = static_cast<char>(0x80);
        if (held > length_at) {
            std::memset(block_ + held, 0, block_size - held);
            detail::sha256_blocks(state_, block_, 1);
            held = 0;
        }
        std::memset(block_ + held, 0, length_at - held);
        for (std::size_t i = 0; i < 8; ++i) block_[length_at + i] = static_cast<char>(bits >> (56 - 8 * i));
        detail::sha256_blocks(state_, block_, 1);

        std::array<unsigned char, 32> digest{};
        for (std::size_t i = 0; i < digest.size(); ++i)
            digest[i] = static_cast<unsigned char>(state_[i / 4] >> (24 - 8 * (i % 4)));
        detail::wipe(block_, sizeof block_);
        state_ = detail::sha256_initial_state;
        length_ = 0;
        return digest;
    }

  private:
    static constexpr std::size_t block_size = detail::sha256_block_size;
    static constexpr std::size_t length_at = 56; ///< Where the length begins in the last block.

    std::size_t held_back() const noexcept { return detail::number_cast<std::size_t>(length_ % block_size); }

    sha256_hash& hold_back(std::size_t at, std::string_view bytes) noexcept {
        if (!bytes.empty()) std::memcpy(block_ + at, bytes.data(), bytes.size());
        return *this;
    }

    detail::sha256_state state_ = detail::sha256_initial_state;
    std::uint64_t length_ = 0;
    char block_[block_size] = {};
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
