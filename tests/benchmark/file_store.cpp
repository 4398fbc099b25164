// SPDX-License-Identifier: MIT
// What a file_store costs, beside what the disk, the processor and SQLite give on the same machine.
// needs: SQLite
#include <tokenkeep/file_store.hpp>

#include "benchmark/program.hpp"
#include "support/processes.hpp"
#include "support/temporary.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <new>
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

// ---- The benchmarks ----

/// Where the stores and databases are while the program runs. Each is made at its first use.
struct prepared {
    const temporary_directory directory{};
    std::map<std::size_t, std::unique_ptr<file_store>> stores{};
    std::map<std::size_t, std::unique_ptr<database>> databases{};
    std::size_t record_size = 0; ///< That a save appends to the file.

    std::string path_of(std::size_t rows) const { return directory / ("store" + std::to_string(rows) + ".tkj"); }
    std::string file_of(std::size_t rows) const {
        if (!exists(path_of(rows))) make_store(path_of(rows), rows);
        return path_of(rows);
    }
    file_store& store_of(std::size_t rows) {
        std::unique_ptr<file_store>& store = stores[rows];
        if (!store) {
            store = std::make_unique<file_store>(file_of(rows));
            (void)store->find_token_by_id(id_of(0)); // reads the file
        }
        return *store;
    }
    std::string database_file_of(std::size_t rows) const {
        const std::string path = path_of(rows) + ".db";
        if (!exists(path)) make_database(path, rows);
        return path;
    }
    database& database_of(std::size_t rows) {
        std::unique_ptr<database>& one = databases[rows];
        if (!one) one = std::make_unique<database>(database_file_of(rows));
        return *one;
    }
    /// As many bytes as a save of a stored row appends.
    std::string record() {
        if (record_size == 0) {
            file_store& store = store_of(1);
            store.save_token(row_of(0, 1));
            const double before = size_of(path_of(1));
            store.save_token(row_of(0, 2));
            record_size = static_cast<std::size_t>(size_of(path_of(1)) - before);
        }
        return std::string(record_size, 'x');
    }
};

prepared& all() {
    static prepared one;
    return one;
}

/// A turn: the median of what act(n) says it took, over so many calls; n goes on from turn to turn.
template <class Act>
auto median_of(std::size_t count, Act act) {
    if (is_quick) count = 3;
    return [=, n = std::size_t{0}](benchmark::State&) mutable {
        std::vector<double> taken;
        while (taken.size() < count) taken.push_back(act(n++));
        return median(taken);
    };
}

constexpr std::size_t calls_of_a_turn = 15; // turns are many and short, because the disk's pace drifts
constexpr int turns_of_the_disk = 21;

double save(auto& store, std::size_t rows, std::size_t n) {
    const token record = row_of(scattered(n, rows), n);
    return seconds_of([&] { store.save_token(record); });
}

double append(int times) {
    static const plain_file file(all().directory / "append", O_WRONLY | O_CREAT | O_APPEND);
    const std::string record = all().record();
    return seconds_of([&] {
        for (int n = 0; n < times; ++n) file.append(record), file.flush();
    });
}

double remove(std::size_t rows, std::size_t n) {
    file_store& store = all().store_of(rows);
    const token record = row_of(scattered(n, rows));
    const double took = seconds_of([&] { store.delete_token(record.id); });
    store.save_token(record);
    return took;
}

double open_store(std::size_t rows, benchmark::State& state) {
    const std::string path = all().file_of(rows);
    std::unique_ptr<file_store>& store = all().stores[rows];
    store.reset();
    ::malloc_trim(0);
    const double before = resident_bytes();
    store = std::make_unique<file_store>(path);
    const double took = seconds_of([&] { (void)store->find_token_by_id(id_of(0)); });
    state.counters["bytes"] = (resident_bytes() - before) / static_cast<double>(rows);
    state.counters["MB_a_second"] = size_of(path) / took / 1e6;
    return took;
}

double hash_file(std::size_t rows) {
    const std::string path = all().file_of(rows);
    return seconds_of([&] { plain_file(path, O_RDONLY).hash(size_of(path)); });
}

double write_as_much(std::size_t rows) {
    const std::string piece(1 << 20, 'x'), path = all().directory / "written";
    std::filesystem::remove(path);
    double left = size_of(all().file_of(rows));
    return seconds_of([&] {
        const plain_file to(path, O_WRONLY | O_CREAT);
        for (; left > 0; left -= static_cast<double>(piece.size()))
            to.append(std::string_view(piece).substr(0, static_cast<std::size_t>(std::min(left, 1'048'576.0))));
        to.flush();
    });
}

