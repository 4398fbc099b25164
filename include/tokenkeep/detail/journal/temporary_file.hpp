// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_TEMPORARY_FILE_HPP
#define TOKENKEEP_DETAIL_JOURNAL_TEMPORARY_FILE_HPP

#include <string>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Removes the file of that path when the scope ends, however it ends, unless keep() was called. If there is no such
/// file, does nothing.
template <class Files>
class temporary_file {
  public:
    temporary_file(const Files& files, std::string path) : files_(files), path_(std::move(path)) {}
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    ~temporary_file() {
        if (is_kept_) return;
        try {
            files_.remove(path_);
        } catch (...) {
            return; // a destructor must not throw; the next rewrite removes the file
        }
    }

    const std::string& path() const noexcept { return path_; }

    /// The file stays.
    void keep() noexcept { is_kept_ = true; }

  private:
    const Files& files_;
    std::string path_;
    bool is_kept_ = false;
};

}}} // namespace tokenkeep::v1::detail

#endif
