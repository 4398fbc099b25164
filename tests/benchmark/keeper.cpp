// SPDX-License-Identifier: MIT
// What a cached access token, a refresh and a crowd of callers cost with a keeper over memory_store. Times are CPU
// time, except those of the crowd.
#include "benchmark/program.hpp"

#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/keeper.hpp>
#include <tokenkeep/testing/fake_server.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <new>
#include <thread>

namespace {

thread_local std::uint64_t allocations = 0; ///< Of this thread.

} // namespace

// g++ 12 warns of std::free if it inlines only one of a pair.
[[gnu::noinline]] void* operator new(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace measuring;
using namespace std::chrono_literals;
using tokenkeep::secret;

/// Answers each token request with a new access token and a new refresh token.
struct token_endpoint {
    int answers = 0;
    std::uint64_t allocations_here = 0;

    tokenkeep::http_response operator()(const tokenkeep::http_request&) {
        const std::uint64_t before = allocations;
        const std::string number = std::to_string(++answers);
        tokenkeep::http_response response{.status = 200,
                                          .headers = {{"Content-Type", "application/json"}},
                                          .body = R"({"access_token":")" + text("access", 0, 60) + number +
                                                  R"(","refresh_token":")" + text("refresh", 0, 60) + number +
                                                  R"(","token_type":"Bearer","expires_in":3600})"};
        allocations_here += allocations - before;
        return response;
    }
};

using keeper = tokenkeep::keeper<tokenkeep::memory_store&, token_endpoint&, tokenkeep::oauth2_provider>;

/// A keeper whose store has a fresh access token for each of so many users.
struct users {
    explicit users(std::size_t count) {
        const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
        for (std::size_t row = 0; row < count; ++row) {
            token record = row_of(row);
            record.api_domain.clear();
            record.issued_at = now;
            record.expires_at = now + 10h;
            store.save_token(record);
        }
    }

    tokenkeep::memory_store store{};
    token_endpoint server{};
    keeper keep{
        store, server,
        tokenkeep::oauth2_provider{.token_endpoint = "https://login.example.org/token", .client_id = client_id}};
};

users& users_of(std::size_t count) {
    static std::map<std::size_t, std::unique_ptr<users>> all;
    std::unique_ptr<users>& one = all[count];
    if (!one) one = std::make_unique<users>(count);
    return *one;
}

/// A turn as calls() makes one, with the counter `allocations`: those of one call.
template <class Side, class Make, class Act>
auto counted_calls(std::size_t count, Side side, Make make, Act act) {
    return [=, turn = calls(count, side, make, act)](benchmark::State& state) mutable {
        const double seconds = turn(state);
        auto& of = side();
        const auto thing = make(0);
        const std::uint64_t before = allocations;
        act(of, thing);
        state.counters["allocations"] = static_cast<double>(allocations - before);
        return seconds;
    };
}

// ---- A token at hand ----

