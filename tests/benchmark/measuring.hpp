// SPDX-License-Identifier: MIT
// What the benchmarks of the stores have in common: records, and sides that take turns.
#ifndef TOKENKEEP_TESTS_BENCHMARK_MEASURING_HPP
#define TOKENKEEP_TESTS_BENCHMARK_MEASURING_HPP

#include <tokenkeep/token.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace measuring {

using std::chrono::steady_clock;
using tokenkeep::timestamp;
using tokenkeep::token;

// ---- Records: about 600 bytes in the file, found by id, by user, and by refresh token with client ----

inline std::string text(std::string_view kind, std::size_t number, std::size_t size) {
    const std::string digits = std::to_string(number);
    std::string made(kind);
    made.append(8 - std::min<std::size_t>(8, digits.size()), '0').append(digits);
    made.resize(size, 'x');
    return made;
}

inline std::string id_of(std::size_t row) { return text("row", row, 32); }
inline std::string user_of(std::size_t row) { return text("user", row, 24) + "@example.org"; }
inline std::string refresh_of(std::size_t row) { return text("1000.refresh", row, 70); }
inline const std::string client_id = text("1000.client", 0, 35);

/// The row as it is after its `version`th save.
inline token row_of(std::size_t row, std::size_t version = 0) {
    return {.user_name = user_of(row),
            .client_id = client_id,
            .client_secret = text("secret", 0, 42),
            .refresh_token = refresh_of(row),
            .access_token = text("1000.", version, 20) + text("access", row, 50),
            .redirect_url = "https://app.example.org/oauth/callback",
            .api_domain = "https://www.zohoapis.com",
            .scope = "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL",
            .token_type = "Bearer",
            .expires_at = timestamp(std::chrono::milliseconds(1'700'000'000'000)),
            .issued_at = timestamp(std::chrono::milliseconds(1'699'996'400'000)),
            .seed = text("seed", row, 64),
            .id = id_of(row)};
}

/// Row numbers in no order that a cache could follow; the same ones at every run.
inline std::size_t scattered(std::size_t n, std::size_t rows) { return n * 2'654'435'761 % 4'294'967'291 % rows; }

// ---- Measuring ----

inline double seconds_since(steady_clock::time_point start) {
    return std::chrono::duration<double>(steady_clock::now() - start).count();
}

template <class Act>
inline double seconds_of(Act act) {
    const auto start = steady_clock::now();
    act();
    return seconds_since(start);
}

inline double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

using turns = std::vector<std::vector<double>>; ///< For each side what it took, turn by turn.

inline turns alternate(std::size_t rounds, const std::vector<std::function<double()>>& sides) {
    turns taken(sides.size());
    for (std::size_t round = 0; round < rounds; ++round)
        for (std::size_t side = 0; side < sides.size(); ++side) taken[side].push_back(sides[side]());
    return taken;
}

inline double ratio(const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> ratios;
    std::transform(a.begin(), a.end(), b.begin(), std::back_inserter(ratios), std::divides<>());
    return median(ratios);
}

inline void require(bool good, const char* what) {
    if (!good) throw std::runtime_error(what);
}

/// The median of a look-up and of a save, in microseconds.
template <class Store>
void show_costs(const char* name, Store store, bool quick) {
    for (std::size_t row = 0; row < 100; ++row) store.save_token(row_of(row));
    std::vector<double> looks, saves;
    const std::size_t most = quick ? 3 : 1'000;
    const auto end = steady_clock::now() + std::chrono::seconds(3);
    for (std::size_t n = 0; n < most && steady_clock::now() < end; ++n) {
        const token record = row_of(scattered(n, 100), n + 1), probe{.user_name = record.user_name};
        looks.push_back(seconds_of([&] { require(store.find_token(probe).has_value(), "find_token"); }));
        saves.push_back(seconds_of([&] { store.save_token(record); }));
    }
    std::printf("%-16s a look-up %8.1f us, a save %8.1f us\n", name, median(looks) * 1e6, median(saves) * 1e6);
}

} // namespace measuring

#endif
