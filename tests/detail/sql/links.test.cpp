// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/sql/links.hpp>

#include "support/catch.hpp"
#include "support/keeper_world.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace tokenkeep;
using namespace std::chrono_literals;
using tests::error_of;

/// It is never connected here.
struct idle_connection {
    static constexpr sql_dialect dialect{.bytes = "TEXT", .key_bytes = "TEXT"};
    struct statement {
        void bind(std::size_t, std::optional<std::string_view>) {}
        bool step() { return false; }
        std::optional<std::string_view> column(std::size_t) { return std::nullopt; }
        void reset() {}
        std::uint64_t changes() { return 0; }
    };
    void connect(std::chrono::milliseconds) {}
    void execute(const std::string&) {}
    statement prepare(const std::string&) { return {}; }

    std::size_t connections() const { return most; }
    idle_connection another() const {
        if (*fails) throw std::runtime_error("no more");
        ++*made;
        return *this;
    }

    std::size_t most = 1;
    std::atomic<int>* made;
    std::atomic<bool>* fails;
};
static_assert(sql_connection<idle_connection>);

using links = detail::sql_links<idle_connection, defaults>;

deadline in(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }

} // namespace

TEST_CASE("sql_links: each call has a link of its own, as long as there may be more", "[sql_links]") {
    std::atomic<int> made = 0;
    std::atomic<bool> fails = false;
    links all({3, &made, &fails}, {});
    CHECK(made == 0); // one is there, and the others come when they are needed
    all.take(in(10s), [&](auto& first) {
        CHECK(&first == &all.first());
        all.take(in(10s), [&](auto& second) {
            CHECK(&second != &first);
            all.take(in(10s), [&](auto& third) {
                CHECK((&third != &first && &third != &second));
                CHECK(error_of([&] { all.take(in(20ms), [](auto&) {}); }) == errc::lock_timeout);
            });
        });
    });
    CHECK(made == 2);
    all.take(in(10s), [](auto&) {});
    CHECK(made == 2);
}

TEST_CASE("sql_links: a link comes back from a call that throws, and from one that could not be made", "[sql_links]") {
    std::atomic<int> made = 0;
    std::atomic<bool> fails = true;
    links all({2, &made, &fails}, {});
    all.take(in(10s), [&](auto&) {
        CHECK_THROWS_AS(all.take(in(10s), [](auto&) {}), std::runtime_error);
        fails = false;
        for (int times = 0; times < 3; ++times)
            CHECK_THROWS_AS(all.take(in(10s), [](auto&) -> int { throw std::logic_error("a call"); }),
                            std::logic_error);
        all.take(in(10s), [](auto&) {});
    });
    CHECK(made == 1);
}

TEST_CASE("sql_links: threads that wait get a link when one is given back", "[sql_links]") {
    std::atomic<int> made = 0;
    std::atomic<bool> fails = false;
    links all({2, &made, &fails}, {});
    std::atomic<int> inside = 0, most_inside = 0, done = 0;
    std::latch begin(8);
    std::vector<std::thread> threads;
    for (int n = 0; n < 8; ++n)
        threads.emplace_back([&] {
            begin.arrive_and_wait();
            for (int times = 0; times < 50; ++times)
                all.take(in(60s), [&](auto&) {
                    const int now = ++inside;
                    for (int most = most_inside; now > most && !most_inside.compare_exchange_weak(most, now);) {
                    }
                    std::this_thread::yield();
                    --inside;
                    ++done;
                });
        });
    for (std::thread& each : threads) each.join();
    CHECK(done == 400);
    CHECK(most_inside <= 2);
    CHECK(made <= 1);
}
