// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_KEY_RING_HPP
#define TOKENKEEP_KEY_RING_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

// What openssl_sealer and sodium_sealer make with a ring of keys.
//
// A sealed text: a nonce of 24 bytes, the encrypted text, and a tag of 16 bytes. It is 40 bytes longer than the text. A
// nonce is what makes two texts under one key differ: if two texts had the same nonce, who sees both could compute one
// from the other.
//
// Nonces never repeat for two texts. When a text is sealed, its nonce is made from 24 random bytes of the system and
// from the text itself and its associated data (HMAC-SHA-256 by a key that is derived from the sealing key). No object
// and no process keeps a nonce, a counter, or a random generator of its own:
//   - Two programs, two copies of a sealer, and the two sides of a fork have nothing in common that could repeat.
//   - If a file or a database is put back from a backup, no counter goes back with it.
//   - If a virtual machine is put back to a snapshot, the random generator of its kernel goes back too. If the machine
//     has a VM generation id (vmgenid), Linux seeds it again at once, since 5.18. Without one, the kernel may give the
//     same bytes again, for up to a minute. Even then, another text gets another nonce. The same text with the same
//     associated data may be sealed twice to the same bytes: who sees both learns that the texts are the same.
//
// Not promised:
//   - That texts are hidden from those who can read the memory of the program. The keys are there.
//   - That a text which was sealed earlier is refused. The stores say what they notice.

#include <tokenkeep/error.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/hmac.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

namespace detail {

/// The size of a key, in bytes.
inline constexpr std::size_t key_size = 32;

/// A key for another purpose: HMAC-SHA-256 of its name. It tells nothing about the key that it is made from.
inline secret derive_key(const secret& key, std::string_view purpose) {
    return secret::build(key_size, [&](char* out) {
        std::array<unsigned char, 32> derived = text::hmac_sha256(key.reveal(), purpose);
        std::memcpy(out, derived.data(), derived.size());
        wipe(derived.data(), derived.size());
        return key_size;
    });
}

/// The name of a key: 16 hex digits.
inline std::string key_id_of(const secret& key) {
    return text::to_hex(text::hmac_sha256(key.reveal(), "tokenkeep key id")).substr(0, 16);
}

} // namespace detail

/// The keys of a sealer: the first one seals, and all of them open.
///   key_ring ring{key_from_file("/etc/my-app/key")};
///   key_ring turning{new_key, {old_key}}; // new texts are sealed by new_key; old ones still open
///
/// Each key has 32 bytes, which must be random: key_source.hpp says where keys come from. The ring names each key by an
/// id, which is computed from the key and tells nothing about it. Stores write the id beside what the key has sealed.
///
/// The keys are in memory that is wiped. Many threads may use one ring at once. What a ring was moved from may only be
/// destroyed or assigned to.
class key_ring {
  public:
    /// Throws errc::request_rejected if a key has not 32 bytes, or if two keys are the same.
    explicit key_ring(secret sealing, std::vector<secret> older = {}) {
        keys_.reserve(older.size() + 1);
        add(std::move(sealing));
        for (secret& key : older) add(std::move(key));
    }

    /// The id of the key that seals: 16 hex digits.
    const std::string& key_id() const noexcept { return keys_.front().id; }

    /// The ids of all keys. The first one is key_id().
    std::vector<std::string> key_ids() const {
        std::vector<std::string> ids;
        for (const named_key& key : keys_) ids.push_back(key.id);
        return ids;
    }

    /// The key of that id; null if the ring has no such key. The pointer is valid as long as the ring.
    ///   if (const secret* key = ring.find(key_id)) open_with(*key);
    const secret* find(std::string_view key_id) const noexcept {
        const named_key* const found = look_up(key_id);
        return found == nullptr ? nullptr : &found->key;
    }

    /// 32 bytes that stand for the text in an index: HMAC-SHA-256 by a key that is derived from the key of that id. The
    /// same text and key give the same bytes. Without the key, no one can tell which text they stand for, even if only
    /// few texts are possible. Throws errc::permissions if the ring has no such key.
    ///   std::string cell = ring.fingerprint(row.refresh_token.reveal(), ring.key_id());
    std::string fingerprint(std::string_view text, std::string_view key_id) const {
        const named_key* const found = look_up(key_id);
        if (found == nullptr)
            throw error(errc::permissions, "tokenkeep: the ring has no key of this id; add the key to the ring");
        const std::array<unsigned char, 32> digest = text::hmac_sha256(found->for_fingerprints.reveal(), text);
        return {digest.begin(), digest.end()};
    }

  private:
    struct named_key {
        std::string id{};
        secret key{};
        secret for_fingerprints{};
    };

    void add(secret key) {
        const std::string which = "tokenkeep: key " + std::to_string(keys_.size() + 1) + " of the ring ";
        if (key.size() != detail::key_size)
            throw error(errc::request_rejected, which + "has " + std::to_string(key.size()) +
                                                    " bytes, and must have 32; see make_key and key_from_text");
        std::string id = detail::key_id_of(key);
        if (look_up(id) != nullptr) throw error(errc::request_rejected, which + "is there twice; name each key once");
        secret for_fingerprints = detail::derive_key(key, "tokenkeep fingerprints");
        keys_.push_back({std::move(id), std::move(key), std::move(for_fingerprints)});
    }

    const named_key* look_up(std::string_view id) const noexcept {
        const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const named_key& key) { return key.id == id; });
        return found == keys_.end() ? nullptr : &*found;
    }

    std::vector<named_key> keys_{};
};

}} // namespace tokenkeep::v1

#endif