void add_size(std::size_t rows) {
    add("save", "ours", rows, turns_of_the_disk,
        median_of(calls_of_a_turn, [=](std::size_t n) { return save(all().store_of(rows), rows, n); }));
    const int times = rows < 1'000'000 ? 9 : 5;
    add("open", "ours", rows, times, [=](benchmark::State& state) { return open_store(rows, state); });
    add("open", "hash", rows, times, [=](benchmark::State&) { return hash_file(rows); });
    add("compact", "ours", rows, times, [=](benchmark::State&) {
        file_store& store = all().store_of(rows);
        return seconds_of([&] { store.compact(); });
    });
    add("compact", "write", rows, times, [=](benchmark::State&) { return write_as_much(rows); });
    const auto store = [=]() -> file_store& { return all().store_of(rows); };
    const auto path = [=, path = std::string()]() mutable -> std::string& { return path = all().file_of(rows); };
    const auto user = [=](std::size_t n) { return token{.user_name = user_of(scattered(n, rows))}; };
    add("find_by_user", "ours", rows, times, calls(10'000, store, user, [](file_store& of, const token& probe) {
            require(of.find_token(probe).has_value(), "find_token");
        }));
    add("find_by_user", "stat", rows, times, calls(10'000, path, user, [](const std::string& of, const token&) {
            struct stat status {};
            require(::stat(of.c_str(), &status) == 0, "stat");
        }));
}

/// A turn of many who save at the same time. Its time is that of a save.
template <class Prepare>
void add_contest(const char* operation, const char* side, bool by_processes, unsigned workers, Prepare prepare) {
    const std::size_t rows = is_quick ? 100 : 10'000;
    const std::chrono::milliseconds time(is_quick ? 50 : 1'000);
    add(operation, side, workers, 5, [=](benchmark::State& state) {
        const double rate = rate_of(by_processes, workers, rows, time, prepare(rows));
        state.counters["saves_a_second"] = rate;
        return 1 / std::max(rate, 1.0);
    });
}

template <class Store>
save_function saver(std::shared_ptr<Store> store) {
    return [store](const token& record) { store->save_token(record); };
}

/// What a worker does that has a store, a file or a connection of its own.
std::function<save_function()> own_store(std::size_t rows) {
    return [path = all().file_of(rows)] {
        const auto store = std::make_shared<file_store>(path);
        (void)store->find_token_by_id(id_of(0)); // reads the file
        return saver(store);
    };
}
std::function<save_function()> shared_store(std::size_t rows) {
    return [save = own_store(rows)()] { return save; };
}
std::function<save_function()> own_file(std::size_t) {
    return [path = all().directory / "contest", record = all().record()]() -> save_function {
        const auto file = std::make_shared<plain_file>(path, O_WRONLY | O_CREAT | O_APPEND);
        return [=](const token&) {
            file->append_alone(record);
            file->flush();
        };
    };
}
std::function<save_function()> own_database(std::size_t rows) {
    return [path = all().database_file_of(rows)] { return saver(std::make_shared<database>(path)); };
}

void add_all() {
    const std::vector<std::size_t> sizes =
        is_quick ? std::vector<std::size_t>{100} : std::vector<std::size_t>{1'000, 10'000, 100'000, 1'000'000};
    for (const std::size_t rows : sizes) add_size(rows);
    const std::size_t other_rows = std::min<std::size_t>(sizes.back(), 100'000);
    add("save", "append_fdatasync", 1, turns_of_the_disk,
        median_of(calls_of_a_turn, [](std::size_t) { return append(1); }));
    add("save", "sqlite", other_rows, turns_of_the_disk,
        median_of(calls_of_a_turn, [=](std::size_t n) { return save(all().database_of(other_rows), other_rows, n); }));
    add("delete", "ours", other_rows, turns_of_the_disk,
        median_of(calls_of_a_turn, [=](std::size_t n) { return remove(other_rows, n); }));
    add("delete", "append_fdatasync", 1, turns_of_the_disk,
        median_of(calls_of_a_turn, [](std::size_t) { return append(2); }));
    add_contest("threads", "ours", false, 16, shared_store);
    add_contest("threads", "sqlite", false, 16, own_database);
    add_contest("processes", "ours", true, 4, own_store);
    add_contest("processes", "append_fdatasync", true, 4, own_file);
    add_contest("processes", "sqlite", true, 4, own_database);
}

} // namespace

int main(int count, char** words) { return run(count, words, add_all); }
