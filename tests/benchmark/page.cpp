// SPDX-License-Identifier: MIT
// The table of what things cost. Each row compares two figures of the other programs and says what the goal is. The
// table is printed and written to page.md, beside the curves of what grows with the number of tokens. Nothing is
// asserted but that the programs have the benchmarks that the table names.
//
//   page FOLDER PROGRAM...      FOLDER has what the programs wrote: NAME.json, and under callgrind NAME.callgrind.json
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

// ---- The table ----

enum class unit { time, number, bytes, rate, megabytes_a_second };
enum class bound { none, at_most, at_least };
constexpr bound none = bound::none, most = bound::at_most, least = bound::at_least;

/// A time is called PROGRAM/OPERATION/SIDE/SIZE, a counter PROGRAM/OPERATION/SIDE/SIZE#COUNTER. A row with % means
/// three rows: for 10,000, 100,000 and 1,000,000 tokens. Without a peer, the goal is for our figure itself.
struct row {
    std::string goal{}, what{}, ours{}, peer{};
    bound kind = none;
    double limit = 0;
    unit in = unit::time;
};

const std::vector<row> table{
    {"P1", "memory_store: find by id, 1,000 tokens; unordered_map", "memory_store/find_by_id/ours/1000",
     "memory_store/find_by_id/unordered_map/1000", most, 1.0},
    {"P1", "memory_store: find by id, % tokens; unordered_map", "memory_store/find_by_id/ours/%",
     "memory_store/find_by_id/unordered_map/%", most, 0.6},
    {"P1", "memory_store: find by user, 1,000 tokens; unordered_map", "memory_store/find_by_user/ours/1000",
     "memory_store/find_by_user/unordered_map/1000", most, 1.0},
    {"P1", "memory_store: find by user, % tokens; unordered_map", "memory_store/find_by_user/ours/%",
     "memory_store/find_by_user/unordered_map/%", most, 0.6},
    {"P1", "memory_store: look without a copy, 1,000 tokens; unordered_map", "memory_store/look/ours/1000",
     "memory_store/look/unordered_map/1000", most, 1.2},
    {"P1", "memory_store: look without a copy, % tokens; unordered_map", "memory_store/look/ours/%",
     "memory_store/look/unordered_map/%", most, 1.2},
    {"P1", "memory_store: save a stored row, 1,000 tokens; unordered_map", "memory_store/save/ours/1000",
     "memory_store/save/unordered_map/1000", most, 1.2},
    {"P1", "memory_store: save a stored row, % tokens; unordered_map", "memory_store/save/ours/%",
     "memory_store/save/unordered_map/%", most, 0.75},
    {"P1", "memory_store: save a row of another size, 1,000 tokens; unordered_map",
     "memory_store/save_resized/ours/1000", "memory_store/save_resized/unordered_map/1000", most, 1.2},
    {"P1", "memory_store: save a row of another size, % tokens; unordered_map", "memory_store/save_resized/ours/%",
     "memory_store/save_resized/unordered_map/%", most, 0.75},
    {"P1", "memory_store: insert, 1,000 tokens; unordered_map", "memory_store/insert/ours/1000",
     "memory_store/insert/unordered_map/1000", most, 0.5},
    {"P1", "memory_store: insert, % tokens; unordered_map", "memory_store/insert/ours/%",
     "memory_store/insert/unordered_map/%", most, 0.5},
    {"P1", "memory_store: find by user, % tokens; Boost.MultiIndex", "memory_store/find_by_user/ours/%",
     "memory_store/find_by_user/multi_index/%"},
    {"P1", "memory_store: save a stored row, % tokens; Boost.MultiIndex", "memory_store/save/ours/%",
     "memory_store/save/multi_index/%"},
    {"P1", "memory_store: insert, % tokens; Boost.MultiIndex", "memory_store/insert/ours/%",
     "memory_store/insert/multi_index/%"},
    {"P1", "memory_store: bytes a token, 1,000 tokens; unordered_map", "memory_store/insert/ours/1000#bytes",
     "memory_store/insert/unordered_map/1000#bytes", none, 0, unit::bytes},
    {"P1", "memory_store: bytes a token, 1,000 tokens", "memory_store/insert/ours/1000#bytes", "", most, 650,
     unit::bytes},
    {"P1", "memory_store: bytes a token, % tokens; unordered_map", "memory_store/insert/ours/%#bytes",
     "memory_store/insert/unordered_map/%#bytes", none, 0, unit::bytes},
    {"P1", "memory_store: bytes a token, % tokens", "memory_store/insert/ours/%#bytes", "", most, 650, unit::bytes},
    {"P1", "memory_store: instructions, find by user, % tokens; 1,000 tokens",
     "memory_store/find_by_user/ours/%#instructions", "memory_store/find_by_user/ours/1000#instructions", most, 1.05,
     unit::number},
    {"P1", "memory_store: instructions, look without a copy, % tokens; 1,000 tokens",
     "memory_store/look/ours/%#instructions", "memory_store/look/ours/1000#instructions", most, 1.05, unit::number},
    {"P1", "memory_store: instructions, save a stored row, 1,000 tokens; unordered_map",
     "memory_store/save/ours/1000#instructions", "memory_store/save/unordered_map/1000#instructions", none, 0,
     unit::number},
    {"P1", "memory_store: reads that a writer waits for, among 8 readers, 99 of 100",
     "memory_store/write_among_readers/ours/8#reads", "", most, 8, unit::number},
    {"P1", "memory_store: reads that a writer waits for, among 8 readers, longest",
     "memory_store/write_among_readers/ours/8#longest", "", none, 0, unit::number},
    {"P2", "session.access_token; reading the precise clock", "keeper/session/ours/1", "keeper/clock/precise/1", most,
     0.4},
    {"P2", "session.access_token by 8 threads, CPU a call; 1 thread", "keeper/session_threads/ours/8",
     "keeper/session_threads/ours/1", most, 1.1},
    {"P2", "session.access_token: allocations", "keeper/session/ours/1#allocations", "", most, 0, unit::number},
    {"P2", "session.access_token: instructions; reading the precise clock", "keeper/session/ours/1#instructions",
     "keeper/clock/precise/1#instructions", none, 0, unit::number},
    {"P2", "keeper.access_token(probe), 1,000 users; memory_store.find_token", "keeper/access_token/ours/1000",
     "keeper/find_token/memory_store/1000", most, 0.5},
    {"P2", "keeper.access_token(probe), 100,000 users; memory_store.find_token", "keeper/access_token/ours/100000",
     "keeper/find_token/memory_store/100000", most, 0.5},
    {"P2", "keeper.access_token(probe): allocations; memory_store.find_token",
     "keeper/access_token/ours/1000#allocations", "keeper/find_token/memory_store/1000#allocations", none, 0,
     unit::number},
    {"P2", "keeper.access_token(probe): instructions; memory_store.find_token",
     "keeper/access_token/ours/1000#instructions", "keeper/find_token/memory_store/1000#instructions", none, 0,
     unit::number},
    {"P2", "keeper.fresh_token(probe), 1,000 users; memory_store.find_token", "keeper/fresh_token/ours/1000",
     "keeper/find_token/memory_store/1000", most, 0.5},
    {"P2", "keeper.fresh_token(probe), 100,000 users; memory_store.find_token", "keeper/fresh_token/ours/100000",
     "keeper/find_token/memory_store/100000", most, 0.5},
    {"P2", "keeper.fresh_token(probe): allocations; memory_store.find_token",
     "keeper/fresh_token/ours/1000#allocations", "keeper/find_token/memory_store/1000#allocations", none, 0,
     unit::number},
    {"P2", "keeper.fresh_token(probe): instructions; memory_store.find_token",
     "keeper/fresh_token/ours/1000#instructions", "keeper/find_token/memory_store/1000#instructions", none, 0,
     unit::number},
    {"P2", "keeper.refresh, without the transport's time", "keeper/refresh/ours/1"},
    {"P2", "keeper.refresh: allocations, without the transport's", "keeper/refresh/ours/1#allocations", "", most, 150,
     unit::number},
    {"P3", "file_store: save, 1,000 tokens; append + fdatasync", "file_store/save/ours/1000",
     "file_store/save/append_fdatasync/1", most, 1.15},
    {"P3", "file_store: save, % tokens; append + fdatasync", "file_store/save/ours/%",
     "file_store/save/append_fdatasync/1", most, 1.15},
    {"P3", "file_store: save, 100,000 tokens; SQLite, WAL, FULL", "file_store/save/ours/100000",
     "file_store/save/sqlite/100000"},
    {"P3", "file_store: delete, 100,000 tokens; two of append + fdatasync", "file_store/delete/ours/100000",
     "file_store/delete/append_fdatasync/1"},
    {"P3", "file_store: saves a second, 16 threads; SQLite, WAL, FULL", "file_store/threads/ours/16#saves_a_second",
     "file_store/threads/sqlite/16#saves_a_second", least, 2, unit::rate},
    {"P3", "file_store: saves a second, 4 processes; SQLite, WAL, FULL", "file_store/processes/ours/4#saves_a_second",
     "file_store/processes/sqlite/4#saves_a_second", least, 2, unit::rate},
    {"P3", "file_store: saves a second, 4 processes; the bare calls", "file_store/processes/ours/4#saves_a_second",
     "file_store/processes/append_fdatasync/4#saves_a_second", least, 0.95, unit::rate},
    {"P3", "file_store: open, 1,000,000 tokens; reading and hashing the file", "file_store/open/ours/1000000",
     "file_store/open/hash/1000000"},
    {"P3", "file_store: open, 1,000,000 tokens, with SHA instructions", "file_store/open/ours/1000000#MB_a_second", "",
     least, 250, unit::megabytes_a_second},
    {"P3", "file_store: compact, 1,000,000 tokens; writing as many bytes", "file_store/compact/ours/1000000",
     "file_store/compact/write/1000000", most, 4},
    {"P3", "file_store: find by user, 1,000,000 tokens; stat of the path", "file_store/find_by_user/ours/1000000",
     "file_store/find_by_user/stat/1000000"},
    {"P3", "file_store: resident bytes a token, 1,000,000 tokens", "file_store/open/ours/1000000#bytes", "", none, 0,
     unit::bytes},
    {"P4", "token response, 431 bytes; simdjson on-demand", "token_response/read/ours/431",
     "token_response/read/simdjson/431", most, 1.3},
    {"P4", "token response, 851 bytes; simdjson on-demand", "token_response/read/ours/851",
     "token_response/read/simdjson/851", most, 1.3},
    {"P4", "token response, 2,469 bytes; simdjson on-demand", "token_response/read/ours/2469",
     "token_response/read/simdjson/2469", most, 1.3},
    {"P4", "token response, 851 bytes; nlohmann/json", "token_response/read/ours/851",
     "token_response/read/nlohmann/851"},
    {"P4", "token response, 851 bytes: instructions; simdjson on-demand", "token_response/read/ours/851#instructions",
     "token_response/read/simdjson/851#instructions", none, 0, unit::number},
    {"P5", "including the single header; nlohmann/json", "compile/include/ours/1", "compile/include/nlohmann/1", most,
     1.0},
    {"P5", "including the single header; the standard headers it needs", "compile/include/ours/1",
     "compile/include/standard/1", most, 2.0},
    {"P5", "lines of fwd.hpp, preprocessed", "compile/forward/ours/1#lines", "", most, 4000, unit::number},
    {"P5", "a program with a file_store and a keeper, -O2, header-only", "compile/program/header_only/1", "", most, 8},
    {"P5", "a program with a file_store and a keeper, -O2, library compiled once", "compile/program/compiled_once/1",
     "", most, 3},
    {"P5", "code of that program, header-only", "compile/program/header_only/1#code", "", most, 160000, unit::bytes},
    {"P5", "code of that program, library compiled once", "compile/program/compiled_once/1#code", "", none, 0,
     unit::bytes},
    {"P5", "code of examples/quickstart, with the server it talks to", "compile/quickstart/header_only/1#code", "",
     none, 0, unit::bytes},
    {"P6", "sqlite_store: find by id, 100,000 tokens; statements by hand", "sql_store/find_by_id/ours/100000",
     "sql_store/find_by_id/by_hand/100000", most, 1.15},
    {"P6", "sqlite_store: find_token_by_id, 100,000 tokens; statements by hand",
     "sql_store/find_token_by_id/ours/100000", "sql_store/find_token_by_id/by_hand/100000", most, 1.15},
    {"P6", "sqlite_store: find by user, 100,000 tokens; statements by hand", "sql_store/find_by_user/ours/100000",
     "sql_store/find_by_user/by_hand/100000", most, 1.15},
    {"P6", "sqlite_store: find by refresh token, 100,000 tokens; statements by hand",
     "sql_store/find_by_refresh_token/ours/100000", "sql_store/find_by_refresh_token/by_hand/100000", most, 1.15},
    {"P6", "sqlite_store: get_tokens, 100,000 tokens; statements by hand", "sql_store/get_tokens/ours/100000",
     "sql_store/get_tokens/by_hand/100000", most, 1.15},
    {"P6", "sqlite_store: save a stored row, 100,000 tokens; statements by hand", "sql_store/save/ours/100000",
     "sql_store/save/by_hand/100000", most, 1.15},
    {"P6", "sqlite_store: insert, 100,000 tokens; statements by hand", "sql_store/insert/ours/100000",
     "sql_store/insert/by_hand/100000", most, 1.15},
    {"P6", "sqlite_store: replace_token, 100,000 tokens; statements by hand", "sql_store/replace/ours/100000",
     "sql_store/replace/by_hand/100000", most, 1.15},
    {"P6", "sqlite_store: delete_token, 100,000 tokens; statements by hand", "sql_store/delete/ours/100000",
     "sql_store/delete/by_hand/100000", most, 1.15},
    {"P6", "sqlite_store: delete_tokens, 100,000 tokens; statements by hand", "sql_store/delete_tokens/ours/100000",
     "sql_store/delete_tokens/by_hand/100000", most, 1.15},
    {"P7", "64 threads at expiry: requests", "keeper/crowd/ours/64#requests", "", most, 1, unit::number},
    {"P7", "64 threads at expiry: the last is back, in times of the request", "keeper/crowd/ours/64#last", "", most,
     1.2, unit::number},
};

