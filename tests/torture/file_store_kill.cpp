// SPDX-License-Identifier: MIT
// Processes that share a file_store on the real disk are killed at any moment, round after round: what they had been
// told is saved must then be there, and nobody may ever see a row go back. This says nothing about flushing, as the
// system lives on; the sweep says that.
#include <tokenkeep/file_store.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iterator>
#include <map>
#include <new>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace tokenkeep;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

// ---- The rows: each key goes through the versions 1, 2, 3 and so on, and a version says all that the row holds ----

using version = std::uint64_t;

constexpr std::size_t most_threads = 24;
constexpr std::size_t keys_of_thread = 4;
constexpr std::size_t shared_key = 0;
constexpr std::size_t most_keys = 1 + most_threads * keys_of_thread;

/// At every eighth version of a key there is no row. The shared key's removals are farther apart than its versions that
/// nobody has acknowledged yet, of which each thread has one at most: so a missing row also says which version it is.
constexpr version removal_period(std::size_t key) { return key == shared_key ? most_threads + 8 : 8; }

constexpr bool is_removal(std::size_t key, version which) { return which % removal_period(key) == 0; }
constexpr version first_removal(std::size_t key, version least) {
    const version period = removal_period(key);
    return (least + period - 1) / period * period;
}

std::string name_of(std::size_t key) { return key == shared_key ? "shared" : "row " + std::to_string(key); }

/// One row is now and then so long that the file is written anew once it is short again.
constexpr version most_stamps = 6'000;
constexpr std::uintmax_t most_bytes_of_row = most_stamps * 20;
constexpr version stamps_in(std::size_t key, version which) {
    return key == 1 && which % 8 == 3 ? most_stamps : 1 + which % 20;
}

token row_of(std::size_t key, version which) {
    const std::string stamp = name_of(key) + " " + std::to_string(which) + " ";
    std::string longer;
    for (version n = 0; n < stamps_in(key, which); ++n) longer += stamp;
    return {.user_name = name_of(key),
            .client_id = "app",
            .refresh_token = longer,
            .access_token = stamp,
            .scope = std::to_string(which),
            .expires_at = timestamp{std::chrono::milliseconds{which}},
            .id = name_of(key)};
}

/// At most so much of a file is needed for the rows.
std::uintmax_t room_for(const std::vector<token>& rows) {
    std::uintmax_t bytes = 64;
    for (const token& row : rows) bytes += 512 + row.refresh_token.size();
    return bytes;
}

/// The version that a row says it is; 0 if it says none.
version stated_version(const token& row) {
    version stated = 0;
    std::from_chars(row.scope.data(), row.scope.data() + row.scope.size(), stated);
    return stated;
}

// ---- What all processes know ----

using counter = std::atomic<std::uint64_t>;
static_assert(counter::is_always_lock_free, "processes share it");

void raise(counter& what, std::uint64_t to) {
    std::uint64_t now = what;
    while (now < to && !what.compare_exchange_weak(now, to)) {
    }
}

/// How far a key has come.
struct progress {
    counter begun = 0;
    counter acknowledged = 0;
    counter seen = 0;

    /// Whoever looks from now on may see nothing older.
    version least() const { return std::max(acknowledged.load(), seen.load()); }

    /// Nobody is left who could change it: what was seen last is what there is.
    void settle() {
        acknowledged = seen.load();
        begun = seen.load();
    }
};

/// Calls of one kind.
struct calls {
    counter begun = 0;
    counter done = 0;

    std::uint64_t unfinished() const { return begun - done; }

    /// Nobody is left who could finish them: how many they were.
    std::uint64_t give_up() {
        const std::uint64_t count = unfinished();
        done += count;
        return count;
    }
};

struct shared_knowledge {
    std::array<progress, most_keys> keys{};
    calls changes{};
    calls shared_changes{};
    calls compactions{};
    counter acknowledged = 0;        ///< Changes of this round.
    counter acknowledged_shared = 0; ///< Those of them that changed the shared key.
    std::atomic<bool> is_violated = false;
    std::array<char, 1'000> violation{}; ///< The first one.

