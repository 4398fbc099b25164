// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OPENSSL_SEALER_HPP
#define TOKENKEEP_OPENSSL_SEALER_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

// Tokens sealed by OpenSSL (3, or 1.1):
//   #include <tokenkeep/openssl_sealer.hpp>
//   struct sealed : tokenkeep::defaults { using sealer = tokenkeep::openssl_sealer; };
//   tokenkeep::key_ring ring{tokenkeep::key_from_file("/etc/my-app/key")};
//   tokenkeep::basic_file_store<sealed> store{"tokens.tkj", tokenkeep::openssl_sealer{ring}};
//   g++ -std=c++20 -I include main.cpp -lcrypto                                             (Debian: libssl-dev)
// tokenkeep.hpp does not include this header, because it needs openssl/evp.h.

#include <tokenkeep/detail/sealer/passphrase.hpp>
#include <tokenkeep/detail/sealer/ring_sealer.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/key_ring.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/sealer.hpp>
#include <tokenkeep/secret.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <openssl/err.h>
#include <openssl/evp.h>

namespace tokenkeep { inline namespace v1 {

namespace detail {

/// Takes away what OpenSSL adds to this thread's queue of errors in a scope. What the program has there stays.
class openssl_errors {
  public:
    openssl_errors() noexcept { ERR_set_mark(); }
    openssl_errors(const openssl_errors&) = delete;
    openssl_errors& operator=(const openssl_errors&) = delete;
    ~openssl_errors() { ERR_pop_to_mark(); }

    /// What to throw if a function has failed that fails only if there is no memory, or no such algorithm.
    static error failure(const char* what) {
        const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
        return error(errc::storage_failure, std::string("tokenkeep: OpenSSL cannot ") + what + ": " +
                                                (reason == nullptr ? "it does not say why" : reason));
    }
};

/// One use of a cipher. OpenSSL wipes its copies of the key at the end.
class openssl_cipher {
  public:
    /// `iv` may be null.
    openssl_cipher(const EVP_CIPHER* cipher, bool encrypts, std::string_view key, const unsigned char* iv)
        : context_(EVP_CIPHER_CTX_new()) {
        require(context_ &&
                EVP_CipherInit_ex(context_.get(), cipher, nullptr, bytes_of(key), iv, encrypts ? 1 : 0) == 1 &&
                EVP_CIPHER_CTX_set_padding(context_.get(), 0) == 1);
    }

    /// Writes as many bytes to `out` as there are in `in`. If `out` is null, they are associated data.
    void update(unsigned char* out, std::string_view in) {
        constexpr std::size_t most_at_once = std::size_t{1} << 30; // OpenSSL counts in int
        while (!in.empty()) {
            const std::string_view part = in.substr(0, most_at_once);
            int written = 0;
            require(EVP_CipherUpdate(context_.get(), out, &written, bytes_of(part), static_cast<int>(part.size())) ==
                    1);
            if (out != nullptr) out += written;
            in.remove_prefix(part.size());
        }
    }

    /// Writes the tag of what was encrypted.
    void write_tag(char* out) {
        require(is_final());
        require(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag_size), out) == 1);
    }

    /// Whether this is the tag of what was decrypted.
    bool has_tag(std::string_view tag) {
        char expected[tag_size];
        std::memcpy(expected, tag.data(), tag_size);
        require(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_size), expected) == 1);
        return is_final();
    }

  private:
    struct free_context {
        void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
    };

    bool is_final() {
        unsigned char nothing[EVP_MAX_BLOCK_LENGTH];
        int written = 0;
        return EVP_CipherFinal_ex(context_.get(), nothing, &written) == 1;
    }
    static void require(bool has_worked) {
        if (!has_worked) throw openssl_errors::failure("use AES-256");
    }

    std::unique_ptr<EVP_CIPHER_CTX, free_context> context_;
};

/// AES-256-GCM (NIST SP 800-38D) with a nonce of 12 bytes.
struct aes_256_gcm {
    static void seal(char* out, std::string_view key, const unsigned char* nonce, std::string_view associated,
                     std::string_view plain) {
        const openssl_errors errors;
        openssl_cipher cipher(EVP_aes_256_gcm(), true, key, nonce);
        cipher.update(nullptr, associated);
        cipher.update(bytes_of(out), plain);
        cipher.write_tag(out + plain.size());
    }

    static bool open(char* out, std::string_view key, const unsigned char* nonce, std::string_view associated,
                     std::string_view sealed) {
        const openssl_errors errors;
        openssl_cipher cipher(EVP_aes_256_gcm(), false, key, nonce);
        const std::size_t size = sealed.size() - tag_size;
        cipher.update(nullptr, associated);
        cipher.update(bytes_of(out), sealed.substr(0, size));
        return cipher.has_tag(sealed.substr(size));
    }
};

/// XAES-256-GCM (C2SP): AES-256-GCM with a nonce of 24 bytes. A key for this one text is derived from the first 12, by
/// CMAC in counter mode (NIST SP 800-108r1, 800-38B); the last 12 are the nonce of AES-256-GCM.
/// https://c2sp.org/XAES-256-GCM
struct xaes_256_gcm {
    static void seal(char* out, std::string_view key, const unsigned char* nonce, std::string_view associated,
                     std::string_view plain) {
        const derived_key of_text(key, nonce);
        aes_256_gcm::seal(out, of_text.view(), nonce + derived_from, associated, plain);
    }

    static bool open(char* out, std::string_view key, const unsigned char* nonce, std::string_view associated,
                     std::string_view sealed) {
        const derived_key of_text(key, nonce);
        return aes_256_gcm::open(out, of_text.view(), nonce + derived_from, associated, sealed);
    }

  private:
    static constexpr std::size_t derived_from = 12, block_size = 16;

