// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_FILE_SYSTEM_HPP
#define TOKENKEEP_FILE_SYSTEM_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/clock.hpp>
#include <tokenkeep/os/os.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 {

/// The files of the operating system: the default of a policy.
///   basic_file_store<defaults> store{"tokens.tkj", {}, system_files{}}; // the same as file_store
using detail::system_files;

/// What a file_store needs of files. It separates the store from the platform; tests put faults in here.
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
///   F1   find and open return nullopt if there is no such file. open does not block and does not follow a link. It
///        throws errc::permissions for anything but a regular file, for a file of another user, for a file that is open
///        to others, for a file with a second hard link, and for a directory in which others could replace the file. A
///        file that cannot be written is opened for reading.
///   F2   create makes a new file that only its owner can read and write. It throws if there is a file of that name.
///   F3   read returns fewer bytes than asked for only at the end of the file. write writes all bytes, or throws; some
///        of them may then be there.
///   F4   flush makes durable what was written to the file before flush began, by any process. After flush has failed
///        once, a later success proves nothing.
///   F5   rename puts the file in the place of the other in one step: every process sees one or the other. The name is
///        durable after flush_directory, which takes the path of a file in the directory.
///   F6   remove does nothing if there is no such file.
///   F7   Two lock_files on one path exclude each other byte by byte, also in one process. A shared lock excludes only
///        exclusive locks. Locks end with their process. A child made by fork has none of its parent's locks: it
///        neither keeps nor releases them, however long it lives. lock does what document.lock does.
///        The path is that of the guarded file with ".lock" behind it. Before a lock makes that file, it throws
///        errc::permissions if the directory, or the guarded file, is one that open refuses because of its owner.
///   F8   is_mount says whether the path is a mount of its own that can be written, and that rename cannot replace. The
///        store asks it whenever it has opened a file.
///   F9   A program may close the files of the library, as a daemon does at its start. No function then reads or writes
///        the file that has the number now. A file then throws file_error, and a lock_file opens its file again.
/// May:   throw file_error with errc::storage_failure or errc::permissions. Everything may be called from many threads
///        at once, except that a lock_file is used by one thread at a time.
///        These members are optional:
///        `absolute(path)` gives the path from the root, with the links in its directory followed. The store calls it
///        once, when it is made, and then uses what it gave. Without it, the store uses the path as it is.
///        `trust(trusted)` takes a file_trust: what the policy trusts. The store calls it first if that is anything.
///        `file.is_lost()` says whether the program has closed the file; see F9. The store then opens it again.
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

/// The path that a store uses from then on; see `absolute` in the concept file_system.
template <class Files>
std::string lasting_path(const Files& files, std::string path) {
    if constexpr (requires { files.absolute(path); })
        return files.absolute(path);
    else
        return path;
}

/// Whether the program has closed the file; see F9 of file_system.
template <class File>
bool is_lost(const std::shared_ptr<const File>& file) {
    if constexpr (requires { file->is_lost(); })
        return file && file->is_lost();
    else
        return false;
}

/// Throws errc::storage_failure if the file is a mount of its own. Rename could not replace it; and where the same file
/// is mounted into two containers, each has its own lock file.
template <file_system Files>
void refuse_mount(const Files& files, const std::string& path) {
    if (files.is_mount(path)) throw mount_refused(path);
}

} // namespace detail

}} // namespace tokenkeep::v1

#endif
