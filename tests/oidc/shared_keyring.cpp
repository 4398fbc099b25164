// SPDX-License-Identifier: MIT
// One session that processes of one user share through a keyring, against the real authorization server.
// TOKENKEEP_TORTURE=1 makes them more, and gives them more time.
// needs: libsecret, dbus-daemon, gnome-keyring-daemon
#include "keyring/session.hpp"

#include "shared_session.hpp"
#include "support/catch.hpp"

#include <chrono>

using namespace tests;

namespace {

struct in_the_keyring {
    tokenkeep::keyring_store store() const { return tokenkeep::keyring_store{"tokenkeep-test", "shared"}; }
};

} // namespace

TEST_CASE("shared in the user's keyring: whoever finds it due refreshes it for all, once, and no call fails",
          "[oidc]") {
    const desktop_session desktop({}, true);
    basic_shared_session<in_the_keyring> session(0ms, 2s);
    const auto time = is_long() ? 45s : 7s;
    session.end = steady_clock::now() + time;
    session.share([&](unsigned) { session.work(); });
    const int refreshes = session.check_unharmed();
    CHECK(refreshes <= session.most_refreshes(time));
    CHECK(refreshes >= 2);
}
