// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_FILE_HPP
#define TOKENKEEP_TEXT_FILE_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/os/os.hpp>
#include <tokenkeep/secret.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v0 {

/// A document in a file: private to the user (mode 0600, whatever the umask), replaced as a whole or not at all, and
/// locked across processes by a lock file beside it, `PATH.lock`, which stays. While it is replaced there is a
/// `PATH.tmp`. The whole file is written at each save.
/// Its folder must exist; without one there are no tokens, and a save is errc::storage_failure.
class text_file {
  public:
    explicit text_file(std::string path) : path_(std::move(path)) {}

    /// The content; nullopt if there is no file. A symbolic link, anything but a regular file, and a file that others
    /// can write is errc::permissions.
    std::optional<secret> load() const { return detail::read_file(path_); }

    /// Replaces the content: temporary file, flush, rename, flush of the directory. Throws errc::not_saved if the old
    /// content stands, errc::indeterminate if only its durability is unknown. Hold lock("") meanwhile.
    void save(std::string_view bytes) const { detail::replace_file(path_, bytes); }

    /// Locks a name among all processes that use this file; see document. Safe to call from many threads at once.
    auto lock(std::string_view name, deadline until) const { return detail::file_lock(path_ + ".lock", name, until); }

  private:
    std::string path_;
};

}} // namespace tokenkeep::v0

#endif
