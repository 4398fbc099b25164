// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_OS_HPP
#define TOKENKEEP_DETAIL_OS_HPP

#include <tokenkeep/detail/wait_for_lock.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/secret.hpp>

#include <cstdint>

namespace tokenkeep::inline v0 {

/// Which file it is, and how long.
struct file_identity {
    std::uint64_t device = 0; ///< Of the file system.
    std::uint64_t number = 0; ///< Of the file in it (the inode).
    std::uint64_t size = 0;   ///< In bytes.

    friend bool operator==(const file_identity&, const file_identity&) = default;
};

} // namespace tokenkeep::inline v0

// The whole of the platform that the library asks for. Each platform's files define, in tokenkeep::detail:
//   void random_bytes(void* memory, std::size_t size);
//   std::uint64_t process_id();
//   void* allocate_block(std::size_t size), void free_block(void* memory, std::size_t size);
//   std::optional<secret> read_file(const std::string& path);              nullopt: there is no such file
//   void replace_file(const std::string& path, std::string_view bytes);    whole or not at all; private to the user
//   std::string absolute_path(const std::string& path);
//   class file_lock                                                        exclusive, by name, dies with the process
//   struct system_files                                                    a model of file_system
#if defined(_WIN32)
#error "tokenkeep: files and random numbers are written for POSIX systems only"
#else
#include <tokenkeep/detail/os_posix.hpp>

#include <tokenkeep/detail/os_posix_lock.hpp>

#include <tokenkeep/detail/os_posix_files.hpp>
#endif

#include <array>
#include <cstddef>
#include <string>

namespace tokenkeep::inline v0::detail {

/// `bytes` random bytes (at most 32) from the system, in hex.
inline std::string random_hex(std::size_t bytes) {
    std::array<unsigned char, 32> random{};
    random_bytes(random.data(), bytes);
    std::string hex;
    for (std::size_t i = 0; i < bytes; ++i) {
        hex += "0123456789abcdef"[random[i] >> 4];
        hex += "0123456789abcdef"[random[i] & 15];
    }
    return hex;
}

} // namespace tokenkeep::inline v0::detail

#endif
