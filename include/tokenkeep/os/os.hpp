// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OS_OS_HPP
#define TOKENKEEP_OS_OS_HPP

#include <tokenkeep/error.hpp>
#include <tokenkeep/file_identity.hpp>
#include <tokenkeep/os/file_trust.hpp>
#include <tokenkeep/os/wait_for_lock.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/ascii.hpp>

// All that the library asks of the platform. The files of each platform define, in tokenkeep::detail:
//   void random_bytes(void* memory, std::size_t size);                     fills the memory with random bytes
//   std::uint64_t process_id();
//   std::optional<secret> read_file(path, const file_trust&);              nullopt: there is no such file
//   std::optional<secret> read_secret_file(path, const file_trust&);       the same; no one else may read it
//   void replace_file(path, std::string_view bytes, const file_trust&);    whole or not at all; private to the user
//   std::string absolute_path(const std::string& path);                    the links in its directory followed
//   std::string target_of(std::string path, const file_trust& trust);      to where a symbolic link leads
//   class file_lock                                                        exclusive, by name; ends with the process
//   class system_files                                                     a model of file_system
#if defined(_WIN32)
#error "tokenkeep: files and random numbers are written for POSIX systems only"
#else
#include <tokenkeep/os/posix_access_list.hpp>

#include <tokenkeep/os/posix_checks.hpp>

#include <tokenkeep/os/posix_descriptor.hpp>

#include <tokenkeep/os/posix.hpp>

#include <tokenkeep/os/posix_lock.hpp>

#include <tokenkeep/os/posix_files.hpp>
#endif

#include <array>
#include <cstddef>
#include <span>
#include <string>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// `bytes` random bytes (at most 32) from the system, in hex.
inline std::string random_hex(std::size_t bytes) {
    std::array<unsigned char, 32> random{};
    random_bytes(random.data(), bytes);
    return text::to_hex(std::span(random).first(bytes));
}

}}} // namespace tokenkeep::v1::detail

#endif