    class derived_key {
      public:
        derived_key(std::string_view key, const unsigned char* nonce) {
            const openssl_errors errors;
            openssl_cipher cipher(EVP_aes_256_ecb(), true, key, nullptr);
            unsigned char subkey[block_size] = {};
            cipher.update(subkey, {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", block_size});
            double_in_field(subkey);
            char blocks[2 * block_size] = {};
            for (std::size_t i = 0; i < 2; ++i) {
                char* const block = blocks + i * block_size;
                block[1] = static_cast<char>(i + 1);
                block[2] = 'X';
                std::memcpy(block + block_size - derived_from, nonce, derived_from);
                for (std::size_t j = 0; j < block_size; ++j)
                    block[j] = static_cast<char>(static_cast<unsigned char>(block[j]) ^ subkey[j]);
            }
            cipher.update(bytes_of(bytes_), {blocks, sizeof blocks});
            wipe(subkey, sizeof subkey);
            wipe(blocks, sizeof blocks);
        }
        derived_key(const derived_key&) = delete;
        derived_key& operator=(const derived_key&) = delete;
        ~derived_key() { wipe(bytes_, sizeof bytes_); }

        std::string_view view() const noexcept { return {bytes_, sizeof bytes_}; }

      private:
        /// Doubles a block in the field of CMAC (NIST SP 800-38B 6.1), in the same time for each.
        static void double_in_field(unsigned char (&block)[block_size]) noexcept {
            const unsigned char carry = block[0] >> 7;
            for (std::size_t i = 0; i + 1 < block_size; ++i)
                block[i] = static_cast<unsigned char>(block[i] << 1 | block[i + 1] >> 7);
            block[block_size - 1] = static_cast<unsigned char>(block[block_size - 1] << 1 ^ carry * 0x87);
        }

        char bytes_[2 * block_size];
    };
};

/// scrypt (RFC 7914). Its cost: N, r, p.
struct scrypt_algorithm {
    static constexpr std::string_view name = "scrypt";

    static bool takes(const passphrase_cost& cost) noexcept {
        const auto [n, r, p] = cost;
        constexpr std::uint64_t most_memory = std::uint64_t{1} << 30;
        return n >= 2 && std::has_single_bit(n) && r >= 1 && r <= 1'024 && p >= 1 && p <= 1'024 &&
               n <= most_memory / (128 * r) && (r > 1 || n < 65'536); // RFC 7914, 2
    }

    static secret compute(const secret& passphrase, std::string_view salt, const passphrase_cost& cost) {
        const openssl_errors errors;
        const auto [n, r, p] = cost;
        const std::uint64_t memory = 128 * r * (n + p + 2);
        return secret::build(key_size, [&, n = n, r = r, p = p](char* out) {
            const std::string_view text = passphrase.reveal();
            if (EVP_PBE_scrypt(text.data(), text.size(), bytes_of(salt), salt.size(), n, r, p, memory, bytes_of(out),
                               key_size) != 1)
                throw openssl_errors::failure("compute scrypt");
            return key_size;
        });
    }
};

} // namespace detail

/// A sealer by OpenSSL, for stores that keep their tokens encrypted: XAES-256-GCM, which is AES-256-GCM under a key
/// that is derived for each text. It is a fingerprinting_sealer.
///   openssl_sealer sealer{key_ring{key_from_file("/etc/my-app/key")}};
///   openssl_sealer turning{key_ring{new_key, {old_key}}}; // seals by new_key, and still opens what old_key has sealed
///
/// key_ring.hpp says what a sealed text is, and why nonces never repeat.
///
/// The keys, the derived keys and the plain text are wiped, in OpenSSL's memory too. What the program has in OpenSSL's
/// queue of errors stays there. Many threads may use one sealer at once. What a sealer was moved from may only be
/// destroyed or assigned to.
///
/// Cost: a few microseconds to seal a row, or to open it.
class openssl_sealer : public detail::ring_sealer<detail::xaes_256_gcm> {
  public:
    /// A sealer by the keys of this ring.
    ///   openssl_sealer sealer{ring};
    explicit openssl_sealer(key_ring ring) : ring_sealer(std::move(ring)) {}
};
static_assert(fingerprinting_sealer<openssl_sealer>);

/// What it costs to compute a key by scrypt (RFC 7914). With the defaults: 128 MiB of memory, and some tenths of a
/// second.
///   scrypt_cost cost{.n = 1 << 15}; // for a machine with little memory
struct scrypt_cost {
    std::uint64_t n = 1 << 17; ///< A power of two. The memory is 128 * n * r bytes, at most 1 GiB.
    std::uint64_t r = 8;       ///< The size of a block.
    std::uint64_t p = 1;       ///< How often it is computed.
};

/// The key that a passphrase means, computed by scrypt. The document holds the salt and the cost. If there is no such
/// document yet, they are made first. `cost` is for new documents: others keep theirs.
///   text_file file{"tokens.key"};
///   key_ring ring{openssl_passphrase_key(file, passphrase)};
/// Throws errc::permissions if this passphrase is not the one with which the document was made, errc::request_rejected
/// if it is empty or if the cost is not possible, and errc::storage_corrupt if the document has something else. What
/// the document throws passes through. Programs that begin at once: see key_from_document.
///
/// A person who reads the document can try passphrases, each at that cost. If the document is lost, the key is lost
/// too. To change the passphrase, use another document, and a ring of the new key and the old one.
template <class Document>
secret openssl_passphrase_key(Document& document, const secret& passphrase, const scrypt_cost& cost = {}) {
    return detail::passphrase_key<detail::scrypt_algorithm>(document, passphrase, {cost.n, cost.r, cost.p});
}

}} // namespace tokenkeep::v1

#endif
