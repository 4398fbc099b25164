// SPDX-License-Identifier: MIT
// The file of an SQLite store: who may read it, what stays in it, and what happens when it is full, empty or gone.
// databases: SQLite
#include <tokenkeep/sqlite.hpp>

#include "support/catch.hpp"
#include "support/mounts.hpp"
#include "support/processes.hpp"
#include "support/temporary.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::string_literals;
using tokenkeep::errc;
using tokenkeep::sqlite_store;
using tokenkeep::token;

namespace {

struct following : tokenkeep::defaults {
    static constexpr bool follows_link = true;
};
struct sharing : tokenkeep::defaults {
    static constexpr bool trusts_group = true;
};

const token ada{.user_name = "ada", .access_token = "access of ada", .id = "1"};

struct operation {
    bool changes;
    std::function<void(sqlite_store&)> run;
};

/// Everything that a store can be asked, and whether it changes something.
std::vector<operation> operations() {
    return {
        {false, [](sqlite_store& store) { (void)store.find_token({.user_name = "ada"}); }},
        {false, [](sqlite_store& store) { (void)store.find_token_by_id("1"); }},
        {false, [](sqlite_store& store) { (void)store.get_tokens(); }},
        {true, [](sqlite_store& store) { store.save_token(ada); }},
        {true, [](sqlite_store& store) { store.save_token({.user_name = "new", .access_token = "new"}); }},
        {true, [](sqlite_store& store) { (void)store.replace_token(ada, ada); }},
        {true, [](sqlite_store& store) { (void)store.remove_token(ada); }},
        {true, [](sqlite_store& store) { store.delete_token("1"); }},
        {true, [](sqlite_store& store) { store.delete_tokens(); }},
    };
}

void require_all_fail(sqlite_store& store, errc code) {
    for (const operation& each : operations()) CHECK(code_of([&] { each.run(store); }) == code);
}

/// Whether the bytes are in any of the files that SQLite made.
bool is_in_files(const std::string& path, const std::string& bytes) {
    for (const char* end : {"", "-wal", "-shm", "-journal"})
        if (bytes_of(path + end).find(bytes) != std::string::npos) return true;
    return false;
}

/// Runs `act` as a user who is not root, in a child, and says whether all went well.
bool holds_for_a_plain_user(const std::string& path, const std::function<bool()>& act) {
    const pid_t child = ::fork();
    if (child == 0) {
        bool holds = false;
        try {
            holds = (::geteuid() != 0 || (::setgid(65534) == 0 && ::setuid(65534) == 0)) && act();
        } catch (const std::exception& fault) {
            std::fprintf(stderr, "%s: %s\n", path.c_str(), fault.what());
        }
        ::_exit(holds ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void give_to_plain_user(const std::string& path) {
    if (::geteuid() == 0) REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
}

/// A database that may have no more than so many pages.
struct short_connection : tokenkeep::sqlite_connection {
    using sqlite_connection::sqlite_connection;

    void connect(std::chrono::milliseconds patience) {
        sqlite_connection::connect(patience);
        auto limit = prepare("PRAGMA max_page_count = 60");
        while (limit.step()) {
        }
    }
};

/// Waits for others no longer than a test may.
struct hasty : tokenkeep::defaults {
    static constexpr std::chrono::milliseconds store_lock_timeout{300};
};

/// A database whose file is removed just before a transaction is committed.
struct vanishing_connection : tokenkeep::sqlite_connection {
    using sqlite_connection::sqlite_connection;

    void execute(const std::string& sql) {
        if (sql == "COMMIT")
            for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(file + end);
        sqlite_connection::execute(sql);
    }

    std::string file{};
};

/// While it lives, SQLite is as it may be built: what is saved is not flushed, and what is deleted is not overwritten.
struct careless_sqlite {
    careless_sqlite() { sqlite3_auto_extension(reinterpret_cast<void (*)()>(&set)); }
    careless_sqlite(const careless_sqlite&) = delete;
    careless_sqlite& operator=(const careless_sqlite&) = delete;
    ~careless_sqlite() { sqlite3_reset_auto_extension(); }

  private:
    static int set(sqlite3* opened, const char**, const void*) {
        return sqlite3_exec(opened, "PRAGMA secure_delete = OFF; PRAGMA synchronous = OFF", nullptr, nullptr, nullptr);
    }
};

/// No file of this process grows beyond so many bytes while this lives.
class short_files {
  public:
    explicit short_files(rlim_t size) {
        std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before_);
        rlimit limit = before_;
        limit.rlim_cur = size;
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    short_files(const short_files&) = delete;
    short_files& operator=(const short_files&) = delete;
    ~short_files() { ::setrlimit(RLIMIT_FSIZE, &before_); }

  private:
    rlimit before_{};
};

} // namespace

TEST_CASE("sqlite: on a full disk a save fails, and what was there stays", "[sql]") {
    const temporary_directory folder;
    tokenkeep::sql_store store{short_connection{folder / "tokens.db"}};
    store.save_token(ada);
    int saved = 1;
    std::error_code code;
    for (; !code && saved < 300; ++saved)
        code = code_of([&] {
            store.save_token({.user_name = "user " + std::to_string(saved),
                              .access_token = std::to_string(saved) + std::string(3'000, 'x')});
        });
    CHECK(code == errc::not_saved);
    const std::vector<token> before = store.get_tokens();
    CHECK(before.size() == static_cast<std::size_t>(saved - 1));
    token next = ada;
    next.access_token = std::string(100'000, 'y');
    CHECK(code_of([&] { store.save_token(next); }) == errc::not_saved);
    CHECK(code_of([&] { store.replace_token(ada, next); }) == errc::not_saved);
    CHECK(store.get_tokens() == before);
    CHECK(sqlite_store{folder / "tokens.db"}.get_tokens() == before);
    store.delete_token(before.back().id);
    store.save_token({.user_name = "again", .access_token = "a"});
    CHECK(store.find_token({.user_name = "again"}));
}

TEST_CASE("sqlite: where a file may not grow a save fails, and what was there stays", "[sql]") {
    const temporary_directory folder;
    sqlite_store store{folder / "tokens.db"};
    store.save_token(ada);
    {
        const short_files limit(60'000);
        std::error_code code;
        for (int n = 0; !code && n < 100; ++n)
            code = code_of([&] { store.save_token({.user_name = "ada", .access_token = std::string(9'000, 'x')}); });
        CHECK(code == errc::not_saved);
        CHECK(store.get_tokens().size() == 1);
        CHECK(code_of([&] { store.save_token({.user_name = "ada", .access_token = std::string(99'000, 'y')}); }) ==
              errc::not_saved);
        const std::string kept(store.get_tokens().at(0).access_token.reveal());
        CHECK((kept == std::string(9'000, 'x') || kept == "access of ada"));
    }
    store.save_token({.user_name = "bob", .access_token = "b"});
    CHECK(sqlite_store{folder / "tokens.db"}.get_tokens().size() == 2);
}

TEST_CASE("sqlite: an empty file is damage, not a new store", "[sql]") {
    const temporary_directory folder;
    write_file(folder / "tokens.db", "");
    sqlite_store store{folder / "tokens.db"};
    require_all_fail(store, errc::storage_corrupt);
    CHECK(bytes_of(folder / "tokens.db").empty());
}

TEST_CASE("sqlite: a file that is no database, or a damaged one, is damage, and is left as it is", "[sql]") {
    const temporary_directory folder;
    const std::string text = "id,user_name,client_id\n1,ada,app\n" + std::string(2'000, '.');
    write_file(folder / "tokens.db", text);
    sqlite_store store{folder / "tokens.db"};
    require_all_fail(store, errc::storage_corrupt);
    CHECK(bytes_of(folder / "tokens.db") == text);
    for (const operation& each : operations())
        CHECK(has_all(words_of([&] { each.run(store); }), {folder / "tokens.db", "file is not a database"}));
}

TEST_CASE("sqlite: a file that is removed while it is open is store_gone for every call, and is not made again",
          "[sql]") {
    const temporary_directory folder;
    const std::string path = folder / "tokens.db";
    for (std::size_t first = 0; first < operations().size(); ++first) {
        sqlite_store store{path};
        store.save_token(ada);
        (void)store.find_token_by_id("1");
        for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path + end);
        const auto code = code_of([&] { operations()[first].run(store); });
        CHECK(code == errc::store_gone);
        require_all_fail(store, errc::store_gone);
        require_all_fail(store, errc::store_gone);
        CHECK_FALSE(exists(path));
    }
}

TEST_CASE("sqlite: a change whose file is removed before it is committed has not been saved, and says so", "[sql]") {
    const temporary_directory folder;
    const std::string path = folder / "tokens.db";
    sqlite_store{path}.save_token(ada);
    vanishing_connection vanishing(path);
    vanishing.file = path;
    tokenkeep::sql_store store(std::move(vanishing));
    CHECK(code_of([&] { store.save_token({.user_name = "ada", .access_token = "next"}); }) == errc::store_gone);
    CHECK_FALSE(exists(path));
}

TEST_CASE("sqlite: a file in whose place there is another is store_gone, and the other is not written", "[sql]") {
    const temporary_directory folder;
    const std::string path = folder / "tokens.db", other = folder / "other.db";
    const token eve{.user_name = "eve", .access_token = "e", .id = "1"};
    sqlite_store store{path};
    store.save_token(ada);
    sqlite_store{other}.save_token(eve);
    for (const char* end : {"-wal", "-shm"}) std::filesystem::remove(path + end);
    std::filesystem::rename(other, path);
    const std::string before = bytes_of(path);
    require_all_fail(store, errc::store_gone);
    require_all_fail(store, errc::store_gone);
    CHECK(bytes_of(path) == before);
    store = sqlite_store{path};
    CHECK(store.get_tokens() == std::vector<token>{eve});
}

TEST_CASE("sqlite: a file may have any name, and memory is no file", "[sql]") {
    const temporary_directory folder;
    for (const char* name : {"it's 100%? #1.db", "a b\nc.db", "file:x?mode=memory", "\xf0\x9f\x94\x91.db",
                             "'; drop table x; --", "\xff"}) {
        sqlite_store store{folder / name};
        store.save_token(ada);
        CHECK(sqlite_store{folder / name}.get_tokens() == std::vector<token>{ada});
        CHECK(mode_of(folder / name) == 0600);
    }
    const std::filesystem::path before = std::filesystem::current_path();
    std::filesystem::current_path(folder / "");
    {
        sqlite_store here{"here.db"}, memory{":memory:"}, other{":memory:"};
        here.save_token(ada);
        memory.save_token(ada);
        CHECK(memory.get_tokens() == std::vector<token>{ada});
        CHECK(other.get_tokens().empty());
        CHECK(code_of([&] { memory.save_token({}); }) == errc::invalid_record);
        CHECK(memory.get_tokens() == std::vector<token>{ada});
        sqlite_store nameless{""};
        for (const operation& each : operations())
            CHECK(code_of([&] { each.run(nameless); }) == (each.changes ? errc::not_saved : errc::storage_failure));
    }
    std::filesystem::current_path(before);
    CHECK(exists(folder / "here.db"));
    CHECK_FALSE(exists(folder / ":memory:"));
    CHECK_FALSE(exists(folder / ":memory:.lock"));
}

TEST_CASE("sqlite: a store stays where it is, with its lock, when the program changes its directory or a link leads "
          "elsewhere",
          "[sql]") {
    const temporary_directory folder, elsewhere;
    const std::filesystem::path before = std::filesystem::current_path();
    std::filesystem::current_path(folder / "");
    std::filesystem::create_directory_symlink(folder / "", elsewhere / "link");
    sqlite_store here{"tokens.db"}, later{"tokens.db"}, linked{elsewhere / "link/tokens.db"};
    std::filesystem::remove(elsewhere / "link");
    std::filesystem::create_directory_symlink(elsewhere / "", elsewhere / "link");
    here.save_token(ada);
    std::filesystem::current_path(elsewhere / "");
    later.save_token({.user_name = "bob", .access_token = "b"});
    sqlite_store whole{folder / "tokens.db"};
    const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
    {
        const auto guard = here.lock_token("key", soon);
        CHECK(code_of([&] { (void)whole.lock_token("key", soon); }) == errc::lock_timeout);
    }
    CHECK(whole.get_tokens().size() == 2);
    CHECK(linked.get_tokens().size() == 2);
    std::filesystem::remove(elsewhere / "link");
    std::filesystem::current_path(before);
    CHECK(std::filesystem::is_empty(elsewhere / ""));
}

TEST_CASE("sqlite: stores of one file write in turns, and readers see whole rows", "[sql]") {
    const temporary_directory folder;
    const std::string path = folder / "tokens.db";
    std::vector<std::thread> threads;
    std::vector<std::string> faults(3);
    for (std::size_t n = 0; n < faults.size(); ++n)
        threads.emplace_back([&, n] {
            try {
                sqlite_store store{path};
                for (int i = 0; i < 15; ++i) {
                    const std::string mark = std::to_string(n) + "." + std::to_string(i);
                    store.save_token({.user_name = "both", .refresh_token = mark, .access_token = mark});
                    store.save_token({.user_name = mark, .access_token = "of " + mark});
                    const token both = store.find_token({.user_name = "both"}).value();
                    if (!(both.access_token == both.refresh_token)) faults[n] = "half a row";
                }
            } catch (const std::exception& fault) {
                faults[n] = fault.what();
            }
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(faults == std::vector<std::string>(3));
    CHECK(sqlite_store{path}.get_tokens().size() == 46);
}

TEST_CASE("sqlite: a program without standard streams prints nothing into the files", "[sql]") {
    const temporary_directory folder;
    const std::string path = folder / "tokens.db";
    CHECK(keeps_off_standard_streams(folder / "", [&] {
        sqlite_store store{path};
        auto guard = store.lock_token("ada", std::chrono::steady_clock::now() + std::chrono::seconds(2));
        store.save_token(ada); // SQLite itself puts /dev/null at the free numbers
        (void)std::fputs("the first message of the program\n", stderr);
        expect(store.get_tokens() == std::vector<token>{ada}, "the row");
        return std::pair(std::move(store), std::move(guard));
    }));
    CHECK(sqlite_store{path}.get_tokens() == std::vector<token>{ada});
}

TEST_CASE("sqlite: its files are private whatever the umask", "[sql]") {
    for (const mode_t mask : {mode_t{0}, mode_t{0777}, mode_t{022}}) {
        const temporary_directory folder;
        const std::string path = folder / "tokens.db";
        sqlite_store store{path};
        {
            const umask_of_scope set(mask);
            store.save_token(ada);
            (void)store.lock_token("ada", std::chrono::steady_clock::now() + std::chrono::seconds(2));
            CHECK(store.get_tokens().size() == 1);
        }
        for (const char* end : {"", "-wal", "-shm", ".lock"}) {
            INFO(mask << " " << end);
            CHECK(mode_of(path + end) == 0600);
        }
        CHECK(sqlite_store{path}.get_tokens().size() == 1);
    }
}

TEST_CASE("sqlite: files and directories that are open to others are refused", "[sql]") {
    const temporary_directory folder;
    const std::string path = folder / "tokens.db";
    sqlite_store{path}.save_token(ada);
    const std::string bytes = bytes_of(path);
    const auto refuses = [&](const std::string& at) {
        sqlite_store store{at};
        require_all_fail(store, errc::permissions);
        CHECK(bytes_of(path) == bytes);
    };
    for (const mode_t mode : {0644u, 0640u, 0604u, 0660u, 0666u, 0620u}) {
        ::chmod(path.c_str(), mode);
        refuses(path);
        CHECK(mode_of(path) == static_cast<int>(mode));
    }
    ::chmod(path.c_str(), 0600);
    std::filesystem::create_symlink(path, folder / "link.db");
    refuses(folder / "link.db");
    CHECK(has_all(words_of([&] { (void)sqlite_store{folder / "link.db"}.get_tokens(); }),
                  {(folder / "link.db is a symbolic link to ") + path, "name the file itself", "follows_link"}));
    std::filesystem::create_symlink(folder / "nowhere.db", folder / "dangling.db");
    refuses(folder / "dangling.db");
    CHECK_FALSE(exists(folder / "nowhere.db"));
    std::filesystem::create_directory(folder / "directory.db");
    refuses(folder / "directory.db");
    REQUIRE(::mkfifo((folder / "fifo.db").c_str(), 0600) == 0);
    refuses(folder / "fifo.db");
    for (const mode_t mode : {0777u, 0772u}) {
        ::chmod((folder / "").c_str(), mode);
        refuses(path);
        refuses(folder / "new.db");
    }
    ::chmod((folder / "").c_str(), 0700);
    CHECK_FALSE(exists(folder / "new.db"));
    CHECK(sqlite_store{path}.get_tokens() == std::vector<token>{ada});
    CHECK(code_of([&] { (void)sqlite_store{folder / "none/tokens.db"}.get_tokens(); }) == errc::storage_failure);
}

TEST_CASE("sqlite: root leaves nothing in the directory of a user, and next to the file of a user", "[sql]") {
    if (::geteuid() != 0) {
        WARN("skipped: only root can give files away");
        return;
    }
    const temporary_directory of_user, for_all;
    give_to_plain_user(of_user / "");
    ::chmod((for_all / "").c_str(), 01777);
    write_file(for_all / "tokens.db", "content");
    give_to_plain_user(for_all / "tokens.db");
    for (const temporary_directory* folder : {&of_user, &for_all}) {
        sqlite_store store{*folder / "tokens.db"};
        require_all_fail(store, errc::permissions);
        const auto soon = std::chrono::steady_clock::now() + std::chrono::seconds(1);
        CHECK(code_of([&] { (void)store.lock_token("key", soon); }) == errc::permissions);
        CHECK(has_all(words_of([&] { (void)store.get_tokens(); }), {"belongs to user 65534", "runs as user 0 (root)"}));
    }
    CHECK(std::filesystem::is_empty(of_user / ""));
    CHECK_FALSE(exists(for_all / "tokens.db.lock"));
}

TEST_CASE("sqlite: a file or a companion that has a second hard link is refused until that is removed", "[sql]") {
    const temporary_directory folder;
    const std::string path = folder / "tokens.db", other = folder / "other.db";
    sqlite_store open_already{path};
    open_already.save_token(ada);
    for (const char* end : {"", "-wal", "-shm"}) {
        REQUIRE(::link((path + end).c_str(), (other + end).c_str()) == 0);
        sqlite_store store{path}, linked{other};
        require_all_fail(store, errc::permissions);
        if (std::string(end).empty()) require_all_fail(linked, errc::permissions);
        CHECK(has_all(words_of([&] { (void)store.get_tokens(); }), {path + end, "2 hard links", "remove"}));
        ::unlink((other + end).c_str());
        CHECK(store.get_tokens() == std::vector<token>{ada});
    }
}

TEST_CASE("sqlite: a file or a log that is a mount of its own is refused with advice", "[sql][mounts]") {
    const temporary_directory folder;
    on_disk_of_its_own(folder / "", "mode=700", [&] {
        for (const char* end : {"", "-wal"}) {
            const std::string path = folder / ("tokens"s + end + ".db"), outside = folder / ("outside"s + end);
            sqlite_store open_already{path}; // as long as it is open there is a log
            open_already.save_token(ada);
            std::filesystem::copy_file(path + end, outside);
            ::chmod(outside.c_str(), 0600);
            mount_file(outside, path + end);
            sqlite_store store{path};
            for (const operation& each : operations()) {
                const auto code = code_of([&] { each.run(store); });
                expect(code == errc::storage_failure || (each.changes && code == errc::not_saved), code.message());
                const std::string words = words_of([&] { each.run(store); });
                expect(has_all(words, {path + end, "mount its directory"}), words);
            }
        }
    });
}

TEST_CASE("sqlite: companions of the file that are open to others are refused", "[sql]") {
    const temporary_directory folder;
    const std::string path = folder / "tokens.db";
    sqlite_store open_already{path};
    open_already.save_token(ada);
    for (const char* end : {"-wal", "-shm"}) {
        REQUIRE(mode_of(path + end) == 0600);
        ::chmod((path + end).c_str(), 0644);
        sqlite_store store{path};
        require_all_fail(store, errc::permissions);
        ::chmod((path + end).c_str(), 0600);
        CHECK(store.get_tokens() == std::vector<token>{ada});
    }
    write_file(path + "-journal", "", 0644);
    sqlite_store store{path};
    require_all_fail(store, errc::permissions);
}

TEST_CASE("sqlite: what may only be read is read, and a save is refused", "[sql]") {
    const temporary_directory folder;
    const std::string path = folder / "tokens.db";
    sqlite_store{path}.save_token(ada);
    for (const std::string& each : {path, path + ".lock", folder / ""})
        if (exists(each)) give_to_plain_user(each);
    ::chmod(path.c_str(), 0400);
    CHECK(holds_for_a_plain_user(path, [&] {
        sqlite_store store{path};
        bool all = store.get_tokens() == std::vector<token>{ada};
        for (const operation& each : operations())
            all = all && code_of([&] { each.run(store); }) ==
                             (each.changes ? std::error_code(errc::permissions) : std::error_code());
        return all && store.find_token_by_id("1") == ada;
    }));
}

TEST_CASE("sqlite: in a directory that can only be read the file is read while another program has it open, and "
          "otherwise the message says what to do",
          "[sql]") {
    const temporary_directory folder;
    const std::string path = folder / "tokens.db";
    const auto give_all = [&] {
        for (const char* end : {"", "-wal", "-shm", ".lock"})
            if (exists(path + end)) give_to_plain_user(path + end);
        give_to_plain_user(folder / "");
        ::chmod((folder / "").c_str(), 0500);
    };
    {
        sqlite_store open{path};
        open.save_token(ada);
        give_all();
        CHECK(holds_for_a_plain_user(path, [&] { return sqlite_store{path}.find_token_by_id("1") == ada; }));
        if (::geteuid() == 0)
            for (const std::string& each : {path, path + "-wal", path + "-shm", folder / ""})
                REQUIRE(::chown(each.c_str(), 0, 0) == 0);
        ::chmod((folder / "").c_str(), 0700);
    }
    CHECK_FALSE(exists(path + "-wal"));
    give_all();
    CHECK(holds_for_a_plain_user(path, [&] {
        const auto finds = [&] { (void)sqlite_store{path}.find_token_by_id("1"); };
        return code_of(finds) == errc::permissions &&
               has_all(words_of(finds), {path, "cannot write in the directory", "let it write there"});
    }));
    ::chmod((folder / "").c_str(), 0700);
}

TEST_CASE("sqlite: with follows_link the store uses the file to which the link leads", "[sql]") {
    const temporary_directory links, files;
    std::filesystem::create_symlink(files / "tokens.db", links / "link.db");
    {
        tokenkeep::basic_sqlite_store<following> store{links / "link.db"};
        store.save_token(ada);
        CHECK(exists(files / "tokens.db-wal"));
        const auto held = store.lock_token("key", std::chrono::steady_clock::now() + std::chrono::seconds(2));
        CHECK(code_of([&] {
                  (void)sqlite_store{files / "tokens.db"}.lock_token("key", std::chrono::steady_clock::now());
              }) == errc::lock_timeout);
    }
    CHECK(sqlite_store{files / "tokens.db"}.get_tokens() == std::vector<token>{ada});
    CHECK(std::filesystem::is_symlink(links / "link.db"));
    CHECK_FALSE(exists(links / "link.db.lock"));
}

TEST_CASE("sqlite: with trusts_group the users of a group share the file", "[sql]") {
    using shared_store = tokenkeep::basic_sqlite_store<sharing>;
    if (::geteuid() != 0) {
        WARN("skipped: only root can play other users");
        return;
    }
    constexpr gid_t group = 5'000;
    const temporary_directory folder;
    const std::string path = folder / "tokens.db";
    REQUIRE(::chown((folder / "").c_str(), 0, group) == 0);
    ::chmod((folder / "").c_str(), 02770);
    const auto as_member = [&](uid_t user, const std::function<void()>& act) {
        return in_process([&] {
            expect(::setgroups(1, &group) == 0 && ::setgid(user) == 0 && ::setuid(user) == 0, "users");
            act();
        });
    };
    for (const uid_t user : {5'001u, 5'002u, 5'001u})
        CHECK(as_member(user, [&] {
            shared_store store{path};
            store.save_token({.user_name = "user " + std::to_string(user), .access_token = std::to_string(user)});
            (void)store.lock_token("key", std::chrono::steady_clock::now() + std::chrono::seconds(2));
            for (const char* end : {"", "-wal", "-shm", ".lock"}) {
                struct stat status {};
                expect(::stat((path + end).c_str(), &status) == 0 && status.st_gid == group, "the group");
                expect((status.st_mode & 0777) == 0660, "the mode");
            }
        }));
    CHECK(as_member(5'002u, [&] { expect(shared_store{path}.get_tokens().size() == 2, "both rows"); }));
    CHECK(as_member(5'001u, [&] {
        expect(code_of([&] { (void)sqlite_store{path}.get_tokens(); }) == errc::permissions, "without the policy");
    }));
}

TEST_CASE("sqlite: a save is on the disk when it returns, however SQLite was built", "[sql]") {
    const careless_sqlite careless;
    const temporary_directory folder;
    tokenkeep::sqlite_connection connection(folder / "tokens.db");
    connection.connect(std::chrono::seconds(2));
    const auto ask = [&](const std::string& setting) {
        auto statement = connection.prepare("PRAGMA " + setting);
        return statement.step() ? std::string(statement.column(0).value_or("NULL")) : "nothing";
    };
    CHECK(ask("synchronous") == "2");
    CHECK(ask("journal_mode") == "wal");
    CHECK(ask("secure_delete") == "1");
    CHECK(ask("busy_timeout") == "2000");
}

TEST_CASE("sqlite: where a reader is in the way of the erasing a deletion says so, and the next one erases", "[sql]") {
    const temporary_directory folder;
    const std::string path = folder / "tokens.db";
    tokenkeep::basic_sqlite_store<hasty> store{path};
    const std::vector<std::function<void()>> deletions{
        [&] { store.delete_token("1"); }, [&] { store.remove_token(ada); }, [&] { store.delete_tokens(); }};
    for (const auto& deletion : deletions) {
        store.save_token(ada);
        tokenkeep::sqlite_connection reader(path);
        reader.connect(std::chrono::seconds(1));
        reader.execute("BEGIN");
        reader.execute("SELECT * FROM tokenkeep_tokens");
        CHECK(code_of(deletion) == errc::storage_failure);
        CHECK(store.get_tokens().empty());
        CHECK(is_in_files(path, "access of ada"));
        reader.execute("ROLLBACK");
        CHECK_FALSE(code_of(deletion));
        CHECK_FALSE(is_in_files(path, "access of ada"));
    }
}

TEST_CASE("sqlite: what was deleted is not in the files afterwards", "[sql]") {
    const careless_sqlite careless;
    const temporary_directory folder;
    const std::string path = folder / "tokens.db";
    sqlite_store store{path};
    const auto full = [](const std::string& user, std::size_t size) {
        token record{.user_name = user};
        for (const tokenkeep::field& f : tokenkeep::fields) {
            if (f.secret_text != nullptr) record.*f.secret_text = "secret of " + user + std::string(size, 's');
            if (f.text != nullptr && f.text != &token::id) record.*f.text = user + " " + std::string(f.name);
        }
        return record;
    };
    const auto id_of = [&](const std::string& user) {
        return store.find_token({.user_name = user + " user_name"}).value().id;
    };
    for (const std::size_t size : {std::size_t{10}, std::size_t{500}, std::size_t{9'000}}) {
        for (const char* user : {"kept", "deleted", "removed", "cleared"}) {
            store.save_token(full(user, size));
            REQUIRE(is_in_files(path, "secret of "s + user));
        }
        store.delete_token(id_of("deleted"));
        CHECK_FALSE(is_in_files(path, "deleted"));
        CHECK(store.remove_token(store.find_token_by_id(id_of("removed")).value()));
        CHECK_FALSE(is_in_files(path, "removed"));
        CHECK(is_in_files(path, "secret of kept"));
        CHECK(is_in_files(path, "secret of cleared"));
        store.delete_tokens();
        CHECK_FALSE(is_in_files(path, "secret of"));
        CHECK_FALSE(is_in_files(path, "cleared"));
        CHECK_FALSE(is_in_files(path, "kept"));
    }
}
