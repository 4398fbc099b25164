// SPDX-License-Identifier: MIT
// The refresh transaction in every order of its steps, up to a bound: two or three processes over one store, with
// every fault at every step. TOKENKEEP_TORTURE=1 raises the bounds.
#include <tokenkeep/keeper.hpp>

#include "scheduler.hpp"
#include "simulated_session.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace tests;
using tokenkeep::event_kind, tokenkeep::testing::fake_server_options;

namespace {

/// What is run in every order.
struct scenario {
    std::vector<unsigned> threads{1, 1}; ///< In each process.
    unsigned calls = 1;                  ///< Of each thread.
    fake_server_options server{};
    bool declares_grace = false;
    bool expired = false;                 ///< At the start: the access token has ended. Else it is due and still valid.
    bool lives_on = false;                ///< A process lives on when its calls are over.
    unsigned expiries = 0;                ///< How often the access token becomes due again.
    unsigned short_pauses = 0;            ///< How often nearly the time passes that a request can take.
    bool login = false, deletion = false; ///< By the user or the program, beside the keepers.
    bool revocation = false;              ///< By one more process.
    bool asks_by_name = false;            ///< A failed call is followed by one that asks for the refresh token by name.
    unsigned exchanges = 0;               ///< So many more processes bring the grant token of a new login, the same.
    std::chrono::milliseconds clock_skew{0}; ///< How far the clock of the first process is ahead.
    std::chrono::milliseconds read_back_pause{2s}, doubt_expires_after{2s}, lock_timeout{10s};
    bounds within{};
};

/// The lock of a shared session.
class held_lock {
  public:
    held_lock(simulated_session& shared, std::string key, unsigned ticket)
        : shared_(&shared), key_(std::move(key)), ticket_(ticket) {}
    held_lock(held_lock&& from) noexcept
        : shared_(std::exchange(from.shared_, nullptr)), key_(std::move(from.key_)), ticket_(from.ticket_) {}
    held_lock& operator=(held_lock&& from) noexcept {
        std::swap(shared_, from.shared_);
        std::swap(key_, from.key_);
        std::swap(ticket_, from.ticket_);
        return *this;
    }
    ~held_lock() {
        if (shared_ != nullptr) shared_->unlock(key_, ticket_);
    }

  private:
    simulated_session* shared_;
    std::string key_;
    unsigned ticket_;
};

/// The shared store as one process has it: with the six operations and nothing else.
class plain_store {
  public:
    plain_store(simulated_session& shared, int process) : shared_(shared), process_(process) {}

    std::optional<token> find_token(const token& probe) { return shared_.find(process_, probe); }
    void save_token(const token& record) { shared_.save(process_, record); }
    void delete_token(const std::string& id) { shared_.remove_by_id(process_, id); }
    std::vector<token> get_tokens() { return shared_.rows.get_tokens(); }
    void delete_tokens() { shared_.rows.delete_tokens(); }
    std::optional<token> find_token_by_id(const std::string& id) { return shared_.find_by_id(process_, id); }

  protected:
    simulated_session& shared_;
    int process_;
};

template <class Store>
struct locking : Store {
    using Store::Store;
    held_lock lock_token(const std::string& key, time_point) {
        return {this->shared_, key, this->shared_.lock(this->process_, key)};
    }
};

template <class Store>
struct comparing : Store {
    using Store::Store;
    bool replace_token(const token& expected, const token& record) {
        return this->shared_.replace(this->process_, expected, record);
    }
    bool remove_token(const token& expected) { return this->shared_.remove(this->process_, expected); }
};

using full_store = comparing<locking<plain_store>>;

/// Its locks can be lost at any time.
struct leasing_store : full_store {
    using full_store::full_store;
    static constexpr bool lock_may_lapse = true;
};

/// The time as one process has it: waiting is a step.
class process_clock {
  public:
    process_clock(simulated_session& shared, int process, std::chrono::milliseconds ahead)
        : shared_(shared), process_(process), ahead_(ahead) {}

