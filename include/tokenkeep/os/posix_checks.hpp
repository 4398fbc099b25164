// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OS_POSIX_CHECKS_HPP
#define TOKENKEEP_OS_POSIX_CHECKS_HPP

// What a file and its directory must be like before the library uses them. Included by os/os.hpp.

#include <tokenkeep/error.hpp>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace tokenkeep { inline namespace v1 { namespace detail {

using file_status = struct ::stat;

/// The directory in a path; "." if the path has none.
inline std::string directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

/// errc::permissions if this errno says that the system does not let this program do it, else errc::storage_failure.
inline errc errc_of_system(int number) noexcept {
    const bool is_refusal =
        number == EACCES || number == EPERM || number == EROFS || number == EISDIR || number == ENXIO;
    return is_refusal ? errc::permissions : errc::storage_failure;
}

/// The status of what has this path; of a link itself, if it is one. nullopt if there is nothing.
inline std::optional<file_status> status_of(const std::string& path) {
    file_status status{};
    if (::lstat(path.c_str(), &status) == 0) return status;
    if (errno == ENOENT) return std::nullopt;
    throw file_error(errc_of_system(errno), "inspect", path, errno);
}

/// What is thrown for a symbolic link.
inline error link_refused(const std::string& path) {
    char target[4'096];
    const ssize_t size = ::readlink(path.c_str(), target, sizeof target);
    const std::string to = size > 0 ? " to " + std::string(target, static_cast<std::size_t>(size)) : std::string();
    return error(errc::permissions, "tokenkeep: " + path + " is a symbolic link" + to + "; name the file itself");
}

/// To be called when opening the path without following a link has failed with this errno.
[[noreturn]] inline void refuse_open(const std::string& path, int number) {
    if (number == ELOOP) throw link_refused(path);
    throw file_error(errc_of_system(number), "open", path, number);
}

// ---- Users and modes in messages ----

inline std::string text_of_user(uid_t user) { return "user " + std::to_string(user) + (user == 0 ? " (root)" : ""); }

/// "0660"
inline std::string text_of_mode(mode_t mode) {
    std::string text;
    for (int shift = 9; shift >= 0; shift -= 3) text += static_cast<char>('0' + ((mode >> shift) & 7));
    return text;
}

// ---- The file ----

/// Throws errc::permissions if the file belongs to another user than the one that this program runs as. `advice` says
/// what to do then.
inline void require_own(const file_status& status, const std::string& path, const std::string& advice) {
    if (status.st_uid != ::geteuid())
        throw error(errc::permissions, "tokenkeep: " + path + " belongs to " + text_of_user(status.st_uid) +
                                           ", but this program runs as " + text_of_user(::geteuid()) + "; " + advice);
}

inline constexpr const char* advice_for_file = "run it as the user to whom the file belongs";

/// Throws errc::permissions unless it is a regular file of this user, with one name, on which others have none of the
/// rights in `denied`.
inline void require_private(const file_status& status, const std::string& path, mode_t denied = S_IRWXG | S_IRWXO) {
    if (S_ISLNK(status.st_mode)) throw link_refused(path);
    if (!S_ISREG(status.st_mode)) throw error(errc::permissions, "tokenkeep: " + path + " is not a regular file");
    require_own(status, path, advice_for_file);
    if ((status.st_mode & denied) != 0)
        throw error(errc::permissions, "tokenkeep: " + path + " has mode " + text_of_mode(status.st_mode) +
                                           " and belongs to " + text_of_user(status.st_uid) + ": others can " +
                                           ((denied & S_IROTH) != 0 ? "use" : "write") + " it; run: chmod 600 " + path);
    if (status.st_nlink > 1) // under the other name it has another lock
        throw error(errc::permissions, "tokenkeep: " + path + " has " + std::to_string(status.st_nlink) +
                                           " hard links, and neither locks nor deletions reach its other names; " +
                                           "remove these, or replace " + path + " by a copy of itself");
}

/// Whether the file is a mount of its own: a file that is mounted alone into a container. Rename cannot replace it, and
/// another container that has it, too, has another lock file.
inline bool is_mount(const std::string& path) {
#if defined(STATX_MNT_ID)
    using mount_status = struct ::statx;
    mount_status file{}, directory{};
    if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &file) == 0 &&
        ::statx(AT_FDCWD, directory_of(path).c_str(), 0, STATX_MNT_ID, &directory) == 0)
        return file.stx_mnt_id != directory.stx_mnt_id;
#endif
    return false;
}

/// Whether the file is on a mount that can only be read.
inline bool is_mounted_for_reading(const std::string& path) noexcept {
    struct ::statvfs mount {};
    return ::statvfs(path.c_str(), &mount) == 0 && (mount.f_flag & ST_RDONLY) != 0;
}

/// Whether the file is a mount of its own that must not be used. One that can only be read may be used, because nothing
/// is saved there. But if the file was replaced where the mount comes from, the mount still shows the old one, which
/// has no name any more.
inline bool is_unusable_mount(const std::string& path) {
    if (!is_mount(path)) return false;
    const std::optional<file_status> status = status_of(path);
    return !status || status->st_nlink == 0 || !is_mounted_for_reading(path);
}

/// What is thrown for such a file.
inline file_error mount_refused(const std::string& path) {
    return file_error(errc::storage_failure, "use", path, EBUSY);
}

/// Throws errc::permissions if there is such a file, on a mount that can only be read.
inline void require_writable_mount(const std::string& path) {
    if (is_mounted_for_reading(path)) throw file_error(errc::permissions, "write", path, EROFS);
}

// ---- The directory ----

/// Throws errc::permissions if others can replace files in the directory of the path: those who can write it, and its
/// owner. In a sticky directory (/tmp) only the owner of a file can replace it. A group that has the number of the user
/// is the user's own, and does not count as others. A directory that is missing is not refused.
inline void require_private_directory(const std::string& path) {
    const std::string directory = directory_of(path);
    file_status status{};
    if (::stat(directory.c_str(), &status) != 0) {
        if (errno == ENOENT) return;
        throw file_error(errc_of_system(errno), "inspect", directory, errno);
    }
    if (status.st_uid != 0)
        require_own(status, directory,
                    "run it as the user to whom the directory belongs, or use a directory of its own");
    const bool is_own_group = status.st_gid == ::getegid() && status.st_gid == ::geteuid();
    const mode_t others = is_own_group ? S_IWOTH : S_IWGRP | S_IWOTH;
    if ((status.st_mode & others) != 0 && (status.st_mode & S_ISVTX) == 0)
        throw error(errc::permissions, "tokenkeep: " + directory + " has mode " + text_of_mode(status.st_mode) +
                                           " and belongs to " + text_of_user(status.st_uid) + " and group " +
                                           std::to_string(status.st_gid) +
                                           ": others can replace the files in it; run: chmod go-w " + directory);
}

}}} // namespace tokenkeep::v1::detail

#endif
