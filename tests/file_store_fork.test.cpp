// SPDX-License-Identifier: MIT
// What stores in files do if their program forks, and if it closes all its files, as a daemon does at its start.
#include <tokenkeep/document_store.hpp>
#include <tokenkeep/file_store.hpp>
#include <tokenkeep/text_file.hpp>

#include "support/catch.hpp"
#include "support/processes.hpp"
#include "support/temporary.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace tokenkeep;
using namespace std::chrono_literals;

namespace {

std::chrono::steady_clock::time_point in(std::chrono::milliseconds wait) {
    return std::chrono::steady_clock::now() + wait;
}

template <class Place>
bool obtains(const Place& place, const std::string& name, std::chrono::milliseconds patience) {
    const std::error_code fault = code_of([&] { (void)place.lock(name, in(patience)); });
    if (fault && fault != errc::lock_timeout) throw std::system_error(fault);
    return !fault;
}

token login(const std::string& user, const std::string& access = "first") {
    return {.user_name = user, .client_id = "app", .access_token = access + " of " + user};
}

template <class Store>
std::string access_of(Store& store, const std::string& user) {
    const std::optional<token> row = store.find_token({.user_name = user});
    return row ? std::string(row->access_token.reveal()) : std::string();
}

/// A process that takes what `act` gives, forks a child, and is killed. The child lives on as long as this object.
class orphan {
  public:
    template <class Act>
    explicit orphan(Act act) {
        int born[2], end[2];
        expect(::pipe(born) == 0 && ::pipe(end) == 0, "pipes");
        const pid_t parent = start_process([&] {
            const auto held = act();
            if (::fork() != 0) {
                ::pause();
                return;
            }
            ::close(end[1]);
            const pid_t self = ::getpid();
            expect(::write(born[1], &self, sizeof self) == sizeof self, "say so");
            char none = 0;
            (void)!::read(end[0], &none, 1);
            ::_exit(0); // without destroying what is held
        });
        const bool is_born = ::read(born[0], &child_, sizeof child_) == sizeof child_;
        ::kill(parent, SIGKILL);
        ::waitpid(parent, nullptr, 0);
        for (const int number : {born[0], born[1], end[0]}) ::close(number);
        end_ = end[1];
        expect(is_born, "there is no child");
    }
    orphan(const orphan&) = delete;
    orphan& operator=(const orphan&) = delete;
    ~orphan() { ::close(end_); }

    bool lives() const { return ::kill(child_, 0) == 0; }

  private:
    pid_t child_ = 0;
    int end_ = -1;
};

void close_all_files() {
    for (int number = 3; number < 256; ++number) ::close(number);
}

/// The program's own files, which have the lowest numbers that are free.
class own_files {
  public:
    explicit own_files(const std::string& directory) : directory_(directory) {
        for (int n = 0; n < count; ++n) {
            write_file(path(n), content);
            numbers_.push_back(::open(path(n).c_str(), O_RDWR | O_CLOEXEC));
            expect(numbers_.back() >= 0, "a file of the program");
        }
    }
    own_files(const own_files&) = delete;
    own_files& operator=(const own_files&) = delete;
    ~own_files() {
        for (const int number : numbers_) ::close(number);
    }

    /// Throws unless all are open and as they were.
    void require_untouched() const {
        for (int n = 0; n < count; ++n) {
            struct stat named {
            }, opened{};
            expect(::stat(path(n).c_str(), &named) == 0 &&
                       ::fstat(numbers_[static_cast<std::size_t>(n)], &opened) == 0 && named.st_ino == opened.st_ino,
                   "a file of the program was closed");
            expect(bytes_of(path(n)) == content, "a file of the program was written");
        }
    }

  private:
    static constexpr int count = 20;
    std::string path(int n) const { return directory_ + "/own" + std::to_string(n); }

    const std::string directory_, content = std::string(5'000, 'o');
    std::vector<int> numbers_{};
};

/// Files that the program closes right before a flush or a write.
struct closed_in_between : system_files {
    inline static bool before_flush = false, before_write = false;

