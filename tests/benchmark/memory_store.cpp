// SPDX-License-Identifier: MIT
// What memory_store costs beside what a program would write by itself: one std::unordered_map for each key that a row
// is found by, with a mutex; and Boost.MultiIndex, hashed. Times are CPU time.
// needs: Boost
#include "benchmark/program.hpp"

#include <tokenkeep/basic_store.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include <boost/multi_index/global_fun.hpp>
#include <boost/multi_index/hashed_index.hpp>
#include <boost/multi_index_container.hpp>
#include <malloc.h>

namespace {

using namespace measuring;

// ---- Records: 391 bytes of text and times ----

const std::string app = text("1000.client", 0, 24);

std::string short_id(std::size_t row) { return text("row", row, 20); }
std::string short_user(std::size_t row) { return text("user", row, 12) + "@example.org"; }

/// The row as it is after its `version`th save. Its access token has `extra` bytes more than others.
token short_row(std::size_t row, std::size_t version, std::size_t extra = 0) {
    return {.user_name = short_user(row),
            .client_id = app,
            .client_secret = text("secret", 0, 32),
            .refresh_token = text("1000.refresh", row, 60),
            .access_token = text("1000.", version, 20) + text("access", row, 40 + extra),
            .redirect_url = text("https://app.example.org/", 0, 30),
            .api_domain = "https://www.zohoapis.com",
            .scope = text("ZohoCRM.modules.ALL,", 0, 31),
            .token_type = "Bearer",
            .expires_at = timestamp(std::chrono::milliseconds(1'700'000'000'000)),
            .issued_at = timestamp(std::chrono::milliseconds(1'699'996'400'000)),
            .seed = text("seed", row, 64),
            .id = short_id(row)};
}

// ---- The sides. Each finds a copy of a row, under a lock; looks at a row where it lies; and saves ----

class ours {
  public:
    static constexpr const char* name = "ours";

    std::optional<token> find_by_id(const std::string& id) { return store_.find_token_by_id(id); }
    std::optional<token> find_by_user(const std::string& user) { return store_.find_token(probe_of(user)); }
    std::size_t look(const std::string& user) {
        std::size_t size = 0;
        const auto visit = [&](const auto& row) { size = row.access_token.size(); };
        store_.visit_token(tokenkeep::detail::row_view(probe_of(user)), visit);
        return size;
    }
    void save(const token& record) { store_.save_token(record); }

  private:
    /// The probe that the program has, for each user in turn.
    const token& probe_of(const std::string& user) {
        probe_.user_name = user;
        return probe_;
    }

    tokenkeep::memory_store store_{};
    token probe_{};
};

class maps {
  public:
    static constexpr const char* name = "unordered_map";

    std::optional<token> find_by_id(const std::string& id) {
        const std::lock_guard lock(mutex_);
        const auto at = by_id_.find(id);
        return at == by_id_.end() ? std::nullopt : std::optional(at->second);
    }
    std::optional<token> find_by_user(const std::string& user) {
        const std::lock_guard lock(mutex_);
        const auto at = by_user_.find(user);
        return at == by_user_.end() ? std::nullopt : std::optional(*at->second);
    }
    /// Without the lock: the bare map.
    std::size_t look(const std::string& user) {
        const auto at = by_user_.find(user);
        return at == by_user_.end() ? 0 : at->second->access_token.size();
    }
    void save(const token& record) {
        const std::lock_guard lock(mutex_);
        token& row = by_id_.try_emplace(record.id).first->second;
        move(by_user_, row.user_name, record.user_name, row);
        move(by_access_, row.access_token.reveal(), record.access_token.reveal(), row);
        move(by_refresh_, row.refresh_token.reveal(), record.refresh_token.reveal(), row);
        move(by_seed_, row.seed, record.seed, row);
        row = record;
    }

  private:
    using index = std::unordered_map<std::string, token*>;

    static void move(index& rows, std::string_view from, std::string_view to, token& row) {
        if (from == to) return;
        if (!from.empty()) rows.erase(std::string(from));
        rows.emplace(to, &row);
    }