/// Why a figure is over its goal, and what would bring it there.
struct shortfall {
    std::string figures{}; ///< How the names of these figures begin.
    std::string why{};
};

const std::vector<shortfall> shortfalls{
    {"memory_store/find_by", "The record that is copied out is a token: each secret and each longer text of it is a "
                             "block of memory of its own. "
                             "Another public type of record would be needed."},
    {"memory_store/look",
     "The map is asked without a lock and for one key. The store takes a lock, asks its rules, looks for a second row "
     "that the probe could mean, and makes views of 22 fields. Rules that say which fields they read would need "
     "fewer."},
    {"keeper/access_token",
     "find_token has become two to four times faster since the goal was set. What is left is the look, the wall clock, "
     "and a block of memory for the secret. A coarse wall clock, or secrets that are shared, would be needed."},
    {"keeper/fresh_token", "As for keeper.access_token."},
    {"file_store/save",
     "Beside its flush, a save takes a lock, looks at the file six times, and writes a mark into the lock file: 20 to "
     "45 us here. A mark in the journal would need another format."},
    {"file_store/processes",
     "Each process reads what the others have appended before it writes. A lock that hands over what was read would "
     "need shared memory."},
    {"compile/include",
     "Half of it is templates of the standard library that inline functions of the library need. The library compiled "
     "once does not spare the include. Fewer inline functions in the headers, or the module, would."},
    {"compile/program",
     "All of the file format, the transactions, JSON and HTTP forms is compiled into the program. The library compiled "
     "once spares it."},
};

