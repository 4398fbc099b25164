// SPDX-License-Identifier: MIT
#include <tokenkeep/os/sockets.hpp>

#include "support/catch.hpp"

#include <cerrno>
#include <chrono>

#include <sys/socket.h>
#include <unistd.h>

using namespace std::chrono_literals;
using tokenkeep::detail::hang_up;
using tokenkeep::detail::wait_for_socket;
using steady = std::chrono::steady_clock;

namespace {

struct socket_pair {
    socket_pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0); }
    socket_pair(const socket_pair&) = delete;
    socket_pair& operator=(const socket_pair&) = delete;
    ~socket_pair() {
        ::close(ends[0]);
        ::close(ends[1]);
    }
    int ends[2]{};
};

} // namespace

TEST_CASE("wait_for_socket: waits until the deadline, or until it may be read or written", "[sockets]") {
    const socket_pair pair;
    const auto begin = steady::now();
    CHECK_FALSE(wait_for_socket(pair.ends[0], true, false, begin + 50ms));
    CHECK(steady::now() - begin >= 50ms);
    CHECK(wait_for_socket(pair.ends[0], true, true, steady::now() + 1h)); // it may be written
    CHECK(wait_for_socket(pair.ends[0], false, true, (steady::time_point::max)()));
    REQUIRE(::write(pair.ends[1], "!", 1) == 1);
    CHECK(wait_for_socket(pair.ends[0], true, false, steady::now() + 1h));
}

TEST_CASE("wait_for_socket: a deadline that has passed is one look", "[sockets]") {
    const socket_pair pair;
    CHECK_FALSE(wait_for_socket(pair.ends[0], true, false, (steady::time_point::min)()));
    REQUIRE(::write(pair.ends[1], "!", 1) == 1);
    CHECK(wait_for_socket(pair.ends[0], true, false, steady::now() - 1h));
}

TEST_CASE("wait_for_socket: a connection that has ended is for those who use it to find out", "[sockets]") {
    const socket_pair pair;
    hang_up(pair.ends[0]);
    CHECK(wait_for_socket(pair.ends[0], true, false, steady::now() + 1h));
    CHECK(wait_for_socket(-1, true, false, steady::now() + 1h));
}

TEST_CASE("make_nonblocking: reading fails at once", "[sockets]") {
    const socket_pair pair;
    tokenkeep::detail::make_nonblocking(pair.ends[0]);
    char byte = 0;
    CHECK(::read(pair.ends[0], &byte, 1) == -1);
    CHECK((errno == EAGAIN || errno == EWOULDBLOCK));
}
