// SPDX-License-Identifier: MIT
// What a file_store makes of a damaged file: never a wrong or silently older row. The files in data/journal are frozen:
// every version of the library reads them.
#include <tokenkeep/file_store.hpp>
#include <tokenkeep/testing/simulated_files.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace tokenkeep;
using testing::simulated_files;

namespace {

struct simulated : defaults {
    using files = simulated_files;
};
using store = basic_file_store<simulated>;

const std::string path = "tokens.tkj";
constexpr std::size_t sector = 512;

/// The rows by their ids; nullopt where it is known that the row is damaged.
using state = std::map<std::string, std::optional<token>>;

// ---- The frozen files ----

/// Some ids are as long as the library's own.
std::string id_of(const std::string& user) {
    return user == "ada" || user == "dan" ? user + "-a6c1f0e2b4d8973512aa0c3e9f7b" : user;
}

token login(const std::string& user, int n) {
    return {.user_name = user,
            .client_id = "app",
            .refresh_token = "refresh " + std::to_string(n) + " of " + user + std::string(40, '.'),
            .access_token = "access " + std::to_string(n) + " of " + user + std::string(70, '.'),
            .expires_at = timestamp(std::chrono::milliseconds(1'700'000'000'000 + n)),
            .id = id_of(user)};
}

/// One frozen file, and what it holds: rows that were written together, then what was appended. Its name begins with
/// the major version of the format.
struct frozen {
    std::string name;
    std::string digest; ///< SHA-256 of the file.
    state first;
    std::vector<std::pair<std::string, std::optional<token>>> changes; ///< An id, and its new row or none.

    std::string bytes() const { return bytes_of(std::string(TOKENKEEP_TEST_DATA) + "/journal/" + name); }

