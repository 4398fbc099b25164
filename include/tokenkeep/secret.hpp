// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_SECRET_HPP
#define TOKENKEEP_SECRET_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/text/sha256.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v1 {

namespace detail {

template <class T>
concept text_like = std::convertible_to<const T&, std::string_view>;

/// Whether two texts are equal. It takes the same time wherever two texts of the same length differ.
inline bool same_in_fixed_time(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    std::uint64_t difference = 0;
    while (!a.empty()) {
        std::uint64_t left = 0, right = 0;
        const std::size_t size = a.size() < sizeof left ? a.size() : sizeof left;
        std::memcpy(&left, a.data(), size);
        std::memcpy(&right, b.data(), size);
        difference |= left ^ right;
        a.remove_prefix(size);
        b.remove_prefix(size);
    }
    return difference == 0;
}

} // namespace detail

/// Text that must not be seen: a token, a client secret.
///
/// A secret is made implicitly from text. Only reveal() gives the text back: a program cannot print, format or convert
/// a secret by accident. == takes the same time wherever two texts of the same length differ.
///   tokenkeep::secret access = "at-1";
///   std::string header = "Bearer " + std::string(access.reveal());
///
/// The text is in memory of its own, even if it is short. The secret wipes that memory when it is destroyed, moved from
/// or assigned to. It cannot wipe copies that the program makes of the text.
///
/// Cost: an allocation for each secret that is not empty. One object is for one thread at a time, as std::string is.
class secret {
  public:
    secret() noexcept = default;

    /// Copies the text: std::string, std::string_view, a literal. std::bad_alloc if there is no memory.
    template <detail::text_like Text>
    secret(const Text& text) : secret(std::string_view(text), copy_tag{}) {}

    /// A secret that `fill(char* memory)` writes in place. `fill` writes at most `capacity` bytes and gives how many it
    /// wrote. If `fill` throws, the memory is wiped.
    ///   auto password = tokenkeep::secret::build(64, [&](char* out) { return std::fread(out, 1, 64, file); });
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

    /// The text itself. The view is valid until the secret changes or ends.
    std::string_view reveal() const noexcept { return {data_.get(), size_}; }

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

    /// Wipes the text. The secret is empty afterwards.
    void clear() noexcept {
        detail::wipe(data_.get(), size_);
        data_.reset();
        size_ = 0;
    }

    /// The first eight hex digits of the text's SHA-256: a name for a log. It tells secrets apart, and does not help to
    /// guess one.
    ///   log("refreshed #" + row.refresh_token.fingerprint());
    std::string fingerprint() const { return text::sha256_hex(reveal()).substr(0, 8); }

    template <class Stream>
    friend Stream& operator<<(Stream&, const secret&) = delete; // tokenkeep: a secret is not printed; use reveal()

    friend bool operator==(const secret& a, const secret& b) noexcept {
        return detail::same_in_fixed_time(a.reveal(), b.reveal());
    }

  private:
    struct copy_tag {};
    secret(std::string_view text, copy_tag) {
        allocate(text.size());
        if (!text.empty()) std::memcpy(data_.get(), text.data(), text.size());
    }
    void allocate(std::size_t size) {
        if (size == 0) return;
        data_.reset(new char[size]); // not filled with zeros, unlike what std::make_unique gives
        size_ = size;
    }

    std::unique_ptr<char[]> data_{};
    std::size_t size_ = 0;
};

}} // namespace tokenkeep::v1

#endif
