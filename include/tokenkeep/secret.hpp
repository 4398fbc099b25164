// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_SECRET_HPP
#define TOKENKEEP_SECRET_HPP

#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/text/sha256.hpp>

#include <concepts>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v0 {

namespace detail {

template <class T>
concept text_like = std::convertible_to<const T&, std::string_view>;

} // namespace detail

/// Text that must not be seen: a token, a client secret.
///
/// It is made implicitly from text and read only through reveal(). It cannot be printed, formatted or converted to
/// text by accident; == takes the same time wherever two texts of one length differ. The text lies in a buffer of
/// its own, however short it is, and that memory is wiped when the secret is destroyed, moved from or reassigned.
/// Copies that the caller made of the text are not ours to wipe.
class secret {
  public:
    secret() noexcept = default;

    template <detail::text_like Text>
    secret(const Text& text) : secret(std::string_view(text), copy_tag{}) {}

    /// A secret written in place: `fill(char*)` writes at most `capacity` bytes and gives how many it wrote.
    template <class Fill>
    static secret build(std::size_t capacity, Fill fill) {
        secret full;
        full.allocate(capacity);
        const std::size_t written = fill(full.data_.get());
        return written == capacity ? std::move(full) : secret(std::string_view(full.data_.get(), written));
    }

    secret(const secret& other) : secret(other.reveal(), copy_tag{}) {}
    secret(secret&& other) noexcept : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
    secret& operator=(const secret& other) {
        if (this != &other) *this = secret(other);
        return *this;
    }
    secret& operator=(secret&& other) noexcept {
        if (this != &other) {
            clear();
            data_ = std::move(other.data_);
            size_ = std::exchange(other.size_, 0);
        }
        return *this;
    }
    ~secret() { clear(); }

    /// The text itself, valid until the secret changes.
    std::string_view reveal() const noexcept { return {data_.get(), size_}; }

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

    /// Wipes the text; the secret is empty afterwards.
    void clear() noexcept {
        detail::wipe(data_.get(), size_);
        data_.reset();
        size_ = 0;
    }

    /// The first eight hex digits of the text's SHA-256: enough to tell secrets apart in a log, not to guess one.
    std::string fingerprint() const { return text::sha256_hex(reveal()).substr(0, 8); }

    friend bool operator==(const secret& a, const secret& b) noexcept {
        if (a.size_ != b.size_) return false;
        unsigned char difference = 0;
        for (std::size_t i = 0; i < a.size_; ++i)
            difference = static_cast<unsigned char>(difference | (a.data_[i] ^ b.data_[i]));
        return difference == 0;
    }

  private:
    struct copy_tag {};
    secret(std::string_view text, copy_tag) {
        allocate(text.size());
        if (!text.empty()) std::memcpy(data_.get(), text.data(), text.size());
    }
    void allocate(std::size_t size) {
        if (size == 0) return;
        data_ = std::make_unique<char[]>(size);
        size_ = size;
    }

    std::unique_ptr<char[]> data_{};
    std::size_t size_ = 0;
};

}} // namespace tokenkeep::v0

#endif
