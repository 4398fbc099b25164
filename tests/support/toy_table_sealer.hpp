// SPDX-License-Identifier: MIT
// A sealer for tables that needs no library, and no time where tests are not optimised.
#ifndef TOKENKEEP_TESTS_SUPPORT_TOY_TABLE_SEALER_HPP
#define TOKENKEEP_TESTS_SUPPORT_TOY_TABLE_SEALER_HPP

#include <tokenkeep/secret.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

/// What a sealer throws whose key is not at hand.
struct key_not_at_hand : std::exception {};

/// Has the shape of a fingerprinting_sealer. A sealed text is a tag of 32 bytes and as many bytes as the plain text. It
/// hides nothing from anyone who reads this file.
class toy_table_sealer {
  public:
    using keys = std::map<std::string, std::string>; ///< From a key's id to the key.

    static constexpr std::size_t tag_size = 32;

    toy_table_sealer(std::string sealing_with, keys known)
        : key_id_(std::move(sealing_with)), keys_(std::move(known)) {}

    std::string key_id() const { return key_id_; }
    std::vector<std::string> key_ids() const {
        std::vector<std::string> ids{key_id_};
        for (const auto& [id, key] : keys_)
            if (id != key_id_) ids.push_back(id);
        return ids;
    }

    tokenkeep::secret seal(std::string_view plain, std::string_view associated) const {
        if (*fails_) throw key_not_at_hand();
        const std::string tag = bytes_of(hash({keys_.at(key_id_), key_id_, associated, plain}));
        return tokenkeep::secret(tag + masked(key_id_, tag, plain));
    }

    std::optional<tokenkeep::secret> open(std::string_view sealed, std::string_view associated,
                                          std::string_view key_id) const {
        if (*fails_) throw key_not_at_hand();
        const std::string id(key_id);
        if (!keys_.contains(id) || sealed.size() < tag_size) return std::nullopt;
        const std::string_view tag = sealed.substr(0, tag_size);
        const std::string plain = masked(id, tag, sealed.substr(tag_size));
        if (bytes_of(hash({keys_.at(id), id, associated, plain})) != tag) return std::nullopt;
        return tokenkeep::secret(plain);
    }

    std::string fingerprint(std::string_view text, std::string_view key_id) const {
        return bytes_of(hash({"fingerprint", keys_.at(std::string(key_id)), text}));
    }

    /// From now on, in all copies.
    void fail(bool fails) { *fails_ = fails; }

  private:
    static std::uint64_t hash(std::initializer_list<std::string_view> texts) {
        std::uint64_t value = 0xcbf29ce484222325u; // FNV-1a
        for (const std::string_view text : texts) {
            for (const char byte : text) value = (value ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
            value = (value ^ text.size()) * 0x100000001b3u;
        }
        return value;
    }
    static std::uint64_t next(std::uint64_t& state) {
        std::uint64_t value = state += 0x9e3779b97f4a7c15u; // splitmix64
        value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
        value = (value ^ value >> 27) * 0x94d049bb133111ebu;
        return value ^ value >> 31;
    }
    static std::string bytes_of(std::uint64_t state) {
        std::string bytes;
        while (bytes.size() < tag_size)
            for (std::uint64_t word = next(state), n = 0; n < 8; ++n) bytes += static_cast<char>(word >> 8 * n & 0xff);
        return bytes;
    }
    std::string masked(const std::string& key_id, std::string_view tag, std::string_view text) const {
        std::uint64_t state = hash({keys_.at(key_id), tag}), word = 0;
        std::string result(text);
        for (std::size_t n = 0; n < result.size(); ++n, word >>= 8) {
            if (n % 8 == 0) word = next(state);
            result[n] = static_cast<char>(static_cast<unsigned char>(result[n]) ^ (word & 0xff));
        }
        return result;
    }

    std::string key_id_;
    keys keys_;
    std::shared_ptr<bool> fails_ = std::make_shared<bool>(false);
};

} // namespace tests

#endif
