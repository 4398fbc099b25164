// SPDX-License-Identifier: MIT
// The command line as its users see it, for cli.test.cpp: it is started as a process, with pipes or on a terminal. And
// an authorization server on this machine for it.
#ifndef TOKENKEEP_TESTS_EXAMPLES_TOOL_HPP
#define TOKENKEEP_TESTS_EXAMPLES_TOOL_HPP

#include "support/temporary.hpp"

#include <tokenkeep/testing/fake_server.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/// A fake_server behind HTTP on 127.0.0.1, with a login page that consents at once, and with metadata.
class served {
  public:
    explicit served(tokenkeep::testing::fake_server_options options = {}) {
        listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in here{};
        here.sin_family = AF_INET;
        here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof here;
        if (::bind(listening_, reinterpret_cast<sockaddr*>(&here), size) != 0 || ::listen(listening_, 64) != 0 ||
            ::getsockname(listening_, reinterpret_cast<sockaddr*>(&here), &size) != 0)
            throw std::runtime_error("no port");
        url_ = "http://127.0.0.1:" + std::to_string(ntohs(here.sin_port));
        options.origin = url_;
        fake.set_options(options);
        thread_ = std::thread([this] { serve(); });
    }
    served(const served&) = delete;
    served& operator=(const served&) = delete;
    ~served() {
        ends_ = true;
        ::shutdown(listening_, SHUT_RDWR);
        thread_.join();
        for (std::thread& each : visitors_) each.join();
        ::close(listening_);
    }

    const std::string& url() const { return url_; }
    tokenkeep::testing::fake_server fake{};
    std::string date{}; ///< The header Date of the metadata. Set before the first request.

  private:
    void serve() {
        while (!ends_) {
            const int visitor = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
            if (visitor >= 0) visitors_.emplace_back([this, visitor] { answer(visitor); });
        }
    }

    void answer(int visitor) {
        const timeval patience{.tv_sec = 10, .tv_usec = 0};
        ::setsockopt(visitor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        tokenkeep::http_response response;
        bool is_lost = false;
        try {
            response = respond(read(visitor));
        } catch (const tokenkeep::transport_error&) {
            is_lost = true;
        }
        std::string bytes = "HTTP/1.1 " + std::to_string(response.status) + " x\r\nConnection: close\r\n";
        for (const auto& [name, value] : response.headers) bytes += name + ": " + value + "\r\n";
        bytes += "Content-Length: " + std::to_string(response.body.size()) + "\r\n\r\n" + response.body;
        if (!is_lost) ::send(visitor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        ::close(visitor);
    }

    tokenkeep::http_response respond(const tokenkeep::http_request& request) {
        if (request.url.starts_with(url_ + "/.well-known/openid-configuration"))
            return {.status = 200,
                    .headers = {{"Date", date}},
                    .body = R"({"issuer":")" + url_ + R"(","token_endpoint":")" + url_ +
                            R"(/token","revocation_endpoint":")" + url_ + R"(/revoke","authorization_endpoint":")" +
                            url_ + R"(/authorize","device_authorization_endpoint":")" + url_ +
                            R"(/device","token_endpoint_auth_methods_supported":["client_secret_post"]})"};
        if (request.url.starts_with(url_ + "/authorize?")) return consent(request.url);
        if (request.url.starts_with(url_ + "/echo"))
            return {.status = 200, .body = request.method + " " + request.body};
        return fake(request);
    }

    /// The login page: ada consents at once, or refuses if the URL has denied=1.
    tokenkeep::http_response consent(const std::string& url) {
        std::string redirect, state;
        bool denied = false;
        const auto pairs = tokenkeep::text::from_form(url.substr(url.find('?') + 1));
        for (const auto& [name, value] : pairs.value()) {
            if (name == "redirect_uri") redirect = value;
            if (name == "state") state = value;
            denied = denied || name == "denied";
        }
        redirect += "?state=" + state + (denied ? "&error=access_denied" : "&code=");
        if (!denied) redirect += fake.grant("ada").reveal();
        return {.status = 302, .headers = {{"Location", redirect}}};
    }

    tokenkeep::http_request read(int visitor) const {
        std::string text;
        std::size_t end = text.npos, size = 0;
        std::array<char, 4096> bytes{};
        while (end == text.npos || text.size() < end + 4 + size) {
            const ssize_t count = ::recv(visitor, bytes.data(), bytes.size(), 0);
            if (count <= 0) throw tokenkeep::transport_error("gone");
            text.append(bytes.data(), static_cast<std::size_t>(count));
            end = text.find("\r\n\r\n");
            const std::size_t length = tokenkeep::text::to_lower(text).find("\r\ncontent-length: ");
            if (length != text.npos) size = std::stoul(text.substr(length + 18));
        }
        tokenkeep::http_request request;
        request.method = text.substr(0, text.find(' '));
        request.url = url_ + text.substr(request.method.size() + 1,
                                         text.find(' ', request.method.size() + 1) - request.method.size() - 1);
        for (std::size_t at = text.find("\r\n") + 2; at < end + 2;) {
            const std::size_t stop = text.find("\r\n", at), colon = text.find(": ", at);
            request.headers.push_back({text.substr(at, colon - at), text.substr(colon + 2, stop - colon - 2)});
            at = stop + 2;
        }
        request.body = text.substr(end + 4);
        return request;
    }

    int listening_ = -1;
    std::string url_{};
    std::atomic<bool> ends_{false};
    std::vector<std::thread> visitors_{};
    std::thread thread_{};
};

/// What a browser gets for a URL on this machine.
struct visited {
    int status = 0;
    std::string location{};
};

