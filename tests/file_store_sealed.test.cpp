// SPDX-License-Identifier: MIT
// What a sealer changes for a file_store, and what it does not: the laws, keepers, any_store, migrate; and each line of
// the table of what others can learn and do. How rows are sealed and opened is in sealer.test.cpp.
#include <tokenkeep/file_store.hpp>

#include <tokenkeep/any_store.hpp>
#include <tokenkeep/detail/journal/format.hpp>
#include <tokenkeep/detail/journal/payload.hpp>
#include <tokenkeep/document_store.hpp>
#include <tokenkeep/migrate.hpp>
#include <tokenkeep/testing/simulated_files.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"
#include "support/laws.hpp"
#include "support/temporary.hpp"
#include "support/toy_sealer.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace tokenkeep;
using testing::simulated_files;
using tests::toy_sealer;

namespace {

struct sealed : defaults {
    using sealer = toy_sealer;
};
struct simulated : defaults {
    using files = simulated_files;
};
struct simulated_and_sealed : simulated {
    using sealer = toy_sealer;
};
using store = basic_file_store<simulated_and_sealed>;
using plain_store = basic_file_store<simulated>;

/// Its key is part of the program.
struct built_in_sealer : toy_sealer {
    built_in_sealer() : toy_sealer("key-1", {{"key-1", "one"}}) {}
};
struct sealed_by_itself : defaults {
    using sealer = built_in_sealer;
};

// A sealer that cannot be made without a key is never left out.
static_assert(!std::constructible_from<basic_file_store<sealed>, std::string> &&
              std::constructible_from<basic_file_store<sealed>, std::string, toy_sealer>);
static_assert(std::constructible_from<basic_file_store<sealed_by_itself>, std::string> &&
              std::constructible_from<file_store, std::string, no_seal>);
static_assert(locking_store<store> && comparing_store<store> && deadline_store<store>);

const std::string path = "tokens.tkj", lock_path = path + ".lock";

token login(const std::string& user, const std::string& access = "first") {
    return {.user_name = "user " + user,
            .client_id = "the client",
            .client_secret = "client secret of " + user,
            .refresh_token = "refresh of " + user,
            .access_token = access + " access of " + user,
            .id = "id of " + user};
}

namespace journal = detail::journal;

struct record {
    journal::record_type type{};
    std::uint64_t seq = 0;
    std::string id{};
    std::string payload{};
};

/// What anybody can read in a journal.
std::vector<record> records_of(std::string_view bytes) {
    const journal::generation_id generation = journal::header_of(bytes).generation;
    std::vector<record> found;
    for (std::size_t at = journal::header_size; at < bytes.size();) {
        const journal::record_header header = journal::record_header_of(bytes.substr(at), generation).value();
        const std::string_view payload = bytes.substr(at + header.payload_at(), header.payload_size);
        found.push_back({header.type, header.seq, std::string(header.id), std::string(payload)});
        at += header.size();
    }
    return found;
}

/// The payload of the newest record of that id.
std::string payload_of(const simulated_files& disk, const std::string& id) {
    std::string payload;
    for (const record& each : records_of(disk.content(path)))
        if (each.id == id) payload = each.payload;
    return payload;
}

/// A disk of its own with this file and one record more, of which all checks are right.
simulated_files with_record(const simulated_files& disk, journal::record_type type, const std::string& id,
                            const std::string& payload, bool is_sealed = true) {
    const std::string bytes = disk.content(path);
    const std::uint64_t last = records_of(bytes).back().seq;
    detail::wiping_string longer{std::string_view(bytes)};
    journal::append_record(longer, journal::header_of(bytes).generation,
                           {.type = type, .sealed = is_sealed, .seq = last + 1, .durable = last, .id = id}, payload);
    simulated_files changed;
    changed.put(path, std::string(longer));
    changed.put(lock_path, disk.content(lock_path));
    return changed;
}

simulated_files with_row(const simulated_files& disk, const std::string& id, const std::string& payload) {
    return with_record(disk, journal::record_type::put, id, payload);
}

const built_in_sealer seal;

simulated_files disk_of(const std::vector<token>& rows) {
    simulated_files disk;
    store on{path, seal, disk};
    for (const token& row : rows) on.save_token(row);
    return disk;
}

/// That the row of ada is refused, and that of bob is served.
bool refuses_ada(const simulated_files& disk) {
    store on{path, seal, disk};
    for (const token& probe : {token{.id = "id of ada"}, token{.user_name = "user ada"}}) try {
            (void)on.find_token(probe);
            return false;
        } catch (const error& failure) {
            const std::string_view what = failure.what();
            if (failure.code() != errc::permissions || what.find("damaged") != what.npos ||
                what.find("this sealer cannot open the row id of ada in tokens.tkj; use the sealer") == what.npos)
                return false;
        }
    return code_of([&] { (void)on.get_tokens(); }) == errc::permissions &&
           on.find_token({.user_name = "user bob"}) == login("bob");
}

bool holds(const std::string& bytes, std::string_view text) { return bytes.find(text) != bytes.npos; }

} // namespace

