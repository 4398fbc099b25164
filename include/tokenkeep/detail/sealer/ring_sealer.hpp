// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SEALER_RING_SEALER_HPP
#define TOKENKEEP_DETAIL_SEALER_RING_SEALER_HPP

#include <tokenkeep/error.hpp>
#include <tokenkeep/key_ring.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/os/os.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/hmac.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

inline constexpr std::size_t nonce_size = 24, tag_size = 16;
/// More than this is not sealed under one nonce: the limit of AES-GCM, which is below that of ChaCha20.
inline constexpr std::uint64_t most_sealed = (std::uint64_t{1} << 36) - 32;

// Text as the ciphers' libraries take it.
inline const unsigned char* bytes_of(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}
inline unsigned char* bytes_of(char* text) noexcept { return reinterpret_cast<unsigned char*>(text); }

/// A nonce from random bytes and from all that is sealed: HMAC-SHA-256 of both, by a key of its own. With other random
/// bytes it is another nonce. If the random bytes come twice, another text still gets another nonce.
inline std::array<unsigned char, nonce_size> make_nonce(const secret& nonce_key, std::string_view random,
                                                        std::string_view associated, std::string_view plain) {
    const std::uint64_t length = associated.size();
    char size[8];
    for (std::size_t i = 0; i < sizeof size; ++i) size[i] = static_cast<char>(length >> (8 * i) & 0xff);
    const auto digest = text::hmac_sha256(nonce_key.reveal(), {random, {size, sizeof size}, associated, plain});
    std::array<unsigned char, nonce_size> nonce{};
    std::memcpy(nonce.data(), digest.data(), nonce.size());
    return nonce;
}

/// A sealer of a ring of keys and a cipher with nonces of 24 bytes and tags of 16. The sealed text is the nonce, the
/// encrypted text and the tag.
///
/// A cipher has two static functions. Their pointers may be null if there is nothing to read or to write:
///   void seal(char* out, std::string_view key, const unsigned char* nonce, std::string_view associated,
///             std::string_view plain);      // writes the encrypted text and the tag
///   bool open(char* out, std::string_view key, const unsigned char* nonce, std::string_view associated,
///             std::string_view sealed);     // of these two; false if it does not open
template <class Cipher>
class ring_sealer {
  public:
    explicit ring_sealer(key_ring ring)
        : ring_(std::move(ring)), nonce_key_(derive_key(*ring_.find(ring_.key_id()), "tokenkeep nonces")) {}

    /// The id of the key that seals.
    std::string key_id() const { return ring_.key_id(); }
    /// The ids of all keys; the first one is key_id().
    std::vector<std::string> key_ids() const { return ring_.key_ids(); }
    /// 32 bytes that stand for a text in an index; see key_ring::fingerprint.
    std::string fingerprint(std::string_view text, std::string_view key_id) const {
        return ring_.fingerprint(text, key_id);
    }

    /// Encrypts the text by the first key, and binds it to the associated data. Throws errc::invalid_record for a text
    /// of more than 64 GiB, and errc::storage_failure if the system gives no random bytes.
    secret seal(std::string_view plain, std::string_view associated) const {
        if (plain.size() > most_sealed)
            throw error(errc::invalid_record, "tokenkeep: a text of more than 64 GiB cannot be sealed");
        char random[nonce_size];
        random_bytes(random, sizeof random);
        const auto nonce = make_nonce(nonce_key_, {random, sizeof random}, associated, plain);
        return secret::build(nonce_size + plain.size() + tag_size, [&](char* out) {
            std::memcpy(out, nonce.data(), nonce_size);
            Cipher::seal(out + nonce_size, ring_.find(ring_.key_id())->reveal(), nonce.data(), associated, plain);
            return nonce_size + plain.size() + tag_size;
        });
    }

    /// The text that was sealed; nullopt if it was sealed by another key, with other associated data, or has changed.
    std::optional<secret> open(std::string_view sealed, std::string_view associated, std::string_view key_id) const {
        const secret* const key = ring_.find(key_id);
        if (key == nullptr || sealed.size() < nonce_size + tag_size) return std::nullopt;
        unsigned char nonce[nonce_size];
        std::memcpy(nonce, sealed.data(), nonce_size);
        const std::string_view rest = sealed.substr(nonce_size);
        if (rest.size() - tag_size > most_sealed) return std::nullopt;
        bool is_open = false;
        secret plain = secret::build(rest.size() - tag_size, [&](char* out) {
            is_open = Cipher::open(out, key->reveal(), nonce, associated, rest);
            return rest.size() - tag_size;
        });
        if (!is_open) return std::nullopt;
        return plain;
    }

  private:
    key_ring ring_;
    secret nonce_key_;
};

}}} // namespace tokenkeep::v1::detail

#endif
