// SPDX-License-Identifier: MIT
// keyring and keyring_store over a gnome-keyring that the test starts, on a bus that it starts.
#include "keyring/session.hpp"

#include <tokenkeep/any_store.hpp>

#include "keyring/black_hole.hpp"
#include "support/catch.hpp"
#include "support/keeper_world.hpp"
#include "support/laws.hpp"
#include "support/processes.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <list>
#include <string>
#include <vector>

using namespace tests;
using namespace std::chrono_literals;
using tokenkeep::errc;
using tokenkeep::keyring;
using tokenkeep::keyring_store;

namespace {

constexpr const char* service = "tokenkeep-test";

/// An account that has no item yet.
std::string new_account() {
    static int number = 0;
    common_session();
    return "account " + std::to_string(++number);
}

std::string program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

struct fresh_store : keyring_store {
    fresh_store() : keyring_store(service, new_account()) {}
};

std::string every_byte() {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
    return all + "\0\r\n\xff\xfe" + std::string(3, '\0');
}

/// Runs a test that is below in a process of its own, about this account, and says whether it passed. A child made by
/// fork could not use GLib, and some of libsecret's functions keep the connection to a bus that a test ends.
bool passes_apart(const std::string& test, const std::string& account = {}) {
    ::setenv("TOKENKEEP_TEST_ACCOUNT", account.c_str(), 1);
    const temporary_directory folder;
    guarded_child child({{program(), test}, {}, folder / "", folder / "log"});
    const bool passes = holds_within(60s, [&] { return child.ended(); }) && child.succeeded();
    if (!passes) WARN(bytes_of(folder / "log"));
    return passes;
}

auto seconds_of(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

} // namespace

static_assert(tokenkeep::document<keyring> && tokenkeep::locking_store<keyring_store> &&
              tokenkeep::comparing_store<keyring_store> && !keyring_store::lock_may_lapse);

TEST_CASE("keyring_store: keeps every law", "[keyring]") {
    const law_findings found =
        findings_about([] { return keyring_store(service, new_account()); }, {.only_utf8 = true});
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + laws_of_locking + laws_of_comparing + laws_of_deadlines);
}

TEST_CASE("keyring_store: a session lives in it", "[keyring]") { live_a_session<fresh_store>(); }

TEST_CASE("keyring: keeps every byte, and replaces the item", "[keyring]") {
    keyring item(service, new_account());
    CHECK_FALSE(item.load());
    std::string large = every_byte();
    while (large.size() < 1'000'000) large += large;
    for (const std::string& bytes : {every_byte(), std::string(), large, std::string(1, '\0'), std::string("{}")}) {
        item.save(bytes);
        const auto loaded = item.load();
        REQUIRE(loaded);
        CHECK((loaded->reveal() == bytes));
    }
    CHECK_FALSE(keyring(service, new_account()).load());
}

TEST_CASE("keyring_store: an item that was emptied is damaged, not missing", "[keyring]") {
    const std::string account = new_account();
    keyring(service, account).save("");
    keyring_store store(service, account);
    CHECK(error_of([&] { store.get_tokens(); }) == errc::storage_corrupt);
    CHECK(error_of([&] { store.save_token({.user_name = "ada", .access_token = "a"}); }) == errc::storage_corrupt);
}

TEST_CASE("keyring: the names of an item are UTF-8, and not empty", "[keyring]") {
    for (const std::string& name : {std::string(), std::string("\xff"), std::string("a\0b", 3)}) {
        CHECK(error_of([&] { keyring item(name); }) == errc::request_rejected);
        CHECK(error_of([&] { keyring item("my-app", name); }) == errc::request_rejected);
    }
    CHECK(error_of([] { keyring::from_url(""); }) == errc::request_rejected);
    CHECK(error_of([] { keyring::from_url("my-app/"); }) == errc::request_rejected);
}

TEST_CASE("keyring_store: a URL opens it", "[keyring]") {
    const std::string account = new_account();
    keyring_store store(service, account);
    store.save_token({.user_name = "ada", .access_token = "a"});
    tokenkeep::any_store opened = tokenkeep::open_store<tokenkeep::memory_store, keyring_store>(
        std::string("keyring:") + service + "/" + account);
    CHECK(opened.locks());
    CHECK(opened.compares());
    CHECK(opened.find_token({.user_name = "ada"})->access_token == tokenkeep::secret("a"));
    CHECK(tokenkeep::open_store<keyring_store>(std::string("keyring:") + service).get_tokens().empty());
}

TEST_CASE("apart: a second item", "[.]") {
    const tokenkeep::detail::keyring_item same(service, std::getenv("TOKENKEEP_TEST_ACCOUNT"));
    SecretValue* const second = secret_value_new("second", -1, "text/plain");
    CHECK(secret_service_store_sync(nullptr, same.schema(), same.attributes().get(), SECRET_COLLECTION_SESSION, "x",
                                    second, nullptr, nullptr) == TRUE);
}

