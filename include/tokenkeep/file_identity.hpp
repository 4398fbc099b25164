// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_FILE_IDENTITY_HPP
#define TOKENKEEP_FILE_IDENTITY_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <cstdint>

namespace tokenkeep { inline namespace v1 {

/// Which file a name or a descriptor means, and its size. A file that replaces another has another number.
struct file_identity {
    std::uint64_t device = 0; ///< The number of the file system.
    std::uint64_t number = 0; ///< The number of the file in it (the inode).
    std::uint64_t size = 0;   ///< The size of the file in bytes.

    /// Whether both are one file, whatever its size.
    bool is_same_file(const file_identity& other) const noexcept {
        return device == other.device && number == other.number;
    }

    friend bool operator==(const file_identity&, const file_identity&) = default;
};

}} // namespace tokenkeep::v1

#endif
