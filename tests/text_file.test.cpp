// SPDX-License-Identifier: MIT
#include <tokenkeep/text_file.hpp>

#include "support/catch.hpp"
#include "support/mounts.hpp"
#include "support/processes.hpp"
#include "support/temporary.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

using namespace tokenkeep;
using namespace std::chrono_literals;

namespace {

std::chrono::steady_clock::time_point in(std::chrono::milliseconds wait) {
    return std::chrono::steady_clock::now() + wait;
}

std::optional<std::string> loaded(const text_file& file) {
    const std::optional<secret> content = file.load();
    return content ? std::optional<std::string>(content->reveal()) : std::nullopt;
}

std::error_code load_fault(const std::string& path) {
    return code_of([&] { (void)text_file(path).load(); });
}
std::error_code save_fault(const std::string& path) {
    return code_of([&] { text_file(path).save("new"); });
}
bool obtains(const text_file& file, const std::string& name, std::chrono::milliseconds patience) {
    const std::error_code fault = code_of([&] { (void)file.lock(name, in(patience)); });
    if (fault && fault != errc::lock_timeout) throw std::system_error(fault);
    return !fault;
}

/// Runs `act` in a child process; whether it gave true.
template <class Act>
bool in_child(Act act) {
    const pid_t child = ::fork();
    if (child == 0) {
        bool good = false;
        try {
            good = act();
        } catch (...) {
        }
        ::_exit(good ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

} // namespace

TEST_CASE("text_file: load gives what was saved last, byte for byte", "[text_file]") {
    const temporary_directory here;
    const text_file file(here / "tokens");
    CHECK(!file.load());
    for (const std::string& text :
         {std::string("first"), std::string(), std::string("a\0b\n", 4), std::string(300'000, 'x')}) {
        file.save(text);
        CHECK(loaded(file) == text);
        CHECK(!exists(here / "tokens.tmp"));
    }
    CHECK(bytes_of(here / "tokens").size() == 300'000);
}

TEST_CASE("text_file: a path without a directory is one in the present directory", "[text_file]") {
    const temporary_directory here;
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(here / "");
    text_file("tokens").save("here");
    std::filesystem::current_path(before);
    CHECK(loaded(text_file(here / "tokens")) == "here");
}

TEST_CASE("text_file: it stays where it is when the program changes its directory, or a link leads elsewhere",
          "[text_file]") {
    const temporary_directory here, elsewhere;
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(here / "");
    std::filesystem::create_directory_symlink(here / "", elsewhere / "link");
    const text_file file("tokens"), linked(elsewhere / "link/tokens"), deeper("later/tokens");
    file.save("one");
    std::filesystem::current_path(elsewhere / "");
    std::filesystem::remove(elsewhere / "link");
    std::filesystem::create_directory_symlink(elsewhere / "", elsewhere / "link");
    CHECK(loaded(file) == "one");
    CHECK(loaded(linked) == "one");
    linked.save("two");
    std::filesystem::create_directory(here / "later");
    ::chmod((here / "later").c_str(), 0700);
    deeper.save("three");
    {
        const auto held = file.lock("key", in(1s));
        CHECK(!obtains(linked, "key", 20ms));
        CHECK(!obtains(text_file(here / "tokens"), "key", 20ms));
    }
    std::filesystem::remove(elsewhere / "link");
    CHECK(std::filesystem::is_empty(elsewhere / ""));
    std::filesystem::current_path(before);
    CHECK(loaded(text_file(here / "tokens")) == "two");
    CHECK(loaded(text_file(here / "later/tokens")) == "three");
    CHECK(code_of([] { (void)text_file(""); }) == errc::storage_failure);
}

TEST_CASE("text_file: the file is private to the user, whatever the umask", "[text_file]") {
    for (const mode_t mask : {0u, 022u, 077u, 0777u}) {
        const temporary_directory here;
        const umask_of_scope scope(mask);
        const text_file file(here / "tokens");
        file.save("one");
        CHECK(mode_of(here / "tokens") == 0600);
        file.save("two");
        CHECK(mode_of(here / "tokens") == 0600);
        (void)file.lock("", in(1s));
        CHECK(mode_of(here / "tokens.lock") == 0600);
        CHECK(loaded(file) == "two");
    }
}

TEST_CASE("text_file: a file that others can write is refused, one that they can read becomes private", "[text_file]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    for (const mode_t mode : {0620u, 0602u, 0666u, 0777u}) {
        write_file(path, "content", mode);
        CHECK(load_fault(path) == errc::permissions);
        CHECK(bytes_of(path) == "content");
    }
    write_file(path, "content", 0644);
    CHECK(loaded(text_file(path)) == "content");
    text_file(path).save("new");
    CHECK(mode_of(path) == 0600);
}

TEST_CASE("text_file: anything but a regular file is refused, without blocking, and left as it is", "[text_file]") {
    const temporary_directory here;
    write_file(here / "target", "content");
    ::symlink((here / "target").c_str(), (here / "link").c_str());
    ::symlink((here / "nowhere").c_str(), (here / "dangling").c_str());
    ::mkfifo((here / "fifo").c_str(), 0600);
    ::mkdir((here / "directory").c_str(), 0700);
    for (const char* name : {"link", "dangling", "fifo", "directory"}) {
        CAPTURE(name);
        const auto start = std::chrono::steady_clock::now();
        CHECK(load_fault(here / name) == errc::permissions);
        CHECK(save_fault(here / name) == errc::permissions);
        CHECK(std::chrono::steady_clock::now() - start < 5s);
        CHECK(exists(here / name));
        CHECK(!exists(here / (std::string(name) + ".tmp")));
    }
    for (const auto& act : {std::function<void()>([&] { (void)text_file(here / "link").load(); }),
                            std::function<void()>([&] { text_file(here / "link").save("new"); })})
        CHECK(has_all(words_of(act), {"link is a symbolic link to " + (here / "target"), "name the file itself"}));
    CHECK(bytes_of(here / "target") == "content");
    CHECK(!exists(here / "nowhere"));
    CHECK(std::filesystem::is_symlink(here / "link"));
}

TEST_CASE("text_file: a temporary file left behind is ignored, and never followed", "[text_file]") {
    const temporary_directory here;
    const text_file file(here / "tokens");
    write_file(here / "tokens.tmp", "half of a sa", 0);
    CHECK(!file.load());
    file.save("whole");
    CHECK(loaded(file) == "whole");
    write_file(here / "target", "content");
    ::symlink((here / "target").c_str(), (here / "tokens.tmp").c_str());
    file.save("again");
    CHECK(loaded(file) == "again");
    CHECK(bytes_of(here / "target") == "content");
    CHECK(!exists(here / "tokens.tmp"));
}

TEST_CASE("text_file: a directory that is missing is no new file", "[text_file]") {
    const temporary_directory here;
    CHECK(save_fault(here / "missing/tokens") == errc::not_saved);
    CHECK(code_of([&] { (void)text_file(here / "missing/tokens").lock("", in(1s)); }) == errc::storage_failure);
    CHECK(!exists(here / "missing"));
}

TEST_CASE("text_file: a save that finds no room says not_saved, and the old content stands", "[text_file]") {
    const temporary_directory here;
    const text_file file(here / "tokens");
    file.save("old content");
    CHECK(in_child([&] {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit small_files{64, 64};
        ::setrlimit(RLIMIT_FSIZE, &small_files);
        file.save("fits");
        file.save("old content");
        return code_of([&] { file.save(std::string(65, 'x')); }) == errc::not_saved && loaded(file) == "old content";
    }));
    CHECK(loaded(file) == "old content");
    CHECK(!exists(here / "tokens.tmp"));
}

TEST_CASE("text_file: a lock keeps out every other of its name, also in the same process", "[text_file]") {
    const temporary_directory here;
    const text_file one(here / "tokens"), two(here / "tokens"), elsewhere(here / "others");
    for (const std::string name : {"", "key"}) {
        auto held = std::optional(one.lock(name, in(1s)));
        CHECK(!obtains(one, name, 20ms));
        CHECK(!obtains(two, name, 20ms));
        CHECK(!in_child([&] { return obtains(one, name, 20ms); }));
        CHECK(obtains(two, "another", 1s));
        CHECK(obtains(two, name.empty() ? "key" : "", 1s));
        CHECK(obtains(elsewhere, name, 1s));
        held.reset();
        CHECK(obtains(two, name, 1s));
        CHECK(in_child([&] { return obtains(one, name, 1s); }));
    }
    CHECK(exists(here / "tokens.lock"));
}

TEST_CASE("text_file: a lock that is not obtained by the deadline is lock_timeout, no sooner", "[text_file]") {
    const temporary_directory here;
    const text_file file(here / "tokens");
    const auto held = file.lock("key", in(1s));
    const auto start = std::chrono::steady_clock::now();
    CHECK(code_of([&] { (void)file.lock("key", in(60ms)); }) == errc::lock_timeout);
    CHECK(std::chrono::steady_clock::now() - start >= 60ms);
    CHECK(std::chrono::steady_clock::now() - start < 5s);
    CHECK(code_of([&] { (void)file.lock("key", in(-1s)); }) == errc::lock_timeout);
}

TEST_CASE("text_file: any thread may release a lock, and assigning to a guard releases what it held", "[text_file]") {
    const temporary_directory here;
    const text_file file(here / "tokens");
    auto held = std::optional(file.lock("key", in(1s)));
    std::thread([taken = std::move(held)]() mutable { taken.reset(); }).join();
    CHECK(obtains(file, "key", 1s));

    auto first = file.lock("one", in(1s));
    {
        auto second = file.lock("two", in(1s));
        first = std::move(second);
    }
    CHECK(obtains(file, "one", 1s));
    CHECK(!obtains(file, "two", 20ms));
}

TEST_CASE("text_file: who waits obtains the lock when it is released", "[text_file]") {
    const temporary_directory here;
    const text_file file(here / "tokens");
    auto held = std::optional(file.lock("key", in(1s)));
    std::thread other([&] {
        std::this_thread::sleep_for(50ms);
        held.reset();
    });
    CHECK(obtains(file, "key", 5s));
    other.join();
}

TEST_CASE("text_file: a child that was forked under a lock does not release it", "[text_file]") {
    const temporary_directory here;
    const text_file file(here / "tokens");
    auto held = std::optional(file.lock("key", in(1s)));
    CHECK(in_child([&] {
        held.reset();
        return true;
    }));
    CHECK(!obtains(file, "key", 20ms));
}

TEST_CASE("text_file: a lock dies with its process", "[text_file]") {
    const temporary_directory here;
    const text_file file(here / "tokens");
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const auto held = file.lock("key", in(5s));
        if (::write(ready[1], "x", 1) == 1) ::pause();
        ::_exit(0);
    }
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    CHECK(!obtains(file, "key", 20ms));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    CHECK(obtains(file, "key", 1s));
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST_CASE("text_file: the lock that counts is the one on the lock file that is there now", "[text_file]") {
    const temporary_directory here;
    const text_file file(here / "tokens");
    auto first = std::optional(file.lock("key", in(1s)));
    std::atomic<bool> waiter_has_it = false, enough = false;
    std::thread waiter([&] {
        const auto held = file.lock("key", in(10s));
        waiter_has_it = true;
        while (!enough) std::this_thread::sleep_for(1ms);
    });
    std::this_thread::sleep_for(50ms); // the waiter has opened the file
    ::unlink((here / "tokens.lock").c_str());
    auto second = std::optional(file.lock("key", in(1s)));
    first.reset();
    std::this_thread::sleep_for(100ms);
    CHECK(!waiter_has_it);
    second.reset();
    for (int n = 0; n < 5'000 && !waiter_has_it; ++n) std::this_thread::sleep_for(1ms);
    CHECK(waiter_has_it);
    CHECK(!obtains(file, "key", 20ms));
    enough = true;
    waiter.join();
}

TEST_CASE("text_file: a lock file that is a symbolic link is refused", "[text_file]") {
    const temporary_directory here;
    ::symlink((here / "nowhere").c_str(), (here / "tokens.lock").c_str());
    CHECK(code_of([&] { (void)text_file(here / "tokens").lock("", in(1s)); }) == errc::permissions);
    CHECK(has_all(words_of([&] { (void)text_file(here / "tokens").lock("", in(1s)); }), {here / "nowhere"}));
    CHECK(!exists(here / "nowhere"));
}

TEST_CASE("text_file: a file of another user, and a directory in which others can replace it, are refused",
          "[text_file]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    const text_file file(path);
    const auto is_refused = [&](const std::vector<std::string>& words) {
        CHECK(load_fault(path) == errc::permissions);
        CHECK(save_fault(path) == errc::permissions);
        CHECK(code_of([&] { (void)file.lock("key", in(1s)); }) == errc::permissions);
        CHECK(has_all(words_of([&] { (void)file.load(); }), words));
        CHECK(has_all(words_of([&] { file.save("new"); }), words));
        CHECK(bytes_of(path) == "content");
        CHECK(!exists(path + ".tmp"));
        CHECK(!exists(path + ".lock"));
    };
    file.save("content");
    ::chmod((here / "").c_str(), 0777);
    is_refused({"has mode 0777", "run: chmod go-w"});
    ::chmod((here / "").c_str(), 01777);
    CHECK(loaded(file) == "content");
    ::chmod((here / "").c_str(), 0700);
    ::chmod(path.c_str(), 0602);
    CHECK(has_all(words_of([&] { (void)file.load(); }), {"has mode 0602", "others can write it", "run: chmod 600"}));
    ::chmod(path.c_str(), 0600);
    if (::geteuid() != 0) {
        WARN("skipped: only root can give files away");
        return;
    }
    for (const std::string& given : {path, here / ""}) {
        REQUIRE(::chown(given.c_str(), 65'534, 65'534) == 0);
        is_refused({given, "belongs to user 65534", "runs as user 0 (root)"});
        REQUIRE(::chown(given.c_str(), 0, 0) == 0);
    }
}

TEST_CASE("text_file: a file that has a second hard link is refused until that is removed", "[text_file]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    const text_file file(path);
    file.save("content");
    REQUIRE(::link(path.c_str(), (here / "other").c_str()) == 0);
    CHECK(load_fault(path) == errc::permissions);
    CHECK(save_fault(path) == errc::permissions);
    CHECK(load_fault(here / "other") == errc::permissions);
    CHECK(has_all(words_of([&] { (void)file.load(); }), {path, "2 hard links", "remove"}));
    CHECK(bytes_of(here / "other") == "content");
    ::unlink((here / "other").c_str());
    CHECK(loaded(file) == "content");
    file.save("new");
}

TEST_CASE("text_file: children inherit no descriptor over exec", "[text_file]") {
    const temporary_directory here;
    const text_file file(here / "tokens");
    const auto held = file.lock("key", in(1s));
    const std::string command =
        "for fd in /proc/self/fd/*; do readlink $fd; done | grep -c '" + (here / "tokens") + "' >/dev/null";
    CHECK(std::system(command.c_str()) != 0); // grep finds no line
}

TEST_CASE("text_file: a program without standard streams prints nothing into the files", "[text_file]") {
    const temporary_directory here;
    CHECK(keeps_off_standard_streams(here / "", [&] {
        const text_file file(here / "tokens");
        auto held = file.lock("key", in(1s));
        file.save("content");
        (void)std::fputs("the first message of the program\n", stderr);
        expect(loaded(file) == "content", "content");
        for (const int number : {0, 1, 2}) expect(::fcntl(number, F_GETFD) < 0, "no number is taken");
        auto opened = detail::open_file(here / "tokens", O_RDONLY); // load, save and flushing close what they open
        expect((::fcntl(opened.number(), F_GETFD) & FD_CLOEXEC) != 0, "no child inherits it");
        return std::pair(std::move(held), std::move(opened));
    }));
    CHECK(loaded(text_file(here / "tokens")) == "content");
}

TEST_CASE("text_file: a file that is a mount of its own is refused with advice", "[text_file][mounts]") {
    const temporary_directory here;
    on_disk_of_its_own(here / "", "mode=700", [&] {
        const std::string path = here / "tokens", outside = here / "outside";
        text_file(outside).save("content");
        write_file(path, "");
        mount_file(outside, path);
        expect(load_fault(path) == errc::storage_failure && save_fault(path) == errc::storage_failure, "refused");
        expect(has_all(words_of([&] { (void)text_file(path).load(); }), {path, "mount its directory"}), "load advises");
        expect(has_all(words_of([&] { text_file(path).save("new"); }), {path, "mount its directory"}), "save advises");
        expect(bytes_of(path) == "content" && !exists(path + ".tmp"), "as it was");
        expect(loaded(text_file(outside)) == "content", "the file itself can be used");
    });
}

TEST_CASE("text_file: a file that is mounted alone for reading is read until it is replaced where it comes from",
          "[text_file][mounts]") {
    const temporary_directory here;
    on_disk_of_its_own(here / "", "mode=700", [&] {
        const text_file file(here / "tokens"), outside(here / "outside");
        outside.save("content");
        write_file(here / "tokens", "");
        mount_file_for_reading(here / "outside", here / "tokens");
        expect(loaded(file) == "content", "read");
        expect(save_fault(here / "tokens") == errc::permissions, "save");
        expect(code_of([&] { (void)file.lock("key", in(1s)); }) == errc::permissions, "lock");
        expect(!exists(here / "tokens.lock"), "no lock file");
        outside.save("new");
        expect(load_fault(here / "tokens") == errc::storage_failure, "it was replaced");
        expect(has_all(words_of([&] { (void)file.load(); }), {here / "tokens", "mount its directory"}), "advice");
    });
}

TEST_CASE("text_file: where nothing can be written it is read, and a save says permissions", "[text_file][mounts]") {
    const temporary_directory here;
    on_disk_of_its_own(here / "", "mode=700", [&] {
        const text_file file(here / "tokens");
        file.save("content");
        expect(::mount("", (here / "").c_str(), "", MS_REMOUNT | MS_RDONLY, "") == 0, "read only");
        expect(loaded(file) == "content", "read");
        expect(save_fault(here / "tokens") == errc::permissions, "save");
        expect(code_of([&] { (void)file.lock("key", in(1s)); }) == errc::permissions, "lock");
        expect(has_all(words_of([&] { file.save("new"); }), {here / "tokens", "mount the directory for writing"}),
               "why");
        expect(::mount("", (here / "").c_str(), "", MS_REMOUNT, "") == 0, "to be written again");
        file.save("new");
    });
}
