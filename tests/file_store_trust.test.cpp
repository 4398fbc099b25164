// SPDX-License-Identifier: MIT
// What a policy trusts: a link in the place of the file, and a group that shares its directory.
#include <tokenkeep/document_store.hpp>
#include <tokenkeep/file_store.hpp>
#include <tokenkeep/text_file.hpp>

#include "support/catch.hpp"
#include "support/processes.hpp"
#include "support/temporary.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <grp.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

using namespace tokenkeep;
using namespace std::chrono_literals;

namespace {

struct following : defaults {
    static constexpr bool follows_link = true;
};
struct sharing : defaults {
    static constexpr bool trusts_group = true;
};
using following_store = basic_file_store<following>;
using shared_store = basic_file_store<sharing>;
template <class Policy>
using json_store = basic_document_store<text_file, json_codec, Policy>;

token login(const std::string& user, const std::string& access = "first") {
    return {.user_name = user, .client_id = "app", .access_token = access + " of " + user};
}

template <class Store>
std::string access_of(Store&& store, const std::string& user) {
    const std::optional<token> row = store.find_token({.user_name = user});
    return row ? std::string(row->access_token.reveal()) : std::string();
}

std::set<std::string> names_in(const std::string& directory) {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) names.insert(entry.path().filename());
    return names;
}

deadline soon() { return std::chrono::steady_clock::now() + 1s; }

// ---- Users ----

constexpr gid_t shared = 5'000;
constexpr uid_t web = 5'001, cron = 5'002, stranger = 5'003;

/// A process of that user, whose own group has the user's number.
template <class Act>
bool as_user(uid_t user, const std::vector<gid_t>& groups, Act act) {
    return in_process([&] {
        expect(::setgroups(groups.size(), groups.data()) == 0 && ::setgid(user) == 0 && ::setuid(user) == 0, "users");
        act();
    });
}
template <class Act>
bool as_member(uid_t user, Act act) {
    return as_user(user, {shared}, act);
}

/// A directory of `owner` and the shared group; below one that all users can enter.
class shared_directory {
  public:
    explicit shared_directory(mode_t mode = 02770, uid_t owner = 0) {
        ::chmod((parent_ / "").c_str(), 0755);
        ::mkdir(path().c_str(), 0700);
        expect(::chown(path().c_str(), owner, shared) == 0 && ::chmod(path().c_str(), mode) == 0, "a directory");
    }
    std::string path() const { return parent_ / "shared"; }
    std::string operator/(const std::string& name) const { return path() + "/" + name; }

  private:
    temporary_directory parent_{};
};

bool is_of_group(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && status.st_gid == shared && (status.st_mode & 07777) == 0660;
}

bool can_change_users() {
    if (::geteuid() == 0) return true;
    WARN("skipped: only root can play other users");
    return false;
}

/// Sets an access-control list that gives an entry of that kind (2 user, 8 group) all rights. False if the file system
/// has no such lists.
bool set_list(const std::string& path, const char* which, std::uint16_t kind, std::uint32_t whom) {
    std::string list("\2\0\0\0", 4);
    const auto add = [&](std::uint16_t entry, std::uint16_t rights, std::uint32_t id) {
        for (const std::uint32_t number : {std::uint32_t{entry}, std::uint32_t{rights}})
            list += {static_cast<char>(number), static_cast<char>(number >> 8)};
        for (int i = 0; i < 4; ++i) list += static_cast<char>(id >> 8 * i);
    };
    constexpr std::uint32_t none = 0xffff'ffff;
    add(1, 7, none);
    if (kind == 2) add(2, 7, whom);
    add(4, 7, none);
    if (kind == 8) add(8, 7, whom);
    add(16, 7, none);
    add(32, 0, none);
    return ::setxattr(path.c_str(), which, list.data(), list.size(), 0) == 0;
}
constexpr const char* of_file = "system.posix_acl_access";
constexpr const char* of_new_files = "system.posix_acl_default";

} // namespace

// ---- follows_link ----

