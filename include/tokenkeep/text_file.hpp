// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_FILE_HPP
#define TOKENKEEP_TEXT_FILE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/clock.hpp>
#include <tokenkeep/os/os.hpp>
#include <tokenkeep/secret.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v1 {

/// A document in a file. It is a model of document that locks: json_file_store is a store over it.
///   text_file file{"tokens.json"};
///
/// The file is private to the user (mode 0600, whatever the umask). It is replaced as a whole or not at all: a save
/// writes `PATH.tmp`, flushes it, and renames it to `PATH`. Processes lock each other out by kernel locks on
/// `PATH.lock`, which stays. The directory must exist: without it, load gives nullopt and save throws errc::not_saved.
///
/// load, save and lock throw errc::permissions, and make no file, if the file or its directory belongs to another user,
/// or if others can write the directory. The directory may belong to root. So root cannot lock the user out by running
/// the program once. load and save also refuse a symbolic link, anything but a regular file, a file that others can
/// write, and a file with a second hard link: under its other name it would have another lock. They throw
/// errc::storage_failure for a file that is mounted alone into a container, unless it is mounted for reading only.
/// Mount its directory instead. A policy can follow a link and trust a group; see trust.
class text_file {
  public:
    /// The file of that path. Nothing is opened yet. A relative path starts at the program's current directory, and
    /// stays with it if the program changes directory later. Links in the directory are followed once, here. Throws
    /// errc::storage_failure if the path is empty.
    explicit text_file(const std::string& path) : path_(detail::absolute_path(path)) {}

    /// From now on, the file accepts what a policy trusts: a link in its place, which is followed once, here, and a
    /// group that shares its directory; see follows_link and trusts_group in policy.hpp. A store calls it with what its
    /// policy says.
    ///   file.trust({.follows_link = true});
    void trust(const file_trust& trusted) {
        trust_ = trusted;
        if (trusted.follows_link) path_ = detail::absolute_path(detail::target_of(path_, trusted));
    }

    /// The content; nullopt if there is no file. Throws errc::permissions if the file is refused, see above.
    std::optional<secret> load() const { return detail::read_file(path_, trust_); }

    /// Replaces the content, and returns when it is on the disk. Throws errc::not_saved if the file still has the old
    /// content, and errc::permissions if this program can only read in the directory. Throws errc::indeterminate if the
    /// file has the new content, but perhaps not on the disk. If several programs write the file, hold lock("") from
    /// load to save; basic_document_store does.
    void save(std::string_view bytes) const { detail::replace_file(path_, bytes, trust_); }

    /// Locks a name among all processes that use this file, until the guard is destroyed. Throws errc::lock_timeout if
    /// the deadline passes. Many threads may call it at once.
    ///   auto guard = file.lock("import", std::chrono::steady_clock::now() + 5s);
    auto lock(std::string_view name, deadline until) const {
        return detail::file_lock(path_ + ".lock", name, until, trust_);
    }

  private:
    std::string path_;
    file_trust trust_{};
};

}} // namespace tokenkeep::v1

#endif
