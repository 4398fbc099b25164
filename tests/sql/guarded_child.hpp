// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTS_SQL_GUARDED_CHILD_HPP
#define TOKENKEEP_TESTS_SQL_GUARDED_CHILD_HPP

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/// Whose rights a program gets.
struct account {
    uid_t user = ::geteuid();
    gid_t group = ::getegid();
};

/// Database servers refuse to be root: there they get the account that their package made for them.
inline account account_unless_root(const std::string& name) {
    if (::geteuid() != 0) return {};
    const passwd* entry = ::getpwnam(name.c_str());
    if (entry == nullptr) throw std::runtime_error("there is no user named " + name);
    return {entry->pw_uid, entry->pw_gid};
}

/// Waits until `condition` holds, for as long as `patience` at most, and says whether it does.
template <class Condition>
bool holds_within(std::chrono::milliseconds patience, Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

/// What to run, and how.
struct guarded_command {
    std::vector<std::string> words; // the first is the program's path
    account runs_as;
    std::string folder;          // it runs there, and if this process dies the folder is removed
    std::string log;             // what it prints goes there; an older log is overwritten
    int polite_signal = SIGTERM; // asks it to end
};

/// A program that runs for as long as this object lives, and no longer than this process, however that ends.
///
/// Between the two stands a guard, a forked process with nothing else to do. The kernel's promise to kill a child with
/// its parent (PR_SET_PDEATHSIG) would not do: it means the thread that forked, which may end long before this process,
/// and it forgets the children of the child. The guard adopts those, and ends when all are gone.
class guarded_child {
  public:
    explicit guarded_child(const guarded_command& command) {
        std::vector<std::string> words = command.words;
        std::vector<char*> argv;
        for (std::string& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        const int output = ::open(command.log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (input >= 0 && output >= 0) guard_ = ::fork();
        if (guard_ == 0) guard(command, argv.data(), input, output, owner_);
        const int failure = errno;
        ::close(input);
        ::close(output);
        if (guard_ < 0) throw std::system_error(failure, std::generic_category(), command.words.front());
    }

    guarded_child(const guarded_child&) = delete;
    guarded_child& operator=(const guarded_child&) = delete;

    /// A forked child may destroy its copy; the program ends with the process that started it.
    ~guarded_child() { stop(); }

    /// Whether it and its children are gone, and `succeeded` says how it went.
    bool ended() noexcept {
        if (guard_ <= 0) return true;
        int status = 0;
        if (::waitpid(guard_, &status, WNOHANG) != guard_) return false;
        succeeded_ = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        guard_ = -1;
        return true;
    }
    bool succeeded() const noexcept { return succeeded_; }

    /// Asks it to end, and kills it if that takes long.
    void stop() noexcept { end(SIGTERM); }
    /// Kills it.
    void kill() noexcept { end(SIGUSR1); }

  private:
    static constexpr std::chrono::seconds politeness{15};

    void end(int signal) noexcept {
        if (::getpid() != owner_ || ended()) return;
        ::kill(guard_, signal);
        if (holds_within(politeness * 2, [this] { return ended(); })) return;
        ::kill(guard_, SIGKILL); // which kills the program too
        ::waitpid(guard_, nullptr, 0);
        guard_ = -1;
    }

    // What runs from here on is a copy of a process whose other threads are gone: it must not allocate.

    [[noreturn]] static void guard(const guarded_command& command, char** argv, int input, int output, pid_t owner) {
        sigset_t awaited, none;
        ::sigemptyset(&none);
        ::sigemptyset(&awaited);
        for (const int signal : {SIGTERM, SIGUSR1, SIGCHLD}) ::sigaddset(&awaited, signal);
        ::sigprocmask(SIG_SETMASK, &awaited, nullptr);
        std::signal(SIGCHLD, SIG_DFL); // one ignored would be reaped unseen
        ::setsid();                    // what a terminal sends is for the tests
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        ::dup2(input, STDIN_FILENO);
        ::dup2(output, STDOUT_FILENO);
        ::dup2(output, STDERR_FILENO);
        if (::syscall(SYS_close_range, 3U, ~0U, 0U) != 0)
            for (int file = 3; file < 1024; ++file) ::close(file);

        const pid_t self = ::getpid();
        pid_t child = ::fork();
        if (child == 0) {
            ::sigprocmask(SIG_SETMASK, &none, nullptr);
            become(command, argv, self);
        }
        bool asked = false, succeeded = false;
        std::chrono::steady_clock::time_point patience_ends;
        const timespec tick{.tv_sec = 0, .tv_nsec = 50'000'000};
        while (true) {
            const int signal = ::sigtimedwait(&awaited, nullptr, &tick);
            const auto now = std::chrono::steady_clock::now();
            if (!asked && (signal == SIGTERM || ::getppid() != owner)) {
                asked = true;
                patience_ends = now + politeness;
                if (child > 0) ::kill(child, command.polite_signal);
            }
            if (child > 0 && (signal == SIGUSR1 || (asked && now > patience_ends))) ::kill(child, SIGKILL);

            int status = 0;
            pid_t gone = 0;
            while ((gone = ::waitpid(-1, &status, WNOHANG)) > 0) {
                if (gone != child) continue;
                child = -1;
                succeeded = WIFEXITED(status) && WEXITSTATUS(status) == 0;
            }
            if (gone < 0) break;
            if (child < 0) kill_the_adopted();
        }
        if (::getppid() != owner) ::execl("/bin/rm", "rm", "-rf", "--", command.folder.c_str(), nullptr);
        ::_exit(succeeded ? 0 : 1);
    }

    [[noreturn]] static void become(const guarded_command& command, char** argv, pid_t parent) {
        const auto [user, group] = command.runs_as;
        const bool changes = user != ::geteuid();
        if (changes && (::setgroups(1, &group) != 0 || ::setgid(group) != 0 || ::setuid(user) != 0)) ::_exit(126);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL); // after the change of user, which takes it back
        if (::getppid() == parent && ::chdir(command.folder.c_str()) == 0) ::execv(argv[0], argv);
        ::_exit(127);
    }

    /// Where the kernel does not tell them, they are left to notice by themselves, as those of PostgreSQL do.
    static void kill_the_adopted() {
        std::array<char, 4096> pids{};
        const int file = ::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
        const ssize_t size = ::read(file, pids.data(), pids.size());
        ::close(file);
        pid_t pid = 0;
        for (ssize_t at = 0; at < size; ++at) {
            const char letter = pids[static_cast<std::size_t>(at)];
            if (letter >= '0' && letter <= '9') {
                pid = pid * 10 + (letter - '0');
            } else {
                if (pid > 1) ::kill(pid, SIGKILL);
                pid = 0;
            }
        }
    }

    pid_t owner_ = ::getpid(), guard_ = -1;
    bool succeeded_ = false;
};

#endif