    std::mutex mutex_{};
    std::unordered_map<std::string, token> by_id_{};
    index by_user_{}, by_access_{}, by_refresh_{}, by_seed_{};
};

namespace multi = boost::multi_index;

std::string_view id_in(const token& row) { return row.id; }
std::string_view user_in(const token& row) { return row.user_name; }
std::string_view access_in(const token& row) { return row.access_token.reveal(); }
std::string_view refresh_in(const token& row) { return row.refresh_token.reveal(); }
std::string_view seed_in(const token& row) { return row.seed; }

template <std::string_view (*key)(const token&)>
using hashed = multi::hashed_non_unique<multi::global_fun<const token&, std::string_view, key>,
                                        std::hash<std::string_view>, std::equal_to<std::string_view>>;

class multi_index {
  public:
    static constexpr const char* name = "multi_index";

    std::optional<token> find_by_id(const std::string& id) {
        const std::lock_guard lock(mutex_);
        const auto at = rows_.get<0>().find(std::string_view(id));
        return at == rows_.get<0>().end() ? std::nullopt : std::optional(*at);
    }
    std::optional<token> find_by_user(const std::string& user) {
        const std::lock_guard lock(mutex_);
        const auto at = rows_.get<1>().find(std::string_view(user));
        return at == rows_.get<1>().end() ? std::nullopt : std::optional(*at);
    }
    /// Without the lock.
    std::size_t look(const std::string& user) {
        const auto at = rows_.get<1>().find(std::string_view(user));
        return at == rows_.get<1>().end() ? 0 : at->access_token.size();
    }
    void save(const token& record) {
        const std::lock_guard lock(mutex_);
        const auto at = rows_.get<0>().find(std::string_view(record.id));
        if (at == rows_.get<0>().end())
            rows_.insert(record);
        else
            rows_.replace(at, record);
    }

