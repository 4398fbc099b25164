// SPDX-License-Identifier: MIT
// Sealed tables in Redis: what others can read in them, what happens if they write into them, and how keys change.
// databases: Redis
#include <tokenkeep/redis.hpp>

#include <tokenkeep/any_store.hpp>
#include <tokenkeep/migrate.hpp>
#include <tokenkeep/reseal.hpp>
#include <tokenkeep/text/sha256.hpp>

#include "redis/breaking_line.hpp"
#include "redis/server.hpp"
#include "support/catch.hpp"
#include "support/laws.hpp"
#include "support/processes.hpp"
#include "support/sealed_tables.hpp"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace tests;
using namespace std::chrono_literals;
using tests::on_redis::new_table, tests::on_redis::server;
using tokenkeep::any_store;
using tokenkeep::errc;
using tokenkeep::redis_parameters;
using tokenkeep::redis_store;
using tokenkeep::token;

namespace {

template <class Policy>
using store_of = tokenkeep::basic_redis_store<Policy>;

store_of<sealed> sealed_on(const std::string& table, toy_table_sealer sealer = old_key()) {
    return store_of<sealed>(server().parameters(table), std::move(sealer));
}
redis_store plain_on(const std::string& table) { return redis_store(server().parameters(table)); }

/// A sealed table with the rows of ada and bob, for sealed_tables.hpp.
template <class Policy>
class sealed_table {
    using cells = std::vector<std::optional<std::string>>;

  public:
    static constexpr bool empty_is_absent = true;

    explicit sealed_table(toy_table_sealer sealer = old_key()) {
        auto store = this->store(std::move(sealer));
        store.save_token(login("ada"));
        store.save_token(login("bob"));
    }

    const std::string& name() const { return name_; }
    store_of<Policy> store(toy_table_sealer sealer = old_key()) const {
        return store_of<Policy>(server().parameters(name_), std::move(sealer));
    }
    static std::vector<std::string> columns() {
        std::vector<std::string> names;
        for (const tokenkeep::field& f : tokenkeep::fields) names.emplace_back(f.name);
        for (const char* more : {"row_mac", "refresh_token_index", "access_token_index", "grant_token_index"})
            names.emplace_back(more);
        return names;
    }

    std::string key(const std::string& what) const { return "{" + name_ + "}:" + what; }
    std::string row_key(const std::string& row) const { return key("row:id of " + row); }
    std::string version() const { return server().ask({"GET", key("version")}).at(0); }

    std::optional<std::string> cell(const std::string& row, const std::string& column) const {
        const words found = server().ask({"HGET", row_key(row), column});
        return found.empty() || found[0].empty() ? std::nullopt : std::optional<std::string>(found[0]);
    }
    void set(const std::string& row, const std::string& column, const std::optional<std::string>& cell) const {
        cell ? server().ask({"HSET", row_key(row), column, *cell}) : server().ask({"HDEL", row_key(row), column});
    }
    void exchange(const std::vector<std::string>& columns) const {
        for (const std::string& column : columns) {
            const auto hers = cell("ada", column), his = cell("bob", column);
            set("ada", column, his);
            set("bob", column, hers);
        }
    }
    cells row(const std::string& name) const {
        cells found;
        for (const std::string& column : columns()) found.push_back(cell(name, column));
        return found;
    }
    void set_row(const std::string& name, const cells& to) const {
        for (std::size_t n = 0; n < to.size(); ++n) set(name, columns()[n], to[n]);
    }
    void erase(const std::string& row) const { server().ask({"DEL", row_key(row)}); }
    void insert(const std::string& row, const std::vector<std::pair<std::string, std::string>>& more) const {
        set(row, "id", "id of " + row);
        for (const auto& [name, cell] : more) set(row, name, cell);
    }

    /// Every key and every value of the table.
    std::string dump() const {
        std::string all;
        for (const std::string& each : server().ask({"KEYS", key("*")})) {
            const std::string kind = server().ask({"TYPE", each}).at(0);
            const words command = kind == "string" ? words{"GET", each}
                                  : kind == "hash" ? words{"HGETALL", each}
                                                   : words{"SMEMBERS", each};
            all += each + "\n";
            for (const std::string& text : server().ask(command)) all += text + "\n";
        }
        return all;
    }

  private:
    std::string name_ = new_table();
};

using with_names = sealed_table<sealed>;
using without_names = sealed_table<hidden>;

/// Looks rows up by another field too.
struct by_scopes : sealed {
    struct by_scope {
        static constexpr auto key = &token::scope;
        static bool applies(const token& probe) { return !probe.scope.empty(); }
    };
    struct rules : tokenkeep::first_applicable<tokenkeep::by_id, by_scope> {};
};

} // namespace