    void complain(std::string_view sentence) noexcept {
        if (!is_violated.exchange(true)) sentence.copy(violation.data(), violation.size() - 1);
    }
    template <class Act>
    void attempt(Act act) noexcept {
        try {
            act();
        } catch (const std::exception& failure) {
            complain(failure.what());
        }
    }
};

class shared_memory {
  public:
    shared_memory()
        : memory_(
              ::mmap(nullptr, sizeof(shared_knowledge), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
        if (memory_ == MAP_FAILED) throw std::runtime_error("no shared memory");
        known_ = new (memory_) shared_knowledge;
    }
    shared_memory(const shared_memory&) = delete;
    shared_memory& operator=(const shared_memory&) = delete;
    ~shared_memory() { ::munmap(memory_, sizeof(shared_knowledge)); }

    shared_knowledge& operator*() const { return *known_; }

  private:
    void* memory_;
    shared_knowledge* known_ = nullptr;
};

// ---- What the processes do ----

using generator = std::mt19937_64;

std::uint64_t number_up_to(std::uint64_t most, generator& random) {
    return std::uniform_int_distribution<std::uint64_t>(0, most)(random);
}
bool happens(unsigned percent, generator& random) { return number_up_to(99, random) < percent; }

/// What a store has just given for the key must be a version that was begun, and none older than `least`, which was
/// asked for before the store was.
version checked_version(shared_knowledge& all, std::size_t key, const std::optional<token>& row, version least) {
    const version found = row ? stated_version(*row) : first_removal(key, least);
    const version most = all.keys[key].begun;
    if (found < least || found > most)
        throw std::runtime_error(name_of(key) + (row ? " has" : " is gone, as in") + " version " +
                                 std::to_string(found) + "; it must be from " + std::to_string(least) + " to " +
                                 std::to_string(most));
    if (row && (is_removal(key, found) || *row != row_of(key, found)))
        throw std::runtime_error(name_of(key) + " holds what was never saved");
    raise(all.keys[key].seen, found);
    return found;
}

version look(shared_knowledge& all, file_store& store, std::size_t key) {
    const version least = all.keys[key].least();
    return checked_version(all, key, store.find_token_by_id(name_of(key)), least);
}

/// All keys have those versions; there is no other row.
void look_at_all(shared_knowledge& all, file_store& store, std::size_t keys) {
    std::vector<version> least;
    for (std::size_t key = 0; key < keys; ++key) least.push_back(all.keys[key].least());
    std::map<std::string, token> rows;
    for (const token& row : store.get_tokens())
        if (!rows.emplace(row.id, row).second) throw std::runtime_error(row.id + " is there twice");
    for (std::size_t key = 0; key < keys; ++key) {
        const auto row = rows.extract(name_of(key));
        (void)checked_version(all, key, row ? std::optional(row.mapped()) : std::nullopt, least[key]);
    }
    if (!rows.empty()) throw std::runtime_error("there is a row that was never saved: " + rows.begin()->first);
}

/// Only one thread changes the key.
void change_own(shared_knowledge& all, file_store& store, std::size_t key) {
    progress& own = all.keys[key];
    const version next = own.acknowledged + 1;
    ++all.changes.begun;
    own.begun = next;
    if (is_removal(key, next))
        store.delete_token(name_of(key));
    else
        store.save_token(row_of(key, next));
    own.acknowledged = next;
    ++all.acknowledged;
    ++all.changes.done;
}

/// Every thread changes the key, if it still is as it was read. Nothing can be compared with a row that is not there:
/// only one thread inserts it.
void change_shared(shared_knowledge& all, file_store& store, bool may_insert) {
    progress& shared = all.keys[shared_key];
    const version least = shared.least();
    const std::optional<token> row = store.find_token_by_id(name_of(shared_key));
    const version next = checked_version(all, shared_key, row, least) + 1;
    if (!row && !may_insert) return;
    ++all.changes.begun;
    ++all.shared_changes.begun;
    raise(shared.begun, next);
    bool is_done = true;
    if (!row)
        store.save_token(row_of(shared_key, next));
    else if (is_removal(shared_key, next))
        is_done = store.remove_token(*row);
    else
        is_done = store.replace_token(*row, row_of(shared_key, next));
    if (is_done) {
        raise(shared.acknowledged, next);
        ++all.acknowledged;
        ++all.acknowledged_shared;
    }
    ++all.shared_changes.done;
    ++all.changes.done;
}

void compact(shared_knowledge& all, file_store& store) {
    ++all.compactions.begun;
    store.compact();
    ++all.compactions.done;
}

/// One thing that a thread does which writes.
void write_once(shared_knowledge& all, file_store& store, std::size_t thread, generator& random) {
    if (happens(10, random)) return compact(all, store);
    if (happens(25, random)) return change_shared(all, store, thread == 0);
    const std::size_t key = 1 + thread * keys_of_thread + number_up_to(keys_of_thread - 1, random);
    change_own(all, store, key);
    if (happens(10, random)) (void)look(all, store, key);
}

/// One thing that a process does which only reads.
void read_once(shared_knowledge& all, file_store& store, std::size_t keys, generator& random) {
    if (happens(50, random)) return look_at_all(all, store, keys);
    (void)look(all, store, number_up_to(keys - 1, random));
}

// ---- The processes ----

/// Does `act()` again and again, until the process is killed. A process whose parent is gone ends.
template <class Act>
[[noreturn]] void go_on(shared_knowledge& all, pid_t parent, Act act) {
    all.attempt([&] {
        while (::getppid() == parent) act();
    });
    ::_exit(1);
}

/// Processes that go on until they are killed. None outlives this.
class crowd {
  public:
    crowd() = default;
    crowd(const crowd&) = delete;
    crowd& operator=(const crowd&) = delete;
    ~crowd() { (void)kill(size()); }

