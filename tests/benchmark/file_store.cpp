// SPDX-License-Identifier: MIT
// What a file_store costs, as ratios to what the disk, the processor and SQLite give on the same machine. The sides of
// a comparison take turns; each figure is the median of the turns. Goals are printed, nothing is asserted.
//
//   file_store [--quick]      about three minutes; or a few seconds, to see that it runs
#include <tokenkeep/file_store.hpp>

#include "benchmark/measuring.hpp"
#include "support/processes.hpp"
#include "support/temporary.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <malloc.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace tokenkeep;
using namespace measuring;
using std::chrono::steady_clock;

namespace {

double resident_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
        if (double kib = 0; word == "VmRSS:" && status >> kib) return kib * 1'024;
    return 0;
}

double size_of(const std::string& path) { return static_cast<double>(std::filesystem::file_size(path)); }

// ---- The other sides: the bare system calls, and SQLite ----

class plain_file {
  public:
    plain_file(const std::string& path, int flags) : number_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {
        require(number_ >= 0, "open");
    }
    plain_file(const plain_file&) = delete;
    plain_file& operator=(const plain_file&) = delete;
    ~plain_file() { ::close(number_); }

    void append(std::string_view bytes) const {
        require(::write(number_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "write");
    }
    void flush() const { require(::fdatasync(number_) == 0, "fdatasync"); }

    /// Appends while no other process does; see fcntl(2) for open file description locks.
    void append_alone(std::string_view bytes) const {
        set_lock(F_WRLCK);
        append(bytes);
        set_lock(F_UNLCK);
    }

    void hash(double size) const {
        std::string piece(static_cast<std::size_t>(std::min(size, 1'048'576.0)), '\0');
        text::sha256_hash all;
        off_t at = 0;
        for (ssize_t got = 0; (got = ::pread(number_, piece.data(), piece.size(), at)) > 0; at += got)
            all.update({piece.data(), static_cast<std::size_t>(got)});
        (void)all.finish();
    }

  private:
    void set_lock(short kind) const {
        struct flock whole {};
        whole.l_type = kind;
        whole.l_whence = SEEK_SET;
        require(::fcntl(number_, F_OFD_SETLKW, &whole) == 0, "fcntl");
    }

    int number_;
};

/// A row for each token and a column for each field, indexed by id and user; in WAL mode, every commit flushed.
class database {
  public:
    explicit database(const std::string& path) {
        constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
        sqlite3* opened = nullptr;
        const bool is_open = ::sqlite3_open_v2(path.c_str(), &opened, flags, nullptr) == SQLITE_OK;
        connection_.reset(opened);
        require(is_open, "sqlite3_open");
        std::string columns = "id TEXT PRIMARY KEY", places = "?", updates = "id=id";
        for (const field& each : fields) {
            const std::string name(each.name);
            if (name == "id") continue;
            columns += ',' + name;
            places += ",?";
            updates += ',' + name + "=excluded." + name;
        }
        run("PRAGMA busy_timeout=60000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            "CREATE TABLE IF NOT EXISTS tokens(" +
            columns +
            ");"
            "CREATE INDEX IF NOT EXISTS users ON tokens(user_name);");
        const std::string upsert = "INSERT INTO tokens VALUES(" + places + ") ON CONFLICT(id) DO UPDATE SET " + updates;
        sqlite3_stmt* prepared = nullptr;
        require(::sqlite3_prepare_v2(opened, upsert.c_str(), -1, &prepared, nullptr) == SQLITE_OK, "sqlite3_prepare");
        upsert_.reset(prepared);
    }

    void run(const std::string& sql) {
        require(::sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK, sql.c_str());
    }

    void save_token(const token& record) {
        int place = 0;
        for (const field& each : fields) each.visit([&](auto member) { bind(++place, record.*member); });
        require(::sqlite3_step(upsert_.get()) == SQLITE_DONE, "sqlite3_step");
        ::sqlite3_reset(upsert_.get());
    }

  private:
    template <class Value>
    void bind(int place, const Value& value) {
        if constexpr (std::is_same_v<Value, std::optional<timestamp>>) {
            if (value) ::sqlite3_bind_int64(upsert_.get(), place, value->time_since_epoch().count());
        } else {
            const std::string_view bytes = detail::view_of(value);
            ::sqlite3_bind_text(upsert_.get(), place, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
        }
    }

    struct closer {
        void operator()(sqlite3* open) const { ::sqlite3_close(open); }
        void operator()(sqlite3_stmt* prepared) const { ::sqlite3_finalize(prepared); }
    };
    std::unique_ptr<sqlite3, closer> connection_{};
    std::unique_ptr<sqlite3_stmt, closer> upsert_{};
};

// ---- Stores with many rows, made without flushing each ----

struct unflushed_files : system_files {
    struct file : system_files::file {
        explicit file(system_files::file opened) : system_files::file(std::move(opened)) {}
        void flush() const {}
    };
    file create(const std::string& path) const { return file(system_files::create(path)); }
    std::optional<file> open(const std::string& path) const {
        std::optional<system_files::file> opened = system_files::open(path);
        return opened ? std::optional<file>(*std::move(opened)) : std::nullopt;
    }
};
struct unflushed : defaults {
    using files = unflushed_files;
};

/// In a process of its own, so that this one's memory stays as it is.
void make_store(const std::string& path, std::size_t rows) {
    require(in_process([&] {
                basic_file_store<unflushed> store(path);
                for (std::size_t row = 0; row < rows; ++row) store.save_token(row_of(row));
                store.compact();
            }),
            "a process failed");
    plain_file(path, O_RDWR).flush();
}

void make_database(const std::string& path, std::size_t rows) {
    database made(path);
    made.run("BEGIN");
    for (std::size_t row = 0; row < rows; ++row) made.save_token(row_of(row));
    made.run("COMMIT; PRAGMA wal_checkpoint(TRUNCATE);");
}

// ---- Many who save at the same time, for a while; they start together ----

using save_function = std::function<void(const token&)>;

struct contest {
    const unsigned workers;
    const std::size_t rows;
    const std::chrono::milliseconds time;
    std::atomic<unsigned> arrived{0};
    std::atomic<bool> has_failed{false};
    std::atomic<std::uint64_t> saved{0};

    /// Counts the saves that were acknowledged in time.
    void take_part(unsigned worker, const std::function<save_function()>& prepare) noexcept try {
        const save_function save = prepare();
        ++arrived;
        while (arrived < workers && !has_failed) std::this_thread::sleep_for(std::chrono::microseconds(100));
        const auto end = steady_clock::now() + time;
        for (std::size_t n = worker;; n += workers) {
            save(row_of(n % rows, n));
            if (steady_clock::now() >= end) return;
            ++saved;
        }
    } catch (const std::exception& fault) {
        std::fprintf(stderr, "%s\n", fault.what());
        has_failed = true;
    }
};

/// Saves a second.
double rate_of(bool by_processes, unsigned workers, std::size_t rows, std::chrono::milliseconds time,
               const std::function<save_function()>& prepare) {
    void* shared = ::mmap(nullptr, sizeof(contest), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    require(shared != MAP_FAILED, "mmap");
    contest& all = *new (shared) contest{workers, rows, time};
    std::vector<std::thread> threads;
    std::vector<pid_t> processes;
    for (unsigned worker = 0; worker < workers; ++worker) {
        const auto act = [&all, &prepare, worker] { all.take_part(worker, prepare); };
        if (by_processes)
            processes.push_back(start_process(act));
        else
            threads.emplace_back(act);
    }
    for (std::thread& each : threads) each.join();
    for (const pid_t each : processes) require(ended_well(each), "a process failed");
    require(!all.has_failed, "a worker failed");
    const double rate = static_cast<double>(all.saved) / std::chrono::duration<double>(time).count();
    ::munmap(shared, sizeof(contest));
    return rate;
}

// ---- The sections ----

struct plan {
    std::vector<std::size_t> sizes{}; ///< How many rows a store has.
    std::size_t rounds = 0;           ///< Turns of each side.
    std::size_t changes = 0;          ///< Turns of saving and deleting: many and short, as the disk's pace drifts.
    std::size_t saves = 0;            ///< In a turn.
    std::size_t finds = 0;            ///< In a turn.
    std::size_t contest_rows = 0;
    std::chrono::milliseconds contest_time{0}; ///< A turn of many.
};

class benchmark {
  public:
    explicit benchmark(plan chosen) : plan_(std::move(chosen)) {
        for (const std::size_t rows : plan_.sizes) make_store(path_of(rows), rows);
    }

    void run() {
        section(
            "1. An update of one of N rows, acknowledged, against an append of as many bytes with fdatasync. Beside\n"
            "   them an upsert into SQLite, WAL, synchronous=FULL, of at most 100,000 rows. Microseconds, medians.",
            &benchmark::save);
        compete();
        hash_in_memory();
        section(
            "3. The first find_token of a store, which reads the file, against reading the file with pread of 1 MiB\n"
            "   and hashing it with SHA-256. The ratio is that of the rates.",
            &benchmark::open);
        section("4. find_token of a row that is there, in no order, against one stat of the path. Nanoseconds.",
                &benchmark::find);
        section("5. delete_token (two flushes) against two appends with fdatasync. Microseconds, medians.",
                &benchmark::remove);
        section("   compact against writing as many bytes with one fdatasync.", &benchmark::compact);
        print_growth();
    }

  private:
    void section(const char* title, void (benchmark::*measure)(std::size_t)) {
        std::printf("%s\n", title);
        for (const std::size_t rows : plan_.sizes) {
            std::printf("   %9zu rows  ", rows);
            (this->*measure)(rows);
            std::fflush(stdout);
        }
        std::printf("\n");
    }

    std::string path_of(std::size_t rows) const { return directory_ / ("store" + std::to_string(rows) + ".tkj"); }

    /// The median of what act(n) says it took, over the calls of a turn; n counts on from turn to turn.
    template <class Act>
    std::function<double()> turn_of(Act act) const {
        return [act, count = plan_.saves, n = std::size_t{0}]() mutable {
            std::vector<double> taken;
            for (std::size_t i = 0; i < count; ++i) taken.push_back(act(n++));
            return median(taken);
        };
    }

    template <class Store>
    std::function<double()> saves_in(Store& store, std::size_t rows) const {
        return turn_of([&store, rows](std::size_t n) {
            const token record = row_of(scattered(n, rows), n);
            return seconds_of([&] { store.save_token(record); });
        });
    }

    std::function<double()> appends(std::size_t size, int times) const {
        const auto file = std::make_shared<plain_file>(directory_ / "append", O_WRONLY | O_CREAT | O_APPEND);
        return turn_of([file, times, record = std::string(size, 'x')](std::size_t) {
            return seconds_of([&] {
                for (int i = 0; i < times; ++i) file->append(record), file->flush();
            });
        });
    }

    void save(std::size_t rows) {
        const std::size_t other_rows = std::min<std::size_t>(rows, 100'000);
        const std::string other_path = path_of(rows) + ".db";
        make_database(other_path, other_rows);
        database other(other_path);
        file_store store(path_of(rows));
        store.save_token(row_of(0, 1)); // reads the file
        const double before = size_of(path_of(rows));
        store.save_token(row_of(0, 2));
        record_size_ = static_cast<std::size_t>(size_of(path_of(rows)) - before);
        const turns took =
            alternate(plan_.changes, {saves_in(store, rows), appends(record_size_, 1), saves_in(other, other_rows)});
        costs_["save"][rows] = median(took[0]);
        std::printf("%zu bytes  save %5.0f  append %5.0f  SQLite %5.0f  %4.2fx SQLite  ratio %4.2f (goal <= 1.15)\n",
                    record_size_, median(took[0]) * 1e6, median(took[1]) * 1e6, median(took[2]) * 1e6,
                    ratio(took[0], took[2]), ratio(took[0], took[1]));
    }

    void compete() {
        std::printf(
            "2. Acknowledged saves a second, of %zu rows, against SQLite as above with a connection each.\n"
            "   Beside them each with a descriptor of its own that locks, appends as much, unlocks and flushes.\n",
            plan_.contest_rows);
        const std::string path = directory_ / "contest.tkj", other_path = directory_ / "contest.db";
        make_store(path, plan_.contest_rows);
        make_database(other_path, plan_.contest_rows);
        const auto open_store = [&] {
            const auto store = std::make_shared<file_store>(path);
            (void)store->find_token_by_id(id_of(0)); // reads the file
            return saver(store);
        };
        const auto open_database = [&] { return saver(std::make_shared<database>(other_path)); };
        const auto contest_of = [&](bool by_processes, unsigned workers, std::function<save_function()> prepare) {
            return
                [=, this] { return rate_of(by_processes, workers, plan_.contest_rows, plan_.contest_time, prepare); };
        };
        const auto open_file = [&]() -> save_function {
            const auto file = std::make_shared<plain_file>(directory_ / "contest", O_WRONLY | O_CREAT | O_APPEND);
            return [file, record = std::string(record_size_, 'x')](const token&) {
                file->append_alone(record);
                file->flush();
            };
        };
        const auto print = [&](const char* who, const turns& rates) {
            std::printf("   %-24s  store %6.0f/s  calls %6.0f/s  SQLite %6.0f/s  %4.2fx the calls (processes >= 0.95)  "
                        "ratio %5.2f (goal >= 2)\n",
                        who, median(rates[0]), median(rates[1]), median(rates[2]), ratio(rates[0], rates[1]),
                        ratio(rates[0], rates[2]));
        };
        const auto shared = [&] { return [store = open_store()] { return store; }; };
        print("16 threads, one store",
              alternate(plan_.rounds, {contest_of(false, 16, shared()), contest_of(false, 16, open_file),
                                       contest_of(false, 16, open_database)}));
        print("4 processes", alternate(plan_.rounds, {contest_of(true, 4, open_store), contest_of(true, 4, open_file),
                                                      contest_of(true, 4, open_database)}));
        std::printf("\n");
    }

    template <class Store>
    static save_function saver(std::shared_ptr<Store> store) {
        return [store](const token& record) { store->save_token(record); };
    }

    void hash_in_memory() const {
        const std::string bytes(1 << 16, 'x');
        const auto rate = [&](auto blocks) {
            detail::sha256_state state = detail::sha256_initial_state;
            const std::size_t count = bytes.size() / detail::sha256_block_size;
            const auto taken =
                turn_of([&](std::size_t) { return seconds_of([&] { blocks(state, bytes.data(), count); }); });
            return static_cast<double>(bytes.size()) / taken() / 1e6;
        };
        std::printf("   SHA-256 of 64 KiB in memory: portable %.0f MB/s", rate(detail::sha256_blocks_portable));
        if (detail::has_sha256_instructions())
            std::printf(", by instructions %.0f MB/s", rate(detail::sha256_blocks_by_instructions));
        std::printf("\n\n");
    }

    void open(std::size_t rows) {
        std::unique_ptr<file_store>& store = stores_[rows];
        std::vector<double> resident;
        const auto first_find = [&] {
            store.reset();
            ::malloc_trim(0);
            const double before = resident_bytes();
            store = std::make_unique<file_store>(path_of(rows));
            const double took = seconds_of([&] { (void)store->find_token_by_id(id_of(0)); });
            resident.push_back(resident_bytes() - before);
            return took;
        };
        const auto hash = [&] {
            return seconds_of([&] { plain_file(path_of(rows), O_RDONLY).hash(size_of(path_of(rows))); });
        };
        const turns took = alternate(plan_.rounds, {first_find, hash});
        const double megabytes = size_of(path_of(rows)) / 1e6;
        costs_["open, a row"][rows] = median(took[0]) / static_cast<double>(rows);
        std::printf("%7.2f MB  open %8.2f ms, %3.0f MB/s  hash %8.2f ms, %3.0f MB/s  resident %5.0f bytes/row  "
                    "ratio %4.2f (goal >= 250 MB/s)\n",
                    megabytes, median(took[0]) * 1e3, megabytes / median(took[0]), median(took[1]) * 1e3,
                    megabytes / median(took[1]), median(resident) / static_cast<double>(rows), ratio(took[1], took[0]));
    }

    /// The mean of a find, over the probes that probe_of(row) makes.
    template <class ProbeOf>
    std::function<double()> finds_in(std::size_t rows, ProbeOf probe_of) const {
        return [this, rows, probe_of] {
            std::vector<token> probes;
            for (std::size_t n = 0; n < plan_.finds; ++n) probes.push_back(probe_of(scattered(n, rows)));
            file_store& store = *stores_.at(rows);
            return seconds_of([&] {
                       for (const token& probe : probes) require(store.find_token(probe).has_value(), "find_token");
                   }) /
                   static_cast<double>(plan_.finds);
        };
    }

    void find(std::size_t rows) {
        const auto stats = [&] {
            return seconds_of([&] {
                       struct stat status {};
                       for (std::size_t n = 0; n < plan_.finds; ++n) ::stat(path_of(rows).c_str(), &status);
                   }) /
                   static_cast<double>(plan_.finds);
        };
        const turns took = alternate(
            plan_.rounds,
            {finds_in(rows, [](std::size_t row) { return token{.id = id_of(row)}; }),
             finds_in(rows, [](std::size_t row) { return token{.user_name = user_of(row)}; }),
             finds_in(rows,
                      [](std::size_t row) { return token{.client_id = client_id, .refresh_token = refresh_of(row)}; }),
             stats});
        const char* const names[] = {"find by id", "find by user", "find by refresh token"};
        for (std::size_t by = 0; by < 3; ++by) {
            costs_[names[by]][rows] = median(took[by]);
            std::printf("%s %5.0f  ", names[by] + 5, median(took[by]) * 1e9);
        }
        std::printf("stat %4.0f  ratio %4.2f %4.2f %4.2f (no goal)\n", median(took[3]) * 1e9, ratio(took[0], took[3]),
                    ratio(took[1], took[3]), ratio(took[2], took[3]));
    }

    void remove(std::size_t rows) {
        file_store& store = *stores_.at(rows);
        const auto deletes = turn_of([&store, rows](std::size_t n) {
            const token record = row_of(scattered(n, rows));
            const double took = seconds_of([&] { store.delete_token(record.id); });
            store.save_token(record);
            return took;
        });
        const turns took = alternate(plan_.changes, {deletes, appends(record_size_, 2)});
        costs_["delete"][rows] = median(took[0]);
        std::printf("delete %5.0f  two appends %5.0f  ratio %4.2f (no goal)\n", median(took[0]) * 1e6,
                    median(took[1]) * 1e6, ratio(took[0], took[1]));
    }

    void compact(std::size_t rows) {
        const double before = size_of(path_of(rows));
        const auto compact_it = [&] { return seconds_of([&] { stores_.at(rows)->compact(); }); };
        const auto write = [&] {
            const std::string piece(1 << 20, 'x'), path = directory_ / "written";
            std::filesystem::remove(path);
            double left = size_of(path_of(rows));
            return seconds_of([&] {
                const plain_file to(path, O_WRONLY | O_CREAT);
                for (; left > 0; left -= static_cast<double>(piece.size()))
                    to.append(std::string_view(piece).substr(0, static_cast<std::size_t>(std::min(left, 1'048'576.0))));
                to.flush();
            });
        };
        const turns took = alternate(plan_.rounds, {compact_it, write});
        costs_["compact, a row"][rows] = median(took[0]) / static_cast<double>(rows);
        std::printf("%7.2f MB before, %7.2f MB after  compact %7.4f s  write %7.4f s  ratio %4.2f (goal <= 4)\n",
                    before / 1e6, size_of(path_of(rows)) / 1e6, median(took[0]), median(took[1]),
                    ratio(took[0], took[1]));
    }

    void print_growth() const {
        const std::size_t few = 100, many = plan_.sizes.back();
        std::printf("From %zu to %zu rows the cost grows by the factor\n", few, many);
        for (const auto& [what, cost] : costs_)
            std::printf("   %-21s  %5.2f\n", what.c_str(), cost.at(many) / cost.at(few));
    }

    const plan plan_;
    const temporary_directory directory_{};
    std::size_t record_size_ = 0;
    std::map<std::size_t, std::unique_ptr<file_store>> stores_{};
    std::map<std::string, std::map<std::size_t, double>> costs_{};
};

const plan full{{1, 100, 10'000, 100'000, 1'000'000}, 5, 41, 15, 100'000, 10'000, std::chrono::milliseconds(1'500)};
const plan quick{{1, 100, 1'000}, 1, 1, 5, 500, 100, std::chrono::milliseconds(100)};

} // namespace

int main(int count, char** words) {
    try {
        benchmark(count > 1 && std::string_view(words[1]) == "--quick" ? quick : full).run();
        return EXIT_SUCCESS;
    } catch (const std::exception& fault) {
        std::fprintf(stderr, "%s\n", fault.what());
        return EXIT_FAILURE;
    }
}
