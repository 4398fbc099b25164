// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_OS_POSIX_HPP
#define TOKENKEEP_DETAIL_OS_POSIX_HPP

#include <tokenkeep/error.hpp>
#include <tokenkeep/secret.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__APPLE__)
#include <sys/random.h>
#endif

namespace tokenkeep::inline v0::detail {

/// An error about a file, with the system's own words for `number`.
inline error file_error(errc code, std::string_view what, const std::string& path, int number) {
    return error(code, "tokenkeep: " + std::string(what) + " " + path + ": " + std::generic_category().message(number));
}

inline void random_bytes(void* memory, std::size_t size) {
    if (::getentropy(memory, size) != 0)
        throw error(errc::storage_failure, "tokenkeep: the system gives no random bytes");
}

/// Owns a file descriptor.
class descriptor {
  public:
    descriptor() noexcept = default;
    explicit descriptor(int number) noexcept : number_(number) {}
    descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~descriptor() {
        if (is_open()) ::close(number_);
    }

    bool is_open() const noexcept { return number_ >= 0; }
    int number() const noexcept { return number_; }

    /// Closes and says whether the system reported an error that it had kept until now.
    bool close() noexcept { return ::close(std::exchange(number_, -1)) == 0; }

  private:
    int number_ = -1;
};

inline bool flush_to_disk(int number) noexcept {
#if defined(F_FULLFSYNC)
    if (::fcntl(number, F_FULLFSYNC) == 0) return true;
#endif
    return ::fsync(number) == 0;
}

/// Reads a whole file. nullopt if there is none. Neither a symbolic link nor anything but a regular file is read, nor
/// a file that others can write: errc::permissions.
inline std::optional<secret> read_file(const std::string& path) {
    const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    if (!file.is_open()) {
        if (errno == ENOENT) return std::nullopt;
        if (errno == ELOOP)
            throw error(errc::permissions, "tokenkeep: " + path + " is a symbolic link; name the file itself");
        throw file_error(errno == EACCES ? errc::permissions : errc::storage_failure, "cannot open", path, errno);
    }
    struct stat status {};
    if (::fstat(file.number(), &status) != 0) throw file_error(errc::storage_failure, "cannot inspect", path, errno);
    if (!S_ISREG(status.st_mode)) throw error(errc::permissions, "tokenkeep: " + path + " is not a regular file");
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        throw error(errc::permissions, "tokenkeep: others can write " + path + "; run chmod 600 on it");
    const auto size = static_cast<std::size_t>(status.st_size);
    return secret::build(size, [&](char* out) {
        std::size_t filled = 0;
        while (filled < size) {
            const ssize_t got = ::read(file.number(), out + filled, size - filled);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) throw file_error(errc::storage_failure, "cannot read", path, errno);
            if (got == 0) break;
            filled += static_cast<std::size_t>(got);
        }
        return filled;
    });
}

inline bool write_all(int number, std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        const ssize_t put = ::write(number, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

inline std::string directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

/// Makes the file hold exactly `bytes`, mode 0600, or leaves it as it was: a temporary file beside it is written,
/// flushed and renamed over it, and the directory is flushed. The caller keeps other writers of the path away.
/// Throws errc::not_saved if the old content stands, errc::indeterminate if it is not known to be durable.
inline void replace_file(const std::string& path, std::string_view bytes) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
        throw error(errc::permissions, "tokenkeep: " + path + " is not a regular file; name the file itself");
    const std::string temporary = path + ".tmp";
    ::unlink(temporary.c_str());
    descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    if (!file.is_open()) throw file_error(errc::not_saved, "cannot create", temporary, errno);
    const bool written = ::fchmod(file.number(), S_IRUSR | S_IWUSR) == 0 && write_all(file.number(), bytes) &&
                         flush_to_disk(file.number()) && file.close();
    if (!written || std::rename(temporary.c_str(), path.c_str()) != 0) {
        const int number = errno;
        ::unlink(temporary.c_str());
        if (number == EBUSY)
            throw error(errc::not_saved,
                        "tokenkeep: " + path + " is a mount of its own and cannot be replaced; mount its directory");
        throw file_error(errc::not_saved, "cannot write", path, number);
    }
    const std::string directory = directory_of(path);
    const descriptor parent(::open(directory.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
    if (!parent.is_open() || (!flush_to_disk(parent.number()) && errno != EINVAL && errno != ENOTSUP))
        throw file_error(errc::indeterminate, "written, but cannot flush the directory of", path, errno);
}

/// An exclusive lock that the kernel holds on one byte of a lock file and drops when its process ends. It belongs to
/// an open file description (F_OFD_SETLK), so it keeps threads apart as well, and any thread may release it. The
/// lock file stays: whether it exists means nothing.
class file_lock {
  public:
    /// Locks `name` in the lock file at `path`; names are independent but for rare collisions, which only make one
    /// wait for the other. Throws errc::lock_timeout when `deadline` passes.
    file_lock(const std::string& path, std::string_view name, std::chrono::steady_clock::time_point deadline)
        : offset_(offset_of(name)), owner_(::getpid()) {
        auto pause = std::chrono::microseconds(500);
        while (!try_lock(path)) {
            const auto now = std::chrono::steady_clock::now();
            if (now >= deadline) throw error(errc::lock_timeout, "tokenkeep: another holds the lock on " + path);
            std::this_thread::sleep_until(std::min(deadline, now + pause));
            pause = std::min(pause * 2 + std::chrono::microseconds(now.time_since_epoch().count() % 500),
                             std::chrono::microseconds(20'000));
        }
    }
    file_lock(file_lock&&) noexcept = default;
    file_lock& operator=(file_lock&& other) noexcept {
        std::swap(file_, other.file_);
        std::swap(offset_, other.offset_);
        std::swap(owner_, other.owner_);
        return *this;
    }
    /// Releases the lock. A child that was forked while it was held only closes its copy.
    ~file_lock() {
        if (file_.is_open() && owner_ == ::getpid()) set(F_UNLCK);
    }

  private:
    static std::int64_t offset_of(std::string_view name) {
        if (name.empty()) return 0;
        const auto digest = text::sha256(name);
        std::uint64_t number = 0;
        std::memcpy(&number, digest.data(), sizeof number);
        return static_cast<std::int64_t>(1 + (number >> 2));
    }

    bool set(short kind) const noexcept {
        struct flock range {};
        range.l_type = kind;
        range.l_whence = SEEK_SET;
        range.l_start = static_cast<off_t>(offset_);
        range.l_len = 1;
#if defined(F_OFD_SETLK)
        return ::fcntl(file_.number(), F_OFD_SETLK, &range) == 0;
#else
#error "tokenkeep: this system has no open file description locks"
#endif
    }

    bool try_lock(const std::string& path) {
        if (!file_.is_open()) {
            file_ = descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
            if (!file_.is_open()) throw file_error(errc::storage_failure, "cannot open the lock file", path, errno);
            ::fchmod(file_.number(), S_IRUSR | S_IWUSR);
        }
        if (!set(F_WRLCK)) {
            if (errno == EAGAIN || errno == EACCES || errno == EINTR) return false;
            throw file_error(errc::storage_failure, "cannot lock", path, errno);
        }
        struct stat held {
        }, named{};
        if (::fstat(file_.number(), &held) == 0 && ::stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
            held.st_dev == named.st_dev)
            return true;
        file_ = descriptor(); // somebody removed the file: the lock that counts is the one on the file of that name
        return false;
    }

    descriptor file_{};
    std::int64_t offset_;
    pid_t owner_;
};

} // namespace tokenkeep::inline v0::detail

#endif
