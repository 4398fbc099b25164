// SPDX-License-Identifier: MIT
// What the programs share that give page.cpp its figures. They use Google Benchmark. A benchmark is called
// OPERATION/SIDE/SIZE; the table compares the sides of an operation. One repetition is one turn. The turns of all
// benchmarks are mixed in a random order. The table has their medians.
//
//   PROGRAM [--quick] [options of Google Benchmark]      --quick: tiny sizes and one turn, to see that it runs
#ifndef TOKENKEEP_TESTS_BENCHMARK_PROGRAM_HPP
#define TOKENKEEP_TESTS_BENCHMARK_PROGRAM_HPP

#include "benchmark/measuring.hpp"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#define CALLGRIND_DUMP_STATS
#endif

namespace measuring {

inline bool is_quick = false;

/// Adds a benchmark of so many turns. `turn(state)` gives the seconds of a call; it may set counters too.
template <class Turn>
void add(const std::string& operation, const std::string& side, std::size_t size, int times, Turn turn) {
    const std::string name = operation + "/" + side + "/" + std::to_string(size);
    benchmark::RegisterBenchmark(name.c_str(),
                                 [turn](benchmark::State& state) mutable {
                                     for ([[maybe_unused]] auto once : state) state.SetIterationTime(turn(state));
                                 })
        ->UseManualTime()
        ->Iterations(1)
        ->Repetitions(is_quick || RUNNING_ON_VALGRIND ? 1 : times);
}

/// Of all threads of this process.
inline double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// What callgrind has counted since the last call. It writes that into a file of the working directory; its option
/// --callgrind-out-file=counts gives the name.
inline double instructions() {
    static int dumps = 0;
    CALLGRIND_DUMP_STATS;
    const std::string path = "counts." + std::to_string(++dumps);
    double count = 0;
    std::ifstream counts(path);
    for (std::string word; counts >> word;)
        if (word == "totals:") counts >> count;
    std::remove(path.c_str());
    return count;
}

/// A turn: the CPU time of a call of act(side, thing), on average over so many calls. side() gives what is measured.
/// make(n) gives the things beforehand, a batch at a time; n goes on from turn to turn. Under callgrind, the counter
/// `instructions` has those of a call.
template <class Side, class Make, class Act>
auto calls(std::size_t count, Side side, Make make, Act act) {
    constexpr std::size_t batch = 1'000;
    if (is_quick || RUNNING_ON_VALGRIND) count = batch;
    return [=, n = std::size_t{0}](benchmark::State& state) mutable {
        auto& of = side();
        if (RUNNING_ON_VALGRIND) act(of, make(n)); // what the first call does once is not counted
        double spent = 0;
        for (std::size_t done = 0; done < count; done += batch) {
            std::vector<decltype(make(n))> things;
            while (things.size() < batch) things.push_back(make(n++));
            CALLGRIND_START_INSTRUMENTATION;
            const double start = cpu_seconds();
            for (const auto& thing : things) act(of, thing);
            spent += cpu_seconds() - start;
            CALLGRIND_STOP_INSTRUMENTATION;
        }
        if (RUNNING_ON_VALGRIND) state.counters["instructions"] = instructions() / static_cast<double>(count);
        return spent / static_cast<double>(count);
    };
}

/// The main function of a program. `add_benchmarks` may ask is_quick.
inline int run(int count, char** words, void (*add_benchmarks)()) {
    std::string options[] = {"--benchmark_enable_random_interleaving=true", "--benchmark_report_aggregates_only=true",
                             "--benchmark_out_format=json"};
    std::vector<char*> all{words[0]};
    for (std::string& option : options) all.push_back(option.data());
    for (int n = 1; n < count; ++n)
        if (std::string_view(words[n]) == "--quick")
            is_quick = true;
        else
            all.push_back(words[n]);
    int number = static_cast<int>(all.size());
    all.push_back(nullptr);
    try {
        add_benchmarks();
        benchmark::Initialize(&number, all.data());
        if (benchmark::ReportUnrecognizedArguments(number, all.data())) return EXIT_FAILURE;
        return benchmark::RunSpecifiedBenchmarks() != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const std::exception& fault) {
        std::fprintf(stderr, "%s\n", fault.what());
        return EXIT_FAILURE;
    }
}

} // namespace measuring

#endif
