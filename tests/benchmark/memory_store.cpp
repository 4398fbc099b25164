// SPDX-License-Identifier: MIT
// What memory_store costs beside what a program would write by itself: one std::unordered_map for each key that a row
// is found by, with a mutex; and Boost.MultiIndex, hashed, if it is installed. Times are CPU time.
#include "benchmark/measuring.hpp"

#include <tokenkeep/basic_store.hpp>

#if __has_include(<boost/multi_index_container.hpp>)
#define TOKENKEEP_BENCHMARK_HAS_BOOST
#include <boost/multi_index/global_fun.hpp>
#include <boost/multi_index/hashed_index.hpp>
#include <boost/multi_index_container.hpp>
#endif

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include <malloc.h>

namespace {

using namespace measuring;

// ---- Records: 391 bytes of text and times ----

inline const std::string app = text("1000.client", 0, 24);

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
    static constexpr const char* name = "memory_store";

    std::optional<token> find_by_id(const std::string& id) { return store_.find_token_by_id(id); }
    std::optional<token> find_by_user(const std::string& user) { return store_.find_token(probe_of(user)); }
    std::size_t look(const std::string& user) {
        std::size_t size = 0;
        store_.visit_token(probe_of(user), [&](const auto& row) { size = row.access_token.size(); });
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

/// A look-up of the map for a view would need a hash of its own, so the keys are strings.
std::string key(std::string_view text) { return std::string(text); }

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
        const auto [at, is_new] = by_id_.try_emplace(record.id);
        token& row = at->second;
        if (row.user_name != record.user_name) move(by_user_, row.user_name, record.user_name, row);
        move(by_access_, row.access_token.reveal(), record.access_token.reveal(), row);
        move(by_refresh_, row.refresh_token.reveal(), record.refresh_token.reveal(), row);
        if (row.seed != record.seed) move(by_seed_, row.seed, record.seed, row);
        row = record;
    }

  private:
    using index = std::unordered_map<std::string, token*>;

    static void move(index& rows, std::string_view from, std::string_view to, token& row) {
        if (from == to) return;
        if (!from.empty()) rows.erase(key(from));
        rows.emplace(key(to), &row);
    }

    std::mutex mutex_{};
    std::unordered_map<std::string, token> by_id_{};
    index by_user_{}, by_access_{}, by_refresh_{}, by_seed_{};
};

#ifdef TOKENKEEP_BENCHMARK_HAS_BOOST
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
    static constexpr const char* name = "Boost.MultiIndex";

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
#endif

// ---- Measuring ----

enum operation { find_by_id, find_by_user, look, save, save_of_another_size, insert, bytes, operations };

constexpr const char* names[operations] = {"find by id",    "find by user", "look, no copy", "save",
                                           "save, resized", "insert",       "bytes a token"};

double cpu_time() {
    ::timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::size_t bytes_in_use() {
    const auto used = ::mallinfo2();
    return used.uordblks + used.hblkhd;
}

/// Calls `act(each)` for all, and adds the time to `spent`.
template <class Each, class Act>
void spend(double& spent, const std::vector<Each>& all, Act act) {
    const double start = cpu_time();
    for (const Each& each : all) act(each);
    spent += cpu_time() - start;
}

/// What each operation of one side costs with so many rows, round by round: seconds a call, and bytes.
template <class Side>
class measured {
  public:
    explicit measured(std::size_t rows) : rows_(rows) {}

    /// Makes the rows anew.
    void fill() {
        side_.reset();
        const std::size_t before = bytes_in_use();
        side_ = std::make_unique<Side>();
        double spent = 0;
        constexpr std::size_t batch = 1'000;
        for (std::size_t row = 0; row < rows_;) {
            std::vector<token> records;
            while (records.size() < batch && row < rows_) records.push_back(short_row(row++, 0));
            spend(spent, records, [&](const token& record) { side_->save(record); });
        }
        took[insert].push_back(spent / static_cast<double>(rows_));
        took[bytes].push_back(static_cast<double>(bytes_in_use() - before) / static_cast<double>(rows_));
    }

    void use(std::size_t turn, std::size_t calls) {
        std::vector<std::string> ids, users;
        std::vector<token> records, resized;
        for (std::size_t n = turn * calls; n < (turn + 1) * calls; ++n) {
            // Each operation has other rows, so that none finds in the cache what the one before has used.
            ids.push_back(short_id(scattered(3 * n, rows_)));
            users.push_back(short_user(scattered(3 * n + 1, rows_)));
            const std::size_t row = scattered(3 * n + 2, rows_);
            records.push_back(short_row(row, 2 * n + 1));
            resized.push_back(short_row(row, 2 * n + 2, 1 + n % 32));
        }
        std::size_t found = 0;
        time(find_by_id, ids, [&](const std::string& id) { found += side_->find_by_id(id).has_value(); });
        time(find_by_user, users, [&](const std::string& user) { found += side_->find_by_user(user).has_value(); });
        time(look, users, [&](const std::string& user) { found += side_->look(user) != 0; });
        require(found == 3 * calls, "each row is found");
        time(save, records, [&](const token& record) { side_->save(record); });
        time(save_of_another_size, resized, [&](const token& record) { side_->save(record); });
        for (const token& record : records) side_->save(record); // back to the usual size
    }

    std::vector<double> took[operations];

  private:
    template <class Each, class Act>
    void time(operation what, const std::vector<Each>& all, Act act) {
        double spent = 0;
        spend(spent, all, act);
        took[what].push_back(spent / static_cast<double>(all.size()));
    }

    std::size_t rows_;
    std::unique_ptr<Side> side_{};
};

template <class... Side>
void measure(std::size_t rounds, std::size_t calls, measured<Side>&... sides) {
    for (std::size_t round = 0; round < rounds; ++round) {
        (sides.fill(), ...);
        for (std::size_t turn = 0; turn < rounds; ++turn) (sides.use(turn, calls), ...);
    }
}

// ---- Printing ----

template <class First, class... Side>
void show(std::size_t rows, const measured<First>& first, const measured<Side>&... others) {
    std::printf("%zu tokens\n  %-14s %14s", rows, "", First::name);
    (std::printf("  %16s", Side::name), ...);
    for (int each = 0; each < operations; ++each) {
        const double scale = each == bytes ? 1 : 1e9;
        std::printf("\n  %-14s %14.0f", names[each], median(first.took[each]) * scale);
        const auto compare = [&](const std::vector<double>& took) {
            std::printf("  %8.0f (%4.2fx)", median(took) * scale, ratio(first.took[each], took));
        };
        (compare(others.took[each]), ...);
    }
    std::printf("\n");
}

void compare(std::size_t rows, std::size_t rounds, std::size_t calls) {
    measured<ours> own(rows);
    measured<maps> by_maps(rows);
#ifdef TOKENKEEP_BENCHMARK_HAS_BOOST
    measured<multi_index> by_multi_index(rows);
    measure(rounds, calls, own, by_maps, by_multi_index);
    show(rows, own, by_maps, by_multi_index);
#else
    measure(rounds, calls, own, by_maps);
    show(rows, own, by_maps);
#endif
}

} // namespace

int main(int count, char** words) {
    const bool quick = count > 1 && std::string_view(words[1]) == "--quick";
    std::printf("ns a call; in brackets what memory_store takes of it\n");
    if (quick) {
        compare(1'000, 1, 100);
        return EXIT_SUCCESS;
    }
    compare(1'000, 9, 10'000);
    compare(10'000, 5, 10'000);
    compare(100'000, 5, 10'000);
    compare(1'000'000, 3, 20'000);
    return EXIT_SUCCESS;
}
