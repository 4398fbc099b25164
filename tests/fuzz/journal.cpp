// SPDX-License-Identifier: MIT
// Valid journals, changed in place as the input says: bits that flip, sectors that are zero, missing, or lie somewhere
// else, files that are cut off. The first byte chooses the journal, and whether its lock file is there; each change is
// 8 bytes. A file_store must give every row as it was last, or refuse it with a typed error. Only records that nothing
// in the changed file knows to have been durable may be missing at its end.
#include <tokenkeep/file_store.hpp>
#include <tokenkeep/testing/simulated_files.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tokenkeep;
namespace journal = tokenkeep::detail::journal;
using testing::simulated_files;

struct simulated : defaults {
    using files = simulated_files;
};
using store = basic_file_store<simulated>;
using state = std::map<std::string, token>;

const std::string path = "t";
constexpr std::size_t sector = 512;

void demand(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

token login(const std::string& user, int n, std::size_t size = 60) {
    const std::string version = std::to_string(n) + " of " + user;
    return {.user_name = user,
            .refresh_token = "refresh " + version,
            .access_token = "access " + version + std::string(size, '.'),
            .id = user};
}

// ---- The journals ----

/// A journal as a store writes it: a snapshot, changes of four users, and a large row that was removed and erased.
struct written {
    std::string bytes{};
    std::string lock_file{};
    std::vector<state> states{};                                 ///< After the snapshot, and after each change.
    std::vector<std::size_t> places{};                           ///< Where each record begins.
    std::vector<std::pair<std::string, std::size_t>> vouchers{}; ///< A record's header, and the state it knows of.

    /// `together` changes are flushed at one time.
    written(std::size_t snapshot, std::size_t together, std::size_t padding) {
        header_.generation.fill('g');
        header_.number = 3;
        header_.first_seq = 5;
        header_.count = snapshot;
        together_ = together;
        journal::append_header(out_, header_);
        put({.access_token = std::string(1 + padding, 'p'), .id = "padding"});
        put({.access_token = std::string(3 * sector, 'x'), .id = "erased"});
        for (int n = 1; n <= 3; ++n) {
            for (const char* user : {"ada", "bob", "dan"}) put(login(user, n));
            if (n == 2) remove("erased");
        }
        const bool ends_with_large_row = padding == 0;
        if (ends_with_large_row) put(login("ada", 4));
        put(login("eve", 1, 2 * sector));
        if (!ends_with_large_row) put(login("ada", 4));
        bytes = out_;
        const simulated_files disk;
        detail::acknowledged_marks<simulated_files>(path, disk).write(header_.generation, seq_ - 1);
        lock_file = disk.content(path + ".lock");
    }

  private:
    void append(journal::record_type type, const std::string& id, const detail::wiping_string& payload) {
        const std::size_t count = places.size(), place = out_.size();
        const bool is_appended = count >= header_.count;
        std::uint64_t durable = 0;
        if (is_appended) {
            const std::size_t change = count - static_cast<std::size_t>(header_.count);
            durable = header_.last_of_snapshot() + change / together_ * together_;
        }
        journal::append_record(
            out_, header_.generation,
            {.type = type, .seq = seq_++, .previous = std::exchange(last_[id], place), .durable = durable, .id = id},
            payload);
        const std::size_t extent = journal::id_at + id.size() + journal::check_size;
        if (durable > header_.last_of_snapshot())
            vouchers.emplace_back(out_.substr(place, extent),
                                  static_cast<std::size_t>(durable - header_.last_of_snapshot()));
        places.push_back(place);
        if (places.size() >= header_.count) states.push_back(now_);
    }
    void put(const token& row) {
        detail::wiping_string payload;
        detail::append_row(payload, row);
        now_[row.id] = row;
        append(journal::record_type::put, row.id, payload);
    }
    void remove(const std::string& id) {
        now_.erase(id);
        const std::size_t at = last_[id] + journal::id_at + id.size() + journal::check_size;
        const auto size = journal::number_at<std::uint32_t>(out_, last_[id] + 8);
        append(journal::record_type::removed, id, {});
        std::fill_n(out_.begin() + static_cast<std::ptrdiff_t>(at), size, '\0');
    }

    journal::file_header header_{};
    std::size_t together_ = 1;
    std::uint64_t seq_ = 5;
    detail::wiping_string out_{};
    std::map<std::string, std::size_t> last_{};
    state now_{};
};

const std::vector<written>& journals() {
    static const std::vector<written> all = [] {
        std::vector<written> made;
        for (const std::size_t padding : std::vector<std::size_t>{0, 200, 392})
            for (const std::size_t together : std::vector<std::size_t>{1, 3, 40})
                made.emplace_back(padding == 200 ? 9 : 1, together, padding);
        return made;
    }();
    return all;
}

// ---- The changes ----

std::string changed(const written& from, const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t size_of_change = 8, most_changes = 8;
    std::string bytes = from.bytes;
    for (std::size_t n = 0; n < most_changes && size >= size_of_change && !bytes.empty(); ++n) {
        const auto number = [&](std::size_t at) { return static_cast<std::size_t>(data[at] | data[at + 1] << 8); };
        const std::uint8_t kind = data[0], value = data[1];
        std::size_t at = number(2) % bytes.size(), other = number(4) % from.bytes.size(), count = number(6);
        if ((kind & 0x10) != 0) at = at / sector * sector;
        if ((kind & 0x20) != 0) at = std::min(from.places[at % from.places.size()], bytes.size() - 1);
        if ((kind & 0x40) != 0) other = from.places[other % from.places.size()];
        if ((kind & 0x80) != 0) count = sector;
        count %= 4 * sector;
        const std::size_t room = std::min(count, bytes.size() - at);
        switch (kind % 8) {
        case 0: bytes[at] = static_cast<char>(bytes[at] ^ 1 << value % 8); break;
        case 1: bytes.replace(at, room, room, '\0'); break;
        case 2: bytes.replace(at, room, from.bytes.substr(other, room)); break;
        case 3: bytes.erase(at, count); break;
        case 4: bytes.insert(at, from.bytes.substr(other, count)); break;
        case 5: bytes.resize(at); break;
        case 6: bytes.replace(at, std::string::npos, bytes.size() - at, '\0'); break;
        case 7: bytes.replace(at, room, room, static_cast<char>(value)); break;
        }
        data += size_of_change;
        size -= size_of_change;
    }
    return bytes;
}

// ---- What a store makes of it ----

/// Whether the call is refused as a damaged file is. Anything else that is thrown ends the test.
template <class Act>
bool is_refused(Act act) {
    try {
        act();
        return false;
    } catch (const error& failure) {
        demand(failure.code() == errc::storage_corrupt || failure.code() == errc::unsupported_version,
               "a refusal says that the file is damaged");
        return true;
    }
}

/// What a store says of each id: a row, none, or nothing.
using answers = std::map<std::string, std::optional<std::optional<token>>>;

answers ask(const simulated_files& disk) {
    store fresh{path, {}, disk};
    answers given;
    for (const char* id : {"padding", "erased", "ada", "bob", "dan", "eve", "newcomer"})
        (void)is_refused([&] { given[id].emplace(fresh.find_token_by_id(id)); });
    return given;
}

bool agree(const answers& given, const state& rows) {
    return std::all_of(given.begin(), given.end(), [&](const auto& each) {
        const auto row = rows.find(each.first);
        return !each.second || *each.second == (row == rows.end() ? std::nullopt : std::optional(row->second));
    });
}

/// The state that the answers agree with.
const state& state_of(const answers& given, const std::vector<state>& states, std::size_t oldest) {
    for (std::size_t n = states.size(); n-- > oldest;)
        if (agree(given, states[n])) return states[n];
    demand(false, "a row is the newest, or refused");
    std::abort();
}

void salvage(const simulated_files& disk, const std::vector<state>& states, std::size_t oldest) {
    store on{path, {}, disk};
    salvage_report report;
    if (is_refused([&] { report = on.salvage(); })) return; // a newer version
    state rows;
    for (const token& row : on.get_tokens()) rows.emplace(row.id, row);
    demand(rows.size() == report.rows, "salvage counts right");
    if (report.may_have_lost_others) return;
    const bool is_known =
        std::any_of(states.begin() + static_cast<std::ptrdiff_t>(oldest), states.end(), [&](state all) {
            for (const std::string& id : report.lost) all.erase(id);
            return all == rows;
        });
    demand(is_known, "salvage says what it loses");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const written& from = journals()[data[0] / 2 % journals().size()];
    const bool has_lock_file = data[0] % 2 == 1;
    const std::string bytes = changed(from, data + 1, size - 1);
    std::size_t oldest = has_lock_file ? from.states.size() - 1 : 0;
    for (const auto& [header, known] : from.vouchers)
        if (known > oldest && bytes.find(header) != std::string::npos) oldest = known;
    const auto disk_with = [&] {
        simulated_files disk;
        disk.put(path, bytes);
        if (has_lock_file) disk.put(path + ".lock", from.lock_file);
        return disk;
    };

    salvage(disk_with(), from.states, oldest);
    const simulated_files disk = disk_with();
    const answers given = ask(disk);
    state rows = state_of(given, from.states, oldest);
    const token newcomer = login("newcomer", 1);
    if (is_refused([&] { store{path, {}, disk}.save_token(newcomer); })) {
        demand(disk.content(path) == bytes, "a save that is refused changes nothing");
        return 0;
    }
    rows.emplace(newcomer.id, newcomer);
    const answers after = ask(disk);
    demand(agree(after, rows), "a save changes no other row");
    for (const auto& [id, before] : given)
        demand(!before || !*before || after.at(id) == before, "a save loses no row that could be read");
    demand(after.at(newcomer.id) == std::optional(newcomer), "what was saved is there");
    return 0;
}