inline visited visit(const std::string& url) {
    const auto parts = tokenkeep::text::parse_url(url).value();
    const std::string host = std::string(parts.host) + ":" + std::string(parts.port);
    sockaddr_in there{};
    there.sin_family = AF_INET;
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    there.sin_port = htons(static_cast<std::uint16_t>(std::stoi(std::string(parts.port))));
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string answer, request = "GET " + std::string(parts.target) + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
    if (::connect(socket, reinterpret_cast<sockaddr*>(&there), sizeof there) == 0)
        ::send(socket, request.data(), request.size(), MSG_NOSIGNAL);
    std::array<char, 4096> bytes{};
    for (ssize_t count = 0; (count = ::recv(socket, bytes.data(), bytes.size(), 0)) > 0;)
        answer.append(bytes.data(), static_cast<std::size_t>(count));
    ::close(socket);
    if (answer.size() < 12) throw std::runtime_error("no answer from " + url);
    const std::size_t at = answer.find("Location: ");
    return {std::stoi(answer.substr(9)),
            at == answer.npos ? "" : answer.substr(at + 10, answer.find("\r\n", at) - at - 10)};
}

/// What a run of the program has left.
struct finished {
    int code = -1;
    std::string out{}, err{};
};

/// The words and the environment of a run. The environment has nothing else but what the program needs.
struct tool_call {
    std::vector<std::string> words{};
    std::vector<std::string> environment{};
    std::string input{};

    /// Calls start(words, environment), both as exec wants them.
    template <class Start>
    void start(Start start) const {
        std::vector<std::string> all{TOKENKEEP_TEST_TOOL}, variables{"HOME=/nonexistent", "PATH=/usr/bin:/bin"};
        all.insert(all.end(), words.begin(), words.end());
        variables.insert(variables.end(), environment.begin(), environment.end());
        start(pointers(all).data(), pointers(variables).data());
    }

  private:
    static std::vector<char*> pointers(std::vector<std::string>& texts) {
        std::vector<char*> list;
        for (std::string& text : texts) list.push_back(text.data());
        list.push_back(nullptr);
        return list;
    }
};

/// The exit code of a process, or 128 and the signal. After half a minute the process is killed.
inline int wait_for(pid_t process) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    int status = 0;
    while (::waitpid(process, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > end) ::kill(process, SIGKILL);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// A run whose input and outputs are files. It begins with the object, and ends with finish().
class tool_run {
  public:
    explicit tool_run(const tool_call& call) {
        write_file(folder_ / "in", call.input);
        call.start([this](char** words, char** environment) {
            posix_spawn_file_actions_t files;
            posix_spawn_file_actions_init(&files);
            posix_spawn_file_actions_addopen(&files, 0, (folder_ / "in").c_str(), O_RDONLY, 0);
            posix_spawn_file_actions_addopen(&files, 1, (folder_ / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
            posix_spawn_file_actions_addopen(&files, 2, (folder_ / "err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
            if (::posix_spawn(&process_, words[0], &files, nullptr, words, environment) != 0)
                throw std::runtime_error("the program does not start");
            posix_spawn_file_actions_destroy(&files);
        });
    }

    finished finish() {
        const int code = wait_for(process_);
        return {code, out(), err()};
    }
    pid_t process() const { return process_; }
    std::string out() const { return bytes_of(folder_ / "out"); }
    std::string err() const { return bytes_of(folder_ / "err"); }

    /// Waits until it has written this to standard error. Gives what it has written there.
    std::string await(std::string_view words) const {
        for (int tries = 0; tries < 3'000; ++tries) {
            if (std::string text = err(); text.find(words) != text.npos) return text;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        throw std::runtime_error("it does not say: " + std::string(words) + "; but: " + err());
    }

  private:
    temporary_directory folder_{};
    pid_t process_ = -1;
};

/// A run on a terminal of its own.
class terminal_run {
  public:
    explicit terminal_run(const tool_call& call) {
        call.start([this](char** words, char** environment) {
            process_ = ::forkpty(&terminal_, nullptr, nullptr, nullptr);
            if (process_ == 0) {
                ::execve(words[0], words, environment);
                ::_exit(127);
            }
        });
    }
    terminal_run(const terminal_run&) = delete;
    terminal_run& operator=(const terminal_run&) = delete;
    ~terminal_run() { ::close(terminal_); }

    void type(std::string_view keys) const {
        if (::write(terminal_, keys.data(), keys.size()) != static_cast<ssize_t>(keys.size()))
            throw std::runtime_error("the terminal takes no keys");
    }
    /// Waits until the terminal shows this.
    void await(std::string_view words) {
        while (shown_.find(words) == shown_.npos)
            if (!read_more()) throw std::runtime_error("the terminal does not show: " + std::string(words));
    }
    /// The exit code, and all that the terminal has shown.
    finished finish() {
        while (read_more()) continue;
        return {wait_for(process_), shown_, {}};
    }

  private:
    bool read_more() {
        pollfd ready{.fd = terminal_, .events = POLLIN, .revents = 0};
        if (::poll(&ready, 1, 30'000) <= 0) return false;
        std::array<char, 4096> bytes{};
        const ssize_t count = ::read(terminal_, bytes.data(), bytes.size());
        if (count > 0) shown_.append(bytes.data(), static_cast<std::size_t>(count));
        return count > 0;
    }

    int terminal_ = -1;
    pid_t process_ = -1;
    std::string shown_{};
};

inline finished run_tool(const tool_call& call) { return tool_run(call).finish(); }

#endif
