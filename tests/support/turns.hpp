// SPDX-License-Identifier: MIT
// Whether readers and writers of a lock take turns, counted without a clock.
#ifndef TOKENKEEP_TESTS_SUPPORT_TURNS_HPP
#define TOKENKEEP_TESTS_SUPPORT_TURNS_HPP

#include <atomic>
#include <thread>
#include <vector>

namespace tests {

/// A crowd repeats `theirs` all the time. Meanwhile the calling thread does `own` so many times, and waits for its turn
/// each time. Gives how often it came to its turn before the crowd had `patience` turns since it asked. If the lock
/// takes turns, the crowd has few turns meanwhile, and some more each time that the system stops the calling thread.
template <class Own, class Theirs>
int turns_beside_a_crowd(unsigned crowd, Theirs theirs, int wanted, Own own, long patience) {
    std::atomic<bool> asks = false, stop = false;
    std::atomic<long> turns_of_crowd = 0;
    std::atomic<unsigned> arrived = 0;
    std::vector<std::thread> threads;
    for (unsigned n = 0; n < crowd; ++n) {
        threads.emplace_back([&] {
            ++arrived;
            while (!stop.load(std::memory_order_relaxed)) {
                theirs();
                if (asks.load(std::memory_order_relaxed) && ++turns_of_crowd >= patience) stop = true;
            }
        });
    }
    while (arrived < crowd) std::this_thread::yield();
    int turns = 0;
    while (turns < wanted && !stop) {
        turns_of_crowd = 0;
        asks = true;
        own();
        asks = false;
        if (!stop) ++turns;
    }
    stop = true;
    for (std::thread& thread : threads) thread.join();
    return turns;
}

} // namespace tests

#endif
