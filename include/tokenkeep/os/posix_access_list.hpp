// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OS_POSIX_ACCESS_LIST_HPP
#define TOKENKEEP_OS_POSIX_ACCESS_LIST_HPP

// Included by os/os.hpp, before os/posix_checks.hpp.

#include <cstddef>
#include <cstdint>
#include <string>

#include <sys/types.h>
#if defined(__linux__)
#include <sys/xattr.h>
#endif

namespace tokenkeep { inline namespace v1 { namespace detail {

inline std::string text_of_user(uid_t user) { return "user " + std::to_string(user) + (user == 0 ? " (root)" : ""); }

/// Which of the lists of a file or a directory.
enum class access_list {
    of_file,      ///< It says who may use the file or the directory.
    of_new_files, ///< The list that new files in the directory get.
};

/// The first user or group that a POSIX access-control list names and gives any of `rights`: "user 1000", for instance.
/// 4 is reading, 2 writing, 1 searching. The group `except` does not count. Empty if there is no such entry or no list,
/// or if the system has no such lists.
inline std::string named_in(access_list which, const std::string& path, unsigned rights, gid_t except) {
#if defined(__linux__)
    // The bytes, little-endian: version, 4 (it is 2); then for each entry: kind, 2     rights, 2     user or group, 4
    constexpr std::size_t header_size = 4, entry_size = 8;
    constexpr unsigned user = 0x02, group = 0x08, mask = 0x10; // kinds of entries
    const char* const name = which == access_list::of_file ? "system.posix_acl_access" : "system.posix_acl_default";
    const ssize_t size = ::getxattr(path.c_str(), name, nullptr, 0);
    if (size <= 0) return {};
    std::string list(static_cast<std::size_t>(size), '\0');
    if (::getxattr(path.c_str(), name, list.data(), list.size()) != size) return "others";
    const auto number_at = [&](std::size_t at, std::size_t bytes) {
        std::uint32_t number = 0;
        for (std::size_t i = bytes; i-- > 0;) number = number << 8 | static_cast<unsigned char>(list[at + i]);
        return number;
    };
    unsigned most = 7; // what the mask leaves of the rights of each entry
    for (std::size_t at = header_size; at + entry_size <= list.size(); at += entry_size)
        if (number_at(at, 2) == mask) most = number_at(at + 2, 2);
    for (std::size_t at = header_size; at + entry_size <= list.size(); at += entry_size) {
        const std::uint32_t kind = number_at(at, 2), id = number_at(at + 4, 4);
        if ((number_at(at + 2, 2) & most & rights) == 0) continue;
        if (kind == user) return text_of_user(id);
        if (kind == group && id != except) return "group " + std::to_string(id);
    }
#else
    (void)which, (void)path, (void)rights, (void)except;
#endif
    return {};
}

}}} // namespace tokenkeep::v1::detail

#endif