    tokenkeep::timestamp now() const { return shared_.clock.now() + ahead_; }
    time_point steady_now() const { return shared_.clock.steady_now(); }
    void sleep_until(time_point t) const {
        shared_.take(process_, {.what = "sleeps", .ready = [&] { return steady_now() >= t; }, .until = t});
    }
    template <class Predicate>
    bool wait_until(std::condition_variable&, std::unique_lock<std::mutex>& lock, time_point t, Predicate predicate) {
        while (!predicate()) {
            if (steady_now() >= t) return false;
            lock.unlock();
            shared_.take(
                process_,
                {.what = "waits for its turn", .ready = predicate, .until = t, .timeout = fault_kind::lock_timeout});
            lock.lock();
        }
        return true;
    }

  private:
    simulated_session& shared_;
    int process_;
    std::chrono::milliseconds ahead_;
};

/// A process with a keeper, whose threads call the API.
template <class Store>
class process {
  public:
    process(simulated_session& shared, const scenario& what, int number, unsigned threads)
        : shared_(shared),
          what_(what),
          number_(number),
          running_(threads),
          store_(shared, number),
          clock_(shared, number, number == 0 ? what.clock_skew : 0ms) {
        tokenkeep::oauth2_provider provider = shared.server.provider();
        provider.replay_grace = what.declares_grace ? what.server.grace : 0ms;
        keeper_.emplace(store_, transport{shared, number}, provider,
                        tokenkeep::keeper_options{.refresh_margin = 20s,
                                                  .request_timeout = request_timeout,
                                                  .lock_timeout = what.lock_timeout,
                                                  .read_back_pause = what.read_back_pause,
                                                  .doubt_expires_after = what.doubt_expires_after,
                                                  .first_backoff = 0ms,
                                                  .longest_backoff = 0ms},
                        observer{*this}, clock_);
    }

    /// What a thread of it does.
    void work() {
        for (unsigned n = 0; n < what_.calls; ++n) {
            const std::optional<token> before = shared_.row();
            const std::size_t failed = failures.size();
            guarded([&] { call(ada); });
            if (failures.size() > failed) judge_failure(before);
            if (what_.asks_by_name && failures.size() > failed) ask_by_name();
        }
        if (--running_ == 0 && !what_.lives_on) end();
    }
    void log_in() {
        token probe = ada;
        probe.grant_token = shared_.granted;
        guarded([&] { call(probe); });
        if (--running_ == 0) end();
    }
    void revoke() {
        guarded([&] { keeper_->revoke(ada, deadline()); });
        if (--running_ == 0) end();
    }
    /// The process is over: its keeper is destroyed.
    void end() {
        keeper_.reset();
        shared_.ends(number_);
    }

    std::vector<std::error_code> failures{}; ///< Of its calls.
    unsigned refused = 0;                    ///< How often it was told that a session is over.

  private:
    struct transport {
        simulated_session& shared;
        int process;
        tokenkeep::http_response operator()(const tokenkeep::http_request& request) {
            return shared.send(process, request);
        }
    };
    struct observer {
        process& self;
        void operator()(const tokenkeep::event& e) {
            if (e.kind == event_kind::dropped) self.shared_.forget(self.number_);
            if (e.kind == event_kind::refused) ++self.refused;
        }
    };

    time_point deadline() { return shared_.deadline[number_] = shared_.clock.steady_now() + what_.lock_timeout; }

    void call(const token& probe) {
        secret access = keeper_->access_token(probe, deadline());
        shared_.handed_out(access);
        const turn mine = shared_.take(number_, {.what = "calls the API", .faults = {fault_kind::early_401}});
        if (mine.fault == fault_kind::early_401) shared_.server.expire_access_tokens();
        if (shared_.accepts(access)) return;
        access = keeper_->refresh(ada, access, deadline());
        shared_.handed_out(access);
        shared_.take(number_, {.what = "calls the API again"});
        if (!shared_.accepts(access)) failures.push_back(errc::request_rejected);
    }