/// A picture: what an operation costs each side for each number of tokens.
struct curve {
    std::string name{}, title{}, figure{}; ///< The figure has * for the side.
    std::vector<std::string> sides{};
    unit in = unit::time;
};

const std::vector<curve> curves{
    {"find", "memory_store: find by user", "memory_store/find_by_user/*/", {"ours", "unordered_map", "multi_index"}},
    {"save", "memory_store: save a stored row", "memory_store/save/*/", {"ours", "unordered_map", "multi_index"}},
    {"insert", "memory_store: insert", "memory_store/insert/*/", {"ours", "unordered_map", "multi_index"}},
    {"bytes",
     "memory_store: bytes a token",
     "memory_store/insert/*/#bytes",
     {"ours", "unordered_map", "multi_index"},
     unit::bytes},
    {"durable_save", "file_store: save", "file_store/save/*/", {"ours", "append_fdatasync", "sqlite"}},
};
const std::vector<std::size_t> sizes{1'000, 10'000, 100'000, 1'000'000};

// ---- What the programs wrote ----

using figures = std::map<std::string, double>;

/// OPERATION/SIDE/SIZE: the first three parts of a name of Google Benchmark's.
std::string short_name(const std::string& name) {
    std::size_t end = 0;
    for (int part = 0; part < 3 && end != std::string::npos; ++part) end = name.find('/', end + (part > 0));
    return name.substr(0, end);
}

/// The median of each benchmark, in seconds, and of each counter. A program that ran in its quick form has single runs.
void read_figures(figures& all, const std::string& program, const std::string& path, bool is_time_real) {
    std::ifstream file(path);
    if (!file) return;
    const std::set<std::string> known{"family_index", "per_family_instance_index",
                                      "repetitions",  "repetition_index",
                                      "threads",      "iterations",
                                      "real_time",    "cpu_time"};
    std::string text{std::istreambuf_iterator<char>(file), {}};
    // The variation of a counter that is 0 is written as NaN, which is not JSON.
    for (std::size_t at = 0; (at = text.find(": NaN", at)) != std::string::npos;) text.replace(at, 5, ": null");
    const nlohmann::json read = nlohmann::json::parse(text);
    for (const nlohmann::json& each : read.at("benchmarks")) {
        if (each.at("run_type") == "aggregate" && each.at("aggregate_name") != "median") continue;
        const std::string name = program + "/" + short_name(each.at("run_name"));
        if (is_time_real) all[name] = each.at("real_time").get<double>() * 1e-9;
        for (const auto& [key, value] : each.items())
            if (value.is_number() && known.count(key) == 0) all[name + "#" + key] = value;
    }
}

/// What a program prints.
std::string output_of(const std::string& command) {
    std::string said;
    FILE* const pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("no pipe");
    char piece[4'096];
    for (std::size_t got = 0; (got = std::fread(piece, 1, sizeof piece, pipe)) > 0;) said.append(piece, got);
    if (::pclose(pipe) != 0) throw std::runtime_error(command + " failed");
    return said;
}

/// Throws if the table names a benchmark that one of the programs does not have.
void check_names(const std::map<std::string, std::string>& programs, const std::vector<row>& rows) {
    std::set<std::string> names;
    for (const auto& [program, path] : programs) {
        std::istringstream list(output_of("'" + path + "' --benchmark_list_tests=true --benchmark_filter=."));
        for (std::string name; std::getline(list, name);) names.insert(program + "/" + short_name(name));
    }
    for (const row& each : rows)
        for (const std::string& figure : {each.ours, each.peer}) {
            const std::string program = figure.substr(0, figure.find('/'));
            if (programs.count(program) != 0 && names.count(figure.substr(0, figure.find('#'))) == 0)
                throw std::runtime_error("the table names a benchmark that is not there: " + figure);
        }
}

// ---- The page ----

std::string grouped(std::string digits) {
    for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
    return digits;
}

std::string replaced(std::string text, char what, const std::string& with) {
    const std::size_t at = text.find(what);
    return at == std::string::npos ? text : text.replace(at, 1, with);
}

/// The table, with three rows for each that has %.
std::vector<row> all_rows() {
    std::vector<row> rows;
    for (const row& each : table)
        for (std::size_t n = 1; n < sizes.size(); ++n) {
            const std::string size = std::to_string(sizes[n]);
            if (n > 1 && each.ours.find('%') == std::string::npos) break;
            row& one = rows.emplace_back(each);
            one.what = replaced(each.what, '%', grouped(size));
            one.ours = replaced(each.ours, '%', size);
            one.peer = replaced(each.peer, '%', size);
        }
    return rows;
}

std::string number(double value, const char* behind = "") {
    char text[64];
    std::snprintf(text, sizeof text, value < 10 && value != std::floor(value) ? "%.2f" : "%.0f", value);
    std::string digits = text;
    if (digits.find('.') == std::string::npos) digits = grouped(digits);
    return digits + behind;
}

std::string shown(double value, unit in) {
    switch (in) {
    case unit::time:
        if (value < 1e-6) return number(value * 1e9, " ns");
        if (value < 1e-3) return number(value * 1e6, " us");
        if (value < 1) return number(value * 1e3, " ms");
        return number(value, " s");
    case unit::bytes: return number(value, " B");
    case unit::rate: return number(value, "/s");
    case unit::megabytes_a_second: return number(value, " MB/s");
    case unit::number: break;
    }
    return number(value);
}

std::optional<double> find(const figures& all, const std::string& name) {
    const auto at = all.find(name);
    return at == all.end() ? std::nullopt : std::optional(at->second);
}

/// What the table says instead of a figure that is missing.
std::string reason(const std::map<std::string, std::string>& programs, const std::string& figure) {
    if (programs.count(figure.substr(0, figure.find('/'))) == 0) return "not built";
    return figure.find("#instructions") == std::string::npos ? "not measured" : "no valgrind";
}

/// The number of the note that says why this figure is over its goal; 0 if there is none.
std::size_t note_of(const std::string& figure) {
    for (std::size_t n = 0; n < shortfalls.size(); ++n)
        if (figure.rfind(shortfalls[n].figures, 0) == 0) return n + 1;
    return 0;
}

using line = std::vector<std::string>;

line line_of(const row& each, const figures& all, const std::map<std::string, std::string>& programs) {
    const bool is_compared = !each.peer.empty();
    const std::optional<double> ours = find(all, each.ours), peer = is_compared ? find(all, each.peer) : 1.0;
    line cells{each.goal, each.what, ours ? shown(*ours, each.in) : reason(programs, each.ours), "", "", "", ""};
    if (is_compared) cells[3] = peer ? shown(*peer, each.in) : reason(programs, each.peer);
    if (each.kind != none)
        cells[4] =
            (each.kind == most ? "<= " : ">= ") + (is_compared ? number(each.limit) : shown(each.limit, each.in));
    if (!ours || !peer) return cells;
    const double value = *ours / *peer;
    if (is_compared) cells[5] = number(value);
    const bool is_reached = each.kind == none || (each.kind == most ? value <= each.limit : value >= each.limit);
    if (!is_reached) {
        const std::size_t note = note_of(each.ours);
        cells[6] = "over the goal" + (note == 0 ? std::string() : ", see " + std::to_string(note));
    }
    return cells;
}

#ifdef __clang__
const std::string compiler = __VERSION__;
#else
const std::string compiler = "g++ " __VERSION__;
#endif

std::string machine() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string text; std::getline(file, text);)
        if (text.rfind("model name", 0) == 0) return text.substr(text.find(':') + 2);
    return "a processor";
}