    std::size_t size() const { return processes_.size(); }

    /// Forks a process that does `act`, which does not return.
    template <class Act>
    void start(Act act) {
        const pid_t child = ::fork();
        if (child < 0) throw std::runtime_error("fork");
        if (child > 0) return processes_.push_back(child);
        act();
        ::_exit(1);
    }

    void shuffle(generator& random) { std::shuffle(processes_.begin(), processes_.end(), random); }

    /// Kills the last ones. False if one of them had ended otherwise.
    bool kill(std::size_t count) {
        const auto first = processes_.end() - static_cast<std::ptrdiff_t>(count);
        std::for_each(first, processes_.end(), [](pid_t each) { ::kill(each, SIGKILL); });
        const auto killed = std::count_if(first, processes_.end(), [](pid_t each) {
            int status = 0;
            return ::waitpid(each, &status, 0) == each && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        });
        processes_.erase(first, processes_.end());
        return killed == static_cast<std::ptrdiff_t>(count);
    }

  private:
    std::vector<pid_t> processes_{};
};

/// When to kill.
enum class moment {
    opening,   ///< While stores are being opened.
    working,   ///< After a while.
    compacting ///< While the file is being written anew.
};

struct figures {
    std::uint64_t rounds = 0, acknowledged = 0, changes = 0, compactions = 0, temporary_files = 0;
};

/// One store file, and what is known of it, over many rounds.
class kill_loop {
  public:
    kill_loop(std::vector<std::size_t> threads_of_writers, std::uint64_t seed, figures& sum)
        : threads_of_writers_(std::move(threads_of_writers)),
          threads_(std::accumulate(threads_of_writers_.begin(), threads_of_writers_.end(), std::size_t{0})),
          random_(seed),
          sum_(sum) {
        REQUIRE(threads_ <= most_threads);
    }

