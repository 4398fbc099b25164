// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_SHA256_BLOCKS_HPP
#define TOKENKEEP_TEXT_SHA256_BLOCKS_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/memory/wipe.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__AARCH64EL__) && defined(__linux__)
#include <sys/auxv.h>
#endif

// SHA-256 (FIPS 180-4, 6.2.2) takes in blocks of 64 bytes. Most processors have instructions for that. The library uses
// them on x86-64 and on 64-bit ARM if the compiler is g++ or clang++; no compiler option is needed. The portable code
// takes four times as long.
//
// Decision: builtins and assembler instead of <immintrin.h> and <arm_neon.h>. Lost: names that more people know. But
// <immintrin.h> of g++ 12 has 40,000 lines, and <arm_neon.h> of clang++ 14 hides what no compiler option has turned on.

namespace tokenkeep { inline namespace v1 { namespace detail {

using sha256_state = std::array<std::uint32_t, 8>;

inline constexpr std::size_t sha256_block_size = 64;
inline constexpr sha256_state sha256_initial_state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
inline constexpr std::uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// Round `I` of 16. `words` are the last 16 words of the message schedule. `variables` are a to h. They stay in their
/// places; instead, each round takes another place as its first.
template <std::size_t I>
inline void sha256_round(std::uint32_t (&variables)[8], std::uint32_t (&words)[16], const std::uint32_t* constants,
                         bool makes_word) noexcept {
    const auto of = [&](std::size_t n) -> std::uint32_t& { return variables[(n - I) % 8]; };
    const std::uint32_t a = of(0), b = of(1), c = of(2), e = of(4), f = of(5), g = of(6);
    if (makes_word) {
        const std::uint32_t early = words[(I + 1) % 16], late = words[(I + 14) % 16];
        words[I] += (std::rotr(early, 7) ^ std::rotr(early, 18) ^ early >> 3) + words[(I + 9) % 16] +
                    (std::rotr(late, 17) ^ std::rotr(late, 19) ^ late >> 10);
    }
    const std::uint32_t t =
        of(7) + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + (g ^ (e & (f ^ g))) + constants[I] + words[I];
    of(3) += t;
    of(7) = t + (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) | (c & (a | b)));
}

/// All 64 rounds. `I` are 0 to 15.
template <std::size_t... I>
inline void sha256_rounds_portable(std::uint32_t (&variables)[8], std::uint32_t (&words)[16],
                                   std::index_sequence<I...>) noexcept {
    for (std::size_t first = 0; first < 64; first += 16)
        (sha256_round<I>(variables, words, sha256_constants + first, first != 0), ...);
}

/// Takes `count` blocks into the state, on any machine.
inline void sha256_blocks_portable(sha256_state& state, const char* blocks, std::size_t count) noexcept {
    std::uint32_t words[16], variables[8];
    for (; count != 0; --count, blocks += sha256_block_size) {
        for (std::size_t i = 0; i < 16; ++i) {
            const auto* const bytes = reinterpret_cast<const unsigned char*>(blocks + 4 * i);
            words[i] = std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
                       std::uint32_t{bytes[3]};
        }
        for (std::size_t i = 0; i < state.size(); ++i) variables[i] = state[i];
        sha256_rounds_portable(variables, words, std::make_index_sequence<16>());
        for (std::size_t i = 0; i < state.size(); ++i) state[i] += variables[i];
    }
    wipe(words, sizeof words);
}

#if defined(__GNUC__) && (defined(__x86_64__) || (defined(__AARCH64EL__) && (defined(__linux__) || defined(__APPLE__))))

using sha256_four [[gnu::vector_size(16)]] = std::uint32_t; ///< Four words, in one register.

/// The state in the order in which the processor wants it.
struct sha256_registers {
    sha256_four first{};
    sha256_four second{};
};

#if defined(__x86_64__)

/// What the processor says of itself in that leaf of CPUID: eax, ebx, ecx, edx. <cpuid.h> could do that, but its macros
/// would be visible in every program.
inline std::array<std::uint32_t, 4> cpuid_leaf(std::uint32_t leaf) noexcept {
    std::uint32_t a = leaf, b = 0, c = 0, d = 0;
    __asm__("xchg{q} {%%|}rbx, %q1\n\tcpuid\n\txchg{q} {%%|}rbx, %q1" : "+a"(a), "=&r"(b), "+c"(c), "=d"(d));
    return {a, b, c, d};
}

/// Whether the processor has what sha256_blocks_by_instructions uses.
inline bool has_sha256_instructions() noexcept {
    constexpr std::uint32_t ssse3_and_sse41 = 1u << 9 | 1u << 19, sha = 1u << 29;
    return cpuid_leaf(0)[0] >= 7 && (cpuid_leaf(1)[2] & ssse3_and_sse41) == ssse3_and_sse41 &&
           (cpuid_leaf(7)[1] & sha) != 0;
}

/// From a to h in order to f, e, b, a and h, g, d, c.
inline sha256_registers sha256_arranged(const sha256_registers& state) noexcept {
    return {__builtin_shufflevector(state.first, state.second, 5, 4, 1, 0),
            __builtin_shufflevector(state.first, state.second, 7, 6, 3, 2)};
}
inline sha256_registers sha256_in_order(const sha256_registers& state) noexcept {
    return {__builtin_shufflevector(state.first, state.second, 3, 2, 7, 6),
            __builtin_shufflevector(state.first, state.second, 1, 0, 5, 4)};
}

/// Four rounds, of which `sum` are the words and the constants.
[[gnu::target("sha,sse4.1")]] inline void sha256_rounds(sha256_registers& state, const sha256_four& sum) noexcept {
    using four [[gnu::vector_size(16)]] = int;
    const auto later = std::bit_cast<four>(__builtin_shufflevector(sum, sum, 2, 3, 2, 3));
    const auto before = std::bit_cast<four>(state.first);
    const auto half = __builtin_ia32_sha256rnds2(std::bit_cast<four>(state.second), before, std::bit_cast<four>(sum));
    state.first = std::bit_cast<sha256_four>(__builtin_ia32_sha256rnds2(before, half, later));
    state.second = std::bit_cast<sha256_four>(half);
}

/// The four words that follow these sixteen in the message schedule.
[[gnu::target("sha,sse4.1")]] inline sha256_four
sha256_next_words(const sha256_four& a, const sha256_four& b, const sha256_four& c, const sha256_four& d) noexcept {
    using four [[gnu::vector_size(16)]] = int;
    const auto begun = __builtin_ia32_sha256msg1(std::bit_cast<four>(a), std::bit_cast<four>(b));
    const sha256_four sum = std::bit_cast<sha256_four>(begun) + __builtin_shufflevector(c, d, 1, 2, 3, 4);
    return std::bit_cast<sha256_four>(__builtin_ia32_sha256msg2(std::bit_cast<four>(sum), std::bit_cast<four>(d)));
}

#else

/// Whether the processor has what sha256_blocks_by_instructions uses. All 64-bit processors of Apple have it.
inline bool has_sha256_instructions() noexcept {
#if defined(__APPLE__)
    return true;
#else
    return (::getauxval(AT_HWCAP) & 1u << 6) != 0; // HWCAP_SHA2
#endif
}

/// From a to h in order, as it is.
inline sha256_registers sha256_arranged(const sha256_registers& state) noexcept { return state; }
inline sha256_registers sha256_in_order(const sha256_registers& state) noexcept { return state; }

/// Four rounds, of which `sum` are the words and the constants.
inline void sha256_rounds(sha256_registers& state, const sha256_four& sum) noexcept {
    const sha256_four before = state.first;
    __asm__(".arch_extension sha2\n\tsha256h %q0, %q1, %2.4s" : "+w"(state.first) : "w"(state.second), "w"(sum));
    __asm__(".arch_extension sha2\n\tsha256h2 %q0, %q1, %2.4s" : "+w"(state.second) : "w"(before), "w"(sum));
}

/// The four words that follow these sixteen in the message schedule.
inline sha256_four sha256_next_words(const sha256_four& a, const sha256_four& b, const sha256_four& c,
                                     const sha256_four& d) noexcept {
    sha256_four next = a;
    __asm__(".arch_extension sha2\n\tsha256su0 %0.4s, %1.4s" : "+w"(next) : "w"(b));
    __asm__(".arch_extension sha2\n\tsha256su1 %0.4s, %1.4s, %2.4s" : "+w"(next) : "w"(c), "w"(d));
    return next;
}

#endif

/// The same as sha256_blocks_portable, on a processor that has_sha256_instructions.
#if defined(__x86_64__)
[[gnu::target("sha,sse4.1")]]
#endif
inline void
sha256_blocks_by_instructions(sha256_state& state, const char* blocks, std::size_t count) noexcept {
    using bytes [[gnu::vector_size(16)]] = char;
    sha256_registers now = sha256_arranged(std::bit_cast<sha256_registers>(state));
    for (; count != 0; --count, blocks += sha256_block_size) {
        sha256_four words[4];
        for (std::size_t i = 0; i < 4; ++i) {
            bytes read;
            std::memcpy(&read, blocks + 16 * i, sizeof read);
            words[i] = std::bit_cast<sha256_four>(
                __builtin_shufflevector(read, read, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
        }
        const sha256_registers before = now;
        for (std::size_t round = 0; round < 64; round += 16) {
            sha256_four constants[4];
            std::memcpy(&constants, sha256_constants + round, sizeof constants);
            sha256_rounds(now, words[0] + constants[0]);
            sha256_rounds(now, words[1] + constants[1]);
            sha256_rounds(now, words[2] + constants[2]);
            sha256_rounds(now, words[3] + constants[3]);
            words[0] = sha256_next_words(words[0], words[1], words[2], words[3]);
            words[1] = sha256_next_words(words[1], words[2], words[3], words[0]);
            words[2] = sha256_next_words(words[2], words[3], words[0], words[1]);
            words[3] = sha256_next_words(words[3], words[0], words[1], words[2]);
        }
        now.first += before.first;
        now.second += before.second;
    }
    state = std::bit_cast<sha256_state>(sha256_in_order(now));
}

#else

/// For this compiler or processor the library uses no instructions.
inline bool has_sha256_instructions() noexcept { return false; }
inline void sha256_blocks_by_instructions(sha256_state& state, const char* blocks, std::size_t count) noexcept {
    sha256_blocks_portable(state, blocks, count);
}

#endif

/// Takes `count` blocks into the state, by instructions if the processor has them. The first call finds that out.
inline void sha256_blocks(sha256_state& state, const char* blocks, std::size_t count) noexcept {
    static const bool by_instructions = has_sha256_instructions();
    by_instructions ? sha256_blocks_by_instructions(state, blocks, count)
                    : sha256_blocks_portable(state, blocks, count);
}

}}} // namespace tokenkeep::v1::detail

#endif
