// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_SODIUM_SEALER_HPP
#define TOKENKEEP_SODIUM_SEALER_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

// Tokens sealed by libsodium:
//   #include <tokenkeep/sodium_sealer.hpp>
//   struct sealed : tokenkeep::defaults { using sealer = tokenkeep::sodium_sealer; };
//   tokenkeep::key_ring ring{tokenkeep::key_from_file("/etc/my-app/key")};
//   tokenkeep::basic_file_store<sealed> store{"tokens.tkj", tokenkeep::sodium_sealer{ring}};
//   g++ -std=c++20 -I include main.cpp -lsodium                                          (Debian: libsodium-dev)
// tokenkeep.hpp does not include this header, because it needs sodium.h.

#include <tokenkeep/detail/sealer/passphrase.hpp>
#include <tokenkeep/detail/sealer/ring_sealer.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/key_ring.hpp>
#include <tokenkeep/sealer.hpp>
#include <tokenkeep/secret.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include <sodium.h>

namespace tokenkeep { inline namespace v1 {

namespace detail {

/// Prepares libsodium, once in a process. Throws errc::storage_failure if that fails.
inline void require_sodium() {
    if (::sodium_init() < 0) throw error(errc::storage_failure, "tokenkeep: libsodium cannot be used here");
}

/// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha).
struct xchacha20_poly1305 {
    static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == key_size &&
                  crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == nonce_size &&
                  crypto_aead_xchacha20poly1305_ietf_ABYTES == tag_size);

    static void seal(char* out, std::string_view key, const unsigned char* nonce, std::string_view associated,
                     std::string_view plain) {
        ::crypto_aead_xchacha20poly1305_ietf_encrypt(bytes_of(out), nullptr, bytes_of(plain), plain.size(),
                                                     bytes_of(associated), associated.size(), nullptr, nonce,
                                                     bytes_of(key));
    }

    static bool open(char* out, std::string_view key, const unsigned char* nonce, std::string_view associated,
                     std::string_view sealed) {
        return ::crypto_aead_xchacha20poly1305_ietf_decrypt(bytes_of(out), nullptr, nullptr, bytes_of(sealed),
                                                            sealed.size(), bytes_of(associated), associated.size(),
                                                            nonce, bytes_of(key)) == 0;
    }
};

/// Argon2id (RFC 9106) with one lane. Its cost: passes, bytes of memory, lanes.
struct argon2id_algorithm {
    static constexpr std::string_view name = "argon2id";

    static bool takes(const passphrase_cost& cost) noexcept {
        const auto [passes, memory, lanes] = cost;
        constexpr std::uint64_t most_memory = std::uint64_t{1} << 30;
        return passes >= crypto_pwhash_argon2id_OPSLIMIT_MIN && passes <= 1'024 &&
               memory >= crypto_pwhash_argon2id_MEMLIMIT_MIN && memory <= most_memory && lanes == 1;
    }

    static secret compute(const secret& passphrase, std::string_view salt, const passphrase_cost& cost) {
        static_assert(crypto_pwhash_argon2id_SALTBYTES == salt_size);
        require_sodium();
        return secret::build(key_size, [&](char* out) {
            const std::string_view text = passphrase.reveal();
            if (::crypto_pwhash(bytes_of(out), key_size, text.data(), text.size(), bytes_of(salt), cost[0],
                                static_cast<std::size_t>(cost[1]), crypto_pwhash_ALG_ARGON2ID13) != 0)
                throw error(errc::storage_failure, "tokenkeep: libsodium cannot compute Argon2id: there is not enough "
                                                   "memory");
            return key_size;
        });
    }
};

} // namespace detail

/// A sealer by libsodium, for stores that keep their tokens encrypted: XChaCha20-Poly1305. It is a
/// fingerprinting_sealer.
///   sodium_sealer sealer{key_ring{key_from_file("/etc/my-app/key")}};
///   sodium_sealer turning{key_ring{new_key, {old_key}}}; // seals by new_key, and still opens what old_key has sealed
///
/// key_ring.hpp says what a sealed text is, and why nonces never repeat.
///
/// The keys and the plain text are wiped. Many threads may use one sealer at once. What a sealer was moved from may
/// only be destroyed or assigned to.
///
/// Cost: a few microseconds to seal a row, or to open it.
class sodium_sealer : public detail::ring_sealer<detail::xchacha20_poly1305> {
  public:
    /// A sealer by the keys of this ring. Throws errc::storage_failure if libsodium cannot be used.
    ///   sodium_sealer sealer{ring};
    explicit sodium_sealer(key_ring ring) : ring_sealer(std::move(ring)) { detail::require_sodium(); }
};
static_assert(fingerprinting_sealer<sodium_sealer>);

/// What it costs to compute a key by Argon2id (RFC 9106). With the defaults: 64 MiB of memory, and some tenths of a
/// second.
///   argon2id_cost cost{.memory = 19 << 20}; // for a machine with little memory
struct argon2id_cost {
    std::uint64_t passes = 3;        ///< How often the memory is filled.
    std::uint64_t memory = 64 << 20; ///< In bytes, at most 1 GiB.
};

/// The key that a passphrase means, computed by Argon2id. The document holds the salt and the cost. If there is no such
/// document yet, they are made first. `cost` is for new documents: others keep theirs.
///   text_file file{"tokens.key"};
///   key_ring ring{sodium_passphrase_key(file, passphrase)};
/// Throws errc::permissions if this passphrase is not the one with which the document was made, errc::request_rejected
/// if it is empty or if the cost is not possible, and errc::storage_corrupt if the document has something else. What
/// the document throws passes through. Programs that begin at once: see key_from_document.
///
/// A person who reads the document can try passphrases, each at that cost. If the document is lost, the key is lost
/// too. To change the passphrase, use another document, and a ring of the new key and the old one.
template <class Document>
secret sodium_passphrase_key(Document& document, const secret& passphrase, const argon2id_cost& cost = {}) {
    return detail::passphrase_key<detail::argon2id_algorithm>(document, passphrase, {cost.passes, cost.memory, 1});
}

}} // namespace tokenkeep::v1

#endif