/// The data file of a curve, for gnuplot: a line for each number of tokens, a column for each side. If a side has no
/// tokens, its only figure is that for 1. False if there is no figure at all.
bool write_data(const curve& each, const figures& all, const std::string& path) {
    std::ofstream file(path);
    bool has_any = false;
    for (const std::size_t size : sizes) {
        file << size;
        for (const std::string& side : each.sides) {
            const std::string name = replaced(each.figure, '*', side), end = std::to_string(size);
            const std::size_t at = std::min(name.find('#'), name.size());
            std::optional<double> value = find(all, std::string(name).insert(at, end));
            if (!value) value = find(all, std::string(name).insert(at, "1"));
            has_any = has_any || value.has_value();
            file << ' ' << (value ? std::to_string(each.in == unit::time ? *value * 1e6 : *value) : "nan");
        }
        file << '\n';
    }
    return has_any;
}

/// Draws a curve with gnuplot.
void draw(const curve& each, const std::string& folder) {
    const std::string data = folder + "/" + each.name + ".txt", script = folder + "/" + each.name + ".gnuplot";
    std::ofstream file(script);
    file << "set terminal svg size 420,280 background 'white'\n"
         << "set output '" << folder << "/" << each.name << ".svg'\n"
         << "set title '" << each.title << "' noenhanced\n"
         << "set xlabel 'tokens'\nset logscale x 10\nset xrange [1000:1000000]\nset format x '%.0s%c'\nset yrange "
            "[0:*]\nset grid\n"
         << "set ylabel '" << (each.in == unit::time ? "microseconds" : "bytes") << "'\nset key outside below\nplot ";
    for (std::size_t n = 0; n < each.sides.size(); ++n)
        file << (n == 0 ? "" : ", ") << "'" << data << "' using 1:" << n + 2 << " title '" << each.sides[n]
             << "' noenhanced with linespoints linewidth 2";
    file << "\n";
    file.close();
    if (std::system(("gnuplot '" + script + "'").c_str()) != 0) std::printf("%s: not drawn\n", each.name.c_str());
}

