// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OS_POSIX_HPP
#define TOKENKEEP_OS_POSIX_HPP

// Included by os/os.hpp, after os/posix_descriptor.hpp.

#include <tokenkeep/error.hpp>
#include <tokenkeep/secret.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__APPLE__)
#include <sys/random.h>
#endif

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Fills the memory with random bytes of the system.
inline void random_bytes(void* memory, std::size_t size) {
    if (::getentropy(memory, size) != 0)
        throw error(errc::storage_failure, "tokenkeep: the system gives no random bytes");
}

inline std::uint64_t process_id() noexcept { return static_cast<std::uint64_t>(::getpid()); }

/// Makes an open file durable. False if that failed; errno then says why.
inline bool flush_to_disk(int number) noexcept {
#if defined(F_FULLFSYNC)
    if (::fcntl(number, F_FULLFSYNC) == 0) return true;
#endif
    return ::fsync(number) == 0;
}

/// The same for the content only, and what is needed to read it: not for times.
inline bool flush_content_to_disk(int number) noexcept {
#if defined(__linux__)
    return ::fdatasync(number) == 0;
#else
    return flush_to_disk(number);
#endif
}

/// Gives a file that this program has made its rights: the user may read and write it, and so may the group that shares
/// the directory, if there is one. False if that failed; errno then says why.
inline bool set_rights(const descriptor& file, shared_group group) noexcept {
    constexpr mode_t user = S_IRUSR | S_IWUSR;
    if (!group) return ::fchmod(file.number(), user) == 0;
    return ::fchown(file.number(), static_cast<uid_t>(-1), *group) == 0 &&
           ::fchmod(file.number(), user | S_IRGRP | S_IWGRP) == 0;
}

/// What others may not do with a document: they may read it until it is saved.
inline constexpr mode_t denied_for_documents = S_IWGRP | S_IWOTH;

/// The content of a file; nullopt if there is no file. Throws errc::permissions for a symbolic link, for anything but a
/// regular file, for a file of another user or with several hard links, for a file on which others have a right that is
/// denied, and for a directory that others can write. Throws errc::storage_failure for a file that is a mount of its
/// own, unless it is mounted for reading.
inline std::optional<secret> read_file(const std::string& path, const file_trust& trust,
                                       mode_t denied = denied_for_documents) {
    const shared_group group = require_private_directory(path, trust);
    const descriptor file = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (!file.is_open()) {
        if (errno == ENOENT) return std::nullopt;
        refuse_open(path, errno);
    }
    require_private(file.status(), path, group, denied);
    if (is_unusable_mount(path)) throw mount_refused(path);
    const auto size = static_cast<std::size_t>(file.status().st_size);
    return secret::build(size, [&](char* out) {
        std::size_t filled = 0;
        while (filled < size) {
            const ssize_t got = ::read(file.number(), out + filled, size - filled);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) throw file_error(errc::storage_failure, "read", path, errno);
            if (got == 0) break;
            filled += static_cast<std::size_t>(got);
        }
        return filled;
    });
}

/// The same, and throws errc::permissions for a file that others can read.
inline std::optional<secret> read_secret_file(const std::string& path, const file_trust& trust) {
    return read_file(path, trust, S_IRWXG | S_IRWXO);
}

/// Writes all bytes at the present place in the file. False if that failed; errno then says why.
inline bool write_all(const descriptor& file, std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        const ssize_t put = ::write(file.number(), bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

/// Makes durable which names are in the directory of `path`, as far as the file system can.
inline bool flush_directory_of(const std::string& path) {
    const descriptor parent = open_file(directory_of(path), O_RDONLY | O_DIRECTORY);
    return parent.is_open() && (flush_to_disk(parent.number()) || errno == EINVAL || errno == ENOTSUP);
}

/// Makes `bytes` the content of the file, private to the user, or leaves the file as it was. It writes and flushes a
/// temporary file (`PATH.tmp`), renames it over the file and flushes the directory. The caller keeps other writers
/// away. Throws errc::not_saved if the old content is still there, errc::indeterminate if the new one may not be
/// durable. Throws errc::permissions if this program can only read in the directory. If the file is refused, throws as
/// read_file does.
inline void replace_file(const std::string& path, std::string_view bytes, const file_trust& trust) {
    const shared_group group = require_private_directory(path, trust);
    if (const auto status = status_of(path)) require_private(*status, path, group, denied_for_documents);
    if (is_unusable_mount(path)) throw mount_refused(path);
    require_writable_mount(path);
    const std::string temporary = path + ".tmp";
    ::unlink(temporary.c_str());
    descriptor file = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (!file.is_open()) {
        const bool is_refused = errc_of_system(errno) == errc::permissions;
        throw file_error(is_refused ? errc::permissions : errc::not_saved, "create", temporary, errno);
    }
    const bool written =
        set_rights(file, group) && write_all(file, bytes) && flush_to_disk(file.number()) && file.close();
    if (!written || std::rename(temporary.c_str(), path.c_str()) != 0) {
        const int number = errno;
        ::unlink(temporary.c_str());
        throw file_error(errc::not_saved, written ? "rename" : "write", path, number);
    }
    if (!flush_directory_of(path)) throw file_error(errc::indeterminate, "flush the directory of", path, errno);
}

}}} // namespace tokenkeep::v1::detail

#endif
