// SPDX-License-Identifier: MIT
// Other processes for one test. A check of the test framework does not reach out of them: they throw what is wrong.
#ifndef TOKENKEEP_TESTS_SUPPORT_PROCESSES_HPP
#define TOKENKEEP_TESTS_SUPPORT_PROCESSES_HPP

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

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

#endif
