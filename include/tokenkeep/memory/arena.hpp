// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_MEMORY_ARENA_HPP
#define TOKENKEEP_MEMORY_ARENA_HPP

#include <tokenkeep/memory/blocks.hpp>
#include <tokenkeep/memory/wipe.hpp>

#include <algorithm>
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// An allocator for what may be very large; see allocate_block.
template <class T>
struct block_allocator {
    using value_type = T;
    block_allocator() noexcept = default;
    template <class U>
    block_allocator(const block_allocator<U>&) noexcept {}
    T* allocate(std::size_t count) { return static_cast<T*>(allocate_block(count * sizeof(T))); }
    void deallocate(T* memory, std::size_t count) noexcept { free_block(memory, count * sizeof(T)); }
    friend bool operator==(const block_allocator&, const block_allocator&) noexcept { return true; }
};

/// Memory that is given out in pieces, and wiped and freed all at once. It takes large blocks from the system, so that
/// millions of small pieces are cheap. Not thread-safe.
///   char* const piece = memory.allocate(100);
class arena {
    static constexpr std::size_t alignment = alignof(std::max_align_t);
    static constexpr std::size_t least_block = 1 << 14;
    static constexpr std::size_t most_block = 1 << 22;

    class block {
      public:
        explicit block(std::size_t size) : memory_(allocate_block(size)), size_(size) {}
        block(block&& other) noexcept : memory_(std::exchange(other.memory_, nullptr)), size_(other.size_) {}
        block& operator=(block&& other) noexcept {
            std::swap(memory_, other.memory_);
            std::swap(size_, other.size_);
            return *this;
        }
        ~block() {
            if (memory_ == nullptr) return;
            wipe(memory_, size_);
            free_block(memory_, size_);
        }
        char* memory() const noexcept { return static_cast<char*>(memory_); }

      private:
        void* memory_;
        std::size_t size_;
    };

  public:
    arena() = default;
    arena(arena&& other) noexcept
        : blocks_(std::move(other.blocks_)),
          last_size_(other.last_size_),
          left_(std::exchange(other.left_, 0)),
          at_(std::exchange(other.at_, nullptr)) {}
    arena& operator=(arena&& other) noexcept {
        arena taken(std::move(other));
        std::swap(blocks_, taken.blocks_);
        std::swap(last_size_, taken.last_size_);
        std::swap(left_, taken.left_);
        std::swap(at_, taken.at_);
        return *this;
    }
    ~arena() = default;

    /// `size` bytes, aligned for pointers and numbers, as long as the arena lives.
    char* allocate(std::size_t size) {
        size = (size + alignment - 1) / alignment * alignment;
        if (size > left_) {
            const std::size_t next = (std::min)(most_block, (std::max)(least_block, 2 * last_size_));
            blocks_.emplace_back((std::max)(size, next));
            last_size_ = left_ = (std::max)(size, next);
            at_ = blocks_.back().memory();
        }
        left_ -= size;
        return std::exchange(at_, at_ + size);
    }

  private:
    std::vector<block> blocks_{};
    std::size_t last_size_ = 0;
    std::size_t left_ = 0;
    char* at_ = nullptr;
};

}}} // namespace tokenkeep::v1::detail

#endif