static_assert(tokenkeep::resealing_store<store_of<sealed>> && tokenkeep::comparing_store<store_of<sealed>> &&
              tokenkeep::locking_store<store_of<sealed>> && tokenkeep::deadline_store<store_of<sealed>>);
static_assert(!tokenkeep::resealing_store<redis_store>);

TEST_CASE("sealed redis_store: keeps every law, also if names are sealed and through an any_store", "[redis]") {
    const auto check = [](auto make) {
        const law_findings found = findings_about(make);
        CHECK(found.breaches == std::vector<std::string>{});
        CHECK(found.tested == laws_of_every_store + laws_of_locking + laws_of_comparing + laws_of_deadlines +
                                  std::set<std::string>{"L1'", "L3'"});
    };
    check([] { return any_store(sealed_on(new_table())); });
    check([] { return any_store(store_of<hidden>(server().parameters(new_table()), both_keys())); });
}

TEST_CASE("sealed redis_store: every field comes back, and every rule finds the row", "[redis]") {
    check_every_rule(sealed_on(new_table()));
    check_every_rule(store_of<hidden>(server().parameters(new_table()), both_keys()));
}

// ---- What others can read ----

TEST_CASE("sealed redis_store: no key and no value of the table has a secret", "[redis]") {
    const with_names table;
    const without_names no_names;
    const std::string dump = table.dump(), short_dump = no_names.dump();
    check_dumps(dump, short_dump);
    const token ada = login("ada");
    const auto holds_hash = [](const std::string& all, std::string_view text) {
        return all.find(tokenkeep::text::sha256_hex(text)) != all.npos;
    };
    CHECK(holds_hash(dump, ada.user_name));
    CHECK(!holds_hash(short_dump, ada.user_name)); // which can be guessed
    CHECK(!holds_hash(short_dump, ada.seed));
    for (const std::string& all : {dump, short_dump}) CHECK(!holds_hash(all, ada.refresh_token.reveal()));
    CHECK(table.version().starts_with("sealed "));
}

// ---- What happens if others write ----

TEST_CASE("sealed redis_store: no cell can be changed, cut off, emptied or filled", "[redis]") {
    check_changed_cells<with_names>();
}

TEST_CASE("sealed redis_store: a cell of another row, field, table or time does not open", "[redis]") {
    check_moved_cells<with_names>();
}

TEST_CASE("sealed redis_store: a row of another key, or under another id, does not open", "[redis]") {
    const with_names table;
    server().ask({"RENAME", table.row_key("ada"), table.key("aside")});
    server().ask({"RENAME", table.row_key("bob"), table.row_key("ada")});
    server().ask({"RENAME", table.key("aside"), table.row_key("bob")});
    auto store = table.store();
    CHECK(cannot_open(
        "ada", [&] { (void)store.find_token({.user_name = "user ada"}); }, altered));
    CHECK(cannot_open(
        "bob", [&] { (void)store.find_token_by_id("id of bob"); }, altered));
    table.set("ada", "id", "id of ada");
    CHECK(cannot_open(
        "ada", [&] { (void)store.find_token_by_id("id of ada"); }, altered));
    const with_names other;
    const token bare{.user_name = "user bob", .id = "id of bob"}; // no seal says whose it is
    CHECK(other.store().replace_token(login("bob"), bare));
    server().ask({"RENAME", other.row_key("bob"), other.row_key("ada")});
    CHECK(cannot_open(
        "ada", [&] { (void)other.store().find_token_by_id("id of ada"); }, altered));
    store.delete_tokens();
    CHECK(server().ask({"KEYS", table.key("*")}) == words{table.key("version")});
}

TEST_CASE("sealed redis_store: a row that was not sealed is refused, and can be deleted", "[redis]") {
    check_plain_row<with_names>();
}

TEST_CASE("sealed redis_store: that a whole row is an older one, or is gone, goes unnoticed", "[redis]") {
    check_older_row<with_names>();
}

TEST_CASE("sealed redis_store: a set with ids of other rows finds no other row", "[redis]") {
    const with_names table;
    const words keys = server().ask({"KEYS", table.key("by:*")});
    CHECK(keys.size() == 2 * 5); // users, seeds and three secrets
    for (const std::string& key : keys) server().ask({"SADD", key, "id of ada", "id of bob"});
    auto store = table.store();
    CHECK(store.find_token({.client_id = "client of ada", .refresh_token = "refresh of ada"}) == login("ada"));
    CHECK(store.find_token({.access_token = "access of bob"}) == login("bob"));
    for (const std::string& key : keys) server().ask({"DEL", key});
    CHECK(!store.find_token({.access_token = "access of bob"}));
    CHECK(store.find_token_by_id("id of bob") == login("bob"));
}