TEST_CASE("follows_link: the store uses the file to which the link leads, and its directory", "[trust]") {
    const temporary_directory links, files;
    ::symlink((files / "tokens").c_str(), (links / "absolute").c_str());
    ::symlink("absolute", (links / "relative").c_str()); // a link to a link
    {
        following_store store(links / "relative"); // the file is missing yet
        CHECK(!store.find_token({.user_name = "ada"}));
        store.save_token(login("ada"));
        store.compact();
        const auto held = store.lock_token("key", soon());
        CHECK(access_of(file_store(files / "tokens"), "ada") == "first of ada");
        CHECK(code_of([&] {
                  (void)file_store(files / "tokens").lock_token("key", std::chrono::steady_clock::now());
              }) == errc::lock_timeout);
    }
    CHECK(access_of(following_store(links / "absolute"), "ada") == "first of ada");
    CHECK(access_of(following_store(files / "tokens"), "ada") == "first of ada"); // not a link
    CHECK(names_in(links / "") == std::set<std::string>{"absolute", "relative"});
    CHECK(names_in(files / "") == std::set<std::string>{"tokens", "tokens.lock"});
    CHECK(std::filesystem::is_symlink(links / "absolute"));

    ::symlink((files / "tokens.json").c_str(), (links / "json").c_str());
    json_store<following>(links / "json").save_token(login("ada"));
    json_store<following>(text_file(links / "json")).save_token(login("bob"));
    CHECK(access_of(json_file_store(files / "tokens.json"), "bob") == "first of bob");
    CHECK(std::filesystem::is_symlink(links / "json"));
    CHECK(exists(files / "tokens.json.lock"));
}

TEST_CASE("follows_link: the link is followed once, and its target is as private as ever", "[trust]") {
    const temporary_directory links, files, others;
    ::symlink((files / "tokens").c_str(), (links / "link").c_str());
    following_store store(links / "link");
    store.save_token(login("ada"));
    ::unlink((links / "link").c_str());
    ::symlink((others / "tokens").c_str(), (links / "link").c_str());
    store.save_token(login("bob"));
    CHECK(store.get_tokens().size() == 2);
    CHECK(names_in(others / "").empty());
    ::chmod((others / "").c_str(), 0777);
    CHECK(code_of([&] { following_store(links / "link").save_token(login("ada")); }) == errc::permissions);
    CHECK(names_in(others / "").empty());
    ::chmod((files / "tokens").c_str(), 0644);
    CHECK(code_of([&] { (void)following_store(files / "tokens").get_tokens(); }) == errc::permissions);
}

TEST_CASE("follows_link: links that lead in a circle are refused, and so is any link without the policy", "[trust]") {
    const temporary_directory here;
    ::symlink("two", (here / "one").c_str());
    ::symlink("one", (here / "two").c_str());
    CHECK(code_of([&] { following_store store(here / "one"); }) == errc::permissions);
    CHECK(has_all(words_of([&] { file_store(here / "one").save_token(login("ada")); }),
                  {"one is a symbolic link to two", "name the file itself", "follows_link"}));
}

// ---- trusts_group ----

TEST_CASE("trusts_group: users of the group share a file, its lock file and its temporary file", "[trust]") {
    if (!can_change_users()) return;
    for (const mode_t mode : {02770u, 02775u, 03770u}) {
        const shared_directory here(mode);
        const std::string path = here / "tokens";
        CHECK(as_member(web, [&] {
            ::umask(077);
            shared_store store(path);
            store.save_token(login("ada"));
            expect(is_of_group(path) && is_of_group(path + ".lock"), "the group of what web made");
        }));
        CHECK(as_member(cron, [&] {
            shared_store store(path);
            expect(access_of(store, "ada") == "first of ada", "cron finds it");
            store.save_token(login("bob"));
            store.delete_token(store.find_token({.user_name = "ada"}).value().id);
            const auto held = store.lock_token("key", soon());
            if (mode != 03770u) store.compact(); // in a sticky directory cron cannot replace the file of web
            expect(is_of_group(path) && is_of_group(path + ".lock"), "the group of what cron made");
        }));
        CHECK(as_member(web, [&] {
            shared_store store(path);
            expect(access_of(store, "bob") == "first of bob", "web finds it");
            store.save_token(login("eve"));
            store.self_test();
        }));
    }
}

TEST_CASE("trusts_group: they exclude each other, also by a lock that the other one holds", "[trust]") {
    if (!can_change_users()) return;
    const shared_directory here;
    const std::string path = here / "tokens";
    CHECK(as_member(web, [&] { shared_store(path).save_token(login("ada")); }));
    shared_store of_root(path);
    CHECK(code_of([&] { (void)of_root.get_tokens(); }) == errc::permissions); // root is not in the group
    CHECK(in_process([&] {
        const gid_t groups[] = {shared};
        expect(::setgroups(1, groups) == 0, "a member");
        shared_store store(path);
        const auto held = store.lock_token("key", soon());
        expect(as_member(cron,
                         [&] {
                             const auto locks = [&] {
                                 (void)shared_store(path).lock_token("key", std::chrono::steady_clock::now());
                             };
                             expect(code_of(locks) == errc::lock_timeout, "it is held");
                             (void)shared_store(path).lock_token("another", soon());
                         }),
               "cron waits");
    }));
}

