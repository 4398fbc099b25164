// SPDX-License-Identifier: MIT
#include <tokenkeep/policy.hpp>

#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/file_store.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"
#include "support/turns.hpp"

#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

using namespace tokenkeep;

namespace {

/// Gives the same id twice before it goes on.
struct slow_ids {
    std::string operator()() const {
        static int asked = 0;
        return "id " + std::to_string(asked++ / 2);
    }
};

struct counting_mutex {
    static inline int exclusive = 0, shared = 0;
    void lock() { ++exclusive; }
    void unlock() {}
    void lock_shared() { ++shared; }
    void unlock_shared() {}
};

struct with_slow_ids : defaults {
    using ids = slow_ids;
};
struct with_plain_mutex : defaults {
    using mutex = std::mutex;
};
struct with_counting_mutex : defaults {
    using mutex = counting_mutex;
};
struct with_shared_mutex : defaults {
    using mutex = std::shared_mutex;
};
struct users_only : first_applicable<by_user> {};

struct of_our_own : defaults {
    using rules = users_only;
    using ids = random_id;
    using mutex = null_mutex;
};

template <class P>
concept whole = detail::has_defaults<P> && detail::has_rules<P> && detail::has_ids<P> && detail::has_mutex<P>;
static_assert(whole<defaults> && whole<of_our_own> && whole<with_plain_mutex>);
struct no_defaults {
    using rules = users_only;
    using ids = random_id;
    using mutex = null_mutex;
};
struct no_chain : defaults {
    using rules = by_user;
};
struct no_ids : defaults {
    using ids = int;
};
struct numbers {
    int operator()() const;
};
struct number_ids : defaults {
    using ids = numbers;
};
struct no_mutex : defaults {
    using mutex = int;
};
static_assert(!whole<no_defaults> && !whole<no_chain> && !whole<no_ids> && !whole<number_ids> && !whole<no_mutex>);

template <class Policy>
using store_of = basic_store<std::vector<token>, Policy>;

} // namespace

TEST_CASE("random_id: 32 hex digits, and never the same twice", "[policy]") {
    std::set<std::string> seen;
    std::set<char> digits;
    for (int n = 0; n < 1'000; ++n) {
        const std::string id = random_id{}();
        CHECK(id.size() == 32);
        CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
        seen.insert(id);
        digits.insert(id.begin(), id.end());
    }
    CHECK(seen.size() == 1'000);
    CHECK(digits.size() == 16);
}

TEST_CASE("policy: ids are asked again while an id is taken", "[policy]") {
    store_of<with_slow_ids> store;
    for (const char* user : {"ada", "bob", "eve"}) store.save_token({.user_name = user, .grant_token = "g"});
    std::set<std::string> ids;
    for (const token& row : store.get_tokens()) ids.insert(row.id);
    CHECK(ids == std::set<std::string>{"id 0", "id 1", "id 2"});
}

TEST_CASE("policy: readers share a mutex that can be shared, and writers do not", "[policy]") {
    store_of<with_counting_mutex> store;
    store.save_token({.user_name = "ada", .access_token = "a"});
    CHECK(counting_mutex::exclusive == 1);
    CHECK(counting_mutex::shared == 0);
    (void)store.find_token({.user_name = "ada"});
    (void)store.find_token_by_id("7");
    (void)store.get_tokens();
    const auto ignore = [](const detail::row_view&) {};
    (void)store.visit_token(detail::row_view(token{.user_name = "ada"}), ignore);
    CHECK(counting_mutex::exclusive == 1);
    CHECK(counting_mutex::shared == 4);
    store.delete_token("7");
    store.delete_tokens();
    (void)store.replace_token({}, {});
    (void)store.remove_token({});
    CHECK(counting_mutex::exclusive == 5);
    CHECK(counting_mutex::shared == 4);
}

TEST_CASE("policy: readers of a store do not keep a writer out, and writers do not keep a reader out", "[policy]") {
    const auto take_turns = [](auto& store) {
        store.save_token({.user_name = "ada", .access_token = "a"});
        const auto save = [&] { store.save_token({.user_name = "ada", .access_token = "a"}); };
        const auto find = [&] { (void)store.find_token({.user_name = "ada"}); };
        CHECK(tests::turns_beside_a_crowd(8, find, 50, save, 1'000'000) == 50);
        CHECK(tests::turns_beside_a_crowd(4, save, 50, find, 1'000'000) == 50);
    };
    memory_store memory;
    take_turns(memory);
    const temporary_directory here;
    file_store file{here / "tokens.tkj"};
    take_turns(file);
}

TEST_CASE("policy: any mutex will do, and a bundle of one's own, with rules of one's own", "[policy]") {
    store_of<with_plain_mutex> plain;
    plain.save_token({.user_name = "ada", .access_token = "a"});
    CHECK(plain.find_token({.access_token = "a"}).has_value());
    store_of<with_shared_mutex> shared;
    shared.save_token({.user_name = "ada", .access_token = "a"});
    CHECK(shared.find_token({.access_token = "a"}).has_value());
    store_of<of_our_own> own;
    own.save_token({.user_name = "ada", .client_id = "one", .access_token = "a"});
    own.save_token({.user_name = "ada", .client_id = "two", .access_token = "b"});
    CHECK(own.get_tokens().size() == 1); // these rules do not bind the client
    CHECK(!own.find_token({.access_token = "b"}));
}

TEST_CASE("read_lock: it holds the mutex until the scope ends", "[policy]") {
    std::shared_mutex mutex;
    const auto others_can_write = [&] {
        bool obtained = false;
        std::thread other([&] {
            obtained = mutex.try_lock();
            if (obtained) mutex.unlock();
        });
        other.join();
        return obtained;
    };
    {
        const detail::read_lock<std::shared_mutex> lock(mutex);
        CHECK(!others_can_write());
        const detail::read_lock<std::shared_mutex> second(mutex);
    }
    CHECK(others_can_write());
}

namespace {
struct one_id {
    std::string operator()() const { return "one"; }
};
struct no_id {
    std::string operator()() const { return {}; }
};
template <class Ids>
struct with_ids : tokenkeep::defaults {
    using ids = Ids;
};
} // namespace

TEST_CASE("policy: ids that give none that is free are an error, not an endless loop", "[policy]") {
    tokenkeep::basic_store<std::vector<tokenkeep::token>, with_ids<one_id>> store;
    store.save_token({.user_name = "ada", .access_token = "at"});
    CHECK_THROWS_AS(store.save_token({.user_name = "bob", .access_token = "at-2"}), tokenkeep::error);
    CHECK(store.get_tokens().size() == 1);
    tokenkeep::basic_store<std::vector<tokenkeep::token>, with_ids<no_id>> nameless;
    CHECK_THROWS_AS(nameless.save_token({.user_name = "ada", .access_token = "at"}), tokenkeep::error);
    CHECK(nameless.get_tokens().empty());
}
