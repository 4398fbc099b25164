// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_FILE_IDENTITY_HPP
#define TOKENKEEP_FILE_IDENTITY_HPP

#include <cstdint>

namespace tokenkeep { inline namespace v0 {

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

}} // namespace tokenkeep::v0

#endif
