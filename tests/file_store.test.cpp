// SPDX-License-Identifier: MIT
#include <tokenkeep/file_store.hpp>
#include <tokenkeep/testing/simulated_files.hpp>

#include "support/catch.hpp"
#include "support/laws.hpp"
#include "support/mounts.hpp"
#include "support/processes.hpp"
#include "support/temporary.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <grp.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

using namespace tokenkeep;
using namespace std::chrono_literals;

namespace {

static_assert(token_store<file_store> && locking_store<file_store> && comparing_store<file_store>);
static_assert(std::is_nothrow_move_constructible_v<file_store> && std::is_move_assignable_v<file_store> &&
              !std::is_copy_constructible_v<file_store>);

struct with_plain_mutex : defaults {
    using mutex = std::mutex;
};
struct hasty : defaults {
    static constexpr std::chrono::milliseconds store_lock_timeout{50};
};
struct patient : defaults {
    static constexpr std::chrono::milliseconds store_lock_timeout{200};
};
struct lazy : defaults {
    static constexpr bool erases_deleted_tokens = false;
};

/// Part of every secret here; no message may hold it.
const std::string sentinel = "S3NT1NEL";

token login(const std::string& user, const std::string& access = "first") {
    return {.user_name = user, .client_id = "app", .access_token = sentinel + " " + access + " of " + user};
}

std::chrono::steady_clock::time_point in(std::chrono::milliseconds wait) {
    return std::chrono::steady_clock::now() + wait;
}

/// The code that `act` throws; its words may hold no secret.
template <class Act>
std::error_code fault_of(Act act) {
    try {
        act();
    } catch (const std::system_error& failure) {
        if (std::string(failure.what()).find(sentinel) != std::string::npos)
            throw std::logic_error("a secret in what()");
        return failure.code();
    }
    return {};
}

template <class Store>
std::error_code find_fault(Store&& store) {
    return fault_of([&] { (void)store.find_token({.user_name = "ada"}); });
}
template <class Store>
std::error_code save_fault(Store&& store) {
    return fault_of([&] { store.save_token(login("eve")); });
}
template <class Store>
bool obtains(Store&& store, const std::string& key, std::chrono::milliseconds patience = 20ms) {
    const std::error_code fault = fault_of([&] { (void)store.lock_token(key, in(patience)); });
    if (fault && fault != errc::lock_timeout) throw std::system_error(fault);
    return !fault;
}

/// The access token of a user; empty if there is no such row.
template <class Store>
std::string access_of(Store&& store, const std::string& user) {
    const std::optional<token> row = store.find_token({.user_name = user});
    return row ? std::string(row->access_token.reveal()) : std::string();
}

template <class Store>
std::map<std::string, token> rows_of(Store&& store) {
    std::map<std::string, token> rows;
    for (const token& row : store.get_tokens()) rows.emplace(row.id, row);
    return rows;
}

std::set<std::string> names_in(const std::string& directory) {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) names.insert(entry.path().filename());
    return names;
}

bool holds(const std::string& path, const std::string& text) { return bytes_of(path).find(text) != std::string::npos; }

// ---- Other processes ----

/// Runs `act` in a process without privileges, to which the directory belongs.
template <class Act>
bool as_ordinary_user(const std::string& directory, Act act) {
    constexpr uid_t nobody = 65'534;
    const bool is_root = ::geteuid() == 0;
    if (is_root && ::chown(directory.c_str(), nobody, nobody) != 0) return false;
    const bool is_good = in_process([&] {
        if (is_root)
            expect(::setgroups(0, nullptr) == 0 && ::setgid(nobody) == 0 && ::setuid(nobody) == 0, "give up root");
        act();
    });
    ::chmod(directory.c_str(), 0700);
    return is_good;
}

/// A process that holds the lock under which the store's file is written.
holding_process writer_of(const std::string& path) {
    return holding_process([&] {
        detail::lock_file lock(path + ".lock");
        expect(lock.try_lock(0), "the store lock is free");
        return lock;
    });
}

} // namespace

// ---- The contract ----

TEST_CASE("file_store: it keeps the store laws", "[file_store][store_laws]") {
    const temporary_directory here;
    int made = 0;
    const law_findings found = findings_about([&] { return file_store(here / std::to_string(made++)); });
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + laws_of_locking + laws_of_comparing + laws_of_deadlines);
}

TEST_CASE("file_store: it keeps the store laws with a mutex that readers do not share", "[file_store][store_laws]") {
    const temporary_directory here;
    int made = 0;
    const auto make = [&] { return basic_file_store<with_plain_mutex>(here / std::to_string(made++)); };
    const law_findings found = findings_about(make);
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + laws_of_locking + laws_of_comparing + laws_of_deadlines);
}

