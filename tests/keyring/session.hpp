// SPDX-License-Identifier: MIT
// A session of a user without a desktop: a bus, and a keyring on it. TOKENKEEP_TEST_DBUS and TOKENKEEP_TEST_KEYRING are
// the paths of the programs.
#ifndef TOKENKEEP_TESTS_KEYRING_SESSION_HPP
#define TOKENKEEP_TESTS_KEYRING_SESSION_HPP

#include <tokenkeep/keyring.hpp>

#include "sql/guarded_child.hpp"
#include "support/processes.hpp"
#include "support/temporary.hpp"

#include <chrono>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace tests {

/// Nothing on its bus is started on demand, so that no prompt for a password comes.
class desktop_session {
  public:
    /// `rules` are for the bus: XML. If children of this process are to use the keyring, it does not use it itself:
    /// they could not go on with its connection.
    explicit desktop_session(const std::string& rules = {}, bool is_for_children = false)
        : is_for_children_(is_for_children) {
        write_file(folder_ / "bus.conf",
                   "<busconfig><type>session</type><listen>unix:path=" + (folder_ / "bus") +
                       "</listen><auth>EXTERNAL</auth><policy context=\"default\">"
                       "<allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/>"
                       "</policy>" +
                       rules + "</busconfig>");
        write_file(folder_ / "password", "correct horse");
        enter();
        start_bus();
        start_keyring();
    }
    desktop_session(const desktop_session&) = delete;
    desktop_session& operator=(const desktop_session&) = delete;
    ~desktop_session() { kill_keyring(); }

    /// From now on, the environment of this process is that of the session.
    void enter() const {
        for (const char* home : {"HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"})
            ::setenv(home, (folder_ / "").c_str(), 1);
        ::setenv("DBUS_SESSION_BUS_ADDRESS", ("unix:path=" + (folder_ / "bus")).c_str(), 1);
        ::unsetenv("DISPLAY");
    }

    /// The keyring takes the password from its input, and is unlocked.
    void start_keyring() {
        keyring_.emplace(guarded_command{{"/bin/sh", "-c",
                                          "exec " TOKENKEEP_TEST_KEYRING " --foreground --unlock --components=secrets "
                                          "--control-directory=control <password"},
                                         {},
                                         folder_ / "",
                                         folder_ / "keyring.log"});
        const auto answers = [] {
            return code_of([] { tokenkeep::keyring("tokenkeep-test").load(); }) != tokenkeep::errc::storage_failure;
        };
        const bool is_there = holds_within(std::chrono::seconds(30), [&] {
            return is_for_children_ ? in_process([&] { answers() ? void() : ::_exit(1); }) : answers();
        });
        if (!is_there) throw std::runtime_error("the keyring does not start:\n" + bytes_of(folder_ / "keyring.log"));
    }
    /// It has no time to write a file.
    void kill_keyring() {
        if (keyring_) keyring_->kill();
        keyring_.reset();
    }

  private:
    void start_bus() {
        bus_.emplace(guarded_command{{TOKENKEEP_TEST_DBUS, "--nofork", "--nopidfile", "--print-address",
                                      "--config-file=" + (folder_ / "bus.conf")},
                                     {},
                                     folder_ / "",
                                     folder_ / "bus.log"});
        const bool listens = holds_within(
            std::chrono::seconds(30), [&] { return bytes_of(folder_ / "bus.log").find("guid=") != std::string::npos; });
        if (!listens) throw std::runtime_error("the bus does not start:\n" + bytes_of(folder_ / "bus.log"));
    }

    const bool is_for_children_;
    const temporary_directory folder_{};
    std::optional<guarded_child> bus_{}, keyring_{};
};

/// The session of all tests that need nothing special. This process enters it.
inline desktop_session& common_session() {
    static desktop_session session;
    session.enter();
    return session;
}

} // namespace tests

#endif
