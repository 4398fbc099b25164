// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OS_POSIX_FILES_HPP
#define TOKENKEEP_OS_POSIX_FILES_HPP

// Included by os/os.hpp, after os/posix.hpp and os/posix_lock.hpp.

#include <tokenkeep/clock.hpp>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tokenkeep { inline namespace v1 { namespace detail {

inline file_identity identity_of(const file_status& status) noexcept {
    return {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino),
            static_cast<std::uint64_t>(status.st_size)};
}

/// The path from the root. Links in its directory are followed now: if they lead elsewhere later, the path does not. If
/// the directory does not exist, its links are not followed. Throws errc::storage_failure for an empty path, and for a
/// relative path if the program's current directory has been removed.
inline std::string absolute_path(const std::string& path) {
    if (path.empty()) throw error(errc::storage_failure, "tokenkeep: the path of a store is empty; name a file");
    struct release {
        void operator()(char* text) const noexcept { std::free(text); }
    };
    using text = std::unique_ptr<char, release>;
    const std::string name = path.substr(path.rfind('/') + 1); // npos + 1 is 0
    if (const text directory{::realpath(directory_of(path).c_str(), nullptr)})
        return directory.get() + std::string(directory.get()[1] == '\0' ? "" : "/") + name;
    if (path.starts_with('/')) return path;
    char current[4'096];
    if (::getcwd(current, sizeof current) == nullptr)
        throw file_error(errc::storage_failure, "find the current directory for", path, errno);
    return current + ("/" + path);
}

/// If the path is that of a symbolic link, the path to which the link leads, over other links if they come next. There
/// need not be a file. Otherwise the path itself. Throws errc::permissions for a link of another user, except root, and
/// for one in a directory in which others could replace it: they could make it lead to an older file.
inline std::string target_of(std::string path, const file_trust& trust) {
    constexpr int most_links = 40; // as in Linux
    for (int links = 0; links < most_links; ++links) {
        char text[4'096];
        const ssize_t size = ::readlink(path.c_str(), text, sizeof text);
        if (size <= 0) return path;
        require_private_directory(path, trust);
        if (const auto link = status_of(path); link && link->st_uid != 0)
            require_own(*link, path, "name the file itself");
        const std::string target(text, static_cast<std::size_t>(size));
        path = target.starts_with('/') ? target : directory_of(path).append("/").append(target);
    }
    throw file_error(errc::permissions, "follow the links at", path, ELOOP);
}

/// An open file; see the concept file_system. If the program has closed it, every function throws a file_error whose
/// cause is std::errc::bad_file_descriptor, and touches no file.
class system_file {
  public:
    system_file(descriptor opened, std::string path) : descriptor_(std::move(opened)), path_(std::move(path)) {}

    bool is_lost() const noexcept { return descriptor_.is_lost(); }

    file_identity identity() const {
        file_status status{};
        if (::fstat(descriptor_.number(), &status) != 0) fail("inspect");
        return identity_of(status);
    }

    std::size_t read(std::uint64_t offset, char* out, std::size_t size) const {
        std::size_t filled = 0;
        while (filled < size) {
            const auto at = static_cast<off_t>(offset + filled);
            const ssize_t got = ::pread(descriptor_.number(), out + filled, size - filled, at);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) fail("read");
            if (got == 0) break;
            filled += static_cast<std::size_t>(got);
        }
        return filled;
    }

    void write(std::uint64_t offset, std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t put = ::pwrite(descriptor_.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) fail("write");
            bytes.remove_prefix(static_cast<std::size_t>(put));
            offset += static_cast<std::uint64_t>(put);
        }
    }

    void truncate(std::uint64_t size) const {
        if (::ftruncate(descriptor_.number(), static_cast<off_t>(size)) != 0) fail("truncate");
    }

    void flush() const {
        if (!flush_content_to_disk(descriptor_.number())) fail("flush");
    }

  private:
    [[noreturn]] void fail(const char* stage) const { throw file_error(errc::storage_failure, stage, path_, errno); }

    descriptor descriptor_;
    std::string path_;
};

/// The files of this system; see the concept file_system.
class system_files {
  public:
    using file = system_file;
    using lock_file = detail::lock_file;

    /// From now on, the files accept what a policy trusts.
    void trust(const file_trust& trusted) { trust_ = trusted; }

    std::string absolute(const std::string& path) const {
        return absolute_path(trust_.follows_link ? target_of(path, trust_) : path);
    }

    std::optional<file_identity> find(const std::string& path) const {
        const std::optional<file_status> status = status_of(path);
        if (status && status->st_nlink == 0 && detail::is_mount(path))
            throw mount_refused(path); // replaced behind the mount
        return status ? std::optional(identity_of(*status)) : std::nullopt;
    }

    std::optional<file> open(const std::string& path) const {
        const shared_group group = require_private_directory(path, trust_);
        constexpr int flags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
        descriptor opened = open_file(path, flags | O_RDWR);
        if (!opened.is_open() && (errno == EROFS || errno == EACCES)) opened = open_file(path, flags | O_RDONLY);
        if (!opened.is_open()) {
            if (errno == ENOENT) return std::nullopt;
            refuse_open(path, errno);
        }
        require_private(opened.status(), path, group);
        return file(std::move(opened), path);
    }

    /// The identity of a file that open would open; nullopt if there is none. Throws as open does, but does not open
    /// it.
    std::optional<file_identity> find_private(const std::string& path) const {
        const shared_group group = require_private_directory(path, trust_);
        const std::optional<file_status> status = status_of(path);
        if (!status) return std::nullopt;
        require_private(*status, path, group);
        if (detail::is_mount(path)) throw mount_refused(path);
        return identity_of(*status);
    }

    file create(const std::string& path) const {
        const shared_group group = require_private_directory(path, trust_);
        descriptor created = open_file(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, S_IRUSR | S_IWUSR);
        if (!created.is_open() || !set_rights(created, group))
            throw file_error(errc_of_system(errno), "create", path, errno);
        return file(std::move(created), path);
    }

    void rename(const std::string& from, const std::string& to) const {
        if (std::rename(from.c_str(), to.c_str()) != 0) throw file_error(errc::storage_failure, "rename", to, errno);
    }

    void remove(const std::string& path) const {
        if (::unlink(path.c_str()) != 0 && errno != ENOENT)
            throw file_error(errc::storage_failure, "remove", path, errno);
    }

    void flush_directory(const std::string& path) const {
        if (!flush_directory_of(path)) throw file_error(errc::storage_failure, "flush the directory of", path, errno);
    }

    lock_file open_lock(const std::string& path) const { return lock_file(path, trust_); }

    file_lock lock(const std::string& path, const std::string& name, deadline until) const {
        return {path, name, until, trust_};
    }

    bool is_mount(const std::string& path) const { return is_unusable_mount(path); }

  private:
    file_trust trust_{};
};

}}} // namespace tokenkeep::v1::detail

#endif
