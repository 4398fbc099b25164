// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTS_REDIS_BREAKING_LINE_HPP
#define TOKENKEEP_TESTS_REDIS_BREAKING_LINE_HPP

#include "support/temporary.hpp"

#include <atomic>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace tests {

/// What becomes of a change that a store sends over a line.
enum class fate {
    carried_out,
    command_lost, ///< The server does not get it, and the connection ends.
    answer_lost,  ///< The server makes the change, and the connection ends before it says so.
};

/// A line between one store and a server, which ends connections at a bad moment.
class breaking_line {
  public:
    explicit breaking_line(std::string server)
        : server_(std::move(server)), listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const sockaddr_un address = address_of(socket());
        if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
            ::listen(listener_, 8) != 0)
            throw std::runtime_error("no line");
        thread_ = std::thread([this] { serve(); });
    }
    breaking_line(const breaking_line&) = delete;
    breaking_line& operator=(const breaking_line&) = delete;
    ~breaking_line() {
        is_over_ = true;
        thread_.join();
        ::close(listener_);
    }

    std::string socket() const { return folder_ / "line"; }

    /// The next change meets this fate, and then `then` happens, before the store can know. Later changes are carried
    /// out. Only while no call is under way.
    void next_change(
        fate next, std::function<void()> then = [] {}) {
        then_ = std::move(then);
        next_ = next;
    }
    /// Before the server gets the n-th command from now on, `act` happens. Only while no call is under way.
    void before_command(int n, std::function<void()> act) {
        act_ = std::move(act);
        commands_until_act_ = n;
    }
    /// From the next connection on it leads to another server. Only while no call is under way, or in `then`.
    void lead_to(std::string server) { server_ = std::move(server); }

  private:
    static sockaddr_un address_of(const std::string& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
        return address;
    }

    bool is_readable(int one, int other) const {
        pollfd both[2]{};
        both[0].fd = one;
        both[1].fd = other;
        both[0].events = both[1].events = POLLIN;
        while (!is_over_)
            if (::poll(both, 2, 20) > 0) return true;
        return false;
    }

    void serve() {
        while (is_readable(listener_, -1)) {
            const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
            const sockaddr_un address = address_of(server_);
            if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
                while (is_readable(client, server) && passes_on(client, server)) {
                }
            ::close(client);
            ::close(server);
        }
    }

    bool passes_on(int client, int server) {
        if (const std::string command = received(client); !command.empty()) {
            if (--commands_until_act_ == 0) act_();
            const bool is_change = command.find("unpack(ARGV") != std::string::npos;
            const fate its_fate = is_change ? next_.exchange(fate::carried_out) : fate::carried_out;
            if (its_fate != fate::command_lost && !sends(server, command)) return false;
            if (its_fate == fate::answer_lost) {
                while (is_readable(server, -1) && received(server).empty()) {
                }
            }
            if (its_fate != fate::carried_out) then_();
            return its_fate == fate::carried_out;
        }
        const std::string answer = received(server);
        return !answer.empty() && sends(client, answer);
    }

    /// The bytes that are there; empty if there are none, or if the connection has ended.
    static std::string received(int from) {
        std::string bytes(1 << 20, '\0');
        const ssize_t size = ::recv(from, bytes.data(), bytes.size(), MSG_DONTWAIT);
        bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        return bytes;
    }
    static bool sends(int to, const std::string& bytes) {
        return ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
    }

    const temporary_directory folder_{};
    std::string server_;
    int listener_;
    std::function<void()> then_{}, act_{};
    std::atomic<int> commands_until_act_ = 0;
    std::atomic<fate> next_ = fate::carried_out;
    std::atomic<bool> is_over_ = false;
    std::thread thread_{};
};

} // namespace tests

#endif
