// SPDX-License-Identifier: MIT
// A sealer that needs no library.
#ifndef TOKENKEEP_TESTS_SUPPORT_TOY_SEALER_HPP
#define TOKENKEEP_TESTS_SUPPORT_TOY_SEALER_HPP

#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/sha256.hpp>

#include <array>
#include <cstddef>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tests {

/// What a sealer throws whose key cannot be reached.
struct out_of_reach : std::exception {};

/// Shows what a sealer does. A sealed text is a tag of 32 bytes and as many bytes as the plain text has. It is not
/// encryption to use.
class toy_sealer {
  public:
    using keys = std::map<std::string, std::string>; ///< From a key's id to the key.

    static constexpr std::size_t tag_size = 32;

    toy_sealer(std::string sealing_with, keys known) : key_id_(std::move(sealing_with)), keys_(std::move(known)) {}

    std::string key_id() const { return key_id_; }

    tokenkeep::secret seal(std::string_view plain, std::string_view associated) const {
        if (*fails_) throw out_of_reach();
        const digest tag = tag_of(key_id_, plain, associated);
        return tokenkeep::secret::build(tag_size + plain.size(), [&](char* out) {
            view(tag).copy(out, tag_size);
            mask(key_id_, view(tag), plain, out + tag_size);
            return tag_size + plain.size();
        });
    }

    std::optional<tokenkeep::secret> open(std::string_view sealed, std::string_view associated,
                                          std::string_view key_id) const {
        if (*fails_) throw out_of_reach();
        const std::string id(key_id);
        if (!keys_.contains(id) || sealed.size() < tag_size) return std::nullopt;
        const std::string_view tag = sealed.substr(0, tag_size), masked = sealed.substr(tag_size);
        auto plain = tokenkeep::secret::build(masked.size(),
                                              [&](char* out) { return mask(id, tag, masked, out), masked.size(); });
        if (view(tag_of(id, plain.reveal(), associated)) != tag) return std::nullopt;
        return plain;
    }

    /// From now on, in all copies.
    void fail(bool fails) { *fails_ = fails; }

  private:
    using digest = std::array<unsigned char, tag_size>;

    static std::string_view view(const digest& bytes) {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    digest tag_of(const std::string& key_id, std::string_view plain, std::string_view associated) const {
        tokenkeep::text::sha256_hash hash;
        for (const std::string_view part :
             {std::string_view(keys_.at(key_id)), std::string_view(key_id), associated, plain})
            hash.update(std::to_string(part.size())).update(":").update(part);
        return hash.finish();
    }

    void mask(const std::string& key_id, std::string_view tag, std::string_view text, char* out) const {
        const digest stream = tokenkeep::text::sha256_hash{}.update(keys_.at(key_id)).update(tag).finish();
        std::size_t n = 0;
        for (const char c : text) *out++ = static_cast<char>(static_cast<unsigned char>(c) ^ stream[n++ % tag_size]);
    }

    std::string key_id_;
    keys keys_;
    std::shared_ptr<bool> fails_ = std::make_shared<bool>(false);
};

} // namespace tests

#endif
