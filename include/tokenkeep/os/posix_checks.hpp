// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OS_POSIX_CHECKS_HPP
#define TOKENKEEP_OS_POSIX_CHECKS_HPP

// What a file and its directory must be like before the library uses them. Included by os/os.hpp, after
// os/posix_access_list.hpp.

#include <tokenkeep/error.hpp>
#include <tokenkeep/os/file_trust.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

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
    return error(errc::permissions, "tokenkeep: " + path + " is a symbolic link" + to +
                                        "; name the file itself, or use a policy in which follows_link is true");
}

/// To be called when opening the path without following a link has failed with this errno.
[[noreturn]] inline void refuse_open(const std::string& path, int number) {
    if (number == ELOOP) throw link_refused(path);
    throw file_error(errc_of_system(number), "open", path, number);
}

// ---- Users and modes in messages ----

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

/// The group that may use the files in a directory; nullopt if only the user may. See require_private_directory.
using shared_group = std::optional<gid_t>;

inline bool is_shared(const file_status& status, shared_group group) noexcept {
    return group && status.st_gid == *group;
}

/// Throws errc::permissions if the access-control list gives any of the rights to a user or a group that it names.
inline void require_unnamed(access_list which, const std::string& path, unsigned rights, gid_t except) {
    const std::string name = named_in(which, path, rights, except);
    if (name.empty()) return;
    const bool is_of_file = which == access_list::of_file;
    throw error(errc::permissions, "tokenkeep: " + path + " has an access-control list that lets " + name + " use " +
                                       (is_of_file ? "it; run: setfacl -b " : "new files in it; run: setfacl -k ") +
                                       path);
}

/// Throws errc::permissions if the file belongs to another user, unless it belongs to the group that shares it.
inline void require_own_or_shared(const file_status& status, const std::string& path, shared_group group) {
    if (is_shared(status, group)) return;
    if (!group) return require_own(status, path, advice_for_file);
    const std::string number = std::to_string(*group);
    require_own(status, path,
                "its group is " + std::to_string(status.st_gid) + " and that of the directory is " + number +
                    "; run: chgrp " + number + " " + path + " && chmod 660 " + path);
}

/// Throws errc::permissions unless it is a regular file of this user, with one name, on which others have none of the
/// rights in `denied`. If its directory has a group that shares it, the file may belong to any user, and the group has
/// all rights.
inline void require_private(const file_status& status, const std::string& path, shared_group group,
                            mode_t denied = S_IRWXG | S_IRWXO) {
    if (S_ISLNK(status.st_mode)) throw link_refused(path);
    if (!S_ISREG(status.st_mode)) throw error(errc::permissions, "tokenkeep: " + path + " is not a regular file");
    require_own_or_shared(status, path, group);
    const bool is_of_group = is_shared(status, group);
    if (is_of_group) denied &= ~static_cast<mode_t>(S_IRWXG);
    if ((status.st_mode & denied) != 0)
        throw error(errc::permissions, "tokenkeep: " + path + " has mode " + text_of_mode(status.st_mode) +
                                           " and belongs to " + text_of_user(status.st_uid) + " and group " +
                                           std::to_string(status.st_gid) + ": others can " +
                                           ((denied & S_IROTH) != 0 ? "use" : "write") + " it; run: chmod " +
                                           (is_of_group ? "660 " : "600 ") + path);
    if (is_of_group) require_unnamed(access_list::of_file, path, 7, *group);
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

inline bool is_in_group(gid_t group) {
    if (::getegid() == group) return true;
    std::vector<gid_t> groups(static_cast<std::size_t>((std::max)(0, ::getgroups(0, nullptr))));
    groups.resize(static_cast<std::size_t>((std::max)(0, ::getgroups(static_cast<int>(groups.size()), groups.data()))));
    return std::find(groups.begin(), groups.end(), group) != groups.end();
}

/// Throws errc::permissions unless the group of the directory, and no one else, shares the files in it. The directory
/// must be setgid, so that new files get its group, or sticky, so that only the owner of a file can replace it.
inline void require_group_directory(const file_status& status, const std::string& directory) {
    const std::string group = std::to_string(status.st_gid);
    const std::string what = "tokenkeep: " + directory + " has mode " + text_of_mode(status.st_mode) +
                             " and belongs to " + text_of_user(status.st_uid) + " and group " + group;
    if ((status.st_mode & S_IWOTH) != 0)
        throw error(errc::permissions,
                    what + ": others than the trusted group can write it; run: chmod o-w " + directory);
    if ((status.st_mode & (S_ISGID | S_ISVTX)) == 0)
        throw error(errc::permissions,
                    what + ": files that are made in it do not get its group; run: chmod g+s " + directory);
    if (!is_in_group(status.st_gid))
        throw error(errc::permissions, what + ", and this program, which runs as " + text_of_user(::geteuid()) +
                                           ", is not in that group; run it as a member");
    require_unnamed(access_list::of_file, directory, 2, status.st_gid);
    require_unnamed(access_list::of_new_files, directory, 7, status.st_gid);
}

/// Throws errc::permissions if others can replace files in the directory of the path: those who can write it, and its
/// owner. In a sticky directory (/tmp) only the owner of a file can replace it. A group that has the number of the user
/// is the user's own, and does not count as others. A user or a group that an access-control list names does count. A
/// directory that is missing is not refused.
///
/// If the group can write the directory and is trusted, the result is that group, and the directory may belong to any
/// user. The user's own group shares nothing, and neither does the group of /tmp.
inline shared_group require_private_directory(const std::string& path, const file_trust& trust) {
    const std::string directory = directory_of(path);
    file_status status{};
    if (::stat(directory.c_str(), &status) != 0) {
        if (errno == ENOENT) return std::nullopt;
        throw file_error(errc_of_system(errno), "inspect", directory, errno);
    }
    const bool group_writes = (status.st_mode & S_IWGRP) != 0;
    const bool is_own_group = status.st_gid == ::getegid() && status.st_gid == ::geteuid();
    const bool is_for_all = (status.st_mode & (S_IWOTH | S_ISVTX)) == (S_IWOTH | S_ISVTX);
    if (trust.trusts_group && group_writes && !is_own_group && !is_for_all) {
        require_group_directory(status, directory);
        return status.st_gid;
    }
    if (status.st_uid != 0)
        require_own(status, directory,
                    "run it as the user to whom the directory belongs, or use a directory of its own");
    if ((status.st_mode & S_ISVTX) != 0) return std::nullopt;
    const mode_t others = is_own_group ? S_IWOTH : S_IWGRP | S_IWOTH;
    if ((status.st_mode & others) != 0)
        throw error(errc::permissions,
                    "tokenkeep: " + directory + " has mode " + text_of_mode(status.st_mode) + " and belongs to " +
                        text_of_user(status.st_uid) + " and group " + std::to_string(status.st_gid) +
                        ": others can replace the files in it; run: chmod go-w " + directory +
                        ((status.st_mode & S_IWOTH) == 0 ? ", or use a policy in which trusts_group is true" : ""));
    if (group_writes) require_unnamed(access_list::of_file, directory, 2, status.st_gid);
    return std::nullopt;
}

}}} // namespace tokenkeep::v1::detail

#endif
