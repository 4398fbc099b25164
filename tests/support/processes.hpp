// SPDX-License-Identifier: MIT
// Other processes for one test. A check of the test framework does not reach out of them: they throw what is wrong.
#ifndef TOKENKEEP_TESTS_SUPPORT_PROCESSES_HPP
#define TOKENKEEP_TESTS_SUPPORT_PROCESSES_HPP

#include <cstddef>
#include <cstdio>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

inline void expect(bool holds, const std::string& sentence) {
    if (!holds) throw std::runtime_error(sentence);
}

/// Forks a process that runs `act` and ends.
template <class Act>
pid_t start_process(Act act) {
    const pid_t child = ::fork();
    if (child != 0) return child;
    try {
        act();
    } catch (const std::exception& fault) {
        std::fprintf(stderr, "in a child process: %s\n", fault.what());
        ::_exit(1);
    }
    ::_exit(0);
}

inline bool ended_well(pid_t child) {
    int status = 0;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

template <class Act>
bool in_process(Act act) {
    return ended_well(start_process(act));
}

/// Runs `act` in a process that was started without its standard streams. True if then, while what `act` gave is still
/// there, no file below `directory` has a number from 0 to 2.
template <class Act>
bool keeps_off_standard_streams(const std::string& directory, Act act) {
    return in_process([&] {
        for (const int number : {0, 1, 2}) ::close(number);
        const auto kept = act();
        for (const int number : {0, 1, 2}) {
            char target[4'096];
            const std::string link = "/proc/self/fd/" + std::to_string(number);
            const ssize_t size = ::readlink(link.c_str(), target, sizeof target);
            const std::string name(target, size < 0 ? 0 : static_cast<std::size_t>(size));
            expect(name.rfind(directory, 0) != 0, "a file has the number of a standard stream");
        }
    });
}

/// A process that holds what `act` gives until it is killed.
class holding_process {
  public:
    template <class Act>
    explicit holding_process(Act act) {
        int ready[2];
        expect(::pipe(ready) == 0, "pipe");
        child_ = start_process([&] {
            const auto held = act();
            if (::write(ready[1], "x", 1) == 1) ::pause();
        });
        ::close(ready[1]);
        char byte = 0;
        const bool is_ready = ::read(ready[0], &byte, 1) == 1;
        ::close(ready[0]);
        if (!is_ready) kill();
        expect(is_ready, "the other process holds nothing");
    }
    holding_process(const holding_process&) = delete;
    holding_process& operator=(const holding_process&) = delete;
    ~holding_process() { kill(); }

    void kill() {
        if (child_ == 0) return;
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
        child_ = 0;
    }

  private:
    pid_t child_ = 0;
};

/// Runs `act(n)` in so many processes, which begin together. Whether none has thrown.
inline bool run_together(int processes, const std::function<void(int)>& act) {
    int ends[2]{};
    expect(::pipe(ends) == 0, "no pipe");
    std::vector<pid_t> children;
    for (int n = 0; n < processes; ++n)
        children.push_back(start_process([&] {
            ::close(ends[1]);
            char none = 0;
            expect(::read(ends[0], &none, 1) == 0, "the start is no start"); // it ends when the parent closes it
            act(n);
        }));
    ::close(ends[0]);
    ::close(ends[1]);
    bool all = true;
    for (const pid_t child : children) all = ended_well(child) && all;
    return all;
}

#endif