    /// The program does not believe that the session is over.
    void ask_by_name() {
        shared_.asking_by_name.insert(number_);
        guarded([&] { shared_.handed_out(keeper_->refresh(ada, {}, deadline())); });
        shared_.asking_by_name.erase(number_);
    }

    /// A call may fail with the library's errors; what a killed process meets does not count.
    template <class Act>
    void guarded(Act act) {
        try {
            act();
        } catch (const tokenkeep::error& failure) {
            if (shared_.is_dead(number_)) throw killed();
            failures.push_back(failure.code());
        }
    }
    /// The last call has failed: it may not, if there was a token all the time that it could have had.
    void judge_failure(const std::optional<token>& before) {
        const std::optional<token> after = shared_.row();
        if (failures.back() == errc::rotation_not_saved || what_.clock_skew != 0ms || !before || before != after)
            return;
        if (shared_.accepts(after->access_token) && !tokenkeep::detail::is_revoking(*after))
            shared_.breaks("S3: a call fails although the stored access token lives: " + failures.back().message());
    }

    simulated_session& shared_;
    const scenario& what_;
    int number_;
    unsigned running_;
    Store store_;
    process_clock clock_;
    std::optional<tokenkeep::keeper<Store&, transport, tokenkeep::oauth2_provider, observer, process_clock&>> keeper_{};
};

/// What can happen beside the processes.
void add_happenings(scheduler& steps, simulated_session& shared, scenario& left) {
    shared.add_arrivals(steps);
    steps.add({.name = "the user logs in again",
               .ready = [&] { return left.login; },
               .act =
                   [&](auto) {
                       left.login = false;
                       shared.log_in();
                   }});
    steps.add({.name = "the program deletes the row",
               .ready = [&] { return left.deletion; },
               .act =
                   [&](auto) {
                       left.deletion = false;
                       shared.rows.delete_tokens();
                   }});
    const auto becomes_due = [&] {
        return left.expiries > 0 && shared.is_quiet() && shared.clock.now() + 20s < shared.row()->expires_at;
    };
    steps.add({.name = "the access token becomes due", .ready = becomes_due, .act = [&](auto) {
                   --left.expiries;
                   shared.clock.advance(token_life - time_left_when_due);
               }});
    steps.add({.name = "a while passes",
               .ready = [&] { return left.short_pauses > 0 && shared.can_pass(request_timeout - 100ms); },
               .act =
                   [&](auto) {
                       --left.short_pauses;
                       shared.clock.advance(request_timeout - 100ms);
                   }});
}

/// One run of a scenario: the property that was broken, if one was.
template <class Store>
std::string run_once(worker_threads& threads, const scenario& what, choices& path, std::vector<std::string>* trace) {
    using process = ::process<Store>;
    simulated_session shared(what.server, what.doubt_expires_after);
    shared.clock.advance(what.expired ? token_life + 1s : token_life - time_left_when_due);

    std::vector<std::unique_ptr<process>> processes;
    {
        scheduler steps(threads, shared.clock, what.within, path);
        steps.trace = trace;
        steps.on_kill = [&](int number) { shared.dies(number); };
        scenario left = what;
        add_happenings(steps, shared, left);
        const auto start = [&](unsigned count, void (process::*act)()) {
            const int number = static_cast<int>(processes.size());
            process& added = *processes.emplace_back(std::make_unique<process>(shared, what, number, count));
            for (unsigned n = 0; n < count; ++n) steps.add(number, [&added, act] { (added.*act)(); });
        };
        for (const unsigned count : what.threads) start(count, &process::work);
        if (what.revocation) start(1, &process::revoke);
        for (unsigned n = 0; n < what.exchanges; ++n) start(1, &process::log_in);
        shared.steps = &steps;
        try {
            steps.run();
        } catch (const std::exception& unexpected) {
            shared.breaks(std::string("it throws: ") + unexpected.what());
        }
        shared.steps = nullptr;
        if (steps.is_stuck()) shared.breaks("S7: nobody can go on, or it never ends");
    }
    for (const auto& each : processes) each->end();
    if (!shared.broken().empty()) return shared.broken();

    const bool is_replaced = what.login || what.deletion || what.revocation;
    if (what.within.faults == 0 && !is_replaced) {
        for (const auto& each : processes)
            if (!each->failures.empty()) return "S1: a call fails although nothing has: " + each->failures[0].message();
        if (what.exchanges > 0 && !shared.is_last_login()) return "S8: a login is undone";
        if (what.exchanges == 0 && shared.server.log().token_requests > 2 + what.expiries)
            return "S1: a refresh token is sent twice";
    }
    shared.judge_end(what.revocation);
    const auto& kinds = what.within.kinds;
    const bool may_be_killed = std::find(kinds.begin(), kinds.end(), fault_kind::kill) != kinds.end();
    if (what.declares_grace && shared.is_excused() && !shared.is_alive() && !may_be_killed)
        return "S3: a lost answer costs the session although the provider has a grace";

    if (what.exchanges > 0) { // whoever brings the grant token again has its tokens, or is told that they are lost
        process again(shared, what, 98, 1);
        again.log_in();
        if (!shared.broken().empty()) return shared.broken();
        const bool is_said = again.failures.empty()
                                 ? shared.is_last_login()
                                 : again.failures == std::vector{make_error_code(errc::outcome_unknown)};
        if (!is_said) return "S9: what has become of a login is not said";
    }

    // A new process, after all that was under way has ended.
    shared.clock.advance(token_life + what.doubt_expires_after);
    const bool is_alive = shared.is_alive(), is_there = shared.row().has_value();
    const bool is_in_grace = what.declares_grace && what.server.grace > 2 * token_life;
    const scenario undisturbed{.declares_grace = what.declares_grace, .doubt_expires_after = what.doubt_expires_after};
    process after(shared, undisturbed, 99, 1);
    after.work();
    if (!shared.broken().empty()) return shared.broken();
    if (is_alive && !after.failures.empty())
        return "S9: a living session is not refreshed: " + after.failures[0].message();
    if (is_in_grace && is_there && !after.failures.empty())
        return "S3: a session is lost within the grace: " + after.failures[0].message();
    if (is_there && !is_alive && !is_in_grace &&
        after.failures != std::vector{make_error_code(errc::reauthorization_required)})
        return "S9: a dead session is not named as one";
    unsigned refused = after.refused;
    for (const auto& each : processes) refused += each->refused;
    if (refused > 1 && what.within.faults <= 1 && !is_replaced && !what.asks_by_name)
        return "S7: the end of a session is found out more than once";
    return {};
}

/// Every run of a scenario, once with an access token that is due and once with one that has ended. The first run that
/// breaks a property fails the test, with its steps.
template <class Store = full_store>
void explore(scenario what) {
    static worker_threads threads;
    if (std::getenv("TOKENKEEP_TORTURE") != nullptr) ++what.within.preemptions;
    for (const bool expired : {false, true}) {
        what.expired = expired;
        CAPTURE(expired);
        choices path;
        long runs = 0;
        do {
            ++runs;
            const std::string broken = run_once<Store>(threads, what, path, nullptr);
            if (broken.empty()) continue;
            path.repeat();
            std::vector<std::string> trace;
            run_once<Store>(threads, what, path, &trace);
            std::string steps;
            for (const std::string& each : trace) steps += "\n  " + each;
            FAIL(broken << ", in run " << runs << steps);
        } while (path.next());
        CHECK(runs > 40);
    }
}

using kinds = std::vector<fault_kind>;
const kinds harmless{fault_kind::not_sent,           fault_kind::request_lost,       fault_kind::throttled,
                     fault_kind::unexplained,        fault_kind::no_access_token,    fault_kind::error_before,
                     fault_kind::mark_fails,         fault_kind::mark_indeterminate, fault_kind::save_fails,
                     fault_kind::save_indeterminate, fault_kind::lock_timeout,       fault_kind::early_401};
const kinds losing{fault_kind::kill, fault_kind::answer_lost, fault_kind::error_after, fault_kind::truncated,
                   fault_kind::gives_up};
const kinds any = [] {
    kinds all = harmless;
    all.insert(all.end(), losing.begin(), losing.end());
    all.push_back(fault_kind::connection_lost);
    return all;
}();
bounds faults(int count, kinds of, int preemptions) {
    return {.preemptions = preemptions, .faults = count, .kinds = std::move(of)};
}

} // namespace