void print(const std::vector<line>& lines) {
    std::vector<std::size_t> widths(lines[0].size());
    for (const line& each : lines)
        for (std::size_t n = 0; n < each.size(); ++n) widths[n] = std::max(widths[n], each[n].size());
    for (const line& each : lines) {
        std::string text;
        for (std::size_t n = 0; n < each.size(); ++n) {
            const std::string space(widths[n] - each[n].size(), ' ');
            const bool is_figure = n >= 2 && n <= 5;
            text += is_figure ? space + each[n] + "  " : each[n] + space + "  ";
        }
        text.erase(text.find_last_not_of(' ') + 1);
        std::printf("%s\n", text.c_str());
    }
}

void write_markdown(const std::vector<line>& lines, const std::vector<std::string>& notes,
                    const std::vector<std::string>& pictures, const std::string& title, const std::string& path) {
    std::ofstream file(path);
    file << title << "\n\n";
    for (std::size_t n = 0; n < lines.size(); ++n) {
        for (const std::string& cell : lines[n]) file << "| " << cell << ' ';
        file << "|\n";
        if (n == 0) file << "|---|---|--:|--:|--:|--:|---|\n";
    }
    file << "\n";
    for (const std::string& each : notes) file << each << "\n\n";
    for (const std::string& picture : pictures) file << "\n![" << picture << "](" << picture << ".svg)";
    file << "\n";
}

