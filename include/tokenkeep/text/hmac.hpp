// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_HMAC_HPP
#define TOKENKEEP_TEXT_HMAC_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/text/sha256.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace text {

/// HMAC-SHA-256 (RFC 2104) of a text that comes in pieces. Without the key, no one can compute it. The function wipes
/// its copies of the key.
///   std::array<unsigned char, 32> mac = hmac_sha256(key.reveal(), {"at", ":", row.access_token.reveal()});
inline std::array<unsigned char, 32> hmac_sha256(std::string_view key,
                                                 std::initializer_list<std::string_view> pieces) noexcept {
    constexpr unsigned char inner_pad = 0x36, outer_pad = 0x5c;
    std::array<char, 64> block{};
    std::array<unsigned char, 32> digest{};
    if (key.size() > block.size()) {
        digest = sha256(key);
        std::memcpy(block.data(), digest.data(), digest.size());
    } else if (!key.empty()) {
        std::memcpy(block.data(), key.data(), key.size());
    }
    const auto begin_with = [&block](sha256_hash& hash, unsigned char pad) {
        for (char& byte : block) byte = static_cast<char>(static_cast<unsigned char>(byte) ^ pad);
        hash.update({block.data(), block.size()});
    };
    sha256_hash hash;
    begin_with(hash, inner_pad);
    for (const std::string_view piece : pieces) hash.update(piece);
    digest = hash.finish();
    begin_with(hash, inner_pad ^ outer_pad);
    hash.update({reinterpret_cast<const char*>(digest.data()), digest.size()});
    digest = hash.finish();
    detail::wipe(block.data(), block.size());
    return digest;
}

/// The same of one text.
///   std::array<unsigned char, 32> mac = hmac_sha256("Jefe", "what do ya want for nothing?");
inline std::array<unsigned char, 32> hmac_sha256(std::string_view key, std::string_view bytes) noexcept {
    return hmac_sha256(key, {bytes});
}

}}} // namespace tokenkeep::v1::text

#endif