    void round(moment when) {
        CAPTURE(sum_.rounds);
        crowd processes;
        start_all(processes);
        wait_for(when);
        bool were_killed = true;
        if (happens(30, random_)) {
            were_killed = processes.kill(1 + number_up_to(processes.size() - 2, random_));
            wait_for(any_moment());
        }
        were_killed = processes.kill(processes.size()) && were_killed;
        require_no_violation();
        REQUIRE(were_killed);
        check();
        ++sum_.rounds;
    }

    moment any_moment() {
        constexpr moment moments[] = {moment::working, moment::working, moment::opening, moment::compacting};
        return moments[number_up_to(std::size(moments) - 1, random_)];
    }

    /// The rows can be read by one store beside another, and nothing else is left of all the rounds.
    void finish() {
        file_store one(path_), other(path_);
        const std::uintmax_t room = room_for(one.get_tokens());
        REQUIRE(bytes() <= least_bloat + 4 * (room + most_bytes_of_row)); // that row may just have become short
        all_.attempt([&] {
            look_at_all(all_, one, keys());
            one.compact();
            look_at_all(all_, one, keys());
            look_at_all(all_, other, keys());
            for (std::size_t key = 0; key < keys(); ++key) (void)look(all_, other, key);
        });
        require_no_violation();
        REQUIRE(bytes() <= room);
        REQUIRE(names() == std::set<std::string>{"tokens.tkj", "tokens.tkj.lock"});
    }

  private:
    std::size_t keys() const { return 1 + threads_ * keys_of_thread; }
    std::uintmax_t bytes() const { return exists(path_) ? std::filesystem::file_size(path_) : 0; }

    std::set<std::string> names() const {
        std::set<std::string> found;
        for (const auto& entry : std::filesystem::directory_iterator(directory_ / ""))
            found.insert(entry.path().filename());
        return found;
    }

    void start_all(crowd& processes) {
        constexpr int readers = 2;
        std::size_t thread = 0;
        for (const std::size_t threads : threads_of_writers_) {
            processes.start([&, seed = random_()] { write(thread, threads, seed); });
            thread += threads;
        }
        for (int reader = 0; reader < readers; ++reader) processes.start([&, seed = random_()] { read(seed); });
        processes.shuffle(random_);
    }

    /// Threads of one process share a store.
    void write(std::size_t first_thread, std::size_t threads, std::uint64_t seed) noexcept {
        file_store store(path_);
        const auto work = [&](std::size_t thread) {
            generator random(seed + thread);
            go_on(all_, parent_, [&] { write_once(all_, store, thread, random); });
        };
        for (std::size_t n = 1; n < threads; ++n) std::thread(work, first_thread + n).detach();
        work(first_thread);
    }

    void read(std::uint64_t seed) noexcept {
        file_store store(path_);
        generator random(seed);
        go_on(all_, parent_, [&] {
            if (happens(5, random)) store = file_store(path_);
            read_once(all_, store, keys(), random);
        });
    }

    void wait_for(moment when) {
        if (when == moment::opening) return wait(0us, 5ms);
        if (when == moment::working) return wait(20ms, 120ms);
        const auto end = steady_clock::now() + 120ms;
        while (all_.compactions.unfinished() == 0 && steady_clock::now() < end) wait(10us, 10us);
        wait(0us, 1ms);
    }
    void wait(std::chrono::microseconds least, std::chrono::microseconds most) {
        const auto span = static_cast<std::uint64_t>((most - least).count());
        std::this_thread::sleep_for(least + std::chrono::microseconds(number_up_to(span, random_)));
    }

    void require_no_violation() const {
        const std::string violation(all_.violation.data());
        REQUIRE(violation == "");
        REQUIRE(!all_.is_violated);
    }