    /// What the file held after each record that was appended.
    std::vector<state> states() const {
        std::vector<state> all{first};
        for (const auto& [id, row] : changes) {
            state next = all.back();
            next.erase(id);
            if (row) next.emplace(id, row);
            all.push_back(std::move(next));
        }
        return all;
    }
};

state state_of(const std::vector<token>& rows) {
    state all;
    for (const token& row : rows) all.emplace(row.id, row);
    return all;
}

frozen plain() {
    return {"2/plain.tkj",
            "4e0974661c6459af943240d33ca701324a97aedfe9f80a210cb723f9fda05503",
            state_of({login("ada", 1), login("bob", 1), login("eve", 1), login("zoe", 1)}),
            {{id_of("bob"), login("bob", 2)},
             {id_of("dan"), login("dan", 1)},
             {id_of("bob"), login("bob", 3)},
             {id_of("eve"), std::nullopt},
             {id_of("fay"), login("fay", 1)},
             {id_of("ada"), login("ada", 2)}}};
}

/// Written by a newer minor version, with fields that nobody knows yet.
frozen awkward() {
    using std::chrono::milliseconds;
    const token quotes{.user_name = "o'hara \"the\" \\ \xf0\x9f\x98\x80 \r\n\t\xff",
                       .client_id = std::string("nul\0nul", 7),
                       .access_token = std::string("\0'; DROP TABLE oauthtokens; --\0", 32),
                       .scope = "{\"a\":[1,2}]",
                       .expires_at = timestamp(milliseconds(-1)),
                       .issued_at = timestamp(milliseconds(std::numeric_limits<std::int64_t>::max())),
                       .id = std::string("id'\0\xc3\xa9", 6)};
    const token bare{.access_token = "x", .id = "bare"};
    const token zeros{.user_name = "zeros", .access_token = "z" + std::string(1'100, '\0'), .id = "zeros"};
    const token long_text{.user_name = "long", .refresh_token = std::string(600, 'r'), .id = "long"};
    const token newer{.user_name = "newer", .access_token = "n", .extra = R"({"a":"\u0000"})", .id = "newer"};
    token bare_again = bare;
    bare_again.status = "refreshing";
    return {"2/awkward.tkj",
            "511b4deea795842b67f08abab1cdee6492bb03fd99e3df56b2e33b92e609938e",
            state_of({quotes, bare}),
            {{zeros.id, zeros}, {newer.id, newer}, {long_text.id, long_text}, {bare.id, bare_again}}};
}

/// Written anew when two of its rows were damaged.
frozen damaged() {
    state first = state_of({login("ada", 1), login("bob", 1)});
    first["eve"] = first["zoe"] = std::nullopt;
    return {"2/damaged.tkj",
            "8c002d8877f35b7cd7252455ee5e78aa678deb7b6709fd3dac6e022754792b96",
            first,
            {{id_of("dan"), login("dan", 1)}, {"zoe", std::nullopt}, {id_of("ada"), login("ada", 2)}}};
}

std::vector<frozen> all_frozen() { return {plain(), awkward(), damaged()}; }

/// The same as tokenkeep 0.1 wrote them.
std::vector<frozen> all_of_version_1() {
    std::vector<frozen> files = all_frozen();
    for (frozen& file : files) file.name[0] = '1';
    files[0].digest = "76f1ac3de90cd09252102197b1ef88830d21f7a46fa37f599dcb01c05ca4421f";
    files[1].digest = "fc9cb8564fb7c17afa9903e549c3fe3da04aad299ecca41f1a0e3d239263cebd";
    files[2].digest = "ab5f21c06803d387eb71cfc90e310000c8cbc771bf2df0186b420416da018ed3";
    return files;
}

/// A row with every field that version 2 has, and one with a label.
frozen whole() {
    token row;
    std::int64_t time = 1'700'000'000'000;
    for (const field& f : fields) {
        if (f.since > 2) continue;
        if (f.text != nullptr) row.*f.text = "the " + std::string(f.name);
        if (f.secret_text != nullptr) row.*f.secret_text = "the " + std::string(f.name);
        if (f.time != nullptr) row.*f.time = timestamp(std::chrono::milliseconds(time++));
    }
    const token bob{.user_name = "bob", .client_id = "app", .refresh_token = "r", .label = "eu", .id = "bob"};
    return {"2/whole.tkj",
            "dbf9c9ff010cd48bb9f784a6a7f28a9f38133513fa1b811dd1d2a3691aa72075",
            state_of({row}),
            {{bob.id, bob}}};
}

std::vector<frozen> all_versions() {
    std::vector<frozen> files = all_frozen();
    for (const frozen& file : all_of_version_1()) files.push_back(file);
    files.push_back(whole());
    return files;
}

// ---- The bytes of a file ----

template <class Number>
Number number_at(const std::string& bytes, std::size_t at) {
    return detail::journal::number_at<Number>(bytes, at);
}

/// How long the record is that begins there.
std::size_t record_size(const std::string& bytes, std::size_t at) {
    const std::size_t size =
        40 + number_at<std::uint32_t>(bytes, at + 12) + 8 + number_at<std::uint32_t>(bytes, at + 8);
    return (size + 8 + 7) / 8 * 8;
}

/// A file in pieces: the header, and each record.
std::vector<std::string> pieces_of(const std::string& bytes) {
    std::vector<std::string> pieces{bytes.substr(0, 64)};
    for (std::size_t at = 64; at < bytes.size(); at += pieces.back().size())
        pieces.push_back(bytes.substr(at, record_size(bytes, at)));
    return pieces;
}

std::string joined(const std::vector<std::string>& pieces) {
    std::string bytes;
    for (const std::string& piece : pieces) bytes += piece;
    return bytes;
}

std::size_t snapshot_count(const std::string& bytes) { return number_at<std::uint64_t>(bytes, 48); }

/// Where the records end that were written together with the header.
std::size_t snapshot_end(const std::string& bytes) {
    std::size_t at = 64;
    for (std::size_t n = 0; n < snapshot_count(bytes); ++n) at += record_size(bytes, at);
    return at;
}

std::string id_of_record(const std::string& record) { return record.substr(40, number_at<std::uint32_t>(record, 12)); }

/// Where the payload of the last record of that id begins.
std::size_t payload_of(const std::string& bytes, const std::string& id) {
    std::size_t at = 64, found = 0;
    for (; at < bytes.size(); at += record_size(bytes, at))
        if (id_of_record(bytes.substr(at)) == id) found = at + 40 + id.size() + 8;
    return found;
}

std::string last_payload(const std::string& bytes, const std::string& id) {
    const std::size_t at = payload_of(bytes, id);
    return bytes.substr(at, number_at<std::uint32_t>(bytes, at - 8 - id.size() - 32));
}

/// The row as it lies in a record today.
std::string row_bytes(const token& row) {
    const simulated_files disk;
    store{path, {}, disk}.save_token(row);
    return last_payload(disk.content(path), row.id);
}

std::string with_flip(std::string bytes, std::size_t at, int bit = 0) {
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
    return bytes;
}

/// The file with the row's payload damaged.
std::string with_damage(const std::string& bytes, const std::string& id) {
    return with_flip(bytes, payload_of(bytes, id) + 3);
}

// ---- What a store answers ----

/// A row, none, or the refusal to say.
struct answer {
    bool is_refused = false;
    std::optional<token> row{};
};

bool is_refusal(const std::error_code& code) {
    return code == errc::storage_corrupt || code == errc::unsupported_version || code == errc::permissions;
}

template <class Find>
answer ask(Find find) {
    try {
        return {false, find()};
    } catch (const error& failure) {
        if (!is_refusal(failure.code())) throw;
        return {true};
    }
}

template <class Act>
bool is_corrupt(Act act) {
    return code_of(act) == errc::storage_corrupt;
}

struct answers {
    std::map<std::string, answer> by_id{};
    std::map<std::string, answer> by_user{};
    std::optional<state> all{};
    std::size_t refused = 0;

    bool are_all_refused() const { return refused == by_id.size() + by_user.size() + 1; }
};

/// Those who ever were in a file, and one who never was.
struct census {
    std::set<std::string> ids{"nobody"};
    std::set<std::string> users{"nobody"};

    explicit census(const std::vector<state>& states) {
        for (const state& each : states)
            for (const auto& [id, row] : each) {
                ids.insert(id);
                if (row && !row->user_name.empty()) users.insert(row->user_name);
            }
    }
};

answers ask_all(const simulated_files& disk, const census& known) {
    store fresh{path, {}, disk};
    answers found;
    for (const std::string& id : known.ids)
        found.refused += (found.by_id[id] = ask([&] { return fresh.find_token_by_id(id); })).is_refused;
    for (const std::string& user : known.users)
        found.refused += (found.by_user[user] = ask([&] { return fresh.find_token({.user_name = user}); })).is_refused;
    const answer of_all = ask([&] {
        found.all = state_of(fresh.get_tokens());
        return std::nullopt;
    });
    found.refused += of_all.is_refused;
    return found;
}

bool has_damage(const state& rows) {
    return std::any_of(rows.begin(), rows.end(), [](const auto& each) { return !each.second; });
}

/// Whether nothing that was answered is wrong if the rows are these.
bool agree(const answers& given, const state& rows) {
    for (const auto& [id, got] : given.by_id) {
        const auto row = rows.find(id);
        if (got.is_refused) continue;
        if (row == rows.end() ? got.row.has_value() : !row->second || got.row != row->second) return false;
    }
    for (const auto& [user, got] : given.by_user) {
        if (got.is_refused) continue;
        const auto row = std::find_if(rows.begin(), rows.end(), [&name = user](const auto& each) {
            return each.second && each.second->user_name == name;
        });
        if (row == rows.end() ? got.row || has_damage(rows) : got.row != row->second) return false;
    }
    return !given.all || (!has_damage(rows) && *given.all == rows);
}

/// Whether a row was given before and is not any more.
bool lose_a_row(const answers& before, const answers& after) {
    return std::any_of(before.by_id.begin(), before.by_id.end(), [&](const auto& each) {
        return each.second.row && after.by_id.at(each.first).row != each.second.row;
    });
}

// ---- Damage ----

enum class outcome { harmless, refuses_a_row, refuses_all, is_older };

/// Outcomes of many cases.
struct counts {
    std::map<outcome, std::size_t> of{};
    std::size_t all = 0;

    void add(const counts& others) {
        for (const auto& [seen, count] : others.of) of[seen] += count;
        all += others.all;
    }
    std::string text(const std::string& what) {
        return what + ": " + std::to_string(all) + " cases; " + std::to_string(of[outcome::harmless]) + " harmless, " +
               std::to_string(of[outcome::refuses_a_row]) + " refuse a row, " +
               std::to_string(of[outcome::refuses_all]) + " refuse the store, " +
               std::to_string(of[outcome::is_older]) + " lack the last records; 0 silent wrong";
    }
};

/// Looks at what a store makes of damaged copies of one file. Throws where anything is wrong.
class judge {
  public:
    explicit judge(std::vector<state> states) : states_(std::move(states)), known_(states_) {
        known_.ids.insert(newcomer_.id);
        known_.users.insert(newcomer_.user_name);
    }

    /// The lock file that lies beside the file.
    judge& beside(std::string lock_file) {
        lock_file_ = std::move(lock_file);
        return *this;
    }

    counts& sum() { return sum_; }
    std::size_t newest() const { return states_.size() - 1; }

    /// The file may be in the states from `oldest` to `newest`. Unless told otherwise, the store is then saved to and
    /// written anew.
    outcome see(const std::string& bytes, std::size_t oldest, std::size_t newest, bool goes_on = true) {
        const simulated_files disk = disk_of(bytes);
        const answers before = ask_all(disk, known_);
        const std::size_t now = state_of_answers(before, oldest, newest);
        const outcome seen = outcome_of(before, now);
        ++sum_.of[seen];
        ++sum_.all;
        if (goes_on) go_on(disk, before, now);
        return seen;
    }
    /// Salvages the file. All that is lost must be in the report. What the file had is in the states from `oldest` on.
    salvage_report salvage(const std::string& bytes, std::size_t oldest) const {
        const simulated_files disk = disk_of(bytes);
        store on{path, {}, disk};
        const salvage_report report = on.salvage();
        const state rows = state_of(on.get_tokens());
        if (report.rows != rows.size()) throw std::logic_error("salvage does not count right");
        for (std::size_t n = oldest; n < states_.size() && !report.may_have_lost_others; ++n) {
            state kept = states_[n];
            for (const std::string& id : report.lost) kept.erase(id);
            if (rows == kept) return report;
        }
        if (!report.may_have_lost_others) throw std::logic_error("salvage does not say what it loses");
        return report;
    }
    /// The same where no record may be missing.
    outcome see(const std::string& bytes, bool goes_on = true) { return see(bytes, newest(), newest(), goes_on); }

  private:
    simulated_files disk_of(const std::string& bytes) const {
        simulated_files disk;
        disk.put(path, bytes);
        if (!lock_file_.empty()) disk.put(path + ".lock", lock_file_);
        return disk;
    }

    std::size_t state_of_answers(const answers& given, std::size_t oldest, std::size_t newest) const {
        for (std::size_t n = newest + 1; n-- > oldest;)
            if (agree(given, states_[n])) return n;
        throw std::logic_error("a wrong or older row");
    }

    outcome outcome_of(const answers& given, std::size_t now) const {
        if (given.are_all_refused()) return outcome::refuses_all;
        if (now != newest()) return outcome::is_older;
        const bool has_all = std::all_of(states_[now].begin(), states_[now].end(), [&](const auto& each) {
            return !each.second || given.by_id.at(each.first).row;
        });
        const bool has_more_damage = !given.all && !has_damage(states_[now]);
        return has_all && !has_more_damage ? outcome::harmless : outcome::refuses_a_row;
    }

    void go_on(const simulated_files& disk, const answers& before, std::size_t now) const {
        const std::string bytes = disk.content(path);
        if (!save_newcomer(disk)) {
            if (disk.content(path) != bytes) throw std::logic_error("a save that is refused changes the file");
            return;
        }
        state expected = states_[now];
        expected[newcomer_.id] = newcomer_;
        const answers after = ask_all(disk, known_);
        require(before, after, expected);
        store{path, {}, disk}.compact();
        require(after, ask_all(disk, known_), expected);
    }

    bool save_newcomer(const simulated_files& disk) const {
        const auto save = [&] { store{path, {}, disk}.save_token(newcomer_); };
        return !ask([&] { return save(), std::nullopt; }).is_refused;
    }

    void require(const answers& before, const answers& after, const state& expected) const {
        if (!agree(after, expected)) throw std::logic_error("a wrong or older row after a save");
        if (lose_a_row(before, after)) throw std::logic_error("a save loses a good row");
        if (after.by_id.at(newcomer_.id).row != newcomer_) throw std::logic_error("what was saved is not there");
    }

    const token newcomer_ = login("newcomer", 1);
    std::vector<state> states_;
    std::string lock_file_{};
    census known_;
    counts sum_{};
};

/// The first of the states that a file may be in of which stretches were overwritten with zeros: what an untouched
/// record knew to be durable is there.
std::size_t oldest_allowed(const std::string& whole, const std::string& torn) {
    const std::size_t first = number_at<std::uint64_t>(whole, 40) + snapshot_count(whole);
    std::size_t oldest = 0;
    for (std::size_t at = 64; at < whole.size(); at += record_size(whole, at)) {
        const std::size_t header = 40 + number_at<std::uint32_t>(whole, at + 12) + 8;
        const std::size_t durable = number_at<std::uint64_t>(whole, at + 32) + 1;
        if (whole.compare(at, header, torn, at, header) == 0 && durable > first)
            oldest = std::max(oldest, durable - first);
    }
    return oldest;
}

/// The same for a file in which bytes may lie at other places, or be missing.
std::size_t oldest_known(const std::string& whole, const std::string& damaged) {
    const std::size_t first = number_at<std::uint64_t>(whole, 40) + snapshot_count(whole);
    std::size_t oldest = 0;
    for (std::size_t at = 64; at < whole.size(); at += record_size(whole, at)) {
        const std::size_t header = 40 + number_at<std::uint32_t>(whole, at + 12) + 8;
        const std::size_t durable = number_at<std::uint64_t>(whole, at + 32) + 1;
        if (durable > first && damaged.find(whole.substr(at, header)) != std::string::npos)
            oldest = std::max(oldest, durable - first);
    }
    return oldest;
}

std::string with_zeros(std::string bytes, std::size_t at, std::size_t size = sector) {
    size = std::min(size, bytes.size() - at);
    return bytes.replace(at, size, size, '\0');
}

/// How many whole records were appended within the first `size` bytes.
std::size_t appended_within(const std::string& bytes, std::size_t size) {
    std::size_t count = 0;
    for (std::size_t at = snapshot_end(bytes); at < bytes.size(); ++count) {
        at += record_size(bytes, at);
        if (at > size) break;
    }
    return count;
}

bool is_torture() { return std::getenv("TOKENKEEP_TORTURE") != nullptr; }

} // namespace

// ---- The format ----

TEST_CASE("file_store: the frozen files are read as they were written", "[file_store_damage]") {
    for (const frozen& file : all_versions()) {
        CAPTURE(file.name);
        const std::string bytes = file.bytes();
        CHECK(text::sha256_hex(bytes) == file.digest);
        simulated_files disk;
        disk.put(path, bytes);
        const state rows = file.states().back();
        store fresh{path, {}, disk};
        for (const auto& each : rows) {
            const auto& id = each.first;
            const auto& row = each.second;
            CAPTURE(id);
            const answer by_id = ask([&] { return fresh.find_token_by_id(id); });
            CHECK(by_id.is_refused == !row);
            CHECK(by_id.row == row);
            if (row && !row->user_name.empty())
                CHECK(ask([&] { return fresh.find_token({.user_name = row->user_name}); }).row == row);
        }
        if (has_damage(rows))
            CHECK(code_of([&] { (void)fresh.get_tokens(); }) == errc::storage_corrupt);
        else
            CHECK(state_of(fresh.get_tokens()) == rows);
        CHECK(disk.content(path) == bytes);
    }
}

TEST_CASE("file_store: what is written today is what the frozen files hold, byte for byte", "[file_store_damage]") {
    namespace journal = detail::journal;
    for (const frozen& file : all_versions()) {
        CAPTURE(file.name);
        const std::vector<std::string> pieces = pieces_of(file.bytes());
        const journal::file_header header = journal::header_of(pieces[0]);
        detail::wiping_string again;
        journal::append_header(again, header);
        const bool is_of_newer_minor = pieces[0][10] != 0;
        CHECK((std::string(again) == pieces[0]) == !is_of_newer_minor);
        const state rows = file.states().back();
        for (const auto& [id, row] : rows) {
            CAPTURE(id);
            const bool has_unknown_fields = id == "newer";
            if (row && !has_unknown_fields) CHECK(row_bytes(*row) == last_payload(file.bytes(), id));
        }
        for (std::size_t n = 1; n < pieces.size(); ++n) {
            CAPTURE(n);
            const auto record = journal::record_header_of(pieces[n], header.generation);
            REQUIRE(record);
            const auto payload = journal::payload_of(pieces[n], *record, header.generation);
            if (!payload) continue; // erased
            again.clear();
            journal::append_record(again, header.generation, *record, *payload);
            CHECK(std::string(again) == pieces[n]);
        }
    }
}

TEST_CASE("file_store: what is written into a copy of a frozen file is read again, with what was there",
          "[file_store_damage]") {
    for (const frozen& file : all_versions()) {
        CAPTURE(file.name);
        judge jury(file.states());
        CHECK(jury.see(file.bytes()) == outcome::harmless);
    }
}

TEST_CASE("file_store: a file of 0.1 stays as it is until the first change, which 0.1 then refuses to read",
          "[file_store_damage]") {
    const auto major_of = [](const std::string& bytes) { return number_at<std::uint16_t>(bytes, 8); };
    using edit = std::function<void(store&)>;
    const std::pair<const char*, edit> changes[] = {
        {"save", [](store& on) { on.save_token(login("gus", 1)); }},
        {"save over a row", [](store& on) { on.save_token({.scope = "read", .id = id_of("ada")}); }},
        {"delete", [](store& on) { on.delete_token(id_of("ada")); }},
        {"compact", [](store& on) { on.compact(); }},
        {"replace",
         [](store& on) {
             const token ada = on.find_token_by_id(id_of("ada")).value();
             token next = ada;
             next.label = "eu";
             CHECK(on.replace_token(ada, next));
         }},
    };
    const frozen file = all_of_version_1()[0];
    for (const auto& [name, change] : changes) {
        CAPTURE(name);
        simulated_files disk;
        disk.put(path, file.bytes());
        store on{path, {}, disk};
        CHECK(state_of(on.get_tokens()) == file.states().back());
        on.delete_token("an id that no row has");
        CHECK_FALSE(on.remove_token(login("gus", 1)));
        CHECK_FALSE(on.salvage().may_have_lost_others);
        CHECK(disk.content(path) == file.bytes());
        change(on);
        CHECK(major_of(file.bytes()) == 1);
        CHECK(major_of(disk.content(path)) == 2);
        CHECK(state_of(store{path, {}, disk}.get_tokens()) == state_of(on.get_tokens()));
        const std::size_t size = disk.content(path).size();
        on.save_token({.scope = "write", .id = id_of("bob")});
        CHECK(disk.content(path).size() > size); // appended from now on
    }
}

TEST_CASE("file_store: fields of a newer version stay with their row, whatever is done to it", "[file_store_damage]") {
    const std::string unknown{"\x85\x03\x0b\0\0\0from later\n\xff\xff\0\0\0\0", 23};
    const auto holds_unknown = [&](const std::string& bytes) {
        const std::size_t at = payload_of(bytes, "newer");
        return bytes.find(unknown, at) < at + record_size(bytes, at - 40 - 5 - 8);
    };
    simulated_files disk;
    disk.put(path, awkward().bytes());
    REQUIRE(holds_unknown(disk.content(path)));
    store first{path, {}, disk};
    first.save_token({.access_token = "second", .id = "newer"});
    CHECK(holds_unknown(disk.content(path)));
    const token row = first.find_token_by_id("newer").value();
    token third = row;
    third.access_token = "third";
    CHECK(first.replace_token(row, third));
    CHECK(holds_unknown(disk.content(path)));
    first.compact();
    CHECK(holds_unknown(disk.content(path)));
    CHECK(store{path, {}, disk}.find_token_by_id("newer") == third);
}

TEST_CASE("file_store: a kind of record that nobody knows yet is unsupported_version, a damaged one refuses all",
          "[file_store_damage]") {
    namespace journal = detail::journal;
    const std::string bytes = plain().bytes();
    const journal::file_header header = journal::header_of(bytes);
    const std::uint64_t seq = header.first_seq + pieces_of(bytes).size() - 1;
    detail::wiping_string record;
    journal::append_record(record, header.generation,
                           {.type = static_cast<journal::record_type>(9), .seq = seq, .durable = seq - 1, .id = "ada"},
                           "payload");
    simulated_files disk;
    disk.put(path, bytes + std::string(record));
    store on{path, {}, disk};
    CHECK(code_of([&] { (void)on.find_token_by_id("bob"); }) == errc::unsupported_version);
    CHECK(code_of([&] { on.save_token(login("bob", 4)); }) == errc::unsupported_version);
    CHECK(code_of([&] { (void)on.salvage(); }) == errc::unsupported_version);
    CHECK(disk.content(path) == bytes + std::string(record));
    judge jury(plain().states());
    CHECK(jury.see(with_flip(bytes + std::string(record), bytes.size() + 52)) == outcome::refuses_all);
}

// ---- Damage of every kind ----

TEST_CASE("file_store: a file that is cut off anywhere holds what its whole records say, or is refused",
          "[file_store_damage]") {
    for (const frozen& file : all_frozen()) {
        const std::string bytes = file.bytes();
        judge jury(file.states());
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            CAPTURE(file.name, size);
            const std::size_t now = appended_within(bytes, size);
            const outcome seen = jury.see(bytes.substr(0, size), now, now);
            if (size < snapshot_end(bytes) && seen != outcome::refuses_all) FAIL("an incomplete beginning is read");
        }
        WARN(jury.sum().text(file.name + " cut off"));
    }
}

TEST_CASE("file_store: a record that is cut off is dropped, and refuses nothing", "[file_store_damage]") {
    for (const frozen& file : all_frozen()) {
        const std::string bytes = file.bytes();
        judge jury(file.states());
        for (std::size_t size = snapshot_end(bytes); size < bytes.size(); ++size) {
            const std::size_t now = appended_within(bytes, size);
            jury.see(bytes.substr(0, size), now, now, false);
        }
        CAPTURE(file.name);
        CHECK(jury.sum().of[outcome::is_older] == jury.sum().all);
    }
}

TEST_CASE("file_store: no bit that flips gives a wrong or older row", "[file_store_damage]") {
    for (const frozen& file : all_frozen()) {
        const std::string bytes = file.bytes();
        judge jury(file.states());
        for (std::size_t at = 0; at < bytes.size(); ++at)
            for (int bit = 0; bit < 8; ++bit) {
                CAPTURE(file.name, at, bit);
                jury.see(with_flip(bytes, at, bit), is_torture() || static_cast<int>(at % 8) == bit);
            }
        WARN(jury.sum().text(file.name + " with one bit flipped"));
    }
}

TEST_CASE("file_store: nothing that is written over it gives a wrong or older row", "[file_store_damage]") {
    const std::size_t cases = is_torture() ? 20'000 : 4'000;
    std::mt19937 random(20'260'101);
    const auto below = [&](std::size_t end) { return random() % end; };
    for (const frozen& file : all_frozen()) {
        const std::string bytes = file.bytes();
        judge jury(file.states());
        for (std::size_t n = 0; n < cases / 3; ++n) {
            const std::size_t at = below(bytes.size());
            const std::size_t size = std::min<std::size_t>(1 + below(64), bytes.size() - at);
            std::string damaged = bytes;
            for (std::size_t k = at; k < at + size; ++k) damaged[k] = static_cast<char>(random());
            CAPTURE(file.name, n, at, size);
            jury.see(damaged, n % 4 == 0);
            const std::string torn = with_zeros(bytes, at, size);
            jury.see(torn, oldest_allowed(bytes, torn), jury.newest(), n % 4 == 0);
        }
        WARN(jury.sum().text(file.name + " with 1 to 64 bytes written over"));
    }
}

// ---- Sectors ----

namespace {

/// A file as a store would have written it: a row of the given size, then changes of four users. A record knows those
/// to be durable that were flushed before it, `together` at a time.
struct written {
    std::string bytes{};
    std::vector<state> states{};