TEST_CASE("transaction: where nothing fails each refresh token is spent once, and no call fails", "[no fault]") {
    explore({.within = {.preemptions = 99}});
    explore({.calls = 2, .expiries = 1, .lock_timeout = 1'000s, .within = {.preemptions = 3}});
    explore({.threads = {1, 1, 1}, .expiries = 1, .lock_timeout = 1'000s, .within = {.preemptions = 1}});
    explore({.threads = {2, 2}, .within = {.preemptions = 1}});
}

TEST_CASE("transaction: so it is however slow a process is", "[slow]") {
    explore({.calls = 2, .within = {.preemptions = 3, .early_timeouts = 2}});
}

TEST_CASE("transaction: a refresh token that comes without an access token is the one that is spent next", "[half]") {
    explore({.calls = 2, .lives_on = true, .within = faults(1, {fault_kind::no_access_token}, 3)});
    explore({.calls = 2, .within = faults(2, {fault_kind::no_access_token, fault_kind::save_fails}, 1)});
}

TEST_CASE("transaction: an unexplained refusal is not asked again at once", "[unexplained]") {
    explore({.calls = 3, .lives_on = true, .within = faults(1, {fault_kind::unexplained}, 2)});
}

TEST_CASE("transaction: nothing known dead is sent, unless the program asks for it by name", "[by name]") {
    explore({.calls = 2, .asks_by_name = true, .within = faults(1, losing, 1)});
    explore({.login = true, .asks_by_name = true, .within = faults(1, losing, 1)});
}

TEST_CASE("transaction: a fault that loses no answer costs no session", "[harmless]") {
    explore({.calls = 2, .within = faults(1, harmless, 2)});
    explore({.lives_on = true, .within = faults(1, harmless, 2)});
    explore({.calls = 2, .within = faults(1, {fault_kind::connection_lost}, 2)});
}

TEST_CASE("transaction: a lost answer or a kill costs nothing that lives, and a session at most", "[losing]") {
    explore({.calls = 2, .within = faults(1, losing, 2)});
    explore({.calls = 2, .expiries = 1, .lock_timeout = 1'000s, .within = faults(1, losing, 1)});
    explore({.threads = {1, 1, 1}, .within = faults(1, losing, 1)});
    explore({.threads = {2, 1}, .within = faults(1, losing, 1)});
    explore({.server = {.rotate = false}, .within = faults(1, losing, 2)});
}

TEST_CASE("transaction: two faults cost no more than they must", "[two faults]") {
    explore({.within = faults(2, any, 1)});
}

TEST_CASE("transaction: within a grace what was lost is got back", "[grace]") {
    explore({.calls = 2, .server = {.grace = 3s}, .declares_grace = true, .within = faults(1, any, 2)});
    explore({.server = {.grace = 1'000s}, .declares_grace = true, .within = faults(1, any, 2)});
    explore({.server = {.grace = 1'000s, .fresh_successor = true},
             .declares_grace = true,
             .within = faults(
                 1, {fault_kind::kill, fault_kind::answer_lost, fault_kind::error_after, fault_kind::truncated}, 2)});
    explore({.server = {.grace = 2'500ms},
             .declares_grace = true,
             .short_pauses = 4,
             .within = faults(1, {fault_kind::kill}, 1)});
}

TEST_CASE("transaction: tokens that could not be saved are saved first, and nobody spends beside them", "[unsaved]") {
    const bool lives_on = GENERATE(false, true);
    explore({.calls = 2,
             .lives_on = lives_on,
             .within = {.preemptions = 2,
                        .early_timeouts = 2,
                        .faults = 1,
                        .kinds = {fault_kind::save_fails, fault_kind::save_indeterminate}}});
}

TEST_CASE("transaction: a lock that is lost while it is held costs nothing", "[lock lost]") {
    explore({.calls = 2, .within = faults(1, {fault_kind::lock_lost}, 2)});
    explore({.threads = {1, 1, 1}, .within = faults(1, {fault_kind::lock_lost}, 2)});
}

TEST_CASE("transaction: a login or a deletion at any moment stands", "[login]") {
    explore({.login = true, .within = faults(1, any, 1)});
    explore({.deletion = true, .within = faults(1, any, 1)});
}

TEST_CASE("transaction: a revocation ends one session and spares the next", "[revocation]") {
    explore({.login = true, .revocation = true, .within = {.preemptions = 2}});
    explore({.threads = {1}, .revocation = true, .within = faults(1, any, 2)});
}

TEST_CASE("transaction: a grant token that many bring is sent once, beside the refreshes of the login before",
          "[exchange]") {
    explore({.threads = {1}, .exchanges = 1, .within = {.preemptions = 99}});
    explore({.threads = {1}, .exchanges = 2, .within = {.preemptions = 2}});
    explore({.threads = {}, .exchanges = 2, .within = faults(1, any, 2)});
    explore({.threads = {1}, .exchanges = 1, .within = faults(1, any, 2)});
    explore<locking<plain_store>>({.threads = {}, .exchanges = 2, .within = faults(1, any, 2)});
    explore<plain_store>({.threads = {},
                          .exchanges = 2,
                          .read_back_pause = 1s,
                          .doubt_expires_after = 4s,
                          .lock_timeout = 30s,
                          .within = faults(1, any, 2)});
}

TEST_CASE("transaction: a store that only locks, or only compares, is as good where no login interferes", "[less]") {
    explore<locking<plain_store>>({.calls = 2, .within = faults(1, any, 1)});
    explore<comparing<plain_store>>(
        {.read_back_pause = 1s, .doubt_expires_after = 4s, .lock_timeout = 30s, .within = faults(1, any, 2)});
}

TEST_CASE("transaction: a store whose lock may lapse is as good as one that only compares", "[lease]") {
    explore<leasing_store>({.calls = 2,
                            .read_back_pause = 1s,
                            .doubt_expires_after = 4s,
                            .lock_timeout = 30s,
                            .within = faults(1, any, 2)});
    explore<leasing_store>({.server = {.grace = 1'000s},
                            .declares_grace = true,
                            .short_pauses = 2,
                            .read_back_pause = 500ms,
                            .doubt_expires_after = 4s,
                            .lock_timeout = 30s,
                            .within = faults(1, {fault_kind::lock_lost}, 1)});
}

TEST_CASE("transaction: over a plain store the pause and the marker make one spend", "[plain]") {
    explore<plain_store>(
        {.read_back_pause = 1s, .doubt_expires_after = 4s, .lock_timeout = 30s, .within = {.preemptions = 99}});
    explore<plain_store>({.threads = {1, 1, 1},
                          .read_back_pause = 1s,
                          .doubt_expires_after = 4s,
                          .lock_timeout = 30s,
                          .within = {.preemptions = 2}});
    explore<plain_store>(
        {.read_back_pause = 1s, .doubt_expires_after = 4s, .lock_timeout = 30s, .within = faults(1, any, 2)});
    explore<plain_store>({.server = {.grace = 1'000s},
                          .declares_grace = true,
                          .short_pauses = 2,
                          .read_back_pause = 500ms,
                          .doubt_expires_after = 4s,
                          .lock_timeout = 30s,
                          .within = {.preemptions = 1}});
}

TEST_CASE("transaction: a clock that is wrong ends no session", "[clock]") {
    const auto ahead = GENERATE(30s, -30s);
    explore({.calls = 2, .clock_skew = ahead, .within = faults(1, harmless, 2)});
}