  private:
    std::mutex mutex_{};
    multi::multi_index_container<token, multi::indexed_by<hashed<id_in>, hashed<user_in>, hashed<access_in>,
                                                          hashed<refresh_in>, hashed<seed_in>>>
        rows_{};
};

// ---- Measuring ----

/// Saves so many new rows. Gives the CPU time of it.
template <class Side>
double fill(Side& side, std::size_t rows) {
    constexpr std::size_t batch = 1'000;
    double spent = 0;
    for (std::size_t row = 0; row < rows;) {
        std::vector<token> records;
        while (records.size() < batch && row < rows) records.push_back(short_row(row++, 0));
        const double start = cpu_seconds();
        for (const token& record : records) side.save(record);
        spent += cpu_seconds() - start;
    }
    return spent;
}

/// The one with so many rows. It is made at its first use.
template <class Side>
std::unique_ptr<Side>& side_of(std::size_t rows) {
    static std::map<std::size_t, std::unique_ptr<Side>> all;
    std::unique_ptr<Side>& side = all[rows];
    if (!side) fill(*(side = std::make_unique<Side>()), rows);
    return side;
}

double bytes_in_use() {
    const auto used = ::mallinfo2();
    return static_cast<double>(used.uordblks + used.hblkhd);
}

/// A turn that makes the store of so many rows again, several times if they are few.
template <class Side>
auto insert(std::size_t rows) {
    return [rows](benchmark::State& state) {
        const std::size_t fills = is_quick ? 1 : std::max<std::size_t>(1, 20'000 / rows);
        double spent = 0;
        for (std::size_t n = 0; n < fills; ++n) {
            std::unique_ptr<Side>& side = side_of<Side>(rows);
            side.reset();
            const double before = bytes_in_use();
            spent += fill(*(side = std::make_unique<Side>()), rows);
            state.counters["bytes"] = (bytes_in_use() - before) / static_cast<double>(rows);
        }
        return spent / static_cast<double>(fills * rows);
    };
}

template <class Side>
void add_side(std::size_t rows) {
    const int times = rows < 1'000'000 ? 9 : 5;
    const auto add_calls = [&](const char* operation, auto make, auto act) {
        const auto side = [rows]() -> Side& { return *side_of<Side>(rows); };
        add(operation, Side::name, rows, times, calls(20'000, side, make, act));
    };
    const auto id = [rows](std::size_t n) { return short_id(scattered(n, rows)); };
    const auto user = [rows](std::size_t n) { return short_user(scattered(n, rows)); };
    add_calls("find_by_id", id,
              [](Side& side, const std::string& each) { require(side.find_by_id(each).has_value(), "find_by_id"); });
    add_calls("find_by_user", user, [](Side& side, const std::string& each) {
        require(side.find_by_user(each).has_value(), "find_by_user");
    });
    add_calls("look", user, [](Side& side, const std::string& each) { require(side.look(each) != 0, "look"); });
    const auto save = [](Side& side, const token& record) { side.save(record); };
    add_calls(
        "save", [rows](std::size_t n) { return short_row(scattered(n, rows), n + 1); }, save);
    add_calls(
        "save_resized", [rows](std::size_t n) { return short_row(scattered(n, rows), n + 1, n % 32); }, save);
    if (!RUNNING_ON_VALGRIND) add("insert", Side::name, rows, rows < 1'000'000 ? 9 : 3, insert<Side>(rows));
}

// ---- A writer among readers ----

std::atomic<std::uint64_t> reads = 0; ///< That have ended.

/// The mutex of the defaults, which counts the reads that end while a writer waits.
struct counting_mutex {
    void lock() {
        const std::uint64_t before = reads;
        inner.lock();
        waits.push_back(static_cast<double>(reads - before));
    }
    void unlock() { inner.unlock(); }
    void lock_shared() { inner.lock_shared(); }
    void unlock_shared() {
        ++reads;
        inner.unlock_shared();
    }

    tokenkeep::defaults::mutex inner{};
    static inline std::vector<double> waits{}; ///< Of each writer, in reads. Guarded by the mutex.
};
struct counting : tokenkeep::defaults {
    using mutex = counting_mutex;
};

/// A writer saves once a millisecond while eight threads read as fast as they can.
double write_among_readers(benchmark::State& state) {
    tokenkeep::basic_store<tokenkeep::indexed, counting> store;
    for (std::size_t row = 0; row < 1'000; ++row) store.save_token(short_row(row, 0));
    std::atomic<bool> is_over = false;
    std::vector<std::thread> readers;
    for (std::size_t reader = 0; reader < 8; ++reader)
        readers.emplace_back([&, n = reader]() mutable {
            while (!is_over) (void)store.find_token_by_id(short_id(scattered(n++, 1'000)));
        });
    counting_mutex::waits.clear();
    const std::size_t saves = is_quick ? 20 : 500;
    double spent = 0;
    for (std::size_t n = 0; n < saves; ++n) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        const token record = short_row(scattered(n, 1'000), n + 1);
        spent += seconds_of([&] { store.save_token(record); });
    }
    is_over = true;
    for (std::thread& reader : readers) reader.join();
    // The longest includes the time in which the writer had asked for the mutex, but did not run.
    std::vector<double>& waits = counting_mutex::waits;
    std::sort(waits.begin(), waits.end());
    state.counters["reads"] = waits[waits.size() * 99 / 100];
    state.counters["longest"] = waits.back();
    return spent / static_cast<double>(saves);
}

void add_all() {
    const std::vector<std::size_t> sizes =
        is_quick ? std::vector<std::size_t>{1'000} : std::vector<std::size_t>{1'000, 10'000, 100'000, 1'000'000};
    for (const std::size_t rows : sizes) {
        add_side<ours>(rows);
        add_side<maps>(rows);
        add_side<multi_index>(rows);
    }
    if (!RUNNING_ON_VALGRIND) add("write_among_readers", "ours", 8, 3, write_among_readers);
}

} // namespace

int main(int count, char** words) { return run(count, words, add_all); }