TEST_CASE("sealed file_store: it keeps the store laws", "[file_store_sealed][store_laws]") {
    const temporary_directory here;
    int made = 0;
    const auto make = [&] { return basic_file_store<sealed>(here / std::to_string(made++), seal); };
    const auto all = laws_of_every_store + laws_of_locking + laws_of_comparing + laws_of_deadlines;
    SECTION("itself") {
        const law_findings found = findings_about(make);
        CHECK(found.breaches == std::vector<std::string>{});
        CHECK(found.tested == all);
    }
    SECTION("in any_store") {
        const law_findings found = findings_about([&] { return any_store(make()); });
        CHECK(found.breaches == std::vector<std::string>{});
        CHECK(found.tested == all);
    }
}

TEST_CASE("sealed file_store: a keeper does over it what it does over a plain one", "[file_store_sealed]") {
    struct plain : plain_store {
        plain() : plain_store(path, {}, simulated_files()) {}
    };
    struct hidden : store {
        hidden() : store(path, seal, simulated_files()) {}
    };
    struct hidden_in_any : any_store {
        hidden_in_any() : any_store(hidden()) {}
    };
    const auto over_plain = tests::told_over<plain>();
    CHECK(over_plain.size() > 5);
    CHECK(tests::told_over<hidden>() == over_plain);
    CHECK(tests::told_over<hidden_in_any>() == over_plain);
    tests::live_a_session<hidden>();
}

TEST_CASE("sealed file_store: a class that makes the sealer can be opened by a URL", "[file_store_sealed]") {
    struct hidden : basic_file_store<sealed> {
        explicit hidden(std::string at) : basic_file_store(std::move(at), seal) {}
    };
    const temporary_directory here;
    any_store opened = open_store<hidden, json_file_store>("file:" + (here / path));
    CHECK(opened.locks());
    CHECK(opened.compares());
    opened.save_token(login("ada"));
    CHECK(!holds(bytes_of(here / path), "user ada"));
    CHECK(basic_file_store<sealed>(here / path, seal).find_token_by_id("id of ada") == login("ada"));
    basic_file_store<sealed_by_itself> itself{here / path};
    CHECK(itself.find_token_by_id("id of ada") == login("ada"));
}

TEST_CASE("sealed file_store: migrate seals what was plain, and the reverse", "[file_store_sealed]") {
    simulated_files plain, hidden, plain_again;
    plain_store from{path, {}, plain};
    for (const char* user : {"ada", "bob", "eve"}) from.save_token(login(user));
    store to{path, seal, hidden};
    CHECK(migrate(from, to).copied == 3);
    CHECK(!holds(hidden.content(path), "user "));
    CHECK(migrate(from, to).unchanged == 3);
    plain_store back{path, {}, plain_again};
    CHECK(migrate(to, back).copied == 3);
    for (const char* user : {"ada", "bob", "eve"})
        CHECK(back.find_token_by_id("id of " + std::string(user)) == login(user));
}

TEST_CASE("sealed file_store: what can be read is ids, key ids, sizes and the order of changes; nothing else",
          "[file_store_sealed]") {
    const token ada = login("ada"), bob = login("bob"), longer = login("ada", "a longer");
    simulated_files disk;
    store on{path, seal, disk};
    on.save_token(ada);
    on.save_token(bob);
    on.save_token(longer);
    on.delete_token(bob.id);
    const std::string bytes = disk.content(path);
    const std::vector<record> read = records_of(bytes);

    REQUIRE(read.size() == 4);
    using enum journal::record_type;
    const std::vector<std::pair<std::string, journal::record_type>> changes{
        {ada.id, put}, {bob.id, put}, {ada.id, put}, {bob.id, removed}};
    for (std::size_t n = 0; n < 4; ++n) CHECK(std::pair(read[n].id, read[n].type) == changes[n]);
    CHECK(read[0].payload.substr(0, 7) == std::string("\x05\0key-1", 7));
    CHECK(read[1].payload == std::string(read[0].payload.size(), '\0')); // erased
    const auto plain_size = [](const token& row) {
        detail::wiping_string packed;
        detail::append_row(packed, row);
        return packed.size();
    };
    CHECK(read[0].payload.size() == 7 + toy_sealer::tag_size + plain_size(ada));
    CHECK(read[2].payload.size() == 7 + toy_sealer::tag_size + plain_size(longer));

    for (const char* text : {"user", "client", "secret", "refresh", "access", "first", "longer"}) {
        CAPTURE(text);
        CHECK(!holds(bytes, text));
        CHECK(!holds(disk.content(lock_path), text));
    }
    on.compact();
    CHECK(records_of(disk.content(path)).size() == 1);
}