    written(std::size_t padding, std::uint64_t together) {
        namespace journal = detail::journal;
        journal::file_header header;
        header.generation.fill('g');
        header.number = 3;
        header.first_seq = 5;
        header.count = 1;
        detail::wiping_string out;
        journal::append_header(out, header);
        std::map<std::string, std::uint64_t> places;
        std::uint64_t seq = header.first_seq;
        const auto put = [&](const token& row) {
            const std::uint64_t before = seq - header.first_seq;
            const std::uint64_t durable = before == 0 ? 0 : header.first_seq + (before - 1) / together * together;
            const std::uint64_t place = out.size();
            journal::append_record(out, header.generation,
                                   {.type = journal::record_type::put,
                                    .seq = seq++,
                                    .previous = std::exchange(places[row.id], place),
                                    .durable = durable,
                                    .id = row.id},
                                   row_bytes(row));
            states.push_back(states.empty() ? state() : states.back());
            states.back()[row.id] = row;
        };
        put({.access_token = std::string(1 + padding, 'p'), .id = "padding"});
        for (int n = 1; n <= 3; ++n)
            for (const char* user : {"ada", "bob", "dan"}) put(login(user, n));
        bytes = out;
    }
};

/// Whether a record that was overwritten is known to have been durable.
bool was_vouched_for(const std::string& whole, const std::string& torn) {
    std::uint64_t first_torn = std::numeric_limits<std::uint64_t>::max(), durable = 0;
    for (std::size_t at = 64; at < whole.size(); at += record_size(whole, at)) {
        const std::size_t size = record_size(whole, at);
        const auto seq = number_at<std::uint64_t>(whole, at + 16);
        if (whole.compare(at, size, torn, at, size) != 0) first_torn = std::min(first_torn, seq);
        durable = std::max(durable, number_at<std::uint64_t>(whole, at + 32));
    }
    return whole.compare(0, 64, torn, 0, 64) != 0 || durable >= first_torn;
}

} // namespace

TEST_CASE("file_store: sectors that are zero cost the frozen files nothing that was known to be durable",
          "[file_store_damage]") {
    for (const frozen& file : all_frozen()) {
        const std::string bytes = file.bytes();
        judge jury(file.states());
        for (std::size_t one = 0; one < bytes.size(); one += sector)
            for (std::size_t other = one; other < bytes.size(); other += sector) {
                CAPTURE(file.name, one, other);
                const std::string torn = with_zeros(with_zeros(bytes, one), other);
                jury.see(torn, oldest_allowed(bytes, torn), jury.newest());
            }
        WARN(jury.sum().text(file.name + " with one or two sectors zeroed"));
    }
}

TEST_CASE("file_store: sectors that are zero drop what was never flushed, and refuse what was", "[file_store_damage]") {
    for (const std::uint64_t together : std::vector<std::uint64_t>{1, 3, 20}) {
        counts sum;
        for (std::size_t padding = 0; padding < sector; padding += 8) {
            const written file(padding, together);
            judge jury(file.states);
            const std::size_t end = file.bytes.size();
            for (std::size_t one = 0; one < end; one += sector)
                for (std::size_t other = one; other < end; other += sector) {
                    CAPTURE(together, padding, one, other);
                    const std::string torn = with_zeros(with_zeros(file.bytes, one), other);
                    const outcome seen = jury.see(torn, oldest_allowed(file.bytes, torn), jury.newest(), one % 3 == 0);
                    const bool is_refused = seen == outcome::refuses_a_row || seen == outcome::refuses_all;
                    if (is_refused && !was_vouched_for(file.bytes, torn)) FAIL("what was never flushed is refused");
                }
            sum.add(jury.sum());
        }
        WARN(sum.text("zeroed sectors, " + std::to_string(together) + " flushed together"));
    }
}

TEST_CASE("file_store: a sector as it was at an earlier time gives no wrong or older row", "[file_store_damage]") {
    counts sum;
    for (std::size_t padding = 0; padding < sector; padding += 24) {
        simulated_files disk;
        std::vector<std::string> moments;
        std::vector<state> states;
        const auto life = [&](auto act) {
            store one{path, {}, disk};
            act(one);
            moments.push_back(disk.content(path));
            states.push_back(state_of(one.get_tokens()));
        };
        life([&](store& on) { on.save_token({.access_token = std::string(1 + padding, 'p'), .id = "padding"}); });
        for (int n = 1; n <= 2; ++n)
            for (const char* user : {"ada", "bob", "dan"}) life([&](store& on) { on.save_token(login(user, n)); });
        life([](store& on) { on.delete_token("bob"); });
        life([](store& on) { on.save_token(login("eve", 1)); });
        const std::string& whole = moments.back();
        judge jury(states);
        for (std::string before : moments) {
            before.resize(whole.size());
            for (std::size_t at = 0; at < whole.size(); at += sector) {
                CAPTURE(padding, at);
                const std::string torn = std::string(whole).replace(at, sector, before, at, sector);
                jury.see(torn, oldest_allowed(whole, torn), jury.newest(), false);
            }
        }
        sum.add(jury.sum());
    }
    WARN(sum.text("sectors of an earlier time"));
}

TEST_CASE("file_store: a row that was removed and erased before either was flushed is not taken for a torn record",
          "[file_store_damage]") {
    simulated_files disk;
    store first{path, {}, disk}, second{path, {}, disk};
    first.save_token(login("ada", 1));
    first.save_token({.access_token = "x", .id = "large"});
    second.save_token(login("bob", 1));
    bool is_removed = false;
    disk.before_flush([&] {
        if (!std::exchange(is_removed, true)) second.delete_token("large");
    });
    first.save_token({.access_token = std::string(3 * sector, 'x'), .id = "large"});
    disk.before_flush(nullptr);
    REQUIRE(is_removed);
    REQUIRE(disk.content(path).find(std::string(sector, '\0')) != std::string::npos);
    const std::string removal = pieces_of(disk.content(path)).back();
    REQUIRE(number_at<std::uint64_t>(removal, 32) + 2 == number_at<std::uint64_t>(removal, 16));
    judge jury({state_of({login("ada", 1), login("bob", 1)})});
    CHECK(jury.see(disk.content(path)) == outcome::harmless);
    CHECK(store{path, {}, disk}.find_token_by_id("large") == std::nullopt);
}

// ---- Sectors that lie elsewhere, or are missing ----

namespace {

/// What a store writes in a life with a large row that is deleted, and so erased, and another large row at the end.
struct lived {
    simulated_files disk{};
    std::vector<state> states{};
    std::string bytes{};