    struct file : system_files::file {
        explicit file(system_files::file opened) : system_files::file(std::move(opened)) {}
        void flush() const {
            if (std::exchange(before_flush, false)) close_all_files();
            system_files::file::flush();
        }
        void write(std::uint64_t offset, std::string_view bytes) const {
            if (std::exchange(before_write, false)) close_all_files();
            system_files::file::write(offset, bytes);
        }
    };
    file create(const std::string& path) const { return file(system_files::create(path)); }
    std::optional<file> open(const std::string& path) const {
        auto opened = system_files::open(path);
        return opened ? std::optional(file(*std::move(opened))) : std::nullopt;
    }
};
struct with_closed_files : defaults {
    using files = closed_in_between;
};

ino_t inode_of(const std::string& path) {
    struct stat status {};
    expect(::stat(path.c_str(), &status) == 0, "the file is there");
    return status.st_ino;
}

} // namespace

// ---- fork ----

TEST_CASE("locks: a child that outlives its parent keeps none of the parent's locks", "[file_store_fork]") {
    const temporary_directory here;
    const text_file file(here / "tokens");
    {
        const orphan child([&] { return file.lock("key", in(5s)); });
        CHECK(obtains(file, "key", 0ms));
        CHECK(child.lives());
    }
    file_store store(here / "store");
    {
        const orphan child([&] {
            auto lock = std::make_unique<detail::lock_file>(here / "store.lock");
            expect(lock->try_lock(0), "the store lock is free");
            return lock;
        });
        store.save_token(login("ada"));
        CHECK(child.lives());
    }
}

TEST_CASE("locks: a guard that a child inherits neither unlocks nor closes anything", "[file_store_fork]") {
    const temporary_directory here;
    const text_file file(here / "tokens");
    auto held = std::optional(file.lock("key", in(1s)));
    CHECK(in_process([&] {
        const own_files files(here / ""); // one has the number that the lock file had
        expect(!obtains(file, "key", 0ms), "the parent has the lock");
        held.reset();
        files.require_untouched();
        expect(!obtains(file, "key", 0ms), "it still has it");
        expect(obtains(file, "another", 1s), "the child has locks of its own");
    }));
    CHECK(!obtains(file, "key", 0ms));
    held.reset();
    CHECK(obtains(file, "key", 0ms));
}

TEST_CASE("locks: threads that open and close lock files while the program forks leave no child with a lock",
          "[file_store_fork]") {
    const temporary_directory here;
    const text_file file(here / "tokens");
    std::atomic<bool> enough = false;
    std::vector<std::thread> threads;
    for (int n = 0; n < 3; ++n)
        threads.emplace_back([&, name = std::to_string(n)] {
            while (!enough) (void)file.lock(name, in(5s));
        });
    std::vector<pid_t> children;
    for (int n = 0; n < 50; ++n) children.push_back(start_process([] { ::pause(); }));
    enough = true;
    for (std::thread& thread : threads) thread.join();
    for (int n = 0; n < 3; ++n) CHECK(obtains(file, std::to_string(n), 0ms));
    std::string listed;
    for (const pid_t child : children) {
        for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(child) + "/fd")) {
            std::error_code ignored;
            listed += std::filesystem::read_symlink(entry.path(), ignored).string() + "\n";
        }
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
    CHECK(listed.find("tokens.lock") == std::string::npos);
}

// ---- Closed files ----

TEST_CASE("file_store: if the program closes all its files, the store writes into no other file, and goes on",
          "[file_store_fork]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    CHECK(in_process([&] {
        file_store store(path);
        store.save_token(login("ada"));
        auto guard = std::optional(store.lock_token("key", in(1s)));
        close_all_files();
        const own_files files(here / "");
        expect(access_of(store, "ada") == "first of ada", "a look-up");
        store.save_token(login("ada", "second"));
        files.require_untouched();
        expect(in_process([&] { file_store(path).save_token(login("bob")); }), "another process saves");
        expect(access_of(store, "bob") == "first of bob", "what another has saved");
        guard.reset();
        files.require_untouched();
        { auto again = store.lock_token("key", in(1s)); }
        store.delete_token(store.find_token({.user_name = "bob"}).value().id);
        store.compact();
        store.save_token(login("eve"));
        files.require_untouched();
        expect(file_store(path).get_tokens().size() == 2, "both rows");
    }));
    CHECK(in_process([&] {
        auto store = std::optional<file_store>(path);
        store->save_token(login("ada", "third"));
        close_all_files();
        const own_files files(here / "");
        store.reset();
        files.require_untouched();
    }));
    CHECK(bytes_of(path).find("third of ada") != std::string::npos);
}

TEST_CASE("file_store: what another process saves is read from the file, also after the program has closed it",
          "[file_store_fork]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    CHECK(in_process([&] {
        file_store store(path);
        store.save_token(login("ada"));
        close_all_files();
        const own_files files(here / "");
        expect(in_process([&] { file_store(path).save_token(login("bob")); }), "another process saves");
        expect(access_of(store, "bob") == "first of bob", "it is found");
        expect(store.get_tokens().size() == 2, "both rows");
        files.require_untouched();
    }));
}

TEST_CASE("file_store: a save after the program has closed all files leaves its mark in the lock file",
          "[file_store_fork]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    CHECK(in_process([&] {
        file_store store(path);
        store.save_token(login("ada"));
        close_all_files();
        const own_files files(here / "");
        store.save_token(login("bob"));
        files.require_untouched();
    }));
    const std::string bytes = bytes_of(path);
    const std::size_t before = bytes.find("bob");
    REQUIRE(before != bytes.npos);
    REQUIRE(::truncate(path.c_str(), static_cast<off_t>(bytes.rfind("TKr1", before))) == 0);
    file_store store(path);
    CHECK(code_of([&] { (void)store.get_tokens(); }) == errc::storage_corrupt);
}