    /// As a new process finds it. What it finds is what the next round begins with.
    void check() {
        all_.attempt([&] {
            file_store fresh(path_);
            look_at_all(all_, fresh, keys());
        });
        require_no_violation();
        for (progress& each : all_.keys) each.settle();

        const version shared_before = std::exchange(shared_version_, all_.keys[shared_key].acknowledged);
        const std::uint64_t acknowledged = all_.acknowledged_shared.exchange(0);
        const std::uint64_t unfinished = all_.shared_changes.give_up();
        CAPTURE(shared_before, shared_version_, acknowledged, unfinished);
        REQUIRE(shared_version_ - shared_before >= acknowledged);
        REQUIRE(shared_version_ - shared_before <= acknowledged + unfinished);

        sum_.acknowledged += all_.acknowledged.exchange(0);
        sum_.changes += all_.changes.give_up();
        sum_.compactions += all_.compactions.give_up();
        if (exists(path_ + ".tmp")) ++sum_.temporary_files;
    }

    static constexpr std::uintmax_t least_bloat = 64 * 1'024;

    const temporary_directory directory_{};
    const std::string path_ = directory_ / "tokens.tkj";
    const shared_memory memory_{};
    shared_knowledge& all_ = *memory_;
    const pid_t parent_ = ::getpid();
    const std::vector<std::size_t> threads_of_writers_;
    const std::size_t threads_;
    generator random_;
    figures& sum_;
    version shared_version_ = 0;
};

// ---- How long ----

/// The number that a variable of the environment gives; 0 if none.
std::uint64_t number_from(const char* variable) {
    const char* text = std::getenv(variable);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : 0;
}

std::uint64_t chosen_seed() {
    const std::uint64_t given = number_from("TOKENKEEP_SEED");
    return given != 0 ? given : std::random_device()();
}

/// As many rounds as TOKENKEEP_TORTURE says, or as there is time for, and a few at least.
class schedule {
  public:
    explicit schedule(std::chrono::milliseconds time) : end_(steady_clock::now() + time) {}

    bool has_another_after(std::uint64_t rounds) const {
        if (rounds_ != 0) return rounds < rounds_;
        return rounds < least_rounds || steady_clock::now() < end_;
    }

  private:
    static constexpr std::uint64_t least_rounds = 10;
    const std::uint64_t rounds_ = number_from("TOKENKEEP_TORTURE");
    const steady_clock::time_point end_;
};

void report(const std::string& who, const figures& sum) {
    WARN(who << ": " << sum.rounds << " rounds, " << sum.acknowledged << " acknowledged saves, 0 lost; killed in "
             << sum.changes << " changes and " << sum.compactions << " compactions, which left " << sum.temporary_files
             << " temporary files");
}

void kill_and_look(const std::vector<std::size_t>& threads_of_writers) {
    const std::uint64_t seed = chosen_seed();
    CAPTURE(seed);
    figures sum;
    kill_loop loop(threads_of_writers, seed, sum);
    for (const schedule time(7'500ms); time.has_another_after(sum.rounds);) loop.round(loop.any_moment());
    loop.finish();
    REQUIRE(sum.acknowledged > 0);
    const std::size_t writers = threads_of_writers.size();
    report(std::to_string(writers) + (writers == 1 ? " writer" : " writers"), sum);
}

} // namespace

TEST_CASE("file_store: after a kill, what a writer was told is saved is there", "[file_store][torture]") {
    kill_and_look({1});
}

TEST_CASE("file_store: the same for 4 writers of two threads each", "[file_store][torture]") {
    kill_and_look({2, 2, 2, 2});
}

TEST_CASE("file_store: the same for 16 writers, of which some have threads", "[file_store][torture]") {
    kill_and_look({1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 3});
}

TEST_CASE("file_store: the same for 4 writers killed while they make the file", "[file_store][torture]") {
    const std::uint64_t seed = chosen_seed();
    CAPTURE(seed);
    figures sum;
    for (const schedule time(2'000ms); time.has_another_after(sum.rounds);) {
        kill_loop loop({1, 1, 1, 1}, seed + sum.rounds, sum);
        loop.round(moment::opening);
        loop.finish();
    }
    report("4 writers, new files", sum);
}