TEST_CASE("keyring: two items with the same attributes are told apart by the user only", "[keyring]") {
    const std::string account = new_account();
    keyring item(service, account);
    item.save("first");
    REQUIRE(passes_apart("apart: a second item", account));
    CHECK(error_of([&] { item.load(); }) == errc::ambiguous);
    CHECK(error_of([&] { item.save("third"); }) == errc::ambiguous);
}

TEST_CASE("apart: the keyring is locked", "[.]") {
    SecretService* const at = secret_service_get_sync(SECRET_SERVICE_NONE, nullptr, nullptr);
    REQUIRE(at != nullptr);
    SecretCollection* const all =
        secret_collection_for_alias_sync(at, SECRET_COLLECTION_DEFAULT, SECRET_COLLECTION_NONE, nullptr, nullptr);
    REQUIRE(all != nullptr);
    GList only{all, nullptr, nullptr};
    CHECK(secret_service_lock_sync(at, &only, nullptr, nullptr, nullptr) == 1);
}

TEST_CASE("keyring: one that is locked is not a missing item", "[keyring]") {
    const std::string account = new_account();
    keyring item(service, account), other(service, new_account());
    item.save("old");
    REQUIRE(passes_apart("apart: the keyring is locked", account));
    // There is nothing on this bus that could ask for the password, so the keyring says that the user declined.
    for (keyring* any : {&item, &other}) {
        CHECK(error_of([&] { any->load(); }) == errc::permissions);
        CHECK(error_of([&] { any->save("new"); }) == errc::permissions);
    }
    CHECK(words_of([&] { item.load(); }).find("gnome-keyring-daemon --unlock") != std::string::npos);
    common_session().kill_keyring();
    common_session().start_keyring();
    CHECK(item.load().value() == tokenkeep::secret("old"));
    CHECK_FALSE(other.load());
}

TEST_CASE("keyring: says that there is no keyring, or none that answers", "[keyring]") {
    const std::string account = new_account();
    keyring item(service, account);
    item.save("old");
    desktop_session& session = common_session();
    session.kill_keyring();
    CHECK(error_of([&] { item.load(); }) == errc::storage_failure);
    CHECK(words_of([&] { item.save("new"); }).find("start a secret service") != std::string::npos);
    {
        const black_hole silent("org.freedesktop.secrets");
        keyring hasty(service, account, 300ms);
        const auto begin = std::chrono::steady_clock::now();
        CHECK(error_of([&] { hasty.load(); }) == errc::storage_failure);
        CHECK(seconds_of(begin) >= 0.3);
        CHECK(seconds_of(begin) < 20);
    }
    session.start_keyring();
    CHECK(item.load().value() == tokenkeep::secret("old"));
}

TEST_CASE("apart: no bus", "[.]") {
    ::setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/there-is-no-bus", 1);
    keyring item(service);
    CHECK(error_of([&] { item.load(); }) == errc::storage_failure);
    CHECK(words_of([&] { item.save("new"); }).find("DBUS_SESSION_BUS_ADDRESS") != std::string::npos);
}

TEST_CASE("apart: a bus that refuses", "[.]") {
    const desktop_session session(
        "<policy context=\"mandatory\"><deny send_destination=\"org.freedesktop.secrets\"/></policy>");
    keyring item(service);
    CHECK(error_of([&] { item.load(); }) == errc::permissions);
    CHECK(error_of([&] { item.save("new"); }) == errc::permissions);
    CHECK(words_of([&] { item.load(); }).find("org.freedesktop.secrets") != std::string::npos);
}

TEST_CASE("keyring: says that there is no bus, or one that refuses the call", "[keyring]") {
    CHECK(passes_apart("apart: no bus"));
    CHECK(passes_apart("apart: a bus that refuses"));
}

TEST_CASE("keyring: a child made by fork is told that it cannot use it", "[keyring]") {
    keyring item(service, new_account());
    item.save("old");
    CHECK(in_process([&] {
        expect(words_of([&] { item.load(); }).find("made by fork") != std::string::npos, "the child loads");
        expect(words_of([&] { item.save("new"); }).find("made by fork") != std::string::npos, "the child saves");
    }));
    CHECK(item.load().value() == tokenkeep::secret("old"));
}

TEST_CASE("apart: some rows", "[.]") {
    keyring_store store(service, std::getenv("TOKENKEEP_TEST_ACCOUNT"));
    for (int row = 0; row < 5; ++row) {
        const std::string name = std::to_string(::getpid()) + " " + std::to_string(row);
        store.save_token({.user_name = name, .access_token = name});
    }
}

TEST_CASE("keyring_store: processes that save at once lose nothing", "[keyring]") {
    const std::string account = new_account();
    ::setenv("TOKENKEEP_TEST_ACCOUNT", account.c_str(), 1);
    const temporary_directory folder;
    std::list<guarded_child> children;
    for (const char* log : {"1", "2", "3"})
        children.emplace_back(guarded_command{{program(), "apart: some rows"}, {}, folder / "", folder / log});
    for (guarded_child& child : children) {
        CHECK(holds_within(60s, [&] { return child.ended(); }));
        CHECK(child.succeeded());
    }
    CHECK(keyring_store(service, account).get_tokens().size() == 15);
}
