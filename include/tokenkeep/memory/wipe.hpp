// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_MEMORY_WIPE_HPP
#define TOKENKEEP_MEMORY_WIPE_HPP

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Overwrites memory with zeros. The optimiser may not remove this, although the memory is not read again.
inline void wipe(void* memory, std::size_t size) noexcept {
    if (size == 0) return;
#if defined(__GNUC__)
    std::memset(memory, 0, size);
    __asm__ __volatile__("" : : "r"(memory) : "memory");
#else
    auto* bytes = static_cast<volatile unsigned char*>(memory);
    while (size-- > 0) *bytes++ = 0;
#endif
}

/// Overwrites a string, the whole of its capacity, and leaves it empty.
template <class String>
void wipe_text(String& text) noexcept {
    text.resize(text.capacity());
    wipe(text.data(), text.size());
    text.clear();
}

/// An allocator that wipes what it frees: a string that grows in it leaves no copies behind.
template <class T>
struct wiping_allocator {
    using value_type = T;
    wiping_allocator() noexcept = default;
    template <class U>
    wiping_allocator(const wiping_allocator<U>&) noexcept {}
    T* allocate(std::size_t count) { return std::allocator<T>{}.allocate(count); }
    void deallocate(T* memory, std::size_t count) noexcept {
        wipe(memory, count * sizeof(T));
        std::allocator<T>{}.deallocate(memory, count);
    }
    friend bool operator==(const wiping_allocator&, const wiping_allocator&) noexcept { return true; }
};

/// A string to build secret text in.
using wiping_string = std::basic_string<char, std::char_traits<char>, wiping_allocator<char>>;

/// Wipes a string when the scope ends, however it ends.
///   const wipe_at_exit wiping(body);
template <class String>
class wipe_at_exit {
  public:
    explicit wipe_at_exit(String& text) noexcept : text_(text) {}
    wipe_at_exit(const wipe_at_exit&) = delete;
    wipe_at_exit& operator=(const wipe_at_exit&) = delete;
    ~wipe_at_exit() { wipe_text(text_); }

  private:
    String& text_;
};

}}} // namespace tokenkeep::v1::detail

#endif
