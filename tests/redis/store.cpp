// SPDX-License-Identifier: MIT
// redis_store over a real server, and what it makes of servers that fail.
// databases: Redis
#include <tokenkeep/redis.hpp>

#include <tokenkeep/any_store.hpp>
#include <tokenkeep/zoho/schema.hpp>

#include "redis/breaking_line.hpp"
#include "redis/server.hpp"
#include "support/catch.hpp"
#include "support/keeper_world.hpp"
#include "support/laws.hpp"
#include "support/processes.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace tests;
using namespace tokenkeep;
using tests::on_redis::new_table, tests::on_redis::server;

namespace {

const token ada{.user_name = "ada"};
const token first{.user_name = "ada", .refresh_token = "rt-1", .access_token = "at-1", .id = "1"};
const token other{.user_name = "bob", .refresh_token = "rt-2", .access_token = "at-2", .id = "2"};

token with_access(token row, const char* access) {
    row.access_token = access;
    return row;
}

/// Every byte there is, with a mark in front.
std::string all_bytes(const std::string& mark) {
    std::string bytes = mark;
    for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
    return bytes;
}

token whole_row() {
    token row;
    for (const field& f : fields)
        f.visit([&](auto member) {
            if constexpr (std::is_same_v<decltype(member), std::optional<timestamp> token::*>)
                row.*member = timestamp(std::chrono::milliseconds(1'000));
            else
                row.*member = all_bytes(std::string(f.name) + " of ");
        });
    return row;
}

/// A store in a table of its own.
struct own_store : redis_store {
    explicit own_store(const std::string& name = new_table()) : redis_store(server().parameters(name)), table(name) {}
    std::string table;
};

/// A keeper over the store of that world, with another transport.
template <class Transport>
auto keeper_over(world<own_store>& w, Transport& transport) {
    return keeper{w.store, transport, w.server.provider(), {}, w.seen, w.clock};
}

struct by_scope {
    static constexpr auto key = &token::scope;
    static bool applies(const token& probe) { return !probe.scope.empty(); }
};
struct rules_with_scope : first_applicable<by_id, by_user, by_scope> {};
struct policy_with_scope : defaults {
    using rules = rules_with_scope;
};

} // namespace

// ---- A server that works ----

TEST_CASE("redis_store: keeps every law, also through an any_store", "[redis]") {
    const auto check = [](auto make) {
        const law_findings found = findings_about(make);
        CHECK(found.breaches == std::vector<std::string>{});
        CHECK(found.tested == laws_of_every_store + laws_of_locking + laws_of_comparing + laws_of_deadlines +
                                  std::set<std::string>{"L1'", "L3'"});
    };
    check([] { return redis_store{server().parameters(new_table())}; });
    check([] { return open_store<redis_store>("redis://?socket=" + server().socket() + "&table=" + new_table()); });
}

TEST_CASE("redis_store: a session lives over it", "[redis]") { live_a_session<own_store>(); }

TEST_CASE("redis_store: every rule finds its row, byte for byte, and no other", "[redis]") {
    const redis_parameters where = server().parameters(new_table());
    redis_store store{where};
    const token row = whole_row();
    store.save_token(row);
    CHECK(store.find_token_by_id(row.id) == row);
    const std::vector<token> probes{
        {.user_name = row.user_name},
        {.access_token = row.access_token},
        {.client_id = row.client_id, .grant_token = row.grant_token},
        {.client_id = row.client_id, .refresh_token = row.refresh_token},
        {.client_id = row.client_id, .seed = row.seed},
        {.id = row.id},
    };
    for (const token& probe : probes) CHECK(store.find_token(probe) == row);
    std::string shorter = row.user_name;
    shorter.pop_back();
    CHECK(!store.find_token({.user_name = shorter}));
    CHECK(!store.find_token({.user_name = row.user_name + '\0'}));
    CHECK(!store.find_token_by_id("*"));

    token moved = row;
    moved.user_name = "ada";
    CHECK(store.replace_token(row, moved));
    CHECK(!store.find_token({.user_name = row.user_name}));
    CHECK(store.find_token(ada) == moved);

    SECTION("under the rules of another policy too") {
        basic_redis_store<policy_with_scope> theirs{where};
        CHECK(theirs.find_token(ada) == moved);
        theirs.save_token(
            {.user_name = "eve", .client_id = "app", .access_token = "at-3", .scope = "mail", .seed = "hash"});
        CHECK(theirs.find_token({.scope = "mail"})->user_name == "eve");
        CHECK(store.find_token({.client_id = "app", .seed = "hash"})->user_name == "eve");
    }
}

TEST_CASE("redis_store: changes of several stores at once all take place", "[redis]") {
    const redis_parameters where = server().parameters(new_table());
    redis_store{where}.save_token({.access_token = "0", .id = "count"});
    CHECK(run_together(4, [&](int n) {
        redis_store store{where};
        for (int i = 0; i < 25; ++i) {
            const std::string name = std::to_string(n) + "-" + std::to_string(i);
            store.save_token({.user_name = name, .access_token = "at-" + name});
            for (bool is_done = false; !is_done;) {
                const token row = store.find_token_by_id("count").value();
                const int count = std::stoi(std::string(row.access_token.reveal()));
                is_done = store.replace_token(row, with_access(row, std::to_string(count + 1).c_str()));
            }
        }
    }));
    redis_store store{where};
    CHECK(store.find_token_by_id("count")->access_token == "100");
    CHECK(store.get_tokens().size() == 101);
}

TEST_CASE("redis_store: what others change between two commands of a change is not undone", "[redis]") {
    const redis_parameters where = server().parameters(new_table());
    redis_store theirs{where};
    theirs.save_token(first);
    breaking_line line(where.socket);
    redis_parameters over = where;
    over.socket = line.socket();
    redis_store ours{over};
    for (const int command : {2, 3}) { // the second look-up of the first attempt, and its change
        CAPTURE(command);
        const token before = theirs.find_token(ada).value();
        const std::string access = "at-" + std::to_string(10 + command), scope = "scope " + std::to_string(command);
        line.before_command(command, [&] { theirs.save_token({.access_token = access, .id = "1"}); });
        ours.save_token({.user_name = "ada", .scope = scope});
        token expected = before;
        expected.access_token = access;
        expected.scope = scope;
        CHECK(theirs.find_token(ada) == expected);
    }
}

TEST_CASE("redis_store: a field of a newer version stays, and ids of rows that are gone do no harm", "[redis]") {
    const std::string table = new_table(), row = "{" + table + "}:row:1";
    redis_store store{server().parameters(table)};
    store.save_token(first);
    server().ask({"HSET", row, "newer", "value"});
    server().ask({"SADD", "{" + table + "}:ids", "gone"});
    CHECK(store.get_tokens() == std::vector<token>{first});
    store.save_token(with_access(first, "at-2"));
    CHECK(store.replace_token(with_access(first, "at-2"), with_access(first, "at-3")));
    CHECK(server().ask({"HGET", row, "newer"}) == words{"value"});
    store.delete_token("1");
    CHECK(server().ask({"EXISTS", row}) == words{"0"});
    CHECK(server().ask({"KEYS", "{" + table + "}:by:*"}).empty());
}

TEST_CASE("redis_store: no key holds a secret", "[redis]") {
    const redis_server alone;
    redis_store store = alone.store();
    const token row = whole_row();
    store.save_token(row);
    const auto held = store.lock_token("the identity of ada", std::chrono::steady_clock::now() + 5s);
    const words keys = alone.ask({"KEYS", "*"});
    CHECK(keys.size() == 9); // version, ids, row, lock, and five look-ups
    for (const std::string& key : keys)
        for (const char* part : {"user_name of", "client_secret of", "refresh_token of", "access_token of",
                                 "grant_token of", "seed of", "extra of", "ada"})
            CHECK(key.find(part) == std::string::npos);
}

TEST_CASE("redis_store: a URL says where it is", "[redis]") {
    const auto read = [](const char* url) { return detail::redis_parameters_of(url); };
    const redis_parameters all = read("//app@redis.example:7000/3?password_file=/etc/app/redis&table=a%20b");
    CHECK(all.user == "app");
    CHECK(all.host == "redis.example");
    CHECK(all.port == 7000);
    CHECK(all.database == 3);
    CHECK(all.password_file == "/etc/app/redis");
    CHECK(all.table == "a b");
    CHECK(read("//[::1]").host == "::1");
    CHECK(read("//").port == 6379);
    CHECK(read("//?socket=/run/redis").socket == "/run/redis");
    for (const char* bad : {"", "redis.example", "//host:0", "//host:x", "//host/name", "//host?lease=1", "//host/1x"})
        CHECK(error_of([&] { read(bad); }) == errc::request_rejected);
    const std::string said = words_of([] { open_store<redis_store>("redis://app:hush@redis.example"); });
    CHECK(has_all(said, {"password_file="}));
    CHECK(!has_all(said, {"hush"}));
    for (const char* bad : {"", "a}b"})
        CHECK(error_of([&] { redis_store{redis_parameters{.table = bad}}; }) == errc::invalid_record);
}

// ---- Leases, restarts, replicas ----

TEST_CASE("redis_store: if a lease ends during a request, the refresh token is sent once all the same", "[redis]") {
    world<own_store> w;
    w.login();
    w.clock.advance(2h);
    std::optional<errc> said_to_the_other;
    words locks;
    const auto transport = [&](const http_request& request) {
        locks = server().ask({"KEYS", "{" + w.store.table + "}:lock:*"});
        if (!locks.empty()) server().ask({"DEL", locks[0]});
        auto theirs = w.keeper();
        said_to_the_other = error_of([&] { theirs.access_token(ada, w.clock.steady_now() + 3s); });
        return w.server(request);
    };
    auto keep = keeper_over(w, transport);
    CHECK(keep.access_token(ada) == w.store.find_token(ada)->access_token);
    CHECK(locks.size() == 1);
    CHECK(said_to_the_other == errc::lock_timeout);
    CHECK(w.server.log().refreshes == 1);
    CHECK(w.server.log().refused == 0);
    CHECK(w.server.is_live(w.store.find_token(ada)->refresh_token));
}

TEST_CASE("redis_store: a lease is renewed, ends, and is not taken from another", "[redis]") {
    redis_parameters where = server().parameters(new_table());
    where.lease = 50ms;
    redis_store store{where};
    const auto soon = [] { return std::chrono::steady_clock::now() + 20s; };
    auto mine = store.lock_token("key", soon());
    const auto is_free = [&] {
        return !error_of([&] { store.lock_token("key", std::chrono::steady_clock::now()); }).has_value();
    };
    CHECK(mine.renew(1h));
    CHECK(!is_free());
    CHECK(mine.renew(1ms));
    auto theirs = store.lock_token("key", soon());
    CHECK(theirs.renew(1h));
    CHECK(!mine.renew(1h));
    { const auto ended = std::move(mine); }
    CHECK(!is_free());
    CHECK(theirs.renew(1ms));
    CHECK(holds_within(20s, [&] { return server().ask({"KEYS", "{" + where.table + "}:lock:*"}).empty(); }));
    CHECK(theirs.renew(1h)); // nobody has taken it
    CHECK(!is_free());
    { const auto released = std::move(theirs); }
    CHECK(is_free());
}

TEST_CASE("redis_store: a server that restarts empty has no session, and a refresh inserts none", "[redis]") {
    world<own_store> w;
    w.login();
    const token row = w.store.find_token(ada).value();
    w.clock.advance(2h);
    const auto transport = [&](const http_request& request) {
        server().restart();
        return w.server(request);
    };
    auto keep = keeper_over(w, transport);
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::token_not_found);
    CHECK(w.server.log().refreshes == 1);
    CHECK(w.store.get_tokens().empty());
    CHECK(!w.store.replace_token(row, with_access(row, "at-2"))); // so the marker is not written
    CHECK(!w.store.remove_token(row));
    CHECK(error_of([&] { keep.access_token(ada); }) == errc::token_not_found);
    CHECK(w.server.log().token_requests == 2);
}

TEST_CASE("redis_store: after a crash there is what appendfsync promises", "[redis]") {
    const auto count_after_crash = [](words options) {
        redis_server crashing{std::move(options)};
        redis_store store = crashing.store();
        for (int n = 0; n < 20; ++n)
            store.save_token({.access_token = "at-" + std::to_string(n), .id = std::to_string(n)});
        crashing.kill();
        crashing.start();
        return store.get_tokens().size();
    };
    CHECK(count_after_crash({"--appendonly", "yes", "--appendfsync", "always"}) == 20);
    CHECK(count_after_crash({"--appendonly", "no"}) == 0);
}

TEST_CASE("redis_store: a replica refuses changes, and one that lagged refuses what it has not seen", "[redis]") {
    redis_server primary({"--repl-diskless-sync-delay", "0"}, redis_server::on_a_port);
    redis_server replica({"--replicaof", "127.0.0.1", std::to_string(primary.port())});
    redis_store ours = primary.store(), theirs = replica.store();
    ours.save_token(first);
    ours.save_token(other);
    REQUIRE(holds_within(20s, [&] { return theirs.get_tokens().size() == 2; }));
    CHECK(theirs.find_token(ada) == first);
    const auto refuses = [](errc code, std::function<void()> act) {
        CHECK(error_of(act) == code);
        CHECK(has_all(words_of(act), {code == errc::not_saved ? "not be used" : "READONLY"}));
    };
    const auto now = std::chrono::steady_clock::now();
    refuses(errc::not_saved, [&] { theirs.save_token(with_access(first, "at-3")); });
    refuses(errc::not_saved, [&] { theirs.delete_tokens(); });
    refuses(errc::storage_failure, [&] { theirs.lock_token("key", now); });

    breaking_line line(primary.socket());
    redis_parameters over = primary.parameters();
    over.socket = line.socket();
    redis_store moving{over};
    const auto fail_over = [&] {
        replica.ask({"REPLICAOF", "NO", "ONE"}); // before it hears of this change
        ours.save_token(with_access(first, "at-3"));
        line.lead_to(replica.socket());
    };
    line.next_change(fate::command_lost, fail_over);
    CHECK(moving.replace_token(other, with_access(other, "at-4"))); // of a row that is the same there
    CHECK(!moving.replace_token(with_access(first, "at-3"), with_access(first, "at-5")));
    CHECK(moving.get_tokens().size() == 2);
    CHECK(theirs.find_token(ada) == first);
    CHECK(theirs.find_token_by_id("2") == with_access(other, "at-4"));
}

// ---- Servers that fail ----

TEST_CASE("redis_store: a server that is away or does not react ends no call late, and is used again later",
          "[redis]") {
    redis_server failing;
    redis_store store = failing.store();
    store.save_token(first);
    const auto began = std::chrono::steady_clock::now();
    const auto limited = [&] { return store.until(std::chrono::steady_clock::now() + 100ms); };
    const auto all_fail = [&] {
        CHECK(error_of([&] { limited().find_token(ada); }) == errc::storage_failure);
        CHECK(error_of([&] { limited().get_tokens(); }) == errc::storage_failure);
        CHECK(error_of([&] { limited().save_token(other); }) == errc::not_saved);
        CHECK(error_of([&] { limited().remove_token(first); }) == errc::not_saved);
        CHECK(error_of([&] { limited().lock_token("key", began + 1h); }) == errc::storage_failure);
    };
    auto held = store.lock_token("key", began + 1h);
    failing.pause();
    all_fail();
    CHECK(error_of([&] { held.renew(1s); }) == errc::storage_failure);
    failing.resume();
    CHECK(store.get_tokens() == std::vector<token>{first});
    failing.stop();
    all_fail();
    { const auto released = std::move(held); }
    CHECK(std::chrono::steady_clock::now() - began < 60s);
    failing.start();
    CHECK(store.get_tokens().empty());
    store.save_token(other);
}

TEST_CASE("redis_store: a change whose answer or command is lost is made once, or said to be unknown", "[redis]") {
    redis_server failing;
    redis_store store = failing.store();
    store.save_token(first);
    store.save_token(other);
    breaking_line line(failing.socket());
    redis_parameters over = failing.parameters();
    over.socket = line.socket();
    redis_store broken{over};
    const token next = with_access(first, "at-3");
    const auto replace = [&] { return broken.replace_token(first, next); };
    const auto versions = [&] { return failing.ask({"GET", "{tokenkeep}:version"}); };
    const fate lost = GENERATE(fate::command_lost, fate::answer_lost);
    CAPTURE(lost == fate::answer_lost);

    SECTION("if the server is there again, the change is made") {
        words seen;
        line.next_change(lost, [&] { seen = versions(); });
        CHECK(replace());
        CHECK(store.find_token(ada) == next);
        CHECK((seen == versions()) == (lost == fate::answer_lost)); // it was not made twice
        line.next_change(lost);
        broken.save_token({.user_name = "eve", .access_token = "at-9"});
        CHECK(store.get_tokens().size() == 3);
        line.next_change(lost);
        broken.delete_token("2");
        CHECK(store.get_tokens().size() == 2);
        line.next_change(lost);
        broken.delete_tokens();
        CHECK(store.get_tokens().empty());
    }
    SECTION("if others change another row meanwhile, too") {
        line.next_change(lost, [&] { store.save_token(with_access(other, "at-4")); });
        CHECK(replace());
        CHECK(store.find_token(ada) == next);
        CHECK(store.find_token_by_id("2") == with_access(other, "at-4"));
    }
    SECTION("if others change this row meanwhile, it is unknown") {
        line.next_change(lost, [&] { store.save_token(with_access(first, "at-5")); });
        CHECK(error_of(replace) == errc::indeterminate);
        CHECK(store.find_token(ada) == with_access(first, "at-5"));
    }
    SECTION("if the server is gone, it is unknown") {
        line.next_change(lost, [&] { failing.kill(); });
        CHECK(error_of(replace) == errc::indeterminate);
        CHECK(error_of(replace) == errc::not_saved);
    }
}

TEST_CASE("redis_store: what the server refuses is typed, says nothing secret, and changes nothing", "[redis]") {
    redis_server strict({"--requirepass", "hush-1"});
    const auto with = [&](auto edit) {
        redis_parameters where = strict.parameters();
        edit(where);
        return redis_store{where};
    };
    const auto refuses = [](redis_store store, errc code) {
        CHECK(error_of([&] { store.find_token(ada); }) == code);
        const std::string said = words_of([&] { store.save_token(first); });
        CHECK(!said.empty());
        CHECK(!has_all(said, {"hush"}));
        CHECK(!has_all(said, {"-1"}));
    };
    temporary_directory folder;
    write_file(folder / "password", "hush-1\nmore\n");

    refuses(with([](auto&) {}), errc::permissions);
    refuses(with([](auto& where) { where.password = "hush-2"; }), errc::permissions);
    refuses(with([](auto& where) { where.user = "hush-1"; }), errc::permissions);
    refuses(with([&](auto& where) { where.password_file = folder / "none"; }), errc::permissions);
    refuses(with([](auto& where) { where.password = "hush-1", where.database = 99; }), errc::storage_failure);
    redis_store admitted = with([&](auto& where) { where.password_file = folder / "password"; });
    admitted.save_token(first);
    CHECK(with([](auto& where) { where.password = "hush-1"; }).find_token(ada) == first);
    CHECK(!with([](auto& where) { where.password = "hush-1", where.database = 1; }).find_token(ada));
}

TEST_CASE("redis_store: a user with the rights that redis_parameters names needs no others", "[redis]") {
    const std::string table = new_table();
    server().ask({"ACL", "SETUSER", "app", "on", ">hush", "~{" + table + "}:*", "+auth", "+select", "+eval", "+get",
                  "+set", "+del", "+type", "+hgetall", "+hset", "+smembers", "+sadd", "+srem"});
    redis_parameters where = server().parameters(table);
    where.user = "app";
    where.password = "hush";
    {
        redis_store store{where};
        store.save_token(first);
        CHECK(store.replace_token(first, with_access(first, "at-2")));
        store.lock_token("key", std::chrono::steady_clock::now() + 20s);
        store.delete_tokens();
        store.save_token(first);
    }
    const auto take = [](const char* right) {
        server().ask({"ACL", "SETUSER", "app", "+hset", "+sadd", "+set", "+eval", "+del", "+srem", right});
    };
    own_store ours(table);
    struct {
        const char* right;
        bool refuses_save, refuses_delete;
    } const missing[] = {{"-eval", true, true},
                         {"-set", true, true},
                         {"-sadd", true, false},
                         {"-hset", true, false},
                         {"-del", false, true}};
    for (const auto& [right, refuses_save, refuses_delete] : missing) {
        CAPTURE(right);
        take(right);
        redis_store store{where};
        if (refuses_save) CHECK(error_of([&] { store.save_token(other); }) == errc::permissions);
        if (refuses_delete) CHECK(error_of([&] { store.delete_token("1"); }) == errc::permissions);
        CHECK(ours.get_tokens() == std::vector<token>{first});
        CHECK(ours.find_token(ada) == first);
    }
    take("-srem"); // which only tidies up
    redis_store store{where};
    store.save_token(other);
    store.delete_token("1");
    CHECK(ours.get_tokens() == std::vector<token>{other});
    CHECK(!ours.find_token(ada));
    where.table = "another";
    redis_store stranger{where};
    CHECK(error_of([&] { stranger.find_token(ada); }) == errc::permissions);
}

TEST_CASE("redis_store: keys of another type are refused, and left as they are", "[redis]") {
    const own_store probe;
    const std::string prefix = "{" + probe.table + "}:";
    const detail::redis_keys keys(probe.table);
    for (const std::string& key :
         {keys.version(), keys.ids(), keys.row("1"), keys.by(fields[1], text::sha256_hex("ada")),
          keys.by(fields[4], text::sha256_hex("rt-1"))}) {
        CAPTURE(key);
        own_store store(probe.table);
        server().ask({"RPUSH", key, "strange"});
        CHECK(error_of([&] { store.save_token(first); }) == errc::storage_corrupt);
        CHECK(server().ask({"KEYS", prefix + "*"}) == words{key});
        CHECK(server().ask({"LRANGE", key, "0", "-1"}) == words{"strange"});
        server().ask({"DEL", key});
    }
    own_store store(probe.table);
    server().ask({"HSET", keys.row("1"), "strange", "value"});
    CHECK(error_of([&] { store.find_token_by_id("1"); }) == errc::storage_corrupt);
    server().ask({"RPUSH", keys.lock("key"), "strange"});
    CHECK(error_of([&] { store.lock_token("key", std::chrono::steady_clock::now()); }) == errc::storage_corrupt);
}

TEST_CASE("redis_store: if the server's memory is full, nothing is saved, and rows can be read and deleted",
          "[redis]") {
    own_store store;
    store.save_token(first);
    server().ask({"CONFIG", "SET", "maxmemory", "1"});
    CHECK(error_of([&] { store.save_token(other); }) == errc::not_saved);
    CHECK(error_of([&] { store.replace_token(first, with_access(first, "at-2")); }) == errc::not_saved);
    CHECK(store.get_tokens() == std::vector<token>{first});
    store.delete_token("1");
    CHECK(store.get_tokens().empty());
    server().ask({"CONFIG", "SET", "maxmemory", "0"});
    CHECK(server().ask({"CONFIG", "GET", "maxmemory"}) == words{"maxmemory", "0"});
}