    std::string lock_file{};

    explicit lived(std::size_t padding) {
        save({.access_token = std::string(1 + padding, 'p'), .id = "padding"});
        for (const char* user : {"ada", "bob"}) save(login(user, 1));
        save({.access_token = std::string(3 * sector, 'x'), .id = "erased"});
        save(login("ada", 2));
        change([](store& on) { on.delete_token("erased"); });
        for (const char* user : {"bob", "dan", "ada"}) save(login(user, 3));
        save({.access_token = std::string(2 * sector, 'y'), .id = "last"});
        bytes = disk.content(path);
        lock_file = disk.content(path + ".lock");
    }

    void save(const token& row) {
        change([&](store& on) { on.save_token(row); });
    }
    template <class Change>
    void change(Change change) {
        change(on_);
        states.push_back(state_of(on_.get_tokens()));
    }

  private:
    store on_{path, {}, disk};
};

/// Where each record begins.
std::vector<std::size_t> places_of_records(const std::string& bytes) {
    std::vector<std::size_t> places;
    for (std::size_t at = 64; at < bytes.size(); at += record_size(bytes, at)) places.push_back(at);
    return places;
}

} // namespace

TEST_CASE("file_store: a part of a record over another one, or in it, gives no wrong or older row, and salvage loses "
          "nothing in silence",
          "[file_store_damage]") {
    counts sum;
    for (std::size_t padding = 0; padding < sector; padding += is_torture() ? 8u : 104u) {
        const lived file(padding);
        judge jury(file.states);
        const std::vector<std::size_t> places = places_of_records(file.bytes);
        for (const std::size_t from : places)
            for (const std::size_t to : places)
                for (const std::size_t inside : std::vector<std::size_t>{0, 8, 96, sector}) {
                    CAPTURE(padding, from, to, inside);
                    std::string damaged = file.bytes;
                    if (from == to || to + inside >= damaged.size()) continue;
                    const std::size_t size = std::min(sector, damaged.size() - to - inside);
                    damaged.replace(to + inside, size, file.bytes, from, size);
                    damaged.resize(file.bytes.size());
                    jury.see(damaged, oldest_known(file.bytes, damaged), jury.newest(), inside == 0);
                    jury.salvage(damaged, oldest_known(file.bytes, damaged));
                }
        sum.add(jury.sum());
    }
    WARN(sum.text("parts of records over others"));
}

TEST_CASE("file_store: the first sector of the last record over an earlier one costs that one at most",
          "[file_store_damage]") {
    const lived file(0);
    judge jury(file.states);
    const std::vector<std::size_t> places = places_of_records(file.bytes);
    for (std::size_t n = 1; n + 3 < places.size(); ++n) {
        CAPTURE(n);
        std::string damaged = file.bytes;
        damaged.replace(places[n], sector, file.bytes, places.back(), sector);
        CHECK(jury.see(damaged) == outcome::refuses_all);
        const salvage_report report = jury.salvage(damaged, jury.newest());
        CHECK(report.may_have_lost_others);
        simulated_files disk;
        disk.put(path, damaged);
        store on{path, {}, disk};
        CHECK(!on.salvage().original.empty());
        const std::string id = id_of_record(file.bytes.substr(places.back()));
        CHECK(on.find_token_by_id(id) == file.states.back().at(id));
        CHECK(on.find_token_by_id(id_of("ada")) == login("ada", 3));
    }
}

TEST_CASE("file_store: a sector that is missing from the middle gives no wrong or older row, and salvage loses nothing "
          "in silence",
          "[file_store_damage]") {
    counts sum;
    for (std::size_t padding = 0; padding < sector; padding += is_torture() ? 8u : 24u) {
        const lived file(padding);
        judge jury(file.states);
        for (std::size_t at = 0; at < file.bytes.size(); at += sector) {
            CAPTURE(padding, at);
            const std::string damaged = std::string(file.bytes).erase(at, sector);
            const std::size_t oldest = oldest_known(file.bytes, damaged);
            jury.see(damaged, oldest, jury.newest());
            jury.salvage(damaged, oldest);
        }
        sum.add(jury.sum());
    }
    WARN(sum.text("a sector missing"));
}

TEST_CASE("file_store: if bytes are missing from one record, it is damaged, and the others are served",
          "[file_store_damage]") {
    const lived file(0);
    judge jury(file.states);
    const std::size_t at = payload_of(file.bytes, id_of("dan")) + 8;
    for (const std::size_t size : std::vector<std::size_t>{8, 64, 100}) {
        CAPTURE(size);
        const std::string damaged = std::string(file.bytes).erase(at, size);
        CHECK(jury.see(damaged) == outcome::refuses_a_row);
        const salvage_report report = jury.salvage(damaged, jury.newest());
        CHECK(report.lost == std::vector<std::string>{id_of("dan")});
        CHECK(!report.may_have_lost_others);
    }
}

TEST_CASE("file_store: if bytes are missing from a row that was erased, the next change erases no other row",
          "[file_store_damage]") {
    simulated_files disk;
    store written{path, {}, disk};
    written.save_token({.access_token = std::string(3 * sector, 'x'), .id = "large"});
    const std::size_t end = disk.content(path).size();
    written.save_token(login("ada", 1));
    const std::size_t next = disk.content(path).size() - end;
    written.save_token(login("bob", 1));
    written.save_token(login("ada", 2));
    written.delete_token("large");
    for (const std::size_t missing : std::vector<std::size_t>{8, next, next + 8}) {
        CAPTURE(missing);
        simulated_files damaged;
        damaged.put(path, disk.content(path).erase(end - 16 - missing, missing));
        store on{path, {}, damaged};
        CHECK(on.get_tokens().size() == 2);
        on.save_token(login("eve", 1));
        store other{path, {}, damaged};
        CHECK(other.find_token_by_id(id_of("ada")) == login("ada", 2));
        CHECK(other.find_token_by_id(id_of("bob")) == login("bob", 1));
        CHECK(other.find_token_by_id(id_of("eve")) == login("eve", 1));
    }
}

TEST_CASE("file_store: if a torn file has records behind that place, it is copied before they are dropped",
          "[file_store_damage]") {
    const written file(0, 20); // none of its changes knows another one to be durable
    const std::vector<std::size_t> places = places_of_records(file.bytes);
    for (const bool has_records_behind : {true, false}) {
        CAPTURE(has_records_behind);
        const std::size_t at = has_records_behind ? places[4] : places.back();
        const std::string torn = with_zeros(file.bytes, at, has_records_behind ? sector : file.bytes.size() - at);
        const temporary_directory here;
        write_file(here / "tokens.tkj", torn);
        file_store(here / "tokens.tkj").save_token(login("gus", 1));
        std::vector<std::string> originals;
        for (const auto& each : std::filesystem::directory_iterator(here / ""))
            if (each.path().string().find(".damaged-") != std::string::npos) originals.push_back(bytes_of(each.path()));
        CHECK(originals == (has_records_behind ? std::vector<std::string>{torn} : std::vector<std::string>()));
    }
}

// ---- A file that ends before what was acknowledged ----

TEST_CASE("file_store: a file that was cut off or zeroed anywhere is refused if more was acknowledged",
          "[file_store_damage]") {
    const lived file(0);
    judge jury(file.states);
    jury.beside(file.lock_file);
    const std::size_t end = file.bytes.size();
    for (std::size_t at = 0; at < end; at += is_torture() ? 1u : 4u) {
        CAPTURE(at);
        jury.see(file.bytes.substr(0, at), is_torture());
        jury.see(with_zeros(file.bytes, at, end), is_torture());
        jury.salvage(with_zeros(file.bytes, at, end), jury.newest());
    }
    for (const std::size_t at : places_of_records(file.bytes)) {
        CAPTURE(at);
        CHECK(jury.see(file.bytes.substr(0, at)) == outcome::refuses_all);
        CHECK(jury.see(with_zeros(file.bytes, at, end)) == outcome::refuses_all);
        CHECK(jury.salvage(file.bytes.substr(0, at), jury.newest()).may_have_lost_others);
    }
    CHECK(jury.see(file.bytes) == outcome::harmless);
    CHECK(jury.sum().of[outcome::is_older] == 0);
}

TEST_CASE("file_store: sectors that are zero, missing or as they were refuse what was acknowledged, and never make it "
          "older",
          "[file_store_damage]") {
    counts sum;
    for (std::size_t padding = 0; padding < sector; padding += is_torture() ? 8u : 64u) {
        const lived file(padding);
        judge jury(file.states);
        jury.beside(file.lock_file);
        for (std::size_t one = 0; one < file.bytes.size(); one += sector) {
            CAPTURE(padding, one);
            for (std::size_t other = one; other < file.bytes.size(); other += sector)
                jury.see(with_zeros(with_zeros(file.bytes, one), other), false);
            jury.see(std::string(file.bytes).erase(one, sector));
        }
        CHECK(jury.sum().of[outcome::is_older] == 0);
        sum.add(jury.sum());
    }
    WARN(sum.text("zeroed or missing sectors of what was acknowledged"));
}

TEST_CASE("file_store: a sector that is zero in a batch that was acknowledged together costs what it hits",
          "[file_store_damage]") {
    const written file(0, 40); // no record knows another one to be durable
    const std::size_t last = snapshot_count(file.bytes) + file.states.size() - 1;
    const detail::journal::file_header header = detail::journal::header_of(file.bytes);
    const simulated_files disk;
    detail::acknowledged_marks<simulated_files>(path, disk).write(header.generation, header.first_seq + last - 1);
    judge jury(file.states);
    const std::size_t at = payload_of(file.bytes, id_of("bob")) / sector * sector;
    const std::string damaged = with_zeros(file.bytes, at);
    CHECK(jury.see(damaged, 0, jury.newest(), false) == outcome::is_older);
    jury.beside(disk.content(path + ".lock"));
    const outcome seen = jury.see(damaged);
    CHECK((seen == outcome::refuses_a_row || seen == outcome::refuses_all));

    const lived one(0); // the sector lies inside one record
    judge other_jury(one.states);
    const std::size_t inside = payload_of(one.bytes, "last") + sector;
    const std::string torn = with_zeros(one.bytes, inside / sector * sector);
    CHECK(other_jury.see(torn, 0, other_jury.newest(), false) == outcome::is_older);
    CHECK(other_jury.beside(one.lock_file).see(torn) == outcome::refuses_a_row);
}

TEST_CASE("file_store: an older copy of the file is refused, says so, and is accepted by salvage",
          "[file_store_damage]") {
    const temporary_directory here;
    const std::string file = here / "tokens.tkj";
    file_store first(file);
    for (int n = 1; n <= 2; ++n)
        for (const char* user : {"ada", "bob"}) first.save_token(login(user, n));
    const std::string backup = bytes_of(file);
    first.save_token(login("bob", 3));
    write_file(file, backup);
    file_store on(file);
    for (int n = 0; n < 2; ++n) {
        try {
            (void)on.find_token_by_id("ada");
            FAIL("an older copy is read");
        } catch (const error& failure) {
            CHECK(failure.code() == errc::storage_corrupt);
            const std::string text = failure.what();
            CHECK(text.find("is older than what was acknowledged, which is record 6 of generation 1") != text.npos);
            CHECK(text.find("salvage()") != text.npos);
        }
        CHECK(is_corrupt([&] { on.save_token(login("eve", 1)); }));
        CHECK(bytes_of(file) == backup);
    }
    const salvage_report report = on.salvage();
    CHECK(report.may_have_lost_others);
    CHECK(report.rows == 2);
    CHECK(bytes_of(report.original) == backup);
    for (file_store again(file); file_store * each : {&on, &again}) {
        CHECK(each->find_token_by_id(id_of("bob")) == login("bob", 2));
        each->save_token(login("ada", 4));
        CHECK(each->salvage().original.empty());
    }
    CHECK(state_of(file_store(file).get_tokens()) == state_of({login("ada", 4), login("bob", 2)}));
}

TEST_CASE("file_store: a file of another generation, or without a mark, is read as it is", "[file_store_damage]") {
    lived file(0);
    judge jury(file.states);
    simulated_files disk;
    disk.put(path, file.bytes);
    store{path, {}, disk}.compact();
    CHECK(jury.beside(file.lock_file).see(disk.content(path)) == outcome::harmless);
    simulated_files other; // its numbers are lower
    store{path, {}, other}.save_token(login("ada", 1));
    disk.put(path, other.content(path));
    disk.put(path + ".lock", file.lock_file);
    CHECK(state_of(store{path, {}, disk}.get_tokens()) == state_of({login("ada", 1)}));
    const std::string cut = file.bytes.substr(0, places_of_records(file.bytes).back());
    std::string other_check = file.lock_file;
    for (std::size_t at = 32; at < other_check.size(); at += 64) other_check[at] ^= 1;
    for (const std::string& lock_file :
         {std::string(), std::string("x"), std::string(5'000, '\xff'), other_check, file.lock_file.substr(0, 20)})
        CHECK(jury.beside(lock_file).see(cut, jury.newest() - 1, jury.newest()) == outcome::is_older);
}

TEST_CASE("file_store: a store that has the file open notices that records of another one are gone",
          "[file_store_damage]") {
    simulated_files disk;
    store one{path, {}, disk}, other{path, {}, disk};
    one.save_token(login("ada", 1));
    CHECK(other.find_token_by_id(id_of("ada")) == login("ada", 1));
    for (int n = 2; n <= 4; ++n) one.save_token(login("ada", n));
    const std::string bytes = disk.content(path);
    disk.open(path)->truncate(places_of_records(bytes).back());
    CHECK(is_corrupt([&] { (void)other.find_token_by_id(id_of("ada")); }));
    CHECK(is_corrupt([&] { other.save_token(login("bob", 1)); }));
    disk.open(path)->write(0, bytes); // the same file, put back
    CHECK(other.find_token_by_id(id_of("ada")) == login("ada", 4));
}

TEST_CASE("file_store: a mark names nothing that a power failure can take", "[file_store_damage]") {
    simulated_files disk;
    std::size_t states = 0;
    store one{path, {}, disk}, other{path, {}, disk};
    const auto look = [&](const std::vector<std::string>& acknowledged) {
        disk.for_each_power_failure(path, 16, [&](simulated_files after) {
            if (!after.find(path)) return;
            if (disk.find(path + ".lock")) after.put(path + ".lock", disk.content(path + ".lock"));
            store fresh{path, {}, after};
            for (const std::string& id : acknowledged) CHECK(fresh.find_token_by_id(id));
            fresh.save_token(login("eve", 1));
            ++states;
        });
    };
    std::vector<std::string> acknowledged;
    disk.before_flush([&] { look(acknowledged); });
    for (const char* user : {"ada", "bob", "dan", "fay"}) {
        one.save_token(login(user, 1));
        look(acknowledged);
        acknowledged.push_back(id_of(user));
        if (user[0] == 'b') one.delete_token("none"), one.compact();
        if (user[0] == 'd') (void)other.find_token_by_id("fay");
    }
    disk.before_flush(nullptr);
    CHECK(states > 50);
}

TEST_CASE("file_store: a save whose mark cannot be written is saved all the same", "[file_store_damage]") {
    simulated_files disk;
    store on{path, {}, disk};
    on.save_token(login("ada", 1));
    disk.plan(disk.calls() + 2, testing::disk_fault::fails); // write, flush, mark
    on.save_token(login("ada", 2));
    CHECK(disk.log().back() == "write");
    CHECK(state_of(store{path, {}, disk}.get_tokens()) == state_of({login("ada", 2)}));
    const std::string cut = disk.content(path).substr(0, places_of_records(disk.content(path)).back());
    on.save_token(login("ada", 3));
    disk.put(path, cut);
    CHECK(is_corrupt([&] { (void)store{path, {}, disk}.get_tokens(); })); // marks are written again
}

TEST_CASE("file_store: a save is one write, one flush, and one write of a mark that is not flushed",
          "[file_store_damage]") {
    simulated_files disk;
    store on{path, {}, disk};
    for (int n = 1; n <= 3; ++n) on.save_token(login("ada", n));
    const std::size_t calls = disk.calls();
    on.save_token(login("ada", 4));
    using names = std::vector<std::string>;
    CHECK(names(disk.log().begin() + static_cast<std::ptrdiff_t>(calls), disk.log().end()) ==
          names{"write", "flush", "write"});
    (void)on.find_token_by_id(id_of("ada"));
    CHECK(disk.calls() == calls + 3);
}

// ---- Records that are not where they belong ----

TEST_CASE("file_store: records that are missing, repeated or in another order refuse the store",
          "[file_store_damage]") {
    for (const frozen& file : all_frozen()) {
        const std::vector<std::string> pieces = pieces_of(file.bytes());
        const std::size_t records = pieces.size() - 1;
        judge jury(file.states());
        for (std::size_t n = 1; n <= records; ++n) {
            CAPTURE(file.name, n);
            std::vector<std::string> without = pieces;
            without.erase(without.begin() + static_cast<std::ptrdiff_t>(n));
            if (n < records) CHECK(jury.see(joined(without)) == outcome::refuses_all);
            // The one loss that cannot be seen.
            if (n == records) CHECK(jury.see(joined(without), jury.newest() - 1, jury.newest()) == outcome::is_older);
            for (std::size_t other = 1; other <= records; ++other) {
                CAPTURE(other);
                std::vector<std::string> twice = pieces, swapped = pieces, over = pieces;
                twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(other) + 1, pieces[n]);
                CHECK(jury.see(joined(twice)) == outcome::refuses_all);
                if (n == other) continue;
                std::swap(swapped[n], swapped[other]);
                CHECK(jury.see(joined(swapped)) == outcome::refuses_all);
                over[n] = pieces[other];
                CHECK(jury.see(joined(over)) == outcome::refuses_all);
            }
        }
        WARN(jury.sum().text(file.name + " with records missing, repeated or exchanged"));
    }
}

TEST_CASE("file_store: a record of another file or an earlier generation is none of this one", "[file_store_damage]") {
    for (const frozen& file : all_frozen()) {
        const std::string bytes = file.bytes();
        simulated_files disk;
        disk.put(path, bytes);
        store{path, {}, disk}.compact();
        std::vector<std::vector<std::string>> others{pieces_of(disk.content(path))};
        for (const frozen& other : all_frozen())
            if (other.name != file.name) others.push_back(pieces_of(other.bytes()));
        const std::vector<std::string> pieces = pieces_of(bytes);
        judge jury(file.states());
        for (const std::vector<std::string>& other : others) {
            std::vector<std::string> under_header = pieces;
            under_header[0] = other[0];
            CHECK(jury.see(joined(under_header)) == outcome::refuses_all);
            for (std::size_t n = 1; n < other.size(); ++n)
                for (std::size_t at = 1; at < pieces.size(); ++at) { // before the last one, it may cost that one
                    CAPTURE(file.name, n, at);
                    std::vector<std::string> more = pieces, instead = pieces;
                    more.insert(more.begin() + static_cast<std::ptrdiff_t>(at), other[n]);
                    instead[at] = other[n];
                    const bool is_before_last = at + 1 == pieces.size();
                    for (const auto& spliced : {more, instead})
                        jury.see(joined(spliced), jury.newest() - is_before_last, jury.newest());
                }
        }
        WARN(jury.sum().text(file.name + " with foreign records"));
    }
}

TEST_CASE("file_store: bytes that are lost or put in cost no more than the last record unseen", "[file_store_damage]") {
    for (const frozen& file : all_frozen()) {
        const std::string bytes = file.bytes();
        const std::size_t last = bytes.size() - pieces_of(bytes).back().size();
        judge jury(file.states());
        for (std::size_t at = 0; at < last; at += 4)
            for (const std::size_t size : std::vector<std::size_t>{1, 8, 40, 120, 256, 512}) {
                CAPTURE(file.name, at, size);
                jury.see(std::string(bytes).insert(at, size, 'x'), jury.newest() - 1, jury.newest(), false);
                if (at + size < last)
                    jury.see(std::string(bytes).erase(at, size), jury.newest() - 1, jury.newest(), false);
            }
        WARN(jury.sum().text(file.name + " with bytes lost or put in"));
    }
}

TEST_CASE("file_store: garbage behind the records is refused or does no harm", "[file_store_damage]") {
    for (const frozen& file : all_frozen()) {
        const std::string bytes = file.bytes();
        std::mt19937 random(7);
        std::string noise(200, '\0');
        for (char& c : noise) c = static_cast<char>(random());
        simulated_files disk;
        disk.put(path, bytes);
        store{path, {}, disk}.compact();
        const std::string shorter = disk.content(path);
        judge jury(file.states());
        for (const std::string& garbage :
             {std::string("x"), std::string("...}]"), std::string("...}]08\"}]"), std::string(300, 'x'), noise,
              std::string(8, '\0'), std::string(55, '\0'), std::string(5'000, '\0'), bytes, bytes.substr(64),
              bytes.substr(100), shorter, shorter.substr(64)}) {
            CAPTURE(file.name, garbage.size());
            const outcome seen = jury.see(bytes + garbage);
            CHECK((seen == outcome::harmless || seen == outcome::refuses_all));
        }
        // A shorter file was written over a longer one.
        if (shorter.size() < bytes.size()) jury.see(shorter + bytes.substr(shorter.size()));
        jury.see(bytes + (bytes + bytes).substr(bytes.size()));
        WARN(jury.sum().text(file.name + " with garbage behind it"));
    }
}

TEST_CASE("file_store: a file that went through text mode, or is a text, is refused and left as it is",
          "[file_store_damage]") {
    for (const frozen& file : all_frozen()) {
        const std::string bytes = file.bytes();
        std::string with_crlf, only_lf, seven_bits, wide;
        for (std::size_t n = 0; n < bytes.size(); ++n) {
            with_crlf += bytes[n] == '\n' ? "\r\n" : std::string(1, bytes[n]);
            if (bytes.compare(n, 2, "\r\n") != 0) only_lf += bytes[n];
            seven_bits += static_cast<char>(bytes[n] & 0x7f);
            wide += {bytes[n], '\0'};
        }
        judge jury(file.states());
        for (const std::string& text : {"\xef\xbb\xbf" + bytes, with_crlf, only_lf, seven_bits, wide, "\n" + bytes,
                                        "<!DOCTYPE html><html><body>502 Bad Gateway</body></html>" + bytes,
                                        std::string("<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>\n"),
                                        std::string("[]"), std::string()}) {
            CAPTURE(file.name, text.substr(0, 12));
            CHECK(jury.see(text) == outcome::refuses_all);
        }
    }
}

// ---- What becomes of a damaged row ----

namespace {

/// A disk with a store of three rows, of which those named are damaged.
struct damaged_disk {
    simulated_files disk{};

    explicit damaged_disk(const std::vector<std::string>& users) {
        store first{path, {}, disk};
        for (const char* user : {"ada", "bob", "eve"}) first.save_token(login(user, 1));
        for (const char* user : {"ada", "bob", "eve"}) first.save_token(login(user, 2));
        std::string bytes = disk.content(path);
        for (const std::string& user : users) bytes = with_damage(bytes, id_of(user));
        disk.put(path, bytes);
    }

    store open() const { return store{path, {}, disk}; }
    std::string bytes() const { return disk.content(path); }
    /// Makes a hole: the header of a record is damaged.
    void make_hole(const std::string& user) {
        disk.put(path, with_flip(bytes(), payload_of(bytes(), id_of(user)) - 9));
    }
};

bool finds(store& in, const token& row) { return in.find_token_by_id(row.id) == row; }

} // namespace

TEST_CASE("file_store: a damaged row is refused, and whatever may mean it; the others are served",
          "[file_store_damage]") {
    const damaged_disk with({"eve"});
    store on = with.open();
    CHECK(is_corrupt([&] { (void)on.find_token_by_id("eve"); }));
    CHECK(is_corrupt([&] { (void)on.find_token({.user_name = "eve"}); }));
    CHECK(is_corrupt([&] { (void)on.find_token({.user_name = "nobody"}); }));
    const auto ignore = [](const detail::row_view&) {};
    CHECK(is_corrupt([&] { on.visit_token(detail::row_view(token{.user_name = "nobody"}), ignore); }));
    CHECK(on.visit_token(detail::row_view(token{.user_name = "bob"}), ignore));
    CHECK(is_corrupt([&] { (void)on.get_tokens(); }));
    CHECK(is_corrupt([&] { on.save_token(login("eve", 3)); }));
    CHECK(is_corrupt([&] { on.save_token({.user_name = "nobody", .access_token = "x"}); }));
    CHECK(finds(on, login("ada", 2)));
    CHECK(on.find_token({.user_name = "bob"}) == login("bob", 2));
    CHECK(on.find_token_by_id("an id that no row has") == std::nullopt);
    CHECK(on.find_token({}) == std::nullopt);
    on.save_token(login("bob", 3));
    on.save_token(login("zoe", 1));
    on.delete_token(id_of("ada"));
    store again = with.open();
    CHECK(finds(again, login("bob", 3)));
    CHECK(finds(again, login("zoe", 1)));
    CHECK(again.find_token_by_id(id_of("ada")) == std::nullopt);
    CHECK(is_corrupt([&] { (void)again.find_token_by_id("eve"); }));
}

TEST_CASE("file_store: deleting a damaged row, or all rows, lifts the damage", "[file_store_damage]") {
    for (const bool is_compacted : {false, true}) {
        CAPTURE(is_compacted);
        const damaged_disk with({"eve", "bob"});
        store on = with.open();
        if (is_compacted) on.compact();
        on.delete_token("eve");
        CHECK(on.find_token_by_id("eve") == std::nullopt);
        CHECK(is_corrupt([&] { (void)on.get_tokens(); }));
        on.delete_token("bob");
        for (store each = with.open(); store * one : {&on, &each}) {
            CHECK(one->find_token({.user_name = "eve"}) == std::nullopt);
            CHECK(state_of(one->get_tokens()) == state_of({login("ada", 2)}));
        }
        on.save_token(login("eve", 3));
        CHECK(finds(on, login("eve", 3)));
        store again = with.open();
        CHECK(finds(again, login("eve", 3)));

        const damaged_disk other({"eve", "bob"});
        store cleared = other.open();
        if (is_compacted) cleared.compact();
        cleared.delete_tokens();
        CHECK(cleared.get_tokens().empty());
        cleared.save_token(login("eve", 3));
        CHECK(state_of(other.open().get_tokens()) == state_of({login("eve", 3)}));
    }
}

TEST_CASE("file_store: deleting a damaged row erases what it was", "[file_store_damage]") {
    const damaged_disk with({"eve"});
    with.open().delete_token("eve");
    for (const std::string secret : {"access 1 of eve", "access 2 of eve", "refresh 1 of eve", "refresh 2 of eve"}) {
        CAPTURE(secret);
        CHECK(with.bytes().find(secret) == std::string::npos);
    }
}

TEST_CASE("file_store: a file of 0.1 with damage is rewritten with its damage, and copied first",
          "[file_store_damage]") {
    const temporary_directory here;
    const std::string file = here / "tokens.tkj";
    const std::string bytes = with_damage(all_of_version_1()[0].bytes(), id_of("bob"));
    write_file(file, bytes);
    file_store(file).save_token(login("gus", 1));
    file_store on(file);
    CHECK(on.find_token_by_id("gus") == login("gus", 1));
    CHECK(is_corrupt([&] { (void)on.find_token_by_id(id_of("bob")); }));
    std::vector<std::string> originals;
    for (const auto& each : std::filesystem::directory_iterator(here / ""))
        if (each.path().string().find(".damaged-") != std::string::npos) originals.push_back(bytes_of(each.path()));
    CHECK(originals == std::vector<std::string>{bytes});
}

TEST_CASE("file_store: damage goes with a file that is written anew, and the old file is kept", "[file_store_damage]") {
    const temporary_directory here;
    const std::string file = here / "tokens.tkj";
    const auto originals = [&] {
        std::vector<std::string> names;
        for (const auto& each : std::filesystem::directory_iterator(here / ""))
            if (each.path().string().find(".damaged-") != std::string::npos) names.push_back(each.path());
        return names;
    };
    const std::string bytes = with_damage(plain().bytes(), id_of("bob"));
    write_file(file, bytes);
    file_store(file).compact();
    REQUIRE(originals().size() == 1);
    CHECK(bytes_of(originals()[0]) == bytes);
    CHECK(mode_of(originals()[0]) == 0600);
    for (int n = 0; n < 2; ++n) {
        file_store again(file);
        CHECK(is_corrupt([&] { (void)again.find_token_by_id(id_of("bob")); }));
        CHECK(is_corrupt([&] { (void)again.get_tokens(); }));
        CHECK(again.find_token_by_id(id_of("ada")) == login("ada", 2));
        CHECK(again.find_token({.user_name = "fay"}) == login("fay", 1));
        CHECK(again.find_token_by_id(id_of("eve")) == std::nullopt);
        again.compact();
    }
    CHECK(originals().size() == 1); // no second copy for damage that is known
}

TEST_CASE("file_store: a hole refuses all until delete_tokens or salvage", "[file_store_damage]") {
    damaged_disk with({});
    with.make_hole("bob"); // the row that can be read is older
    const std::string before = with.bytes();
    store on = with.open();
    for (int n = 0; n < 2; ++n) {
        for (const char* id : {"bob", "eve", "nobody"}) {
            CAPTURE(id);
            CHECK(is_corrupt([&] { (void)on.find_token_by_id(id); }));
            CHECK(is_corrupt([&] { (void)on.find_token({.user_name = id}); }));
            CHECK(is_corrupt([&] { on.save_token(login(id, 3)); }));
        }
        CHECK(is_corrupt([&] { (void)on.find_token({}); }));
        CHECK(is_corrupt([&] { (void)on.get_tokens(); }));
        CHECK(is_corrupt([&] { on.delete_token("bob"); }));
        CHECK(is_corrupt([&] { (void)on.replace_token(login("bob", 1), login("bob", 3)); }));
        CHECK(is_corrupt([&] { (void)on.remove_token(login("bob", 1)); }));
        CHECK(is_corrupt([&] { on.compact(); }));
        CHECK(with.bytes() == before);
    }
    on.delete_tokens();
    CHECK(on.get_tokens().empty());
    on.save_token(login("bob", 3));
    CHECK(state_of(with.open().get_tokens()) == state_of({login("bob", 3)}));
}

TEST_CASE("file_store: whether a row is as expected is not said where nobody can know", "[file_store_damage]") {
    damaged_disk hole({}), row({"bob"});
    hole.make_hole("bob");
    for (const damaged_disk* with : {&hole, &row}) {
        store on = with->open();
        const std::string before = with->bytes();
        CHECK(is_corrupt([&] { (void)on.replace_token(login("bob", 2), login("bob", 3)); }));
        CHECK(is_corrupt([&] { (void)on.remove_token(login("bob", 2)); }));
        CHECK(with->bytes() == before);
    }
    store on = hole.open();
    CHECK(is_corrupt([&] { on.delete_token("nobody"); }));
}

// ---- Salvage ----

TEST_CASE("salvage: it changes nothing where nothing is wrong", "[file_store_damage]") {
    const std::string bytes = plain().bytes();
    for (const std::string& each : {bytes, bytes.substr(0, bytes.size() - 20), bytes + std::string(100, '\0')}) {
        simulated_files disk;
        disk.put(path, each);
        store on{path, {}, disk};
        for (int n = 0; n < 2; ++n) {
            const std::size_t calls = disk.log().size();
            const salvage_report report = on.salvage();
            CHECK(report.original.empty());
            CHECK(report.lost.empty());
            CHECK(!report.may_have_lost_others);
            CHECK(report.rows == on.get_tokens().size());
            CHECK(disk.content(path) == each);
            CHECK(std::count(disk.log().begin() + static_cast<std::ptrdiff_t>(calls), disk.log().end(), "write") == 0);
        }
    }
}

TEST_CASE("salvage: where there is no file there is none afterwards", "[file_store_damage]") {
    const simulated_files disk;
    store on{path, {}, disk};
    const salvage_report report = on.salvage();
    CHECK(report.original.empty());
    CHECK(report.rows == 0);
    CHECK(!report.may_have_lost_others);
    CHECK(!disk.find(path));
    on.save_token(login("ada", 1));
    CHECK(state_of(on.get_tokens()) == state_of({login("ada", 1)}));
}

TEST_CASE("salvage: it names the rows it loses, keeps the others, and keeps the file as it was",
          "[file_store_damage]") {
    const temporary_directory here;
    const std::string file = here / "tokens.tkj";
    const std::string bytes = with_damage(with_damage(plain().bytes(), id_of("bob")), id_of("ada"));
    write_file(file, bytes);
    file_store on(file);
    const salvage_report report = on.salvage();
    CHECK(report.rows == 3);
    CHECK(report.lost == std::vector<std::string>{id_of("ada"), id_of("bob")});
    CHECK(!report.may_have_lost_others);
    CHECK(bytes_of(report.original) == bytes);
    CHECK(mode_of(report.original) == 0600);
    CHECK(mode_of(file) == 0600);
    const state kept = state_of({login("dan", 1), login("fay", 1), login("zoe", 1)});
    CHECK(state_of(on.get_tokens()) == kept);
    CHECK(state_of(file_store(file).get_tokens()) == kept);
    CHECK(on.find_token({.user_name = "bob"}) == std::nullopt);

    const std::string mended = bytes_of(file);
    const salvage_report second = on.salvage();
    CHECK(second.rows == 3);
    CHECK(second.lost.empty());
    CHECK(second.original.empty());
    CHECK(bytes_of(file) == mended);
    on.save_token(login("bob", 4));
    CHECK(file_store(file).find_token({.user_name = "bob"}) == login("bob", 4));
}

TEST_CASE("salvage: damage that an earlier generation had is lost with it", "[file_store_damage]") {
    simulated_files disk;
    disk.put(path, damaged().bytes());
    store on{path, {}, disk};
    const salvage_report report = on.salvage();
    CHECK(report.lost == std::vector<std::string>{"eve"});
    CHECK(report.rows == 3);
    CHECK(disk.content(report.original) == damaged().bytes());
    CHECK(state_of(on.get_tokens()) == state_of({login("ada", 2), login("bob", 1), login("dan", 1)}));
}

TEST_CASE("salvage: where records are missing it says that others may be lost", "[file_store_damage]") {
    damaged_disk with({"eve"});
    with.make_hole("bob");
    const std::string bytes = with.bytes();
    store on = with.open();
    const salvage_report report = on.salvage();
    CHECK(report.may_have_lost_others);
    CHECK(report.lost == std::vector<std::string>{"eve"});
    CHECK(report.rows == 2);
    CHECK(with.disk.content(report.original) == bytes);
    CHECK(finds(on, login("ada", 2)));
    CHECK(finds(on, login("bob", 1))); // older than it was
    store again = with.open();
    CHECK(state_of(again.get_tokens()) == state_of({login("ada", 2), login("bob", 1)}));
}

TEST_CASE("salvage: of a file that is none of ours it keeps a copy, and the store is a new one",
          "[file_store_damage]") {
    const std::string plain_bytes = plain().bytes();
    for (const std::string& bytes :
         {std::string(), std::string("\n"), std::string("<!DOCTYPE html><html>502 Bad Gateway</html>"),
          std::string(5'000, 'x'), std::string(5'000, '\0'), "\xef\xbb\xbf" + plain_bytes, plain_bytes.substr(0, 63)}) {
        CAPTURE(bytes.size(), bytes.substr(0, 12));
        simulated_files disk;
        disk.put(path, bytes);
        store on{path, {}, disk};
        CHECK(is_corrupt([&] { (void)on.get_tokens(); }));
        const salvage_report report = on.salvage();
        CHECK(report.rows == 0);
        CHECK(report.may_have_lost_others);
        REQUIRE(!report.original.empty());
        CHECK(disk.content(report.original) == bytes);
        CHECK(on.get_tokens().empty());
        on.save_token(login("ada", 1));
        CHECK(state_of(store{path, {}, disk}.get_tokens()) == state_of({login("ada", 1)}));
        CHECK(on.salvage().original.empty());
    }
}

TEST_CASE("salvage: a header of which only the check is damaged costs no row", "[file_store_damage]") {
    const frozen file = plain();
    simulated_files disk;
    disk.put(path, with_flip(file.bytes(), 60));
    store on{path, {}, disk};
    CHECK(is_corrupt([&] { (void)on.get_tokens(); }));
    const salvage_report report = on.salvage();
    CHECK(report.may_have_lost_others);
    CHECK(state_of(on.get_tokens()) == file.states().back());
    CHECK(state_of(store{path, {}, disk}.get_tokens()) == file.states().back());
}

TEST_CASE("salvage: no bit of the header that flips costs a row, except in the version", "[file_store_damage]") {
    for (const frozen& file : all_versions()) {
        const std::string bytes = file.bytes();
        const state rows = file.states().back();
        const std::size_t readable = static_cast<std::size_t>(
            std::count_if(rows.begin(), rows.end(), [](const auto& each) { return each.second.has_value(); }));
        for (std::size_t at = 0; at < 64; ++at)
            for (int bit = 0; bit < 8; ++bit) {
                if (at == 8 || at == 9) continue;
                CAPTURE(file.name, at, bit);
                simulated_files disk;
                disk.put(path, with_flip(bytes, at, bit));
                store on{path, {}, disk};
                CHECK(is_corrupt([&] { (void)on.find_token_by_id("an id that no row has"); }));
                const salvage_report report = on.salvage();
                CHECK(report.rows == readable);
                CHECK(report.lost.size() == rows.size() - readable);
                CHECK(report.may_have_lost_others);
                CHECK(disk.content(report.original) == with_flip(bytes, at, bit));
                for (const token& row : store{path, {}, disk}.get_tokens()) CHECK(rows.at(row.id) == row);
            }
    }
}

TEST_CASE("salvage: if the first sector is gone, the lock file names the generation of the other records",
          "[file_store_damage]") {
    const lived file(2 * sector); // its first record reaches beyond the first sector
    for (const bool is_compacted : {false, true}) {
        simulated_files disk = file.disk;
        store first{path, {}, disk};
        if (is_compacted) first.compact(), (void)first.salvage();
        const state rows = state_of(first.get_tokens());
        const std::string bytes = disk.content(path);
        for (const std::string& damaged :
             {with_zeros(bytes, 0), bytes.substr(sector), std::string(sector, 'x') + bytes.substr(sector)}) {
            CAPTURE(is_compacted, damaged.size());
            simulated_files after;
            after.put(path, damaged);
            after.put(path + ".lock", disk.content(path + ".lock"));
            store on{path, {}, after};
            CHECK(is_corrupt([&] { (void)on.find_token_by_id("an id that no row has"); }));
            const salvage_report report = on.salvage();
            CHECK(report.may_have_lost_others);
            CHECK(report.rows >= rows.size() - 1 - is_compacted);
            for (const token& row : on.get_tokens()) CHECK(rows.at(row.id) == row);
        }
    }
}

TEST_CASE("salvage: if only the header is gone, every row is found", "[file_store_damage]") {
    const lived file(0);
    simulated_files disk;
    disk.put(path, file.bytes.substr(64));
    disk.put(path + ".lock", file.lock_file);
    store on{path, {}, disk};
    CHECK(on.salvage().may_have_lost_others);
    CHECK(state_of(on.get_tokens()) == file.states.back());
}

TEST_CASE("salvage: zeros behind a damaged header are not the end of the file", "[file_store_damage]") {
    const lived file(0);
    simulated_files disk = file.disk;
    store whole{path, {}, disk};
    for (const char* user : {"bob", "eve", "zoe"}) whole.save_token(login(user, 1)); // rows that the zeros do not reach
    whole.compact(); // none of its records knows another one to be durable
    const auto rows = state_of(whole.get_tokens());
    const std::string bytes = disk.content(path);
    REQUIRE(bytes.size() > 2 * sector + 500);
    simulated_files after;
    after.put(path, with_zeros(with_flip(bytes, 20), 64, sector * 2 - 64));
    store on{path, {}, after};
    const salvage_report report = on.salvage();
    CHECK(report.may_have_lost_others);
    CHECK(report.rows > 0);
    for (const token& row : on.get_tokens()) CHECK(rows.at(row.id) == row);
}

TEST_CASE("salvage: if bits flip in the header and in records, the other records are found", "[file_store_damage]") {
    const frozen file = plain();
    for (const std::size_t at : std::vector<std::size_t>{0, 20, 31, 56}) {
        CAPTURE(at);
        simulated_files disk;
        std::string damaged = with_damage(with_flip(file.bytes(), at), id_of("bob"));
        damaged = with_flip(damaged, places_of_records(damaged)[0] + 20); // the first record has no header any more
        disk.put(path, damaged);
        store on{path, {}, disk};
        const salvage_report report = on.salvage();
        CHECK(report.lost == std::vector<std::string>{id_of("bob")});
        CHECK(on.find_token_by_id(id_of("dan")) == login("dan", 1));
        CHECK(on.find_token_by_id(id_of("ada")) == login("ada", 2));
    }
}

TEST_CASE("salvage: a file of a newer major version is left as it is", "[file_store_damage]") {
    for (const std::string& bytes : {with_flip(plain().bytes(), 8, 0), with_flip(plain().bytes(), 9)}) {
        simulated_files disk;
        disk.put(path, bytes);
        const std::size_t calls = disk.calls();
        store on{path, {}, disk};
        CHECK(code_of([&] { (void)on.salvage(); }) == errc::unsupported_version);
        CHECK(code_of([&] { (void)on.get_tokens(); }) == errc::unsupported_version);
        CHECK(disk.content(path) == bytes);
        CHECK(disk.calls() == calls);
    }
}

TEST_CASE("salvage: a disk that takes no copy changes nothing", "[file_store_damage]") {
    for (std::size_t call = 0;; ++call) {
        CAPTURE(call);
        damaged_disk with({"eve"});
        const std::string bytes = with.bytes();
        with.disk.plan(with.disk.calls() + call, testing::disk_fault::fails);
        store on = with.open();
        const std::error_code fault = code_of([&] { (void)on.salvage(); });
        if (!fault) break;
        REQUIRE(call < 20);
        CHECK((fault == errc::not_saved || fault == errc::indeterminate));
        if (fault == errc::not_saved) CHECK(with.bytes() == bytes);
        store again = with.open();
        CHECK(finds(again, login("ada", 2)));
        CHECK(finds(again, login("bob", 2)));
        (void)again.salvage();
        CHECK(state_of(again.get_tokens()) == state_of({login("ada", 2), login("bob", 2)}));
    }
}

TEST_CASE("salvage: other stores of the file go on", "[file_store_damage]") {
    const damaged_disk with({});
    store watching = with.open(), other = with.open(), mending = with.open();
    CHECK(watching.get_tokens().size() == 3);
    const std::size_t at = payload_of(with.bytes(), "eve");
    with.disk.open(path)->write(at, "damage");
    CHECK(is_corrupt([&] { (void)mending.get_tokens(); }));
    other.save_token(login("zoe", 1));
    const salvage_report report = mending.salvage();
    CHECK(report.lost == std::vector<std::string>{"eve"});
    const state kept = state_of({login("ada", 2), login("bob", 2), login("zoe", 1)});
    for (store* each : {&watching, &other, &mending}) CHECK(state_of(each->get_tokens()) == kept);
    watching.save_token(login("eve", 3));
    other.save_token(login("bob", 3));
    for (store* each : {&watching, &other, &mending}) {
        CHECK(finds(*each, login("eve", 3)));
        CHECK(finds(*each, login("bob", 3)));
        CHECK(each->get_tokens().size() == 4);
    }
}
