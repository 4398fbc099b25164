// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_MEMORY_HASH_INDEX_HPP
#define TOKENKEEP_MEMORY_HASH_INDEX_HPP

#include <tokenkeep/memory/arena.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

inline std::uint32_t hash_of(std::string_view key) noexcept {
    return static_cast<std::uint32_t>(std::hash<std::string_view>{}(key));
}

/// Numbers by the hash of a key, in an open-addressed table with linear probing. Several numbers may have one hash:
/// the caller compares the keys. A slot takes eight bytes. Not thread-safe.
///   index.reserve(index.size() + 1);
///   index.insert(hash_of(key), 7);
///   std::uint32_t found = index.find(hash_of(key), [&](std::uint32_t row) { return rows[row]->key == key; });
class hash_index {
    struct is {
        std::uint32_t number;
        bool operator()(std::uint32_t other) const noexcept { return other == number; }
    };

  public:
    static constexpr std::uint32_t none = 0xffff'ffff; ///< No number can be this one.

    std::size_t size() const noexcept { return size_; }

    /// Makes room for `count` numbers in all. No other function here throws.
    void reserve(std::size_t count) {
        std::size_t wanted = slots_.empty() ? 16 : slots_.size();
        while (count > wanted / 4 * 3) wanted *= 2;
        if (wanted == slots_.size()) return;
        decltype(slots_) before(wanted);
        std::swap(before, slots_);
        size_ = 0;
        for (const slot& old : before)
            if (old.number != none) insert(old.hash, old.number);
    }

    /// Adds a number. There must be room for it; see reserve.
    void insert(std::uint32_t hash, std::uint32_t number) noexcept {
        std::size_t at = home(hash);
        while (slots_[at].number != none) at = next(at);
        slots_[at] = {hash, number};
        ++size_;
    }

    /// The first number with that hash for which `is_wanted(number)` is true; none if there is none.
    template <class IsWanted>
    std::uint32_t find(std::uint32_t hash, IsWanted is_wanted) const noexcept {
        if (slots_.empty()) return none;
        return slots_[place(hash, is_wanted)].number;
    }

    /// Calls `visit(number)` for each number with that hash.
    template <class Visit>
    void for_each_of(std::uint32_t hash, Visit visit) const {
        if (slots_.empty()) return;
        for (std::size_t at = home(hash); slots_[at].number != none; at = next(at))
            if (slots_[at].hash == hash) visit(slots_[at].number);
    }

    // The number must be there with that hash.

    void erase(std::uint32_t hash, std::uint32_t number) noexcept {
        std::size_t gap = place(hash, is{number});
        slots_[gap].number = none;
        --size_;
        // Numbers that found their place taken lie behind it: they move up.
        for (std::size_t at = next(gap); slots_[at].number != none; at = next(at)) {
            if (distance(home(slots_[at].hash), at) < distance(gap, at)) continue;
            std::swap(slots_[gap], slots_[at]);
            gap = at;
        }
    }
    /// Puts another number in the place of this one.
    void renumber(std::uint32_t hash, std::uint32_t number, std::uint32_t other) noexcept {
        slots_[place(hash, is{number})].number = other;
    }

  private:
    struct slot {
        std::uint32_t hash = 0;
        std::uint32_t number = none;
    };

    /// The slot of that number, or the empty one behind all that it could be in.
    template <class IsWanted>
    std::size_t place(std::uint32_t hash, IsWanted is_wanted) const noexcept {
        std::size_t at = home(hash);
        while (slots_[at].number != none && !(slots_[at].hash == hash && is_wanted(slots_[at].number))) at = next(at);
        return at;
    }
    std::size_t home(std::uint32_t hash) const noexcept { return hash & (slots_.size() - 1); }
    std::size_t next(std::size_t at) const noexcept { return (at + 1) & (slots_.size() - 1); }
    std::size_t distance(std::size_t from, std::size_t to) const noexcept { return (to - from) & (slots_.size() - 1); }

    std::vector<slot, block_allocator<slot>> slots_{}; ///< As many as a power of two, or none.
    std::size_t size_ = 0;
};

}}} // namespace tokenkeep::v1::detail

#endif