void write_page(const std::string& folder, const std::map<std::string, std::string>& programs) {
    const std::vector<row> rows = all_rows();
    check_names(programs, rows);
    figures all;
    for (const auto& [program, path] : programs) {
        read_figures(all, program, folder + "/" + program + ".json", true);
        read_figures(all, program, folder + "/" + program + ".callgrind.json", false);
    }
    if (all.empty()) throw std::runtime_error("no program has written figures to " + folder);

    std::vector<line> lines{{"", "ours; peer", "ours", "peer", "goal", "ratio", ""}};
    for (const row& each : rows) lines.push_back(line_of(each, all, programs));
    std::vector<std::string> notes;
    for (std::size_t n = 1; n <= shortfalls.size(); ++n) {
        const std::string end = ", see " + std::to_string(n);
        if (std::any_of(lines.begin(), lines.end(), [&](const line& each) { return each[6] == "over the goal" + end; }))
            notes.push_back(std::to_string(n) + ": " + shortfalls[n - 1].why);
    }
    std::vector<std::string> pictures;
    for (const curve& each : curves)
        if (write_data(each, all, folder + "/" + each.name + ".txt")) {
            pictures.push_back(each.name);
            draw(each, folder);
        }
    const std::string title = "Medians, on " + machine() + ", " + std::to_string(std::thread::hardware_concurrency()) +
                              " cores, compiled by " + compiler;
    std::printf("%s\n", title.c_str());
    print(lines);
    for (const std::string& each : notes) std::printf("%s\n", each.c_str());
    write_markdown(lines, notes, pictures, title, folder + "/page.md");
    std::printf("The page: %s/page.md\n", folder.c_str());
}

} // namespace

int main(int count, char** words) {
    try {
        if (count < 2) throw std::runtime_error("page FOLDER PROGRAM...");
        std::map<std::string, std::string> programs;
        for (int n = 2; n < count; ++n) {
            const std::string path = words[n], begin = "tokenkeep_benchmark_";
            const std::size_t at = path.find(begin);
            if (at == std::string::npos) throw std::runtime_error(path + " is not a program of the page");
            programs[path.substr(at + begin.size())] = path;
        }
        write_page(words[1], programs);
        return EXIT_SUCCESS;
    } catch (const std::exception& fault) {
        std::fprintf(stderr, "page: %s\n", fault.what());
        return EXIT_FAILURE;
    }
}
