// SPDX-License-Identifier: MIT
#include <tokenkeep/sealer.hpp>

#include <tokenkeep/file_store.hpp>
#include <tokenkeep/testing/simulated_files.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"
#include "support/toy_sealer.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace tokenkeep;
using testing::simulated_files;

namespace {

using tests::toy_sealer, tests::out_of_reach;
static_assert(sealer<toy_sealer> && sealer<no_seal>);

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
using unsealed_store = basic_file_store<simulated>;

const std::string path = "tokens.tkj";

toy_sealer old_sealer() { return {"key-1", {{"key-1", "one"}}}; }
toy_sealer turning_sealer() { return {"key-2", {{"key-1", "one"}, {"key-2", "two"}}}; }
toy_sealer new_sealer() { return {"key-2", {{"key-2", "two"}}}; }

token login(const std::string& user, const std::string& access = "first") {
    return {.user_name = "user " + user,
            .client_id = "the client",
            .client_secret = "client secret of " + user,
            .refresh_token = "refresh of " + user,
            .access_token = access + " access of " + user,
            .id = "id of " + user};
}

using rows = std::map<std::string, token>;

template <class Store>
rows rows_of(Store&& of) {
    rows all;
    for (const token& row : of.get_tokens()) all.emplace(row.id, row);
    return all;
}

rows rows_of(const std::vector<token>& expected) {
    rows all;
    for (const token& row : expected) all.emplace(row.id, row);
    return all;
}

bool holds(const std::string& bytes, const std::string& text) { return bytes.find(text) != std::string::npos; }

/// A disk with the rows of two users.
simulated_files sealed_disk(const toy_sealer& seal = old_sealer()) {
    simulated_files disk;
    store on{path, seal, disk};
    on.save_token(login("ada"));
    on.save_token(login("bob"));
    return disk;
}

/// A journal of puts with these payloads.
std::string journal_of(const std::vector<std::pair<std::string, std::string>>& payloads) {
    namespace journal = detail::journal;
    const journal::file_header header{.number = 1, .first_seq = 1, .count = payloads.size()};
    detail::wiping_string bytes;
    journal::append_header(bytes, header);
    std::uint64_t seq = 1;
    for (const auto& [id, payload] : payloads)
        journal::append_record(bytes, header.generation,
                               {.type = journal::record_type::put, .sealed = true, .seq = seq++, .id = id}, payload);
    return std::string(bytes);
}

/// The payload of a sealed row, as it lies in a file.
std::string sealed_payload(const toy_sealer& with, const token& row) {
    const simulated_files disk;
    unsealed_store{path, {}, disk}.save_token(row);
    const std::string bytes = disk.content(path); // one record behind a header of 64 bytes
    const auto size = detail::journal::number_at<std::uint32_t>(bytes, 64 + 8);
    const std::string plain = bytes.substr(64 + 40 + row.id.size() + 8, size);
    const std::string key_id = with.key_id();
    std::string payload{static_cast<char>(key_id.size()), '\0'};
    payload += key_id;
    return payload += with.seal(plain, "tokenkeep row " + row.id).reveal();
}

/// That it throws errc::permissions, and says which sealer opens the row of that id.
template <class Act>
bool cannot_open(const std::string& id, Act act) {
    try {
        act();
    } catch (const error& failure) {
        const std::string what = failure.what();
        return failure.code() == errc::permissions && holds(what, "this sealer cannot open the row " + id + " in") &&
               holds(what, "use the sealer that sealed it") && !holds(what, "damaged") && !holds(what, "delete");
    }
    return false;
}

} // namespace

TEST_CASE("sealer: the toy keeps the meaning of a sealer", "[sealer]") {
    const toy_sealer toy = turning_sealer();
    const secret sealed = toy.seal("plain", "row");
    CHECK(toy.open(sealed.reveal(), "row", "key-2") == secret("plain"));
    CHECK(toy.open(sealed.reveal(), "other row", "key-2") == std::nullopt);
    CHECK(toy.open(sealed.reveal(), "row", "key-1") == std::nullopt);
    CHECK(toy.open(sealed.reveal(), "row", "") == std::nullopt);
    for (std::size_t n = 0; n < sealed.size(); ++n) {
        std::string changed(sealed.reveal());
        changed[n] = static_cast<char>(changed[n] ^ 1);
        CHECK(toy.open(changed, "row", "key-2") == std::nullopt);
        CHECK(toy.open(changed.substr(0, n), "row", "key-2") == std::nullopt);
    }
}

