// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_MEMORY_HASH_INDEX_HPP
#define TOKENKEEP_MEMORY_HASH_INDEX_HPP

#include <tokenkeep/memory/arena.hpp>

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

inline std::size_t hash_of(std::string_view key) noexcept { return std::hash<std::string_view>{}(key); }

/// Pointers by the hash of a key, in an open-addressed table with linear probing. Several pointers may have one hash:
/// the caller compares the keys. Not thread-safe.
///   index.reserve(index.size() + 1);
///   index.insert(hash_of(key), row);
///   row* const* found = index.find(hash_of(key), [&](const row* each) { return each->key == key; });
template <class Pointer>
class hash_index {
    struct slot {
        std::size_t hash = 0;
        Pointer row{};
    };

  public:
    std::size_t size() const noexcept { return size_; }

    /// Makes room for `count` pointers in all. No other function here throws.
    void reserve(std::size_t count) {
        std::size_t wanted = slots_.empty() ? 16 : slots_.size();
        while (count > wanted / 4 * 3) wanted *= 2;
        if (wanted == slots_.size()) return;
        decltype(slots_) before(wanted);
        std::swap(before, slots_);
        size_ = 0;
        for (slot& old : before)
            if (old.row) insert(old.hash, std::move(old.row));
    }

    /// Adds a pointer. There must be room for it; see reserve.
    void insert(std::size_t hash, Pointer row) noexcept {
        std::size_t at = home(hash);
        while (slots_[at].row) at = next(at);
        slots_[at].hash = hash;
        slots_[at].row = std::move(row);
        ++size_;
    }

    /// The first pointer with that hash for which `is(pointer)` is true; null if there is none.
    template <class Is>
    Pointer* find(std::size_t hash, Is is) noexcept {
        const std::size_t at = place(hash, is);
        return at == slots_.size() ? nullptr : &slots_[at].row;
    }
    template <class Is>
    const Pointer* find(std::size_t hash, Is is) const noexcept {
        const std::size_t at = place(hash, is);
        return at == slots_.size() ? nullptr : &slots_[at].row;
    }

    /// Takes out the pointer that find would return; null if there is none.
    template <class Is>
    Pointer take(std::size_t hash, Is is) noexcept {
        std::size_t gap = place(hash, is);
        if (gap == slots_.size()) return Pointer{};
        Pointer taken = std::exchange(slots_[gap].row, Pointer{});
        --size_;
        // Pointers that found their place taken lie behind it: they move up.
        for (std::size_t at = next(gap); slots_[at].row; at = next(at)) {
            if (distance(home(slots_[at].hash), at) < distance(gap, at)) continue;
            std::swap(slots_[gap], slots_[at]);
            gap = at;
        }
        return taken;
    }

    /// Calls `visit(pointer)` for each pointer with that hash.
    template <class Visit>
    void for_each_of(std::size_t hash, Visit visit) const {
        if (slots_.empty()) return;
        for (std::size_t at = home(hash); slots_[at].row; at = next(at))
            if (slots_[at].hash == hash) visit(slots_[at].row);
    }

    /// Calls `visit(pointer)` for each pointer.
    template <class Visit>
    void for_each(Visit visit) const {
        for (const slot& each : slots_)
            if (each.row) visit(each.row);
    }

  private:
    template <class Is>
    std::size_t place(std::size_t hash, Is is) const noexcept {
        if (slots_.empty()) return 0;
        std::size_t at = home(hash);
        while (slots_[at].row && !(slots_[at].hash == hash && is(slots_[at].row))) at = next(at);
        return slots_[at].row ? at : slots_.size();
    }
    std::size_t home(std::size_t hash) const noexcept { return hash & (slots_.size() - 1); }
    std::size_t next(std::size_t at) const noexcept { return (at + 1) & (slots_.size() - 1); }
    std::size_t distance(std::size_t from, std::size_t to) const noexcept { return (to - from) & (slots_.size() - 1); }

    std::vector<slot, block_allocator<slot>> slots_{}; ///< As many as a power of two, or none.
    std::size_t size_ = 0;
};

}}} // namespace tokenkeep::v1::detail

#endif