TEST_CASE("file_store: any value comes back from the file, in every field", "[file_store]") {
    using namespace std::string_literals;
    const temporary_directory here;
    const std::string path = here / "tokens";
    const std::string texts[] = {"O'Brien \"quoted\"", "line\nbreak\r\n", "a\0b\0"s,       "comma, tab\t",
                                 "\xf0\x9f\x94\x91",   "\xff\xfe \xc3",   "\xef\xbb\xbfx", std::string(65'536, 'z')};
    file_store writing(path);
    std::map<std::string, token> rows;
    const auto save = [&](token row) {
        row.id = "row " + std::to_string(rows.size());
        writing.save_token(row);
        rows.emplace(row.id, row);
    };
    for (const std::string& text : texts) save({.user_name = text, .access_token = text});
    for (const field& f : fields) {
        if (f.text == &token::id) continue;
        for (const std::string& text : texts) {
            token row{.access_token = "of row " + std::to_string(rows.size())};
            f.visit([&](auto member) {
                if constexpr (std::is_same_v<decltype(member), std::optional<timestamp> token::*>)
                    row.*member = timestamp(std::chrono::milliseconds(INT64_MIN + std::int64_t(text.size())));
                else
                    row.*member = text + std::string(f.name);
            });
            save(row);
        }
    }
    file_store store(path);
    CHECK((rows_of(store) == rows));
    for (const std::string& text : texts) CHECK(access_of(store, text) == text);
    for (const std::string& text : texts) store.save_token({.access_token = "by id " + text, .id = text});
    file_store again(path);
    for (const std::string& text : texts) CHECK(again.find_token_by_id(text).has_value());
}

TEST_CASE("file_store: an id that the file cannot carry is invalid_record, and nothing has changed", "[file_store]") {
    const temporary_directory here;
    file_store store(here / "tokens");
    store.save_token(login("ada"));
    const std::string before = bytes_of(here / "tokens");
    token large = login("bob");
    large.id = std::string(65'537, 'x');
    CHECK(fault_of([&] { store.save_token(large); }) == errc::invalid_record);
    CHECK(bytes_of(here / "tokens") == before);
    CHECK(store.get_tokens().size() == 1);
    store.save_token(login("bob"));
    CHECK(file_store(here / "tokens").get_tokens().size() == 2);
}

TEST_CASE("file_store: it may be moved, and a path without a directory is one in the present directory",
          "[file_store]") {
    const temporary_directory here;
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(here / "");
    file_store("tokens").save_token(login("ada"));
    std::filesystem::current_path(before);
    file_store store(here / "tokens"), other(here / "others");
    CHECK(store.get_tokens().size() == 1);
    file_store moved = std::move(store);
    moved.save_token(login("bob"));
    other.save_token(login("eve"));
    other = std::move(moved);
    CHECK(other.get_tokens().size() == 2);
}

TEST_CASE("file_store: it stays where it is when the program changes its directory, or a link leads elsewhere",
          "[file_store]") {
    const temporary_directory here, elsewhere;
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(here / "");
    std::filesystem::create_directory_symlink(here / "", elsewhere / "link");
    file_store store("tokens"), later("tokens"), linked(elsewhere / "link/tokens");
    store.save_token(login("ada"));
    std::filesystem::current_path(elsewhere / "");
    std::filesystem::remove(elsewhere / "link");
    std::filesystem::create_directory_symlink(elsewhere / "", elsewhere / "link");
    later.save_token(login("bob"));
    linked.save_token(login("eve"));
    store.compact();
    {
        const auto held = store.lock_token("key", in(1s));
        CHECK(!obtains(linked, "key"));
    }
    std::filesystem::remove(elsewhere / "link");
    CHECK(names_in(elsewhere / "").empty());
    std::filesystem::current_path(before);
    CHECK(file_store(here / "tokens").get_tokens().size() == 3);
    CHECK(fault_of([] { (void)file_store(""); }) == errc::storage_failure);
}

// ---- Several stores, threads and processes ----

TEST_CASE("file_store: what one store does, another of the same file sees at its next call", "[file_store]") {
    const temporary_directory here;
    file_store one(here / "tokens"), two(here / "tokens");
    CHECK(two.get_tokens().empty());
    one.save_token(login("ada"));
    const token ada = two.find_token({.user_name = "ada"}).value();
    two.save_token(login("ada", "second"));
    CHECK(access_of(one, "ada") == sentinel + " second of ada");
    CHECK(!one.replace_token(ada, ada));
    CHECK(one.replace_token(two.find_token_by_id(ada.id).value(), ada));
    CHECK(two.find_token_by_id(ada.id) == ada);
    one.save_token(login("bob"));
    one.compact();
    CHECK(rows_of(two) == rows_of(one));
    two.save_token(login("eve"));
    CHECK(one.get_tokens().size() == 3);
    two.delete_token(ada.id);
    CHECK(!one.find_token({.user_name = "ada"}));
    CHECK(two.remove_token(one.find_token({.user_name = "bob"}).value()));
    CHECK(!one.find_token({.user_name = "bob"}));
    one.delete_tokens();
    CHECK(two.get_tokens().empty());
    two.save_token(login("ada"));
    CHECK(one.get_tokens().size() == 1);
    CHECK(rows_of(file_store(here / "tokens")) == rows_of(one));
}

TEST_CASE("file_store: a visit shows the row that a look-up copies, as it is in the file now", "[file_store]") {
    const temporary_directory here;
    file_store one(here / "tokens"), two(here / "tokens");
    one.save_token({.user_name = "ada", .access_token = "a1", .id = "1"});
    std::string seen;
    const auto see = [&](const detail::row_view& row) { (seen += row.id) += row.access_token; };
    CHECK(two.visit_token(detail::row_view(token{.user_name = "ada"}), see));
    one.save_token({.user_name = "ada", .access_token = "a2"});
    CHECK(seen == "1a1");
    CHECK_FALSE(two.visit_token(detail::row_view(token{.user_name = "bob"}), see));
    CHECK_FALSE(two.visit_token(detail::row_view(token{}), see));
    CHECK(seen == "1a1");
}

TEST_CASE("file_store: many threads over two stores of one file lose nothing", "[file_store]") {
    const temporary_directory here;
    file_store one(here / "tokens"), two(here / "tokens");
    std::atomic<int> misses = 0;
    std::vector<std::thread> threads;
    for (int n = 0; n < 8; ++n)
        threads.emplace_back([&, n] {
            file_store& mine = n % 2 == 0 ? one : two;
            file_store& others = n % 2 == 0 ? two : one;
            for (int i = 0; i < 50; ++i) {
                const std::string user = std::to_string(n) + "." + std::to_string(i);
                mine.save_token(login(user));
                if (access_of(others, user).empty()) ++misses;
            }
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(misses == 0);
    CHECK(one.get_tokens().size() == 400);
    CHECK(rows_of(two) == rows_of(one));
    CHECK(rows_of(file_store(here / "tokens")) == rows_of(one));
}

TEST_CASE("file_store: a child made by fork goes on with the same store beside its parent", "[file_store]") {
    const temporary_directory here;
    file_store store(here / "tokens");
    store.save_token(login("ada"));
    const auto save_many = [&](const std::string& name) {
        for (int n = 0; n < 200; ++n) store.save_token(login(name + std::to_string(n)));
    };
    const pid_t child = start_process([&] { save_many("child "); });
    save_many("parent ");
    CHECK(ended_well(child));
    CHECK(store.get_tokens().size() == 401);
    CHECK(rows_of(file_store(here / "tokens")) == rows_of(store));
}

TEST_CASE("file_store: several processes lose nothing, and a reader never sees a row go back", "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    file_store store(path);
    std::vector<pid_t> writers;
    for (const char* name : {"a", "b", "c", "d"})
        writers.push_back(start_process([&] {
            file_store mine(path);
            for (int n = 0; n < 100; ++n) {
                mine.save_token(login(name + std::to_string(n)));
                mine.save_token({.user_name = "shared", .access_token = name + std::to_string(n)});
            }
        }));
    std::map<char, int> newest;
    std::size_t rows = 0;
    bool went_back = false;
    for (const auto end = in(60s); rows < 401 && std::chrono::steady_clock::now() < end;) {
        const std::size_t now = store.get_tokens().size();
        went_back = went_back || now < rows;
        rows = now;
        const std::string access = access_of(store, "shared");
        if (access.empty()) continue;
        const int number = std::stoi(access.substr(1));
        went_back = went_back || number < newest[access[0]];
        newest[access[0]] = number;
    }
    for (const pid_t writer : writers) CHECK(ended_well(writer));
    CHECK(!went_back);
    CHECK(store.get_tokens().size() == 401);
    CHECK(access_of(store, "shared").ends_with("99"));
    CHECK(rows_of(file_store(path)) == rows_of(store));
}

TEST_CASE("file_store: a lock keeps out every other of its key, in every store and process", "[file_store]") {
    const temporary_directory here;
    file_store one(here / "tokens"), two(here / "tokens"), elsewhere(here / "others");
    auto held = std::optional(one.lock_token("key", in(1s)));
    CHECK(!obtains(one, "key"));
    CHECK(!obtains(two, "key"));
    CHECK(in_process([&] { expect(!obtains(one, "key") && !obtains(two, "key"), "it is held"); }));
    CHECK(obtains(two, "another", 1s));
    CHECK(obtains(elsewhere, "key", 1s));
    two.save_token(login("ada"));
    CHECK(one.get_tokens().size() == 1);

    CHECK(in_process([&] { held.reset(); })); // that is the child's copy
    CHECK(!obtains(two, "key"));
    std::thread([taken = std::move(held)]() mutable { taken.reset(); }).join();
    CHECK(obtains(two, "key", 1s));
    CHECK(in_process([&] { expect(obtains(one, "key", 1s), "it is free"); }));
}

TEST_CASE("file_store: locks die with their process, and the lock file stays", "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    file_store store(path);
    holding_process other([&] { return store.lock_token("key", in(5s)); });
    CHECK(!obtains(store, "key"));
    other.kill();
    CHECK(obtains(store, "key", 1s));

    holding_process writer = writer_of(path);
    CHECK(save_fault(basic_file_store<hasty>(path)) == errc::lock_timeout);
    writer.kill();
    CHECK(!save_fault(basic_file_store<hasty>(path)));
    CHECK(exists(path + ".lock"));
}

TEST_CASE("file_store: a lock file that was removed is made anew", "[file_store]") {
    const temporary_directory here;
    basic_file_store<hasty> one(here / "tokens");
    file_store two(here / "tokens");
    one.save_token(login("ada"));
    two.save_token(login("bob"));
    ::unlink((here / "tokens.lock").c_str());
    two.save_token(login("eve"));
    auto writer = writer_of(here / "tokens"); // of the new lock file, while `one` has the old one open
    CHECK(save_fault(one) == errc::lock_timeout);
    writer.kill();
    one.save_token(login("mallory"));
    CHECK(two.get_tokens().size() == 4);
}

TEST_CASE("file_store: who needs the file while another writes it waits until the deadline, no sooner, no longer",
          "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    basic_file_store<hasty> store(path);
    store.save_token(login("ada"));
    file_store(path).save_token(login("bob"));
    auto writer = writer_of(path);
    for (const auto& act :
         {std::function<void()>([&] { (void)store.find_token({.user_name = "ada"}); }),
          std::function<void()>([&] { (void)store.get_tokens(); }),
          std::function<void()>([&] { store.save_token(login("eve")); }),
          std::function<void()>([&] { store.delete_tokens(); }), std::function<void()>([&] { store.compact(); })}) {
        const auto start = std::chrono::steady_clock::now();
        CHECK(fault_of(act) == errc::lock_timeout);
        CHECK(std::chrono::steady_clock::now() - start >= 50ms);
        CHECK(std::chrono::steady_clock::now() - start < 5s);
    }
    writer.kill();
    CHECK(store.get_tokens().size() == 2);
}

TEST_CASE("file_store: calls end by their deadline while another process is stopped with the file", "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    file_store store(path);
    store.save_token(login("ada"));
    const token ada = store.find_token({.user_name = "ada"}).value();
    file_store(path).save_token(login("bob")); // so that looking needs the lock
    auto writer = writer_of(path);
    const std::vector<std::function<void(file_store &&)>> calls = {
        [](file_store&& limited) { (void)limited.find_token({.user_name = "bob"}); },
        [&](file_store&& limited) { (void)limited.find_token_by_id(ada.id); },
        [](file_store&& limited) { (void)limited.get_tokens(); },
        [](file_store&& limited) { limited.save_token(login("eve")); },
        [&](file_store&& limited) { limited.delete_token(ada.id); },
        [](file_store&& limited) { limited.delete_tokens(); },
        [&](file_store&& limited) { (void)limited.replace_token(ada, ada); },
        [&](file_store&& limited) { (void)limited.remove_token(ada); },
    };
    std::atomic<int> right = 0;
    std::vector<std::thread> threads;
    for (std::size_t n = 0; n < 16; ++n)
        threads.emplace_back([&, n] {
            const auto end = in(std::chrono::milliseconds(100 + 20 * n));
            const bool is_timeout = fault_of([&] { calls[n % calls.size()](store.until(end)); }) == errc::lock_timeout;
            const auto late = std::chrono::steady_clock::now() - end; // a busy machine may be late, but not by seconds
            right += is_timeout && late >= 0ms && late < 5s ? 1 : 0;
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(right == 16);
    writer.kill();
    CHECK(store.until(in(-1s)).get_tokens().size() == 2); // what is free needs no time
}

TEST_CASE("file_store: threads that wait together wait no longer than one", "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    basic_file_store<patient> store(path);
    store.save_token(login("ada"));
    auto writer = writer_of(path);
    std::atomic<int> timeouts = 0;
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    for (int n = 0; n < 50; ++n)
        threads.emplace_back([&] { timeouts += save_fault(store) == errc::lock_timeout ? 1 : 0; });
    for (std::thread& thread : threads) thread.join();
    CHECK(timeouts == 50);
    CHECK(std::chrono::steady_clock::now() - start >= 200ms);
    CHECK(std::chrono::steady_clock::now() - start < 5s); // one after the other they would take ten
}

TEST_CASE("file_store: what has not changed is found while another writes", "[file_store]") {
    const temporary_directory here;
    file_store store(here / "tokens");
    store.save_token(login("ada"));
    auto writer = writer_of(here / "tokens");
    CHECK(!access_of(store, "ada").empty());
    CHECK(store.get_tokens().size() == 1);
}

TEST_CASE("file_store: children inherit no descriptor over exec", "[file_store]") {
    const temporary_directory here;
    file_store store(here / "tokens");
    store.save_token(login("ada"));
    store.compact();
    const auto held = store.lock_token("key", in(1s));
    const std::string list = "for fd in /proc/self/fd/*; do readlink $fd; done | grep ";
    CHECK(std::system((list + "-q . >/dev/null").c_str()) == 0);
    CHECK(std::system((list + "-c '" + (here / "tokens") + "' >/dev/null").c_str()) != 0); // grep finds no line
}

TEST_CASE("file_store: a program without standard streams prints nothing into the store's files", "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    CHECK(keeps_off_standard_streams(here / "", [&] {
        file_store store(path);
        store.save_token(login("ada"));
        auto held = store.lock_token("key", in(1s));
        store.save_token(login("bob"));
        (void)std::fputs("the first message of the program, which is longer than a header of the journal\n", stderr);
        expect(file_store(path).get_tokens().size() == 2, "both rows");
        return std::pair(std::move(store), std::move(held));
    }));
    CHECK(keeps_off_standard_streams(here / "", [&] {
        const system_files files;
        auto made = files.create(path + ".made"), again = files.open(path + ".made").value();
        ::chmod((path + ".made").c_str(), 0400);
        return std::tuple(std::move(made), std::move(again), files.open(path + ".made").value());
    }));
    CHECK(file_store(path).get_tokens().size() == 2);
}

// ---- Permissions ----

namespace {

struct thing_in_the_way {
    const char* name;
    bool is_refused;
    std::function<void(const std::string& path)> make;
};

/// Every umask with everything that may lie at the path in every kind of directory.
void try_permissions(const std::string& directory) {
    const std::string good = [&] {
        file_store(directory + "/good").save_token(login("ada"));
        return bytes_of(directory + "/good");
    }();
    const auto file = [&](mode_t mode) { return [&, mode](const std::string& path) { write_file(path, good, mode); }; };
    const thing_in_the_way things[] = {
        {"nothing", false, [](const std::string&) {}},
        {"file 0600", false, file(0600)},
        {"file 0644", true, file(0644)},
        {"file 0620", true, file(0620)},
        {"symlink", true,
         [&](const std::string& path) { expect(::symlink((directory + "/good").c_str(), path.c_str()) == 0, "link"); }},
        {"symlink to nothing", true,
         [](const std::string& path) { expect(::symlink("nowhere", path.c_str()) == 0, "link"); }},
        {"directory", true, [](const std::string& path) { expect(::mkdir(path.c_str(), 0700) == 0, "directory"); }},
        {"fifo", true, [](const std::string& path) { expect(::mkfifo(path.c_str(), 0600) == 0, "fifo"); }},
    };
    const std::error_code refused = errc::permissions;
    int made = 0;
    for (const mode_t mask : {0u, 022u, 077u, 0777u})
        for (const mode_t parent_mode : {0700u, 0755u, 0777u, 01777u})
            for (const thing_in_the_way& thing : things) {
                const std::string parent = directory + "/" + std::to_string(made++), path = parent + "/tokens";
                expect(::mkdir(parent.c_str(), 0700) == 0 && ::chmod(parent.c_str(), parent_mode) == 0, "parent");
                thing.make(path);
                const auto status = std::filesystem::symlink_status(path);
                const bool is_file = std::filesystem::is_regular_file(status);
                const umask_of_scope scope(mask);
                char where[100];
                std::snprintf(where, sizeof where, "umask %o, parent %o, %s: ", mask, parent_mode, thing.name);
                const auto say = [&](bool holds, const char* what) { expect(holds, std::string(where) + what); };
                if (thing.is_refused || parent_mode == 0777) {
                    const bool is_found = std::filesystem::exists(status);
                    say(find_fault(file_store(path)) == (is_found ? refused : std::error_code()), "find refuses");
                    say(save_fault(file_store(path)) == errc::permissions, "save refuses");
                    say(std::filesystem::symlink_status(path) == status, "it is left as it is");
                    say(!is_file || bytes_of(path) == good, "its content too");
                } else {
                    file_store store(path);
                    store.save_token(login("bob"));
                    say(mode_of(path) == 0600, "mode");
                    store.compact();
                    say(mode_of(path) == 0600, "mode afterwards");
                    say(file_store(path).get_tokens().size() == (is_file ? 2 : 1), "rows");
                    say(names_in(parent) == std::set<std::string>{"tokens", "tokens.lock"}, "names");
                }
                if (exists(path + ".lock")) say(mode_of(path + ".lock") == 0600, "mode of the lock file");
            }
    expect(bytes_of(directory + "/good") == good, "what the links led to");
}

} // namespace

TEST_CASE("file_store: files are private whatever the umask, and what others can change or is no file is refused",
          "[file_store]") {
    const temporary_directory here, of_another;
    const auto start = std::chrono::steady_clock::now();
    CHECK(in_process([&] { try_permissions(here / ""); }));
    CHECK(as_ordinary_user(of_another / "", [&] { try_permissions(of_another / ""); }));
    CHECK(std::chrono::steady_clock::now() - start < 20s);
}

TEST_CASE("file_store: a directory that its group can write is refused, unless the group is the user's own",
          "[file_store]") {
    const temporary_directory here;
    const auto refuses = [&](gid_t group) {
        const std::string parent = here / std::to_string(group);
        ::mkdir(parent.c_str(), 0700);
        if (::chown(parent.c_str(), static_cast<uid_t>(-1), group) != 0) return true; // not ours to try
        ::chmod(parent.c_str(), 0770);
        return save_fault(file_store(parent + "/tokens")) == errc::permissions;
    };
    CHECK(refuses(12'345));
    CHECK(refuses(::getegid()) == (::getegid() != ::geteuid()));
    const temporary_directory of_another;
    CHECK(as_ordinary_user(of_another / "", [&] {
        ::chmod((of_another / "").c_str(), 0770);
        const bool is_refused = save_fault(file_store(of_another / "tokens")) == errc::permissions;
        expect(is_refused == (::getegid() != ::geteuid()), "own group");
    }));
}

TEST_CASE("file_store: a file or directory of another user is refused", "[file_store]") {
    if (::geteuid() != 0) {
        WARN("skipped: only root can give files away");
        return;
    }
    const temporary_directory here;
    const std::string path = here / "tokens";
    file_store(path).save_token(login("ada"));
    const std::string before = bytes_of(path);
    REQUIRE(::chown(path.c_str(), 65'534, 65'534) == 0);
    CHECK(find_fault(file_store(path)) == errc::permissions);
    CHECK(save_fault(file_store(path)) == errc::permissions);
    CHECK(bytes_of(path) == before);
    REQUIRE(::chown(path.c_str(), 0, 0) == 0);
    CHECK(!find_fault(file_store(path)));
    CHECK(as_ordinary_user(here / "", [&] {
        expect(find_fault(file_store(path)) == errc::permissions, "find in a file of root");
        expect(save_fault(file_store(path)) == errc::permissions, "save in a file of root");
    }));
    CHECK(find_fault(file_store(path)) == errc::permissions); // now root, in the directory of another
    CHECK(save_fault(file_store(path)) == errc::permissions);
    CHECK(bytes_of(path) == before);
}

TEST_CASE("file_store: root leaves nothing in the directory of a user, and next to the file of a user",
          "[file_store]") {
    if (::geteuid() != 0) {
        WARN("skipped: only root can give files away");
        return;
    }
    const auto leaves_nothing = [](const std::string& directory, const std::string& path, const std::string& cause) {
        const std::set<std::string> before = names_in(directory);
        CHECK(save_fault(file_store(path)) == errc::permissions);
        CHECK(fault_of([&] { (void)file_store(path).lock_token("key", in(1s)); }) == errc::permissions);
        CHECK(fault_of([&] { file_store(path).self_test(); }) == errc::permissions);
        if (exists(path)) CHECK(find_fault(file_store(path)) == errc::permissions);
        CHECK(has_all(words_of([&] { file_store(path).save_token(login("eve")); }),
                      {cause, "belongs to user 65534", "runs as user 0 (root)", "run it as the user"}));
        CHECK(names_in(directory) == before);
    };
    const temporary_directory of_user, for_all;
    REQUIRE(::chown((of_user / "").c_str(), 65'534, 65'534) == 0);
    leaves_nothing(of_user / "", of_user / "tokens", of_user / "");
    ::chmod((for_all / "").c_str(), 01777);
    write_file(for_all / "tokens", "");
    REQUIRE(::chown((for_all / "tokens").c_str(), 65'534, 65'534) == 0);
    leaves_nothing(for_all / "", for_all / "tokens", for_all / "tokens");
}

TEST_CASE("file_store: a lock file that another user left behind is explained", "[file_store]") {
    if (::geteuid() != 0) {
        WARN("skipped: only root can give files away");
        return;
    }
    const temporary_directory here;
    const std::string path = here / "tokens";
    CHECK(as_ordinary_user(here / "", [&] { file_store(path).save_token(login("ada")); }));
    REQUIRE(::chown((path + ".lock").c_str(), 0, 0) == 0);
    CHECK(as_ordinary_user(here / "", [&] {
        expect(!access_of(file_store(path), "ada").empty(), "it can be read");
        expect(save_fault(file_store(path)) == errc::permissions, "save");
        const std::string words = words_of([&] { (void)file_store(path).lock_token("key", in(1s)); });
        expect(has_all(words, {path + ".lock", "belongs to user 0 (root)", "runs as user 65534", "holds no data",
                               "remove it"}),
               words);
        ::unlink((path + ".lock").c_str());
        file_store(path).save_token(login("bob"));
    }));
}

TEST_CASE("file_store: what is said about modes names the mode, the owner and the command", "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens", user = "user " + std::to_string(::geteuid());
    const auto words = [&] { return words_of([&] { (void)file_store(path).get_tokens(); }); };
    file_store(path).save_token(login("ada"));
    ::chmod(path.c_str(), 0660);
    CHECK(has_all(words(), {path + " has mode 0660 and belongs to " + user, "run: chmod 600 " + path}));
    ::chmod(path.c_str(), 0600);
    if (::chown((here / "").c_str(), static_cast<uid_t>(-1), 12'345) != 0) return; // not ours to try
    ::chmod((here / "").c_str(), 02770);
    CHECK(has_all(words(), {(here / "") + " has mode 2770 and belongs to " + user, "and group 12345",
                            "run: chmod go-w " + (here / "")}));
}

TEST_CASE("file_store: where nothing can be written it is read, and a save is a typed error", "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    CHECK(as_ordinary_user(here / "", [&] {
        file_store(path).save_token(login("ada"));
        const std::string before = bytes_of(path);
        ::chmod(path.c_str(), 0400);
        ::chmod((here / "").c_str(), 0500);
        file_store store(path);
        for (int n = 0; n < 2; ++n) {
            expect(!access_of(store, "ada").empty(), "found");
            expect(save_fault(store) == errc::not_saved, "save");
            expect(fault_of([&] { store.delete_tokens(); }) == errc::not_saved, "delete_tokens");
            expect(fault_of([&] { store.compact(); }) == errc::not_saved, "compact");
        }
        expect(fault_of([&] { store.self_test(); }) == errc::permissions, "self test");
        expect(bytes_of(path) == before && names_in(here / "").size() == 2, "as it was");

        ::chmod((path + ".lock").c_str(), 0400);
        expect(!access_of(file_store(path), "ada").empty(), "found with a lock file to be read only");
        expect(save_fault(file_store(path)) == errc::permissions, "save with a lock file to be read only");
        ::chmod((here / "").c_str(), 0700);
        ::unlink((path + ".lock").c_str());
        ::chmod((here / "").c_str(), 0500);
        expect(!access_of(file_store(path), "ada").empty(), "found without a lock file");
        expect(save_fault(file_store(path)) == errc::permissions, "save without a lock file");

        ::chmod((here / "").c_str(), 0);
        expect(find_fault(file_store(path)) == errc::permissions, "what cannot be looked at is not empty");
        expect(find_fault(store) == errc::permissions, "for an open store too");
        expect(save_fault(file_store(path)) == errc::permissions, "and no save");
        ::chmod((here / "").c_str(), 0700);
        expect(bytes_of(path) == before, "as it was at the end");
    }));
}

TEST_CASE("file_store: a directory that is missing is empty, and cannot be saved into", "[file_store]") {
    const temporary_directory here;
    file_store store(here / "missing/tokens");
    CHECK(!store.find_token({.user_name = "ada"}));
    CHECK(store.get_tokens().empty());
    CHECK(save_fault(store) == errc::storage_failure);
    CHECK(fault_of([&] { (void)store.lock_token("key", in(1s)); }) == errc::storage_failure);
    CHECK(fault_of([&] { store.self_test(); }) == errc::storage_failure);
    CHECK(!exists(here / "missing"));
    ::mkdir((here / "missing").c_str(), 0700);
    store.save_token(login("ada"));
    CHECK(store.get_tokens().size() == 1);
    write_file(here / "file", "");
    CHECK(find_fault(file_store(here / "file/tokens")) == errc::storage_failure);
}

TEST_CASE("file_store: a temporary file left behind is removed, and never followed", "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    file_store store(path);
    const std::set<std::string> names{"tokens", "tokens.lock", "victim"};
    write_file(here / "victim", "content");
    write_file(path + ".tmp", "half of a sa", 0);
    CHECK(store.get_tokens().empty());
    store.save_token(login("ada"));
    CHECK(names_in(here / "") == names);
    for (const char* target : {"victim", "nowhere", "tokens"}) {
        ::symlink((here / target).c_str(), (path + ".tmp").c_str());
        store.compact();
        CHECK(names_in(here / "") == names);
        CHECK(bytes_of(here / "victim") == "content");
        CHECK(std::filesystem::is_regular_file(std::filesystem::symlink_status(path)));
    }
    ::link((here / "victim").c_str(), (path + ".tmp").c_str());
    file_store(path).compact();
    CHECK(bytes_of(here / "victim") == "content");
    CHECK(!access_of(file_store(path), "ada").empty());
}

TEST_CASE("file_store: a file that has a second hard link is refused until that is removed", "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    file_store(path).save_token(login("ada"));
    const std::string before = bytes_of(path);
    REQUIRE(::link(path.c_str(), (here / "other").c_str()) == 0);
    for (const std::string& name : {path, here / "other"}) {
        CHECK(find_fault(file_store(name)) == errc::permissions);
        CHECK(save_fault(file_store(name)) == errc::permissions);
        CHECK(fault_of([&] { file_store(name).delete_tokens(); }) == errc::permissions);
        CHECK(fault_of([&] { file_store(name).self_test(); }) == errc::permissions);
        CHECK(has_all(words_of([&] { (void)file_store(name).get_tokens(); }), {name, "2 hard links", "remove"}));
    }
    CHECK(bytes_of(path) == before);
    ::unlink((here / "other").c_str());
    CHECK(file_store(path).get_tokens().size() == 1);
}

TEST_CASE("file_store: a symbolic link is refused with the name of what it leads to", "[file_store]") {
    const temporary_directory here;
    file_store(here / "tokens").save_token(login("ada"));
    ::symlink((here / "tokens").c_str(), (here / "link").c_str());
    CHECK(has_all(words_of([&] { (void)file_store(here / "link").get_tokens(); }),
                  {(here / "link") + " is a symbolic link to " + (here / "tokens"), "name the file itself"}));
}

TEST_CASE("file_store: a lock file that is a symbolic link is refused", "[file_store]") {
    const temporary_directory here;
    ::symlink((here / "nowhere").c_str(), (here / "tokens.lock").c_str());
    CHECK(save_fault(file_store(here / "tokens")) == errc::permissions);
    CHECK(fault_of([&] { (void)file_store(here / "tokens").lock_token("key", in(1s)); }) == errc::permissions);
    CHECK(!exists(here / "nowhere"));
    CHECK(!exists(here / "tokens"));
}

// ---- What is no store of ours ----

TEST_CASE("file_store: an empty or strange file is an error and no new store, and it is left as it is",
          "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    file_store(path).save_token(login("ada"));
    const std::string good = bytes_of(path);
    std::string with_crlf, seven_bits, damaged = good, newer = good, newest = good;
    for (const char c : good) {
        with_crlf += c == '\n' ? "\r\n" : std::string(1, c);
        seven_bits += static_cast<char>(c & 0x7f);
    }
    damaged[40] = static_cast<char>(damaged[40] ^ 1);
    newer[8] = 3;
    newest[9] = 1;
    const std::pair<std::string, errc> files[] = {{"", errc::storage_corrupt},
                                                  {"\n", errc::storage_corrupt},
                                                  {"garbage", errc::storage_corrupt},
                                                  {std::string(200, 'x'), errc::storage_corrupt},
                                                  {std::string(200, '\0'), errc::storage_corrupt},
                                                  {"\xef\xbb\xbf" + good, errc::storage_corrupt},
                                                  {with_crlf, errc::storage_corrupt},
                                                  {seven_bits, errc::storage_corrupt},
                                                  {good.substr(0, 63), errc::storage_corrupt},
                                                  {damaged, errc::storage_corrupt},
                                                  {newer, errc::unsupported_version},
                                                  {newest, errc::unsupported_version}};
    for (const auto& [bytes, code] : files) {
        CAPTURE(bytes.size(), bytes.substr(0, 12));
        write_file(path, bytes);
        file_store store(path);
        for (int n = 0; n < 2; ++n) {
            CHECK(find_fault(store) == code);
            CHECK(save_fault(store) == code);
            CHECK(fault_of([&] { (void)store.find_token_by_id("7"); }) == code);
            CHECK(fault_of([&] { (void)store.get_tokens(); }) == code);
            CHECK(fault_of([&] { store.delete_token("7"); }) == code);
            CHECK(fault_of([&] { store.delete_tokens(); }) == code);
            CHECK(fault_of([&] { store.compact(); }) == code);
        }
        CHECK(find_fault(file_store(path)) == code);
        CHECK(save_fault(file_store(path)) == code);
        CHECK(bytes_of(path) == bytes);
        CHECK(names_in(here / "") == std::set<std::string>{"tokens", "tokens.lock"});
        write_file(path, good);
        CHECK(!access_of(store, "ada").empty());
    }
}

TEST_CASE("file_store: a file that is deleted while it is open is store_gone, and is not made again", "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    file_store store(path);
    store.save_token(login("ada"));
    const token ada = store.find_token({.user_name = "ada"}).value();
    ::unlink(path.c_str());
    for (int n = 0; n < 2; ++n) {
        CHECK(find_fault(store) == errc::store_gone);
        CHECK(save_fault(store) == errc::store_gone);
        CHECK(fault_of([&] { (void)store.get_tokens(); }) == errc::store_gone);
        CHECK(fault_of([&] { store.delete_token(ada.id); }) == errc::store_gone);
        CHECK(fault_of([&] { (void)store.replace_token(ada, ada); }) == errc::store_gone);
        CHECK(fault_of([&] { store.compact(); }) == errc::store_gone);
        CHECK(!exists(path));
    }
    file_store fresh(path);
    CHECK(fresh.get_tokens().empty());
    fresh.save_token(login("bob"));
    CHECK(fresh.get_tokens().size() == 1);
    CHECK(find_fault(store) == errc::store_gone); // another's is in its place
    CHECK(save_fault(store) == errc::store_gone);
}

TEST_CASE("file_store: an older copy or another store's file in its place is store_gone, and is left as it is",
          "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    file_store store(path), other(here / "other");
    store.save_token(login("ada"));
    const std::string first = bytes_of(path);
    store.save_token(login("bob"));
    const std::string second = bytes_of(path);
    store.compact();
    const std::string compacted = bytes_of(path);
    store.save_token(login("ada", "third"));
    other.save_token(login("eve"));
    other.save_token(login("mallory"));
    other.save_token(login("trudy"));
    other.save_token(login("trent"));
    const std::string newest = bytes_of(path), others = bytes_of(here / "other");
    for (const std::string& bytes : {first, second, compacted, others})
        for (const bool is_moved_there : {false, true}) {
            CAPTURE(bytes.size(), is_moved_there);
            write_file(is_moved_there ? here / "copy" : path, bytes);
            if (is_moved_there) std::filesystem::rename(here / "copy", path);
            CHECK(find_fault(store) == errc::store_gone);
            CHECK(save_fault(store) == errc::store_gone);
            CHECK(fault_of([&] { (void)store.get_tokens(); }) == errc::store_gone);
            CHECK(bytes_of(path) == bytes);
            const bool has_all_of_its_generation = bytes == second || bytes == others;
            const std::error_code code = find_fault(file_store(path));
            CHECK((has_all_of_its_generation ? !code : code == errc::storage_corrupt));
        }
    write_file(path, newest);
    CHECK(access_of(store, "ada") == sentinel + " third of ada");
    store.save_token(login("eve"));
    CHECK(file_store(path).get_tokens().size() == 3);
}

TEST_CASE("file_store: a file that is cut short while it is open is never a store with less in it", "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    file_store store(path);
    store.save_token(login("ada"));
    store.save_token(login("bob"));
    store.save_token(login("ada", "second"));
    const std::string whole = bytes_of(path);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        write_file(path, whole.substr(0, size));
        const auto code = find_fault(store);
        CHECK((code == errc::storage_corrupt || (code == errc::store_gone && size >= 64)));
        CHECK(save_fault(store) == code);
        CHECK(bytes_of(path) == whole.substr(0, size));
    }
    write_file(path, whole);
    CHECK(access_of(store, "ada") == sentinel + " second of ada");
}

// ---- Room ----

TEST_CASE("file_store: a save that does not fit says not_saved and why, and the old value stands", "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    file_store store(path);
    store.save_token(login("ada"));
    const std::string before = bytes_of(path);
    CHECK(in_process([&] {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit small_files{4'000, 4'000};
        ::setrlimit(RLIMIT_FSIZE, &small_files);
        for (int n = 0; n < 3; ++n) {
            bool is_thrown = false;
            try {
                store.save_token(login("ada", std::string(5'000, 'x')));
            } catch (const file_error& failure) {
                is_thrown = true;
                expect(failure.code() == errc::not_saved, "not_saved");
                expect(failure.cause() == std::errc::file_too_large, "cause: " + failure.cause().message());
                expect(!std::string(failure.stage()).empty(), "stage");
                const std::string what = failure.what();
                expect(what.find(sentinel) == std::string::npos, "a secret in what()");
                expect(what.find(failure.stage()) != std::string::npos && what.find(path) != std::string::npos, what);
            }
            expect(is_thrown, "it fails");
            expect(access_of(store, "ada") == sentinel + " first of ada", "in this store");
            expect(access_of(file_store(path), "ada") == sentinel + " first of ada", "in another");
            expect(bytes_of(path) == before && !exists(path + ".tmp"), "nothing is left of it");
        }
        store.save_token(login("bob"));
        expect(file_store(path).get_tokens().size() == 2, "a smaller one fits");
    }));
    CHECK(rows_of(file_store(path)) == rows_of(store));
    CHECK(store.get_tokens().size() == 2);
}

TEST_CASE("file_store: on a full disk all that was saved stays", "[file_store][mounts]") {
    const temporary_directory here;
    on_disk_of_its_own(here / "", "size=256k,mode=700", [&] {
        const std::string path = here / "tokens";
        file_store store(path);
        const auto cause_of_save = [&](const token& row) {
            try {
                store.save_token(row);
            } catch (const file_error& failure) {
                expect(failure.code() == errc::not_saved, failure.what());
                expect(std::string(failure.what()).find(sentinel) == std::string::npos, "a secret in what()");
                return failure.cause();
            }
            return std::error_code();
        };
        store.save_token(login("ada"));
        expect(cause_of_save(login("ada", std::string(300'000, 'x'))) == std::errc::no_space_on_device, "too large");
        expect(access_of(store, "ada") == sentinel + " first of ada", "in this store");
        expect(!exists(path + ".tmp"), "nothing is left of it");

        int rows = 1;
        for (; rows < 100; ++rows)
            if (const auto cause = cause_of_save(login(std::to_string(rows), std::string(10'000, 'x')))) {
                expect(cause == std::errc::no_space_on_device, cause.message());
                break;
            }
        expect(rows > 10 && rows < 27, "rows that fit: " + std::to_string(rows));
        expect(static_cast<int>(store.get_tokens().size()) == rows, "rows in this store");
        expect(rows_of(file_store(path)) == rows_of(store), "rows in another");
        write_file(here / "ballast", std::string(300'000, 'x'));
        expect(cause_of_save(login("eve")) == std::errc::no_space_on_device, "nothing fits");
        ::unlink((here / "ballast").c_str());
        expect(::mount("tmpfs", (here / "").c_str(), "tmpfs", MS_REMOUNT, "size=1m") == 0, "more room");
        expect(!cause_of_save(login("bob")), "a save when there is room again");
        expect(rows_of(file_store(path)) == rows_of(store), "rows at the end");
    });
}

TEST_CASE("file_store: on a disk that is mounted for reading it is read", "[file_store][mounts]") {
    const temporary_directory here;
    on_disk_of_its_own(here / "", "mode=700", [&] {
        for (const bool with_lock_file : {true, false}) {
            const std::string path = here / (with_lock_file ? "one" : "two");
            file_store(path).save_token(login("ada"));
            if (!with_lock_file) ::unlink((path + ".lock").c_str());
            expect(::mount("", (here / "").c_str(), "", MS_REMOUNT | MS_RDONLY, "") == 0, "read only");
            file_store store(path);
            expect(access_of(store, "ada") == sentinel + " first of ada", "found");
            expect(save_fault(store) == errc::permissions, "save");
            expect(fault_of([&] { store.self_test(); }) == errc::permissions, "self test");
            store = file_store(path); // lets go of the file
            expect(::mount("", (here / "").c_str(), "", MS_REMOUNT, "") == 0, "to be written again");
        }
    });
}

TEST_CASE("file_store: a file that is a mount of its own is refused with advice", "[file_store][mounts]") {
    const temporary_directory here;
    on_disk_of_its_own(here / "", "mode=700", [&] {
        const auto refused_with_advice = [](errc code, const std::function<void()>& act) {
            try {
                act();
            } catch (const file_error& failure) {
                return failure.code() == code && failure.cause() == std::errc::device_or_resource_busy &&
                       std::string(failure.what()).find("mount its directory") != std::string::npos;
            }
            return false;
        };
        for (const bool is_new : {true, false}) {
            const std::string path = here / (is_new ? "new" : "old"), outside = path + ".outside";
            if (is_new)
                write_file(outside, "");
            else
                file_store(outside).save_token(login("ada"));
            const std::string before = bytes_of(outside);
            write_file(path, "");
            mount_file(outside, path);
            file_store store(path);
            const auto refuses = [&](const std::function<void()>& act) {
                expect(refused_with_advice(errc::storage_failure, act), is_new ? "a new file" : "a file with a row");
            };
            refuses([&] { store.self_test(); });
            refuses([&] { store.save_token(login("eve")); });
            refuses([&] { (void)store.find_token({.user_name = "ada"}); });
            refuses([&] { (void)store.get_tokens(); });
            refuses([&] { store.delete_tokens(); });
            refuses([&] { store.compact(); });
            refuses([&] { (void)store.salvage(); });
            expect(bytes_of(path) == before && !exists(path + ".tmp"), "as it was");
            if (!is_new) expect(file_store(outside).get_tokens().size() == 1, "the file itself can be used");
        }
        file_store store(here / "open");
        store.save_token(login("ada"));
        file_store(here / "other").save_token(login("bob"));
        mount_file(here / "other", here / "open");
        expect(refused_with_advice(errc::storage_failure, [&] { (void)store.get_tokens(); }), "while it is open");
    });
}

TEST_CASE("file_store: a file that is mounted alone for reading is read until it is replaced where it comes from",
          "[file_store][mounts]") {
    const temporary_directory here;
    on_disk_of_its_own(here / "", "mode=700", [&] {
        const std::string path = here / "tokens";
        file_store outside(here / "outside");
        outside.save_token(login("ada"));
        write_file(path, "");
        mount_file_for_reading(here / "outside", path);
        file_store store(path);
        expect(store.get_tokens().size() == 1, "read");
        outside.save_token(login("bob"));
        expect(store.get_tokens().size() == 2, "what was appended");
        expect(save_fault(store) == errc::permissions, "save");
        expect(fault_of([&] { (void)store.lock_token("key", in(1s)); }) == errc::permissions, "lock");
        expect(fault_of([&] { store.compact(); }) == errc::permissions, "compact");
        outside.compact();
        outside.save_token(login("eve"));
        for (int n = 0; n < 2; ++n) {
            expect(find_fault(store) == errc::storage_failure, "an open store");
            expect(find_fault(file_store(path)) == errc::storage_failure, "a new one");
            expect(has_all(words_of([&] { (void)store.get_tokens(); }), {path, "mount its directory"}), "advice");
        }
    });
}

TEST_CASE("file_store: a mount of its own is refused at every opening", "[file_store]") {
    struct simulated : defaults {
        using files = testing::simulated_files;
    };
    testing::simulated_files disk;
    basic_file_store<simulated>("tokens", {}, disk).save_token(login("ada"));
    disk.mount("tokens");
    basic_file_store<simulated> store("tokens", {}, disk);
    CHECK(find_fault(store) == errc::storage_failure);
    CHECK(save_fault(store) == errc::storage_failure);
    CHECK(fault_of([&] { store.delete_tokens(); }) == errc::storage_failure);
    CHECK(fault_of([&] { (void)store.salvage(); }) == errc::storage_failure);
    CHECK(has_all(words_of([&] { (void)store.get_tokens(); }), {"tokens", "mount its directory"}));
}

TEST_CASE("file_store: self_test passes in a good directory and leaves only the lock file behind", "[file_store]") {
    const temporary_directory here;
    const file_store store(here / "tokens");
    store.self_test();
    CHECK(names_in(here / "") == std::set<std::string>{"tokens.lock"});
    file_store(here / "tokens").save_token(login("ada"));
    const std::string before = bytes_of(here / "tokens");
    store.self_test();
    CHECK(names_in(here / "") == std::set<std::string>{"tokens", "tokens.lock"});
    CHECK(bytes_of(here / "tokens") == before);

    ::chmod((here / "tokens").c_str(), 0644);
    CHECK(fault_of([&] { store.self_test(); }) == errc::permissions);
    ::chmod((here / "").c_str(), 0777);
    CHECK(fault_of([&] { file_store(here / "new").self_test(); }) == errc::permissions);
    ::chmod((here / "").c_str(), 0700);
    CHECK(names_in(here / "") == std::set<std::string>{"tokens", "tokens.lock"});
}

// ---- What stays in the file ----

TEST_CASE("file_store: deleting erases what the row has and had, and nothing else", "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    const auto fill = [&](auto&& store) {
        for (const char* access : {"first", "second", "third"})
            for (const char* user : {"ada", "bob", "eve"}) store.save_token(login(user, access));
    };
    const auto has_any_of = [&](const std::string& user) {
        return holds(path, "first of " + user) || holds(path, "second of " + user) || holds(path, "third of " + user);
    };
    file_store watching(path);
    fill(watching);
    REQUIRE(holds(path, "first of ada"));
    const auto by_id = [&](const std::string& user) {
        file_store store(path); // knows the row from the file only
        store.delete_token(store.find_token({.user_name = user}).value().id);
    };
    by_id("ada");
    CHECK(!has_any_of("ada"));
    CHECK(holds(path, "third of bob"));
    CHECK(holds(path, "third of eve"));
    CHECK(watching.get_tokens().size() == 2);
    CHECK(rows_of(file_store(path)) == rows_of(watching));

    CHECK(watching.remove_token(watching.find_token({.user_name = "eve"}).value()));
    CHECK(!has_any_of("eve"));
    CHECK(access_of(file_store(path), "bob") == sentinel + " third of bob");
    watching.save_token(login("ada", "fourth"));
    CHECK(rows_of(file_store(path)) == rows_of(watching));

    by_id("bob");
    watching.save_token(login("eve", "fourth"));
    CHECK(!has_any_of("bob"));
    CHECK(holds(path, "fourth of ada"));
    CHECK(rows_of(file_store(path)) == rows_of(watching));
    CHECK(watching.get_tokens().size() == 2);
}

TEST_CASE("file_store: deleting also erases what a killed rewrite has left", "[file_store]") {
    struct simulated : defaults {
        using files = testing::simulated_files;
    };
    testing::simulated_files disk;
    basic_file_store<simulated> store("tokens", {}, disk);
    const auto deletes = [&](const std::function<void()>& act) {
        store.save_token({.user_name = "ada", .access_token = "new", .id = "1"});
        disk.put("tokens.tmp", "a copy with " + sentinel);
        act();
        CHECK(!disk.find("tokens.tmp"));
        disk.for_each_power_failure("tokens", 1'000, [](const testing::simulated_files& after) {
            if (after.find("tokens.tmp")) FAIL_CHECK("a power failure brings it back");
        });
    };
    deletes([&] { store.delete_token("1"); });
    deletes([&] { store.delete_token("is not there"); });
    deletes([&] { CHECK(store.remove_token(store.find_token_by_id("1").value())); });
    deletes([&] { store.delete_tokens(); });

    store.save_token(login("ada"));
    disk.put("tokens.tmp", "a copy with " + sentinel);
    // The removal is written, flushed and acknowledged; the row is overwritten, and that is flushed.
    disk.plan(disk.calls() + 5, testing::disk_fault::fails);
    CHECK(fault_of([&] { store.delete_token(store.find_token({.user_name = "ada"})->id); }) == errc::storage_failure);
    CHECK(!store.find_token({.user_name = "ada"}));
    store.compact();
    CHECK(!disk.find("tokens.tmp"));
}

namespace {

/// Files of a program that is killed right after it has flushed one.
struct deadly_files : system_files {
    inline static bool kills = false;

    struct file : system_files::file {
        explicit file(system_files::file opened) : system_files::file(std::move(opened)) {}
        void flush() const {
            system_files::file::flush();
            if (kills) ::kill(::getpid(), SIGKILL);
        }
    };
    file create(const std::string& path) const { return file(system_files::create(path)); }
    std::optional<file> open(const std::string& path) const {
        auto opened = system_files::open(path);
        return opened ? std::optional(file(*std::move(opened))) : std::nullopt;
    }
};
struct with_deadly_files : defaults {
    using files = deadly_files;
};

} // namespace

TEST_CASE("file_store: what a program had removed and not erased when it was killed, the next change erases",
          "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    file_store watching(path);
    watching.save_token(login("ada"));
    watching.save_token(login("ada", "second"));
    watching.save_token(login("bob"));
    const std::string id = watching.find_token({.user_name = "ada"}).value().id;
    CHECK(!in_process([&] {
        basic_file_store<with_deadly_files> store(path);
        store.save_token(login("eve"));
        deadly_files::kills = true;
        store.delete_token(id);
    }));
    CHECK(!watching.find_token_by_id(id));
    CHECK(holds(path, "first of ada"));
    CHECK(holds(path, "second of ada"));
    watching.delete_token(id); // is not there any more
    CHECK(!holds(path, "of ada"));
    CHECK(holds(path, "first of bob"));
    CHECK(watching.get_tokens().size() == 2);
    CHECK(rows_of(file_store(path)) == rows_of(watching));
}

TEST_CASE("file_store: deleting erases nothing where the policy says so", "[file_store]") {
    const temporary_directory here;
    basic_file_store<lazy> store(here / "tokens");
    store.save_token(login("ada"));
    store.save_token(login("ada", "second"));
    store.save_token(login("bob"));
    store.delete_token(store.find_token({.user_name = "ada"}).value().id);
    CHECK(store.remove_token(store.find_token({.user_name = "bob"}).value()));
    for (const char* text : {"first of ada", "second of ada", "first of bob"}) CHECK(holds(here / "tokens", text));
    CHECK(file_store(here / "tokens").get_tokens().empty());
    store.compact();
    CHECK(!holds(here / "tokens", sentinel));
}

TEST_CASE("file_store: delete_tokens leaves no secret, and compact none that was replaced", "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    file_store store(path);
    store.save_token(login("ada"));
    store.save_token(login("ada", "second"));
    store.save_token(login("bob"));
    REQUIRE(holds(path, "first of ada"));
    const auto rows = rows_of(store);
    store.compact();
    CHECK(!holds(path, "first of ada"));
    CHECK(holds(path, "second of ada"));
    CHECK(rows_of(store) == rows);
    CHECK(rows_of(file_store(path)) == rows);
    store.delete_tokens();
    CHECK(!holds(path, sentinel));
    CHECK(!holds(path, "ada"));
    CHECK(file_store(path).get_tokens().empty());
    CHECK(names_in(here / "") == std::set<std::string>{"tokens", "tokens.lock"});
}

TEST_CASE("file_store: the file does not grow beyond four times its rows and 64 KiB", "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    file_store store(path);
    store.save_token({.user_name = "ada", .access_token = "12345"});
    const std::size_t least = bytes_of(path).size(); // the header and a record
    std::atomic<std::uintmax_t> largest = 0;
    std::vector<std::thread> threads;
    for (int n = 0; n < 8; ++n)
        threads.emplace_back([&, n] {
            for (int i = 0; i < 625; ++i) {
                store.save_token({.user_name = "ada", .access_token = std::to_string(10'000 * (n + 1) + i)});
                const std::uintmax_t size = std::filesystem::file_size(path);
                for (std::uintmax_t seen = largest; seen < size && !largest.compare_exchange_weak(seen, size);) {
                }
            }
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(largest > 32 * 1'024);
    CHECK(largest <= 4 * least + 64 * 1'024 + least);
    const std::string last = access_of(store, "ada");
    CHECK(last.ends_with("0624"));
    CHECK(access_of(file_store(path), "ada") == last);
    store.compact();
    CHECK(bytes_of(path).size() == least);
    CHECK(access_of(store, "ada") == last);
    CHECK(access_of(file_store(path), "ada") == last);
}

TEST_CASE("file_store: where the file cannot be written anew it grows, and is written anew later", "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    file_store store(path);
    store.save_token(login("ada"));
    ::mkdir((path + ".tmp").c_str(), 0700);
    for (int n = 0; n < 40; ++n) store.save_token(login("ada", std::to_string(n) + std::string(3'000, 'x')));
    CHECK(std::filesystem::file_size(path) > 110'000);
    CHECK(fault_of([&] { store.compact(); }) == errc::not_saved);
    CHECK(rows_of(file_store(path)) == rows_of(store));
    ::rmdir((path + ".tmp").c_str());
    for (int n = 0; n < 20; ++n) store.save_token(login("ada", std::to_string(n) + std::string(3'000, 'x')));
    CHECK(std::filesystem::file_size(path) < 110'000);
    CHECK(rows_of(file_store(path)) == rows_of(store));
}

TEST_CASE("file_store: no error carries a secret", "[file_store]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    file_store store(path);
    store.save_token(login("ada"));
    store.save_token({.user_name = "ada", .client_id = "other", .access_token = sentinel});
    std::vector<std::string> words;
    const auto listen = [&](const std::function<void()>& act) {
        try {
            act();
        } catch (const std::exception& failure) {
            words.push_back(failure.what());
        }
    };
    const token row = store.get_tokens()[0];
    token other = row;
    other.id = "x";
    listen([&] { (void)store.find_token({.user_name = "ada"}); });
    listen([&] { (void)store.replace_token(row, other); });
    listen([&] { store.save_token({.user_name = "eve", .client_secret = sentinel}); });
    listen([&] { store.save_token({.access_token = sentinel, .id = std::string(70'000, 'x')}); });
    const auto all = [&](auto&& any) {
        listen([&] { (void)any.find_token({.user_name = "ada", .client_id = "app", .access_token = sentinel}); });
        listen([&] { any.save_token(login("ada", "new")); });
        listen([&] { (void)any.replace_token(row, row); });
        listen([&] { (void)any.remove_token(row); });
        listen([&] { any.compact(); });
    };
    const std::string good = bytes_of(path);
    std::string bad_row = good;
    bad_row[good.find(sentinel)] = '!';
    std::string newer = good;
    newer[8] = 9;
    for (const std::string& bytes : {std::string(), sentinel + std::string(100, 'x'), bad_row, newer}) {
        write_file(path, bytes);
        all(file_store(path));
    }
    write_file(path, good, 0644);
    all(file_store(path));
    ::unlink(path.c_str());
    all(store);
    all(file_store(here / "missing/tokens"));
    CHECK(words.size() > 30);
    for (const std::string& what : words) CHECK(what.find(sentinel) == std::string::npos);
}
