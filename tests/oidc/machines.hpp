// SPDX-License-Identifier: MIT
// Two machines, as far as files go: what their processes share is on a server.
#ifndef TOKENKEEP_TESTS_OIDC_MACHINES_HPP
#define TOKENKEEP_TESTS_OIDC_MACHINES_HPP

#include "support/processes.hpp"
#include "support/temporary.hpp"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <unistd.h>

namespace tests {

class machines {
  public:
    /// From here on the calling process is one of the first, or of the second.
    void enter(std::size_t process) const {
        const std::string folder = folders_[process % 2] / "";
        expect(::chdir(folder.c_str()) == 0, "there is no " + folder);
        for (const char* name : {"HOME", "TMPDIR"}) ::setenv(name, folder.c_str(), 1);
    }
    /// Whether no process has left anything behind.
    bool are_clean() const {
        return std::filesystem::is_empty(folders_[0] / "") && std::filesystem::is_empty(folders_[1] / "");
    }

  private:
    const std::array<temporary_directory, 2> folders_{};
};

} // namespace tests

#endif
