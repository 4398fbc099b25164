// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/store/turns.hpp>

#include <tokenkeep/os/fair_mutex.hpp>

#include "support/catch.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace tokenkeep;
using tokenkeep::detail::turns;

deadline in(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }

/// A turn of another thread that lasts until end() is called.
template <class Mutex>
class long_turn {
  public:
    explicit long_turn(turns<Mutex>& of)
        : taken_(std::async(std::launch::async, [this, &of] {
              of.take(in(1h), [this] {
                  begun_.set_value();
                  over_.get_future().wait();
              });
          })) {
        begun_.get_future().wait();
    }
    void end() {
        over_.set_value();
        taken_.get();
    }

  private:
    std::promise<void> begun_{}, over_{};
    std::future<void> taken_;
};

} // namespace

TEST_CASE("turns: a thread waits for its turn until its deadline, and then does nothing", "[turns]") {
    turns<tokenkeep::detail::fair_mutex> of_store;
    long_turn other(of_store);
    bool has_acted = false;
    const deadline end = in(30ms);
    CHECK_THROWS_AS(of_store.take(end, [&] { has_acted = true; }), error);
    CHECK(std::chrono::steady_clock::now() >= end);
    CHECK_THROWS_AS(of_store.share(in(30ms), [&] { has_acted = true; }), error);
    CHECK(!has_acted);
    other.end();
    CHECK(of_store.take(in(-1h), [] { return 7; }) == 7); // a turn that is free needs no time
    CHECK(of_store.share(in(-1h), [] { return 8; }) == 8);
}

TEST_CASE("turns: threads that only look do so at the same time", "[turns]") {
    turns<tokenkeep::detail::fair_mutex> of_store;
    std::promise<void> both;
    of_store.share(in(1h), [&] { std::thread([&] { of_store.share(in(1h), [&] { both.set_value(); }); }).join(); });
    CHECK(both.get_future().wait_for(0s) == std::future_status::ready);
}

TEST_CASE("turns: what fails in one turn is no matter of the others", "[turns]") {
    turns<tokenkeep::detail::fair_mutex> of_store;
    long_turn other(of_store);
    auto fails = std::async(std::launch::async,
                            [&] { of_store.take(in(1h), [] { throw error(errc::lock_timeout, "of its own"); }); });
    auto works = std::async(std::launch::async, [&] { return of_store.take(in(1h), [] { return 1; }); });
    other.end();
    CHECK_THROWS_AS(fails.get(), error);
    CHECK(works.get() == 1);
}

TEST_CASE("turns: every mutex of a policy will do, with deadlines of its own or without", "[turns]") {
    const auto works = [](auto of_store) {
        std::atomic<int> inside = 0, collisions = 0;
        std::vector<std::thread> threads;
        for (int n = 0; n < 4; ++n)
            threads.emplace_back([&] {
                for (int round = 0; round < 100; ++round) {
                    of_store->take(in(1h), [&] { collisions += ++inside != 1, --inside; });
                    of_store->share(in(1h), [&] { collisions += inside != 0; });
                }
            });
        for (std::thread& thread : threads) thread.join();
        return collisions == 0;
    };
    CHECK(works(std::make_unique<turns<std::mutex>>()));
    CHECK(works(std::make_unique<turns<std::timed_mutex>>()));
    CHECK(works(std::make_unique<turns<std::shared_mutex>>()));
    CHECK(works(std::make_unique<turns<std::shared_timed_mutex>>()));
    turns<std::timed_mutex> of_store;
    long_turn other(of_store);
    CHECK_THROWS_AS(of_store.share(in(10ms), [] {}), error);
    other.end();
}