TEST_CASE("sealer: what is sealed comes back, and nothing but ids and key ids can be read in the file", "[sealer]") {
    const temporary_directory here;
    const std::string file = here / "tokens.tkj";
    basic_file_store<sealed> on(file, old_sealer());
    const token ada = login("ada"), bob = login("bob", "second");
    on.save_token(ada);
    on.save_token(login("bob"));
    on.save_token(bob);
    CHECK(on.find_token({.user_name = ada.user_name}) == ada);
    for (int n = 0; n < 2; ++n) {
        basic_file_store<sealed> again(file, old_sealer());
        CHECK(rows_of(again) == rows_of({ada, bob}));
        CHECK(again.find_token({.user_name = bob.user_name}) == bob);
        const std::string bytes = bytes_of(file);
        for (const char* text : {"user ada", "user bob", "the client", "secret of", "refresh of", "access of"}) {
            CAPTURE(text);
            CHECK(!holds(bytes, text));
        }
        CHECK(holds(bytes, "id of ada"));
        CHECK(holds(bytes, "key-1"));
        on.compact();
    }
    on.delete_token(ada.id);
    CHECK(rows_of(on) == rows_of({bob}));
    CHECK(rows_of(basic_file_store<sealed>(file, old_sealer())) == rows_of({bob}));
}

TEST_CASE("sealer: a sealed payload is the size of the key id, the key id, and what the sealer gave", "[sealer]") {
    const toy_sealer seal = old_sealer();
    const std::string payload = sealed_payload(seal, login("ada"));
    CHECK(holds(sealed_disk().content(path), payload));
    simulated_files disk;
    disk.put(path, journal_of({{"id of ada", payload}}));
    CHECK(rows_of(store{path, seal, disk}) == rows_of({login("ada")}));
}