// ---- Keys ----

TEST_CASE("sealed redis_store: keys change row by row, and rows of both are found", "[redis]") {
    check_change_of_keys<with_names>();
    check_change_of_keys<without_names>();
}

TEST_CASE("sealed redis_store: a store that lacks the key of any row inserts none", "[redis]") {
    check_unknown_key<with_names>(false);
    check_unknown_key<without_names>(true);
}

TEST_CASE("sealed redis_store: a row whose key others change is found at every moment", "[redis]") {
    check_rows_whose_key_changes<with_names>();
}

TEST_CASE("sealed redis_store: a sealer that fails changes nothing", "[redis]") { check_failing_sealer<with_names>(); }

TEST_CASE("reseal: every row in Redis gets the first key, while others use them", "[redis]") {
    check_reseal_among_others<with_names>();
}

TEST_CASE("reseal: a row in Redis that cannot be opened is named, and the rows after it keep their key", "[redis]") {
    check_reseal_of_altered_row<with_names>();
}

TEST_CASE("reseal: a process that is killed before any command leaves the rest to the next", "[redis]") {
    const with_names table;
    const std::vector<token> rows{login("ada"), login("bob")};
    int killed = 0;
    for (int last = 1;; ++last) {
        CAPTURE(last);
        const pid_t child = start_process([&] {
            breaking_line line(server().socket());
            redis_parameters over = server().parameters(table.name());
            over.socket = line.socket();
            line.before_command(last, [] { std::raise(SIGKILL); });
            store_of<sealed> store(over, both_keys());
            (void)tokenkeep::reseal(store);
        });
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(sorted(table.store(both_keys()).get_tokens()) == rows);
        if (!WIFSIGNALED(status)) break;
        ++killed;
    }
    CHECK(killed >= 4);
    auto store = table.store(new_key());
    CHECK(sorted(store.get_tokens()) == rows);
    CHECK(store.find_token({.access_token = "access of ada"}) == rows[0]);
    CHECK(server().ask({"KEYS", table.key("by:*")}).size() == 2 * 5); // none of the old key
    CHECK(server().ask({"KEYS", table.key("key:*")}) == words{table.key("key:key-2")});
}

TEST_CASE("sealed redis_store: a change whose answer is lost is made once", "[redis]") {
    const with_names table;
    breaking_line line(server().socket());
    redis_parameters over = server().parameters(table.name());
    over.socket = line.socket();
    store_of<sealed> store(over, both_keys());
    token next = login("ada");
    next.access_token = "at-2";
    for (const fate lost : {fate::command_lost, fate::answer_lost}) {
        line.next_change(lost);
        CHECK(store.replace_token(table.store(both_keys()).find_token_by_id(next.id).value(), next));
        CHECK(table.store(both_keys()).find_token_by_id(next.id) == next);
    }
    auto theirs = table.store(toy_table_sealer("key-1", {{"key-1", "one"}, {"key-2", "two"}}));
    line.next_change(fate::command_lost, [&] { theirs.save_token(login("eve")); }); // so it comes too late again
    CHECK(store.reseal_token("id of bob"));
    CHECK(table.cell("bob", "row_mac")->ends_with(" key-2"));
    theirs.delete_token("id of eve");
    theirs.save_token(login("bob"));
    line.next_change(fate::answer_lost);
    (void)store.reseal_token("id of bob");
    CHECK(table.cell("bob", "row_mac")->ends_with(" key-2"));
    table.set("bob", "scope", "all");
    line.next_change(fate::answer_lost);
    store.delete_token("id of bob");
    CHECK(table.store(new_key()).get_tokens() == std::vector<token>{next});
}

// ---- Sealed and plain ----

TEST_CASE("sealed redis_store: a store without a sealer is refused, and the reverse", "[redis]") {
    const with_names table;
    check_refused(plain_on(table.name()), "the table of tokens is sealed");
    CHECK(sorted(table.store().get_tokens()) == std::vector<token>{login("ada"), login("bob")});

    const std::string plain = new_table();
    plain_on(plain).save_token(login("ada"));
    check_refused(sealed_on(plain), "the table of tokens is not sealed");
    CHECK(plain_on(plain).get_tokens() == std::vector<token>{login("ada")});
    plain_on(plain).delete_tokens();
    check_refused(sealed_on(plain), "the table of tokens is not sealed");
    table.store().delete_tokens();
    check_refused(plain_on(table.name()), "the table of tokens is sealed");
}

