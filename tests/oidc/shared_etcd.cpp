// SPDX-License-Identifier: MIT
// One session that two machines share through etcd, over its JSON gateway. The machines are groups of processes, each
// with a folder of its own, that have nothing in common but etcd and the authorization server.
// TOKENKEEP_TORTURE=1 makes them more, and gives them more time.
// needs: etcd
#include <tokenkeep/tokenkeep.hpp>

#include "shared_session.hpp"
#include "support/catch.hpp"
#include "support/etcd_server.hpp"
#include "support/temporary.hpp"

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <unistd.h>

using namespace tests;

namespace {

/// Where a session is: in a key of an etcd of its own.
struct in_etcd {
    const etcd_server server{};

    auto store() const { return tokenkeep::basic_document_store(server.document("tokens")); }
};

/// Two machines, as far as files go.
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

} // namespace

TEST_CASE("shared in etcd: whoever finds it due refreshes it for all, once, and no call fails", "[oidc]") {
    basic_shared_session<in_etcd> session;
    const machines hosts;
    const auto time = is_long() ? 45s : 6s;
    session.end = steady_clock::now() + time;
    session.share([&](unsigned n) {
        hosts.enter(n);
        session.work();
    });
    const int refreshes = session.check_unharmed();
    CHECK(refreshes <= session.most_refreshes(time));
    CHECK(refreshes >= session.most_refreshes(time) / 2);
    CHECK(hosts.are_clean());
}
