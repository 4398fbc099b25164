// SPDX-License-Identifier: MIT
// Replaces operator new and delete for one program: each block of memory is searched as it is freed, and an allocation
// fails on demand. For programs of one source file.
#ifndef TOKENKEEP_TESTS_SUPPORT_SEARCHED_MEMORY_HPP
#define TOKENKEEP_TESTS_SUPPORT_SEARCHED_MEMORY_HPP

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace tests {

inline bool searching = false;                                 ///< Whether blocks are searched now.
inline bool (*holds_secret)(std::string_view block) = nullptr; ///< What is looked for.
inline int leaks = 0;                                          ///< Freed blocks that held a secret.
inline int freed = 0;                                          ///< Blocks that were searched.
inline long until_failure = -1;      ///< How many allocations succeed before one fails; negative: all.
inline bool goes_on_failing = false; ///< Whether all allocations after that one fail too.

/// Memory is neither searched nor refused while this lives: for what the test itself does in between.
class unwatched {
  public:
    unwatched() : searching_(std::exchange(searching, false)), until_failure_(std::exchange(until_failure, -1)) {}
    unwatched(const unwatched&) = delete;
    unwatched& operator=(const unwatched&) = delete;
    ~unwatched() {
        searching = searching_;
        until_failure = until_failure_;
    }

  private:
    bool searching_;
    long until_failure_;
};

namespace detail {

constexpr std::size_t header = 2 * alignof(std::max_align_t); // before each block: its size

inline void* allocate(std::size_t size) {
    if (until_failure == 0) {
        if (!goes_on_failing) until_failure = -1;
        throw std::bad_alloc();
    }
    if (until_failure > 0) --until_failure;
    auto* const memory = static_cast<char*>(std::calloc(1, size + header));
    if (memory == nullptr) throw std::bad_alloc();
    std::memcpy(memory, &size, sizeof size);
    return memory + header;
}

inline void release(void* block) noexcept {
    if (block == nullptr) return;
    char* const memory = static_cast<char*>(block) - header;
    std::size_t size = 0;
    std::memcpy(&size, memory, sizeof size);
    if (searching) {
        ++freed;
        if (holds_secret({memory + header, size})) ++leaks;
    }
    std::free(memory);
}

} // namespace detail

} // namespace tests

void* operator new(std::size_t size) { return tests::detail::allocate(size); }
void* operator new[](std::size_t size) { return tests::detail::allocate(size); }
void operator delete(void* block) noexcept { tests::detail::release(block); }
void operator delete[](void* block) noexcept { tests::detail::release(block); }
void operator delete(void* block, std::size_t) noexcept { tests::detail::release(block); }
void operator delete[](void* block, std::size_t) noexcept { tests::detail::release(block); }

#endif