TEST_CASE("sealed redis_store: what somebody does to the version makes no row plain or sealed", "[redis]") {
    const with_names table;
    const std::string version = table.version();
    const auto rows = std::vector<token>{login("ada"), login("bob")};
    server().ask({"SET", table.key("version"), "a plain one"});
    CHECK(code_of([&] { (void)table.store().get_tokens(); }) == errc::permissions);
    CHECK(code_of([&] { (void)plain_on(table.name()).get_tokens(); }) == errc::permissions);
    CHECK(code_of([&] { plain_on(table.name()).save_token(login("ada")); }) == errc::permissions);
    server().ask({"SET", table.key("version"), "sealed 2 00000000 another"});
    CHECK(code_of([&] { (void)table.store().get_tokens(); }) == errc::unsupported_version);
    server().ask({"DEL", table.key("version")});
    CHECK(code_of([&] { (void)plain_on(table.name()).get_tokens(); }) == errc::permissions);
    CHECK(code_of([&] { plain_on(table.name()).delete_tokens(); }) == errc::permissions);
    CHECK(sorted(table.store().get_tokens()) == rows);
    table.store().save_token(login("bob"));
    CHECK(table.version().substr(0, 18) == version.substr(0, 18));

    const std::string plain = new_table();
    plain_on(plain).save_token(login("ada"));
    server().ask({"SET", "{" + plain + "}:version", version});
    CHECK(cannot_open("ada", [&] { (void)sealed_on(plain).get_tokens(); }));
    CHECK(cannot_open("ada", [&] { sealed_on(plain).save_token(login("ada")); }));
}

TEST_CASE("sealed redis_store: a policy that seals other fields, or looks up others, is refused", "[redis]") {
    const with_names table;
    const auto is_refused = [](auto store) {
        CHECK(code_of([&] { (void)store.get_tokens(); }) == errc::request_rejected);
        CHECK(code_of([&] { (void)store.find_token_by_id("id of ada"); }) == errc::request_rejected);
        CHECK(code_of([&] { store.save_token(login("eve")); }) == errc::request_rejected);
    };
    is_refused(store_of<hidden>(server().parameters(table.name()), old_key()));
    is_refused(sealed_on(without_names().name()));
    is_refused(store_of<by_scopes>(server().parameters(table.name()), old_key()));
    CHECK(sorted(table.store().get_tokens()) == std::vector<token>{login("ada"), login("bob")});
}

TEST_CASE("sealed redis_store: of programs that race to make a table, only one kind gets it", "[redis]") {
    const std::string table = new_table();
    breaking_line line(server().socket());
    redis_parameters over = server().parameters(table);
    over.socket = line.socket();
    line.before_command(2, [&] { sealed_on(table).save_token(login("ada")); }); // after it saw an empty table
    CHECK(code_of([&] { redis_store(over).save_token(login("bob")); }) == errc::permissions);
    CHECK(sealed_on(table).get_tokens() == std::vector<token>{login("ada")});
}

TEST_CASE("sealed redis_store: migrate copies from plain to sealed and back", "[redis]") {
    redis_store plain = plain_on(new_table()), again = plain_on(new_table());
    store_of<sealed> one = sealed_on(new_table());
    const std::vector<token> rows{login("ada"), login("bob")};
    for (const token& row : rows) plain.save_token(row);
    CHECK(tokenkeep::migrate(plain, one).copied == 2);
    CHECK(tokenkeep::migrate(one, again).copied == 2);
    for (const auto& copied : {one.get_tokens(), again.get_tokens()}) CHECK(sorted(copied) == rows);
}

TEST_CASE("sealed redis_store: its ids can be had without its rows", "[redis]") {
    const with_names table;
    CHECK(table.store(old_key()).token_ids() == std::vector<std::string>{"id of ada", "id of bob"});
    CHECK(table.store(new_key()).token_ids().size() == 2); // nothing is opened
    CHECK(plain_on(new_table()).token_ids().empty());
}

TEST_CASE("sealed redis_store: an any_store over it seals again", "[redis]") {
    const with_names table;
    any_store store(table.store(both_keys()));
    CHECK(store.reseals());
    CHECK(!any_store(plain_on(new_table())).reseals());
    CHECK(tokenkeep::reseal(store).resealed == 2);
    CHECK(tokenkeep::reseal(store).unchanged == 2);
    CHECK(sorted(table.store(new_key()).get_tokens()) == std::vector<token>{login("ada"), login("bob")});
}
