// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OS_SOCKETS_HPP
#define TOKENKEEP_OS_SOCKETS_HPP

#include <tokenkeep/clock.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Waits until a socket can be read or written, as asked, or has failed: true. False if `until` comes first.
inline bool wait_for_socket(int socket, bool to_read, bool to_write, deadline until) noexcept {
    if (socket < 0) return true;
    pollfd asked{};
    asked.fd = socket;
    asked.events = static_cast<short>((to_read ? POLLIN : 0) | (to_write ? POLLOUT : 0));
    for (;;) {
        const deadline now = std::chrono::steady_clock::now();
        const auto left =
            until <= now
                ? std::chrono::milliseconds(0)
                : std::chrono::ceil<std::chrono::milliseconds>((std::min)(until, now + std::chrono::hours(1)) - now);
        const int found = ::poll(&asked, 1, static_cast<int>(left.count()));
        if (found > 0 || (found < 0 && errno != EINTR && errno != EAGAIN)) return true;
        if (found == 0 && until <= now + left) return false;
    }
}

/// Ends a connection, also one that is being made. Who reads from the socket finds that out.
inline void hang_up(int socket) noexcept { ::shutdown(socket, SHUT_RDWR); }

/// Hands the system as many of the bytes as it takes now, and says how many: 0 if it is to be asked again when the
/// socket can be written. nullopt if the connection has ended; no signal is raised then.
inline std::optional<std::size_t> send_some(int socket, std::string_view bytes) noexcept {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS) return 0;
    return std::nullopt;
}

/// A program that this one starts does not get the socket.
inline void keep_from_children(int socket) noexcept { ::fcntl(socket, F_SETFD, FD_CLOEXEC); }

/// From now on, reading and writing fail instead of waiting.
inline void make_nonblocking(int socket) noexcept {
    const int flags = ::fcntl(socket, F_GETFL);
    if (flags >= 0) ::fcntl(socket, F_SETFL, flags | O_NONBLOCK);
}

}}} // namespace tokenkeep::v1::detail

#endif
