// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTS_SUPPORT_PIPED_PROCESS_HPP
#define TOKENKEEP_TESTS_SUPPORT_PIPED_PROCESS_HPP

#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

/// A program as a child process, with pipes to its input and from its output, for as long as this object lives. It is
/// to leave when its input ends, as it does if this process dies.
class piped_process {
  public:
    explicit piped_process(std::vector<std::string> command) : name_(command.at(0)) {
        std::array<int, 2> input = new_pipe(), output = new_pipe();
        std::vector<char*> argv;
        for (std::string& argument : command) argv.push_back(argument.data());
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
            throw std::system_error(failure, std::generic_category(), name_ + " does not start");
        }
    }

    piped_process(const piped_process&) = delete;
    piped_process& operator=(const piped_process&) = delete;

    /// A forked child may destroy its copy; the program ends with the process that started it.
    ~piped_process() {
        if (::getpid() == owner_) end();
    }

    void write(std::string_view text) const {
        while (!text.empty()) {
            const ssize_t count = ::write(input_, text.data(), text.size());
            if (count < 0) throw std::system_error(errno, std::generic_category(), name_ + " takes no input");
            text.remove_prefix(static_cast<std::size_t>(count));
        }
    }

    /// The next line of its output, without the line feed.
    std::string read_line(std::chrono::milliseconds patience = std::chrono::seconds(30)) {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        while (unread_.find('\n') == std::string::npos) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
            pollfd ready{.fd = output_, .events = POLLIN, .revents = 0};
            if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0)
                throw std::runtime_error(name_ + " says nothing in time");
            std::array<char, 4096> bytes{};
            const ssize_t count = ::read(output_, bytes.data(), bytes.size());
            if (count <= 0) throw std::runtime_error(name_ + " ended");
            unread_.append(bytes.data(), static_cast<std::size_t>(count));
        }
        const std::size_t end = unread_.find('\n');
        std::string line = unread_.substr(0, end);
        unread_.erase(0, end + 1);
        return line;
    }

  private:
    static std::array<int, 2> new_pipe() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
        return ends;
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

    std::string name_, unread_{};
    pid_t owner_ = ::getpid(), pid_ = -1;
    int input_ = -1, output_ = -1;
};

#endif
