// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTS_OIDC_SERVER_HPP
#define TOKENKEEP_TESTS_OIDC_SERVER_HPP

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

/// The authorization server of one of the scripts as a child process, for as long as this object lives. If this process
/// dies, the server notices the closed pipe and ends by itself.
class server_process {
  public:
    /// Starts it and waits until it listens. The arguments are those of the script, such as server.mjs.
    server_process(const std::string& script, std::vector<std::string> arguments) {
        std::array<int, 2> input = new_pipe(), output = new_pipe();
        arguments.insert(arguments.begin(), {TOKENKEEP_TEST_OIDC "/node", TOKENKEEP_TEST_OIDC "/" + script});
        std::vector<char*> argv;
        for (std::string& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);

        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
        const int failure = ::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        ::close(input[0]);
        ::close(output[1]);
        input_ = input[1];
        output_ = output[0];
        if (failure != 0) {
            pid_ = -1;
            close_pipes();
            throw std::system_error(failure, std::generic_category(), "the authorization server does not start");
        }
        try {
            read_port();
        } catch (...) {
            end();
            throw;
        }
    }

    server_process(const server_process&) = delete;
    server_process& operator=(const server_process&) = delete;

    /// A forked child may destroy its copy; the server ends with the process that started it.
    ~server_process() {
        if (::getpid() == owner_) end();
    }

    int port() const noexcept { return port_; }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  private:
    static std::array<int, 2> new_pipe() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
        return ends;
    }

    void read_port() {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        std::string line;
        while (line.find('\n') == std::string::npos) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
            pollfd ready{.fd = output_, .events = POLLIN, .revents = 0};
            if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0)
                throw std::runtime_error("the authorization server is not ready in time");
            std::array<char, 256> bytes{};
            const ssize_t count = ::read(output_, bytes.data(), bytes.size());
            if (count <= 0) throw std::runtime_error("the authorization server ended at once");
            line.append(bytes.data(), static_cast<std::size_t>(count));
        }
        const std::size_t digits = line.find_first_of("0123456789");
        if (!line.starts_with("{\"port\":") || digits == std::string::npos)
            throw std::runtime_error("the authorization server did not say its port");
        port_ = std::atoi(line.c_str() + digits);
    }

    void end() noexcept {
        close_pipes(); // it sees the end of its input and leaves
        for (int tries = 0; tries < 100 && !gone(); ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(20));
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

    bool gone() noexcept {
        if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
        return pid_ <= 0;
    }

    void close_pipes() noexcept {
        ::close(input_);
        ::close(output_);
    }

    pid_t owner_ = ::getpid(), pid_ = -1;
    int input_ = -1, output_ = -1, port_ = 0;
};

#endif