TEST_CASE("trusts_group: a document store shares its file too", "[trust]") {
    if (!can_change_users()) return;
    const shared_directory here(02770, web);
    const std::string path = here / "tokens.json";
    for (const uid_t user : {web, cron, web})
        CHECK(as_member(user, [&] {
            json_store<sharing> store(path);
            store.save_token(login("user " + std::to_string(user)));
            expect(is_of_group(path) && is_of_group(path + ".lock"), "the group");
        }));
    CHECK(as_member(cron, [&] { expect(json_store<sharing>(path).get_tokens().size() == 2, "both rows"); }));
    const shared_directory sticky(01770);
    CHECK(as_member(web, [&] { json_store<sharing>(sticky / "tokens.json").save_token(login("ada")); }));
    CHECK(as_member(cron, [&] {
        json_store<sharing> store(sticky / "tokens.json");
        expect(is_of_group(sticky / "tokens.json"), "the group without setgid");
        expect(access_of(store, "ada") == "first of ada", "cron reads it");
        expect(code_of([&] { store.save_token(login("bob")); }) == errc::not_saved, "and cannot replace it");
        expect(has_all(words_of([&] { store.save_token(login("bob")); }), {"sticky", "setgid"}), "it says why");
    }));
}

TEST_CASE("trusts_group: others than the group are refused, and refused what others can use", "[trust]") {
    if (!can_change_users()) return;
    const auto refused = [](uid_t user, const std::vector<gid_t>& groups, const std::string& path,
                            const std::vector<std::string>& words) {
        const std::set<std::string> before = names_in(detail::directory_of(path));
        CHECK(as_user(user, groups, [&] {
            shared_store store(path);
            expect(code_of([&] { store.save_token(login("eve")); }) == errc::permissions, "save");
            const auto locks = [&] { (void)store.lock_token("key", soon()); };
            expect(exists(path) || code_of(locks) == errc::permissions, "lock"); // a lock does not look at the file
            const std::string said = words_of([&] { store.save_token(login("eve")); });
            expect(has_all(said, words), said);
        }));
        CHECK(names_in(detail::directory_of(path)) == before);
    };
    const shared_directory open(02777), unset(0770), good(02775);
    refused(web, {shared}, open / "tokens", {"has mode 2777", "group 5000", "run: chmod o-w"});
    refused(web, {shared}, unset / "tokens", {"has mode 0770", "group 5000", "run: chmod g+s"});
    refused(stranger, {}, good / "tokens",
            {"has mode 2775", "group 5000", "runs as user 5003", "is not in that group"});

    const std::string path = good / "tokens";
    CHECK(as_member(web, [&] { shared_store(path).save_token(login("ada")); }));
    ::chmod(path.c_str(), 0664);
    refused(cron, {shared}, path, {"has mode 0664 and belongs to user 5001 and group 5000", "run: chmod 660 " + path});
    ::chmod(path.c_str(), 0660);
    REQUIRE(::chown(path.c_str(), web, web) == 0);
    CHECK(as_user(cron, {shared, web}, [&] {
        const std::string said = words_of([&] { (void)shared_store(path).get_tokens(); });
        expect(has_all(said, {path + " belongs to user 5001", "its group is 5001", "run: chgrp 5000"}), said);
    }));
    REQUIRE(::chown(path.c_str(), web, shared) == 0);
    ::chmod((path + ".lock").c_str(), 0666);
    CHECK(as_member(cron, [&] {
        const auto locks = [&] { (void)shared_store(path).lock_token("key", soon()); };
        expect(code_of(locks) == errc::permissions, "a lock file that others can use");
    }));
}

TEST_CASE("trusts_group: if the group cannot write the directory, files are private to the user", "[trust]") {
    const temporary_directory here;
    shared_store(here / "tokens").save_token(login("ada"));
    CHECK(mode_of(here / "tokens") == 0600);
    CHECK(mode_of(here / "tokens.lock") == 0600);
    ::chmod((here / "tokens").c_str(), 0660);
    CHECK(code_of([&] { (void)shared_store(here / "tokens").get_tokens(); }) == errc::permissions);
}