TEST_CASE("file_store: a save whose file is closed before its flush is saved all the same", "[file_store_fork]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    CHECK(in_process([&] {
        basic_file_store<with_closed_files> store(path);
        store.save_token(login("ada"));
        closed_in_between::before_flush = true;
        store.save_token(login("bob"));
        expect(!closed_in_between::before_flush, "it was closed");
        store.save_token(login("eve"));
        expect(file_store(path).get_tokens().size() == 3, "all rows");
    }));
}

TEST_CASE("file_store: a save whose file is closed before it is written says not_saved, and replaces no file",
          "[file_store_fork]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    CHECK(in_process([&] {
        basic_file_store<with_closed_files> store(path);
        store.save_token(login("ada"));
        const ino_t before = inode_of(path);
        closed_in_between::before_write = true;
        expect(code_of([&] { store.save_token(login("bob")); }) == errc::not_saved, "not saved");
        // The lock was closed too, so what others have saved meanwhile may not be in a file that is written now.
        expect(inode_of(path) == before, "the file is the same");
        store.save_token(login("bob"));
        expect(file_store(path).get_tokens().size() == 2, "all rows");
    }));
}

TEST_CASE("file_store: a child sees what others have saved, even if another file has the number of the old one",
          "[file_store_fork]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    int said[2];
    REQUIRE(::pipe(said) == 0);
    CHECK(in_process([&] {
        file_store store(path);
        store.save_token(login("ada"));
        const pid_t parent = ::getpid();
        if (::fork() != 0) return; // the parent ends, and nothing keeps the old file
        while (::getppid() == parent) std::this_thread::sleep_for(1ms);
        const ino_t before = inode_of(path);
        file_store other(path);
        bool is_same = false;
        for (int times = 0; times < 100 && !is_same; ++times) {
            other.save_token(login("ada", "other"));
            other.compact();
            is_same = inode_of(path) == before;
        }
        store.save_token(login("bob", access_of(store, "ada")));
        const bool is_whole = file_store(path).get_tokens().size() == 2;
        const bool is_new = access_of(other, "bob") == "other of ada of bob";
        const char result = is_whole && is_new ? (is_same ? 'y' : '?') : 'n';
        (void)!::write(said[1], &result, 1);
        ::_exit(0);
    }));
    ::close(said[1]);
    char result = 0;
    CHECK(::read(said[0], &result, 1) == 1);
    ::close(said[0]);
    if (result == '?') WARN("this file system gives no number a second time");
    CHECK(result != 'n');
}

TEST_CASE("file_system: a file that the program has closed says so, and what has its number is not touched",
          "[file_store_fork]") {
    const temporary_directory here;
    CHECK(in_process([&] {
        const system_files files;
        auto file = std::optional(files.create(here / "file"));
        file->write(0, "content");
        expect(!file->is_lost(), "open");
        close_all_files();
        const own_files own(here / "");
        expect(file->is_lost(), "lost");
        char byte = 0;
        for (const auto& act :
             {std::function<void()>([&] { file->write(0, "secret"); }),
              std::function<void()>([&] { (void)file->read(0, &byte, 1); }),
              std::function<void()>([&] { file->truncate(0); }), std::function<void()>([&] { file->flush(); }),
              std::function<void()>([&] { (void)file->identity(); })}) {
            expect(code_of(act) == errc::storage_failure, "a typed error");
            expect(has_all(words_of(act), {here / "file", "the program has closed a file of this library"}), "words");
        }
        file.reset();
        own.require_untouched();
        expect(bytes_of(here / "file") == "content", "the file itself");
    }));
}

TEST_CASE("locks: after the program has closed all files, two lock files that get one number still exclude each other",
          "[file_store_fork]") {
    const temporary_directory here;
    CHECK(in_process([&] {
        detail::lock_file one(here / "tokens.lock"), two(here / "tokens.lock");
        for (detail::lock_file* each : {&one, &two}) {
            expect(each->try_lock(1), "free");
            each->unlock(1);
        }
        close_all_files();
        expect(two.try_lock(7), "it gets the number that the other one had");
        expect(!one.try_lock(7), "the other one does not have the lock");
        two.unlock(7);
        expect(one.try_lock(7) && !two.try_lock(7), "the other way round");
    }));
}

TEST_CASE("json_file_store: if the program closes all its files, the store writes into no other file, and goes on",
          "[file_store_fork]") {
    const temporary_directory here;
    CHECK(in_process([&] {
        json_file_store store(here / "tokens.json");
        store.save_token(login("ada"));
        auto guard = std::optional(store.lock_token("key", in(1s)));
        close_all_files();
        const own_files files(here / "");
        expect(access_of(store, "ada") == "first of ada", "a look-up");
        store.save_token(login("ada", "second"));
        guard.reset();
        files.require_untouched();
        expect(access_of(store, "ada") == "second of ada", "the save");
        { auto again = store.lock_token("key", in(1s)); }
        files.require_untouched();
    }));
}