void add_sessions() {
    constexpr std::size_t count = 1'000'000;
    const auto number = [](std::size_t n) { return n; };
    const auto clock = []() -> tokenkeep::system_clock& {
        static tokenkeep::system_clock one;
        return one;
    };
    const auto read = [](tokenkeep::system_clock& of, std::size_t) { benchmark::DoNotOptimize(of.steady_now()); };
    add("clock", "precise", 1, 9, calls(count, clock, number, read));
    const auto session = []() -> tokenkeep::session& {
        static tokenkeep::session one = users_of(1'000).keep.session({.user_name = user_of(0)});
        return one;
    };
    const auto ask = [](tokenkeep::session& of, std::size_t) {
        benchmark::DoNotOptimize(of.access_token().reveal().data());
    };
    add("session", "ours", 1, 9, counted_calls(count, session, number, ask));
}

/// CPU time of a call, if so many threads have a session each.
double ask_by_threads(std::size_t number) {
    users& of = users_of(1'000);
    const std::size_t each = (is_quick ? 8'000 : 4'000'000) / number;
    const double start = cpu_seconds();
    std::vector<std::thread> threads;
    for (std::size_t thread = 0; thread < number; ++thread)
        threads.emplace_back([&, session = of.keep.session({.user_name = user_of(0)})]() mutable {
            for (std::size_t n = 0; n < each; ++n) benchmark::DoNotOptimize(session.access_token().reveal().data());
        });
    for (std::thread& thread : threads) thread.join();
    return (cpu_seconds() - start) / static_cast<double>(number * each);
}

void add_look_ups(std::size_t count) {
    const auto side = [count]() -> users& { return users_of(count); };
    const auto probe = [count](std::size_t n) { return token{.user_name = user_of(scattered(n, count))}; };
    const auto add_look_up = [&](const char* operation, const char* name, auto act) {
        add(operation, name, count, 9, counted_calls(20'000, side, probe, act));
    };
    add_look_up("access_token", "ours",
                [](users& of, const token& one) { require(!of.keep.access_token(one).empty(), "access_token"); });
    add_look_up("fresh_token", "ours",
                [](users& of, const token& one) { require(of.keep.fresh_token(one).has_value(), "fresh_token"); });
    add_look_up("find_token", "memory_store",
                [](users& of, const token& one) { require(of.store.find_token(one).has_value(), "find_token"); });
}

// ---- A refresh ----

/// One user's token is refreshed over and over. What the transport does does not count as allocations.
double refresh(benchmark::State& state) {
    static users one(1);
    const token probe{.user_name = user_of(0)};
    secret access = one.keep.access_token(probe);
    const std::size_t count = is_quick ? 10 : 1'000;
    const std::uint64_t before = allocations, before_there = one.server.allocations_here;
    const double start = cpu_seconds();
    for (std::size_t n = 0; n < count; ++n) access = one.keep.refresh(probe, access);
    const double seconds = cpu_seconds() - start;
    const std::uint64_t there = one.server.allocations_here - before_there;
    state.counters["allocations"] = static_cast<double>(allocations - before - there) / static_cast<double>(count);
    return seconds / static_cast<double>(count);
}

// ---- A crowd at expiry ----

/// Sixty-four threads ask for a token that is due. `requests` is what the server gets, `last` when the last thread has
/// its token, as a multiple of the time that the request takes.
double crowd(benchmark::State& state) {
    const auto latency = is_quick ? 20ms : 200ms;
    tokenkeep::testing::fake_server server{{.token_life = 1h, .latency = latency}};
    tokenkeep::memory_store store;
    tokenkeep::keeper keep{store, server, server.provider()};
    const token probe{.user_name = "ada"};
    keep.access_token({.user_name = "ada", .grant_token = server.grant("ada")});
    token row = store.find_token(probe).value();
    row.expires_at = *row.issued_at;
    require(store.replace_token(store.find_token(probe).value(), row), "replace_token");
    const unsigned before = server.log().refreshes;
    std::atomic<int> waiting = 0;
    std::atomic<bool> go = false;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 64; ++thread)
        threads.emplace_back([&] {
            for (++waiting; !go;) std::this_thread::sleep_for(100us);
            if (keep.access_token(probe).empty()) std::abort();
        });
    while (waiting < 64) std::this_thread::yield();
    const auto start = steady_clock::now();
    go = true;
    for (std::thread& thread : threads) thread.join();
    const double last = seconds_since(start);
    state.counters["requests"] = server.log().refreshes - before;
    state.counters["last"] = last / std::chrono::duration<double>(latency).count();
    return last;
}

void add_all() {
    add_sessions();
    for (const std::size_t count : {std::size_t{1'000}, std::size_t{100'000}})
        if (!is_quick || count == 1'000) add_look_ups(count);
    if (RUNNING_ON_VALGRIND) return;
    for (const std::size_t threads : {std::size_t{1}, std::size_t{8}})
        add("session_threads", "ours", threads, 9, [=](benchmark::State&) { return ask_by_threads(threads); });
    add("refresh", "ours", 1, 9, refresh);
    add("crowd", "ours", 64, 9, crowd);
}

} // namespace

int main(int count, char** words) { return run(count, words, add_all); }
