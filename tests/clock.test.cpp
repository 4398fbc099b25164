// SPDX-License-Identifier: MIT
#include <tokenkeep/clock.hpp>

#include "support/archetypes.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

using namespace std::chrono_literals;

namespace {

static_assert(tokenkeep::clock<tokenkeep::system_clock> && tokenkeep::clock<const tokenkeep::system_clock>);
static_assert(tokenkeep::clock<archetypes::clock<0>>);
static_assert(!tokenkeep::clock<archetypes::clock<1>> && !tokenkeep::clock<archetypes::clock<2>> &&
              !tokenkeep::clock<archetypes::clock<3>> && !tokenkeep::clock<archetypes::clock<4>> &&
              !tokenkeep::clock<archetypes::clock<5>>);

} // namespace

TEST_CASE("system_clock: now is the wall clock, rounded down to the millisecond", "[clock]") {
    const tokenkeep::system_clock clock;
    const auto before = std::chrono::system_clock::now();
    const tokenkeep::timestamp now = clock.now();
    const auto after = std::chrono::system_clock::now();
    CHECK(now > before - 1ms);
    CHECK(now <= after);
}

TEST_CASE("system_clock: sleep_until returns no sooner than asked", "[clock]") {
    const tokenkeep::system_clock clock;
    const auto wanted = clock.steady_now() + 10ms;
    clock.sleep_until(wanted);
    CHECK(clock.steady_now() >= wanted);
}

TEST_CASE("system_clock: coarse_now is steady_now, a little late", "[clock]") {
    const tokenkeep::system_clock clock;
    if constexpr (requires { clock.coarse_now(); }) {
        const auto before = clock.steady_now();
        while (clock.coarse_now() < before) std::this_thread::yield(); // it catches up
        const auto coarse = clock.coarse_now();
        CHECK(coarse <= clock.steady_now());
        CHECK(clock.coarse_now() >= coarse);
    }
}

TEST_CASE("system_clock: wait_until ends with the predicate or with the time, and says which", "[clock]") {
    const tokenkeep::system_clock clock;
    std::mutex mutex;
    std::condition_variable changed;
    bool ready = false;
    const auto is_ready = [&] { return ready; };
    {
        std::unique_lock lock(mutex);
        const auto wanted = clock.steady_now() + 10ms;
        CHECK(!clock.wait_until(changed, lock, wanted, is_ready));
        CHECK(clock.steady_now() >= wanted);
        CHECK(lock.owns_lock());
    }
    std::thread other([&] {
        {
            const std::lock_guard lock(mutex);
            ready = true;
        }
        changed.notify_all();
    });
    std::unique_lock lock(mutex);
    const auto start = clock.steady_now();
    CHECK(clock.wait_until(changed, lock, start + 60s, is_ready));
    CHECK(clock.steady_now() < start + 30s);
    lock.unlock();
    other.join();
}

TEST_CASE("clock: a moment before or after another never leaves what there is", "[clock]") {
    using tokenkeep::detail::time_before;
    const tokenkeep::timestamp now{std::chrono::milliseconds{1'700'000'000'000}};
    constexpr auto first = (tokenkeep::timestamp::min)(), last = (tokenkeep::timestamp::max)();
    CHECK(time_before(now, 1h) == now - 1h);
    CHECK(time_before(now, -1h) == now + 1h);
    CHECK(time_before(now, 0h) == now);
    CHECK(time_before(first + 1h, 1h) == first);
    CHECK(time_before(first, 1h) == first);
    CHECK(time_before(last, -1h) == last);
    CHECK(time_before(last - 1h, -1h) == last);
    CHECK(time_before(last, 1h) == last - 1h);
}