TEST_CASE("sealer: a wrong key says that this sealer cannot open the row, and the file stays as it is", "[sealer]") {
    for (const toy_sealer& wrong : {toy_sealer{"key-1", {{"key-1", "another"}}}, new_sealer()}) {
        const simulated_files disk = sealed_disk();
        const std::string bytes = disk.content(path);
        store on{path, wrong, disk};
        CHECK(cannot_open("id of ada", [&] { (void)on.find_token_by_id("id of ada"); }));
        CHECK(cannot_open("id of ada", [&] { (void)on.find_token({.user_name = "user ada"}); }));
        CHECK(cannot_open("id of ada", [&] { (void)on.get_tokens(); }));
        CHECK(cannot_open("id of ada", [&] { on.save_token(login("ada", "second")); }));
        CHECK(cannot_open("id of ada", [&] { on.save_token({.user_name = "user eve", .access_token = "x"}); }));
        CHECK(disk.content(path) == bytes);
        CHECK(rows_of(store{path, old_sealer(), disk}) == rows_of({login("ada"), login("bob")}));

        // Nor are they lost by rewriting the file, which leaves out what cannot be read.
        CHECK(cannot_open("id of ada", [&] { on.compact(); }));
        CHECK(cannot_open("id of ada", [&] { (void)on.salvage(); }));
        for (int n = 0; n < 80; ++n) on.save_token({.access_token = std::string(1'000, 'x'), .id = "of another"});
        for (const char* user : {"ada", "bob"})
            CHECK(store(path, old_sealer(), disk).find_token_by_id("id of " + std::string(user)) == login(user));
    }
}

TEST_CASE("sealer: replacing and removing by comparison say the same of a row that cannot be opened; deleting it does "
          "not need the key",
          "[sealer]") {
    const simulated_files disk = sealed_disk();
    store on{path, new_sealer(), disk};
    CHECK(cannot_open("id of ada", [&] { (void)on.replace_token(login("ada"), login("ada", "second")); }));
    CHECK(cannot_open("id of ada", [&] { (void)on.remove_token(login("ada")); }));
    on.delete_token("id of ada");
    CHECK(rows_of(store{path, old_sealer(), disk}) == rows_of({login("bob")}));
}

TEST_CASE("sealer: a row that is damaged says so whatever the key, and rows that cannot be opened are named first",
          "[sealer]") {
    simulated_files disk = sealed_disk();
    std::string bytes = disk.content(path);
    const std::size_t id_at = bytes.find("id of bob"), payload_at = id_at + std::string("id of bob").size() + 8;
    bytes[payload_at] = static_cast<char>(bytes[payload_at] ^ 1);
    disk.put(path, bytes);
    const auto code = [](store& on, auto act) { return code_of([&] { act(on); }); };
    const auto bob = [](store& on) { (void)on.find_token_by_id("id of bob"); };
    const auto all = [](store& on) { (void)on.get_tokens(); };
    store right{path, old_sealer(), disk}, wrong{path, new_sealer(), disk};
    CHECK(code(right, bob) == errc::storage_corrupt);
    CHECK(code(right, all) == errc::storage_corrupt);
    CHECK(code(wrong, bob) == errc::storage_corrupt);
    CHECK(cannot_open("id of ada", [&] { all(wrong); })); // before salvage, which would lose the row
    CHECK(right.salvage().lost == std::vector<std::string>{"id of bob"});
    CHECK(rows_of(right) == rows_of({login("ada")}));
}

TEST_CASE("sealer: without a sealer, a whole row that this version cannot read needs the version that wrote it",
          "[sealer]") {
    simulated_files disk;
    unsealed_store{path, {}, disk}.save_token(login("ada"));
    namespace journal = detail::journal;
    const journal::file_header header{.number = 1, .first_seq = 1, .count = 1};
    detail::wiping_string bytes;
    journal::append_header(bytes, header);
    journal::append_record(bytes, header.generation, {.type = journal::record_type::put, .seq = 1, .id = "id of ada"},
                           "of another kind");
    disk.put(path, std::string(bytes));
    unsealed_store on{path, {}, disk};
    for (int n = 0; n < 2; ++n) {
        try {
            (void)on.find_token_by_id("id of ada");
            FAIL("it must throw");
        } catch (const error& failure) {
            CHECK(failure.code() == errc::permissions);
            CHECK(holds(failure.what(), "this version of the library cannot read the row id of ada in tokens.tkj"));
        }
        CHECK(code_of([&] { (void)on.salvage(); }) == errc::permissions);
        CHECK(disk.content(path) == std::string(bytes));
    }
}

TEST_CASE("sealer: a sealed row under another id or key id is refused, and the others are served", "[sealer]") {
    const toy_sealer seal = old_sealer();
    const std::string ada = sealed_payload(seal, login("ada")), bob = sealed_payload(seal, login("bob"));
    std::string of_other_key = bob, of_longer_id = bob;
    of_other_key[6] = '2';
    of_longer_id[0] = 6;
    for (const std::string& payload : {ada, of_other_key, of_longer_id, bob.substr(0, bob.size() - 1), bob + "x"}) {
        simulated_files disk;
        disk.put(path, journal_of({{"id of ada", ada}, {"id of bob", payload}}));
        store on{path, turning_sealer(), disk};
        CHECK(cannot_open("id of bob", [&] { (void)on.find_token_by_id("id of bob"); }));
        CHECK(cannot_open("id of bob", [&] { (void)on.find_token({.user_name = "user bob"}); }));
        CHECK(on.find_token_by_id("id of ada") == login("ada"));
        on.delete_token("id of bob");
        CHECK(rows_of(on) == rows_of({login("ada")}));
    }
}

TEST_CASE("sealer: a sealed payload that is too short is a row that cannot be opened", "[sealer]") {
    const std::string whole = sealed_payload(old_sealer(), login("bob"));
    const std::string ada = sealed_payload(old_sealer(), login("ada"));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        simulated_files disk;
        disk.put(path, journal_of({{"id of bob", whole.substr(0, size)}, {"id of ada", ada}}));
        store on{path, old_sealer(), disk};
        CHECK(cannot_open("id of bob", [&] { (void)on.find_token_by_id("id of bob"); }));
        CHECK(on.find_token_by_id("id of ada") == login("ada"));
    }
}

TEST_CASE("sealer: what opens but is not a row is a row that cannot be opened", "[sealer]") {
    const toy_sealer seal = old_sealer();
    std::string payload("\x05\0key-1", 7);
    payload += seal.seal("no row", "tokenkeep row id of bob").reveal();
    simulated_files disk;
    disk.put(path, journal_of({{"id of bob", payload}}));
    store on{path, seal, disk};
    CHECK(cannot_open("id of bob", [&] { (void)on.find_token_by_id("id of bob"); }));
}

TEST_CASE("sealer: no bit that flips in a sealed file gives another row", "[sealer]") {
    const std::string bytes = sealed_disk().content(path);
    const token ada = login("ada"), bob = login("bob");
    std::size_t right = 0, refused = 0;
    const auto look = [&](store& on, const token& row) {
        try {
            if (on.find_token_by_id(row.id) != row) throw std::logic_error("a wrong row");
            ++right;
        } catch (const error& failure) {
            if (failure.code() != errc::storage_corrupt && failure.code() != errc::unsupported_version) throw;
            ++refused;
        }
    };
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        CAPTURE(bit);
        std::string damaged = bytes;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
        simulated_files disk;
        disk.put(path, damaged);
        store on{path, old_sealer(), disk};
        look(on, ada);
        look(on, bob);
    }
    CHECK(refused > right);
    CHECK(right > 0);
}

TEST_CASE("sealer: keys change by and by where old rows still open, and at once when the file is written anew",
          "[sealer]") {
    const simulated_files disk = sealed_disk();
    store turning{path, turning_sealer(), disk};
    CHECK(rows_of(turning) == rows_of({login("ada"), login("bob")}));
    turning.save_token(login("bob", "second"));
    CHECK(holds(disk.content(path), "key-1"));
    CHECK(holds(disk.content(path), "key-2"));
    CHECK(rows_of(store{path, turning_sealer(), disk}) == rows_of({login("ada"), login("bob", "second")}));
    {
        store only_new{path, new_sealer(), disk};
        CHECK(cannot_open("id of ada", [&] { (void)only_new.find_token_by_id("id of ada"); }));
        CHECK(only_new.find_token_by_id("id of bob") == login("bob", "second"));
        store only_old{path, old_sealer(), disk};
        CHECK(only_old.find_token_by_id("id of ada") == login("ada"));
        CHECK(cannot_open("id of bob", [&] {
            (void)only_old.find_token_by_id("id of bob");
        })); // and not the first, which it can open
    }
    turning.compact();
    CHECK(!holds(disk.content(path), "key-1"));
    CHECK(rows_of(store{path, new_sealer(), disk}) == rows_of({login("ada"), login("bob", "second")}));
}

TEST_CASE("sealer: a sealed file is not for a store without a sealer, nor the reverse", "[sealer]") {
    const auto check = [](auto&& on, const simulated_files& disk) {
        const std::string bytes = disk.content(path);
        const std::size_t calls = disk.calls();
        const auto is_refused = [](auto act) { return code_of(act) == errc::permissions; };
        for (int n = 0; n < 2; ++n) {
            CHECK(is_refused([&] { (void)on.find_token_by_id("id of ada"); }));
            CHECK(is_refused([&] { (void)on.find_token({.user_name = "user ada"}); }));
            CHECK(is_refused([&] { (void)on.get_tokens(); }));
            CHECK(is_refused([&] { on.save_token(login("eve")); }));
            CHECK(is_refused([&] { on.delete_token("id of ada"); }));
            CHECK(is_refused([&] { on.delete_tokens(); }));
            CHECK(is_refused([&] { on.compact(); }));
            CHECK(is_refused([&] { (void)on.salvage(); }));
        }
        CHECK(disk.content(path) == bytes);
        CHECK(disk.calls() == calls);
    };
    const simulated_files sealed = sealed_disk();
    check(unsealed_store{path, {}, sealed}, sealed);
    simulated_files plain;
    unsealed_store{path, {}, plain}.save_token(login("ada"));
    check(store{path, old_sealer(), plain}, plain);
}

TEST_CASE("sealer: where sealing throws, that is what is thrown, and nothing has changed", "[sealer]") {
    toy_sealer seal = old_sealer();
    simulated_files empty;
    store first{path, seal, empty};
    seal.fail(true);
    CHECK_THROWS_AS(first.save_token(login("ada")), out_of_reach);
    CHECK(!empty.find(path));
    CHECK(!empty.find(path + ".tmp"));
    CHECK(first.get_tokens().empty());
    seal.fail(false);
    first.save_token(login("ada"));
    CHECK(rows_of(store{path, seal, empty}) == rows_of({login("ada")}));

    const simulated_files disk = sealed_disk(seal);
    store on{path, seal, disk};
    const rows before = rows_of(on);
    const std::string bytes = disk.content(path);
    seal.fail(true);
    CHECK_THROWS_AS(on.save_token(login("ada", "second")), out_of_reach);
    CHECK_THROWS_AS(on.save_token(login("eve")), out_of_reach);
    CHECK_THROWS_AS(on.replace_token(login("ada"), login("ada", "second")), out_of_reach);
    CHECK_THROWS_AS(on.compact(), out_of_reach);
    CHECK(disk.content(path) == bytes);
    CHECK(!disk.find(path + ".tmp"));
    CHECK(rows_of(on) == before);
    seal.fail(false);
    CHECK(rows_of(on) == before);
    on.save_token(login("eve"));
    CHECK(rows_of(on) == rows_of({login("ada"), login("bob"), login("eve")}));
    CHECK(rows_of(store{path, seal, disk}) == rows_of(on));
}

TEST_CASE("sealer: where opening throws, that is what is thrown, and the next call reads the rows", "[sealer]") {
    toy_sealer seal = old_sealer();
    const simulated_files disk = sealed_disk(seal);
    store fresh{path, seal, disk}, watching{path, seal, disk}, other{path, seal, disk};
    CHECK(watching.get_tokens().size() == 2);
    other.save_token(login("eve"));
    seal.fail(true);
    CHECK_THROWS_AS(fresh.find_token_by_id("id of ada"), out_of_reach);
    CHECK_THROWS_AS(fresh.salvage(), out_of_reach);
    CHECK_THROWS_AS(watching.find_token_by_id("id of ada"), out_of_reach);
    seal.fail(false);
    for (store* each : {&fresh, &watching})
        CHECK(rows_of(*each) == rows_of({login("ada"), login("bob"), login("eve")}));
}