TEST_CASE("trusts_group: without the policy nothing is shared, and the message names the policy", "[trust]") {
    if (!can_change_users()) return;
    const shared_directory here;
    CHECK(as_member(web, [&] {
        const std::string said = words_of([&] { file_store(here / "tokens").save_token(login("ada")); });
        expect(has_all(said, {"has mode 2770 and belongs to user 0 (root) and group 5000", "trusts_group is true"}),
               said);
    }));
    const shared_directory own(02770, web);
    CHECK(as_member(web, [&] {
        const std::string said = words_of([&] { file_store(own / "tokens").save_token(login("ada")); });
        expect(has_all(said, {"has mode 2770 and belongs to user 5001 and group 5000", "run: chmod go-w",
                              "a policy in which trusts_group is true"}),
               said);
        expect(names_in(own.path()).empty(), "nothing is made");
    }));
}

// ---- Access-control lists ----

TEST_CASE("access-control lists: without the policy, a file or directory that another can write is refused",
          "[trust]") {
    const temporary_directory here;
    const std::string path = here / "tokens";
    file_store(path).save_token(login("ada"));
    json_file_store(here / "json").save_token(login("ada"));
    if (!set_list(path, of_file, 2, stranger)) {
        WARN("skipped: no access-control lists here");
        return;
    }
    REQUIRE(set_list(here / "json", of_file, 8, stranger));
    CHECK(code_of([&] { (void)file_store(path).get_tokens(); }) == errc::permissions);
    CHECK(code_of([&] { (void)json_file_store(here / "json").get_tokens(); }) == errc::permissions);
    ::chmod(path.c_str(), 0600); // as the message says: it takes the rights of the list away
    ::chmod((here / "json").c_str(), 0600);
    CHECK(access_of(file_store(path), "ada") == "first of ada");
    CHECK(access_of(json_file_store(here / "json"), "ada") == "first of ada");

    if (::getegid() != ::geteuid()) return;
    REQUIRE(set_list(here / "", of_file, 2, stranger)); // the group of the directory is the user's own
    CHECK(mode_of(here / "") == 0770);
    for (const auto& words : {words_of([&] { (void)file_store(path).get_tokens(); }),
                              words_of([&] { file_store(path).save_token(login("bob")); }),
                              words_of([&] { (void)json_file_store(here / "json").get_tokens(); })})
        CHECK(has_all(words, {(here / "") + " has an access-control list that lets user 5003 use it",
                              "run: setfacl -b " + (here / "")}));
    REQUIRE(::removexattr((here / "").c_str(), of_file) == 0);
    ::chmod((here / "").c_str(), 0770);
    CHECK(access_of(file_store(path), "ada") == "first of ada");
}

TEST_CASE("access-control lists: with trusts_group, a list that names anyone else is refused", "[trust]") {
    if (!can_change_users()) return;
    const shared_directory here;
    const std::string path = here / "tokens";
    CHECK(as_member(web, [&] { shared_store(path).save_token(login("ada")); }));
    const auto words = [&] {
        std::string said;
        const std::string file = here / "../said";
        (void)in_process([&] {
            const gid_t groups[] = {shared};
            expect(::setgroups(1, groups) == 0, "a member");
            write_file(file, words_of([&] { (void)shared_store(path).get_tokens(); }));
        });
        return bytes_of(file);
    };
    CHECK(words().empty());
    if (!set_list(path, of_file, 2, stranger)) {
        WARN("skipped: no access-control lists here");
        return;
    }
    CHECK(has_all(words(), {path + " has an access-control list that lets user 5003 use it", "setfacl -b " + path}));
    ::chmod(path.c_str(), 0660);
    CHECK(!words().empty()); // the mask that the mode is gives the entry its rights
    ::chmod(path.c_str(), 0600);
    CHECK(words().empty()); // that mask takes them away
    REQUIRE(::removexattr(path.c_str(), of_file) == 0);
    ::chmod(path.c_str(), 0660);
    CHECK(words().empty());
    REQUIRE(set_list(here.path(), of_file, 8, 6'000));
    CHECK(has_all(words(), {"lets group 6000 use it", "setfacl -b "}));
    REQUIRE(::removexattr(here.path().c_str(), of_file) == 0);
    REQUIRE(set_list(here.path(), of_new_files, 2, stranger));
    CHECK(has_all(words(), {"lets user 5003 use new files in it", "setfacl -k "}));
    REQUIRE(::removexattr(here.path().c_str(), of_new_files) == 0);
    REQUIRE(set_list(here.path(), of_file, 8, shared)); // the list names the group itself
    ::chmod(here.path().c_str(), 02770);
    CHECK(words().empty());
}