TEST_CASE("sealed file_store: a row that was changed, or made without the key, is refused and the others are served",
          "[file_store_sealed]") {
    const simulated_files disk = disk_of({login("ada"), login("bob")});
    const std::string right = payload_of(disk, "id of ada");
    std::string flipped = right, of_another_key = right;
    flipped.back() = static_cast<char>(flipped.back() ^ 1);
    of_another_key[6] = '2';
    const toy_sealer theirs{"key-1", {{"key-1", "guessed"}}};
    const std::string invented = payload_of(
        [&] {
            simulated_files made;
            store{path, theirs, made}.save_token(login("ada", "theirs"));
            return made;
        }(),
        "id of ada");
    for (const std::string& payload : {flipped, of_another_key, invented, right.substr(0, right.size() - 1),
                                       right + "x", std::string("\x05\0key-1", 7), std::string()})
        CHECK(refuses_ada(with_row(disk, "id of ada", payload)));
    CHECK(!refuses_ada(with_row(disk, "id of ada", right)));
}

TEST_CASE("sealed file_store: rows that were moved to another id or exchanged are refused", "[file_store_sealed]") {
    const simulated_files disk = disk_of({login("ada"), login("bob")});
    const std::string ada = payload_of(disk, "id of ada"), bob = payload_of(disk, "id of bob");
    CHECK(refuses_ada(with_row(disk, "id of ada", bob)));
    const simulated_files exchanged = with_row(with_row(disk, "id of ada", bob), "id of bob", ada);
    store on{path, seal, exchanged};
    for (const token& row : {login("ada"), login("bob")}) {
        CHECK(code_of([&] { (void)on.find_token_by_id(row.id); }) == errc::permissions);
        CHECK(code_of([&] { (void)on.find_token({.user_name = row.user_name}); }) == errc::permissions);
    }
}

TEST_CASE("sealed file_store: a row that is not sealed makes every call throw", "[file_store_sealed]") {
    const simulated_files disk = disk_of({login("ada")});
    detail::wiping_string packed;
    detail::append_row(packed, login("eve"));
    const simulated_files mixed = with_record(disk, journal::record_type::put, "id of eve", std::string(packed), false);
    store on{path, seal, mixed};
    CHECK(code_of([&] { (void)on.find_token_by_id("id of ada"); }) == errc::permissions);
    CHECK(code_of([&] { (void)on.find_token_by_id("id of eve"); }) == errc::permissions);
    CHECK(code_of([&] { on.save_token(login("bob")); }) == errc::permissions);
    CHECK(code_of([&] { on.delete_tokens(); }) == errc::permissions);
    CHECK(code_of([&] { (void)on.salvage(); }) == errc::permissions);
}

TEST_CASE("sealed file_store: an older version of a row, and one of another file of the same key, are taken",
          "[file_store_sealed]") {
    const simulated_files disk = disk_of({login("ada")});
    const std::string older = payload_of(disk, "id of ada");
    store{path, seal, disk}.save_token(login("ada", "second"));
    CHECK(store(path, seal, with_row(disk, "id of ada", older)).get_tokens() == std::vector{login("ada")});

    const std::string foreign = payload_of(disk_of({login("ada", "foreign")}), "id of ada");
    CHECK(store(path, seal, with_row(disk, "id of ada", foreign)).get_tokens() == std::vector{login("ada", "foreign")});
}

TEST_CASE("sealed file_store: that rows were removed is not seen", "[file_store_sealed]") {
    const simulated_files disk = disk_of({login("ada"), login("bob")});
    const simulated_files fewer = with_record(disk, journal::record_type::removed, "id of ada", "");
    CHECK(store(path, seal, fewer).get_tokens() == std::vector{login("bob")});
}

TEST_CASE("sealed file_store: that the file was removed or is an older one is seen as in a plain one",
          "[file_store_sealed]") {
    simulated_files disk = disk_of({login("ada")});
    store knows{path, seal, disk};
    const std::string older = disk.content(path), older_lock = disk.content(lock_path);
    knows.save_token(login("ada", "second"));

    disk.put(path, older);
    CHECK(code_of([&] { (void)knows.get_tokens(); }) == errc::store_gone);
    CHECK(code_of([&] { (void)store(path, seal, disk).get_tokens(); }) == errc::storage_corrupt);
    disk.put(lock_path, older_lock);
    CHECK(store(path, seal, disk).get_tokens() == std::vector{login("ada")});

    disk.remove(path);
    CHECK(code_of([&] { (void)knows.get_tokens(); }) == errc::store_gone);
    CHECK(store(path, seal, disk).get_tokens().empty());
}
