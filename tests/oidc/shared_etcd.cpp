// SPDX-License-Identifier: MIT
// One session that two machines share through etcd, over its JSON gateway. The machines are groups of processes, each
// with a folder of its own, that have nothing in common but etcd and the authorization server.
// TOKENKEEP_TORTURE=1 makes them more, and gives them more time.
// needs: etcd
#include <tokenkeep/tokenkeep.hpp>

#include "machines.hpp"
#include "shared_session.hpp"
#include "support/catch.hpp"
#include "support/etcd_server.hpp"

#include <chrono>
#include <cstdlib>
#include <string>

using namespace tests;

namespace {

/// Where a session is: in a key of an etcd of its own.
struct in_etcd {
    const etcd_server server{};

    auto store() const { return tokenkeep::basic_document_store(server.document("tokens")); }
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
