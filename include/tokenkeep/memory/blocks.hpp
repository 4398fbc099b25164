// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_MEMORY_BLOCKS_HPP
#define TOKENKEEP_MEMORY_BLOCKS_HPP

#include <cstddef>
#include <new>

#if !defined(_WIN32)
#include <sys/mman.h>
#endif

namespace tokenkeep { inline namespace v1 { namespace detail {

inline constexpr std::size_t large_page = 1 << 21;

/// Allocates one piece of memory. For a large piece it asks the system for large pages: filling them costs less.
inline void* allocate_block(std::size_t size) {
    if (size < large_page) return ::operator new(size);
    void* const memory = ::operator new(size, std::align_val_t(large_page));
#if defined(MADV_HUGEPAGE)
    (void)::madvise(memory, size, MADV_HUGEPAGE);
#endif
    return memory;
}

/// Frees what allocate_block has returned for that size.
inline void free_block(void* memory, std::size_t size) noexcept {
    if (size < large_page)
        ::operator delete(memory);
    else
        ::operator delete(memory, std::align_val_t(large_page));
}

}}} // namespace tokenkeep::v1::detail

#endif
