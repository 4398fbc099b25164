// SPDX-License-Identifier: MIT
#include <tokenkeep/testing/virtual_clock.hpp>

#include "support/catch.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

using namespace std::chrono_literals;
using tokenkeep::testing::virtual_clock;

static_assert(tokenkeep::clock<virtual_clock> && tokenkeep::clock<tokenkeep::system_clock>);

TEST_CASE("virtual_clock: time stands still until it is advanced, and a jump moves the wall clock only", "[clock]") {
    virtual_clock clock;
    const auto wall = clock.now();
    const auto steady = clock.steady_now();
    CHECK(clock.now() == wall);
    clock.advance(5s);
    CHECK(clock.now() - wall == 5s);
    CHECK(clock.steady_now() - steady == 5s);
    clock.jump(-1h);
    CHECK(clock.now() - wall == 5s - 1h);
    CHECK(clock.steady_now() - steady == 5s);
}

TEST_CASE("virtual_clock: a sleep takes no time and leaves the clock where it was to end", "[clock]") {
    virtual_clock clock;
    const auto steady = clock.steady_now();
    const auto start = std::chrono::steady_clock::now();
    clock.sleep_until(steady + 1h);
    CHECK(std::chrono::steady_clock::now() - start < 10s);
    CHECK(clock.steady_now() == steady + 1h);
    clock.sleep_until(steady);
    CHECK(clock.steady_now() == steady + 1h);
}

TEST_CASE("virtual_clock: a waiter goes on when its predicate holds, or when its time has come", "[clock]") {
    virtual_clock clock;
    std::mutex mutex;
    std::condition_variable changed;
    bool ready = false;
    bool held = false;
    const auto wait = [&] {
        std::unique_lock lock(mutex);
        held = clock.wait_until(changed, lock, clock.steady_now() + 1h, [&] { return ready; });
    };
    std::thread first(wait);
    {
        const std::lock_guard lock(mutex);
        ready = true;
    }
    changed.notify_all();
    first.join();
    CHECK(held);
    ready = false;
    std::atomic<bool> done{false};
    std::thread second([&] {
        wait();
        done = true;
    });
    while (!done) {
        clock.advance(1h);
        std::this_thread::sleep_for(1ms);
    }
    second.join();
    CHECK(!held);
}
