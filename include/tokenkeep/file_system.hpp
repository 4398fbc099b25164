// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_FILE_SYSTEM_HPP
#define TOKENKEEP_FILE_SYSTEM_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/os/os.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v0 {

/// The files of the operating system, as a file_store uses them. The default.
using detail::system_files;

/// What a file_store asks of files: the seam between its algorithms and the platform, where tests put in faults.
///
/// Shape (the least model):
///   struct f {
///       struct file {
///           file_identity identity() const;
///           std::size_t   read(std::uint64_t offset, char* out, std::size_t size) const;
///           void          write(std::uint64_t offset, std::string_view bytes) const;
///           void          truncate(std::uint64_t size) const;
///           void          flush() const;
///       };
///       struct lock_file {
///           bool try_lock(std::int64_t byte);
///           bool try_lock_shared(std::int64_t byte);
///           void unlock(std::int64_t byte);
///       };
///       std::optional<file_identity> find(const std::string& path) const;
///       std::optional<file>          open(const std::string& path) const;
///       file                         create(const std::string& path) const;
///       void                         rename(const std::string& from, const std::string& to) const;
///       void                         remove(const std::string& path) const;
///       void                         flush_directory(const std::string& path) const;
///       bool                         is_mount(const std::string& path) const;
///       lock_file                    open_lock(const std::string& path) const;
///       g lock(const std::string& path, const std::string& name, deadline until) const;
///   };
/// Meaning:
///   F1   find and open give nullopt where there is no such file. open refuses (errc::permissions), without blocking
///        and without following a link, what is no regular file, is not ours, or is open to others, and a directory in
///        which others could replace it; a file that cannot be written is opened for reading.
///   F2   create makes a new file that only its owner can reach, and fails if there is one.
///   F3   read gives fewer bytes than asked for only at the end. write writes all or throws; part may then be there.
///   F4   flush makes the content durable that was written before it began, by whomever. After it has failed once, a
///        later success means nothing.
///   F5   rename puts the file in the place of the other in one step, for this and every process; the name is durable
///        after flush_directory, which takes the path of a file in it.
///   F6   remove of what is not there is no error.
///   F7   Two lock_files on one path exclude each other, in one process too, byte by byte; a shared lock excludes only
///        exclusive ones. Locks end with the process, and a child does not share its parent's. lock is as
///        document.lock is.
///   F8   is_mount says whether the path is a mount of its own, which no rename can replace.
/// May:   throw file_error, with errc::storage_failure or errc::permissions. Everything is safe to call from many
///        threads at once but a lock_file, which one thread uses at a time.
/// Models: system_files; testing::simulated_files.
template <class F>
concept file_system = requires(const F& files, const typename F::file& file, typename F::lock_file& locks,
                               const std::string& path, std::uint64_t offset, char* out, std::size_t size,
                               std::string_view bytes, deadline until) {
    { file.identity() } -> std::same_as<file_identity>;
    { file.read(offset, out, size) } -> std::same_as<std::size_t>;
    file.write(offset, bytes);
    file.truncate(offset);
    file.flush();
    { locks.try_lock(std::int64_t{}) } -> std::same_as<bool>;
    { locks.try_lock_shared(std::int64_t{}) } -> std::same_as<bool>;
    locks.unlock(std::int64_t{});
    { files.find(path) } -> std::same_as<std::optional<file_identity>>;
    { files.open(path) } -> std::same_as<std::optional<typename F::file>>;
    { files.create(path) } -> std::same_as<typename F::file>;
    files.rename(path, path);
    files.remove(path);
    files.flush_directory(path);
    { files.is_mount(path) } -> std::same_as<bool>;
    { files.open_lock(path) } -> std::same_as<typename F::lock_file>;
    files.lock(path, path, until);
};

namespace detail {

/// Throws where the path is a mount of its own: no rename could replace it.
template <file_system Files>
void refuse_mount(const Files& files, const std::string& path) {
    if (files.is_mount(path))
        throw file_error(errc::storage_failure, "rename", path, static_cast<int>(std::errc::device_or_resource_busy));
}

} // namespace detail

}} // namespace tokenkeep::v0

#endif
