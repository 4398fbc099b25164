// SPDX-License-Identifier: MIT
// Stateless model checking with a preemption bound (iterative context bounding: Musuvathi and Qadeer, PLDI 2007): runs
// a few tasks one step at a time, in every order within the bounds, with faults and killed processes among the choices.
#ifndef TOKENKEEP_TESTS_TORTURE_SCHEDULER_HPP
#define TOKENKEEP_TESTS_TORTURE_SCHEDULER_HPP

#include <tokenkeep/testing/virtual_clock.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

namespace tests {

using time_point = tokenkeep::testing::virtual_clock::time_point;

/// What every step throws in a process that has been killed. Nothing that such a process does has any effect.
struct killed : std::exception {
    const char* what() const noexcept override { return "the process is dead"; }
};

/// The choices of a run, and after it those of the next one: depth first, until every one has been made.
class choices {
  public:
    /// One of `count` alternatives: what the last run chose up to where this one is to differ, then the first.
    std::size_t choose(std::size_t count) {
        if (count == 1) return 0;
        if (at_ == made_.size()) made_.push_back({0, count});
        if (made_[at_].count != count) throw std::logic_error("the same choices have led elsewhere before");
        return made_[at_++].index;
    }
    /// Turns to the next run; false if there is none.
    bool next() {
        at_ = 0;
        while (!made_.empty() && ++made_.back().index == made_.back().count) made_.pop_back();
        return !made_.empty();
    }
    /// Turns to the same run once more.
    void repeat() { at_ = 0; }

  private:
    struct choice {
        std::size_t index, count;
    };
    std::vector<choice> made_{};
    std::size_t at_ = 0;
};

/// What can go wrong.
// clang-format off
enum class fault_kind {
    none,
    kill, lock_timeout, lock_lost, early_401,
    mark_fails, mark_indeterminate, save_fails, save_indeterminate, connection_lost,
    not_sent, request_lost, throttled, unexplained, error_before, // the server has carried out nothing
    answer_lost, truncated, error_after, gives_up,                // it has, or will
    no_access_token,                                              // it has, and sends half of the tokens
};
// clang-format on

inline std::string_view name_of(fault_kind kind) {
    switch (kind) {
    case fault_kind::none: return "";
    case fault_kind::kill: return "killed";
    case fault_kind::lock_timeout: return "lock timeout";
    case fault_kind::lock_lost: return "the lock is lost";
    case fault_kind::mark_fails: return "the marker is not saved";
    case fault_kind::mark_indeterminate: return "the marker is saved, and that is not said";
    case fault_kind::save_fails: return "the tokens are not saved";
    case fault_kind::save_indeterminate: return "the tokens are saved, and that is not said";
    case fault_kind::connection_lost: return "the tokens are not saved, and the lock is lost";
    case fault_kind::not_sent: return "no connection";
    case fault_kind::request_lost: return "lost";
    case fault_kind::throttled: return "429";
    case fault_kind::unexplained: return "400 without a code";
    case fault_kind::error_before: return "503";
    case fault_kind::answer_lost: return "lost";
    case fault_kind::truncated: return "cut";
    case fault_kind::error_after: return "502";
    case fault_kind::gives_up: return "timeout";
    case fault_kind::no_access_token: return "without its access token";
    case fault_kind::early_401: return "401 before its time";
    }
    return "";
}

/// How a step went.
struct turn {
    fault_kind fault = fault_kind::none;
    bool timed_out = false; ///< Its time came before it was ready.
};

/// How much of what there may be in one run.
struct bounds {
    int preemptions = 2;    ///< How often a task that could go on has to wait.
    int early_timeouts = 0; ///< How often a time comes although somebody could go on: that one is slow.
    int faults = 0;         ///< Of these kinds:
    std::vector<fault_kind> kinds{};
};

/// What a task is about to do.
struct step {
    std::string_view what{};
    std::function<bool()> ready = [] { return true; }; ///< It waits until this holds,
    std::optional<time_point> until{};                 ///< or at the longest until then.
    fault_kind timeout = fault_kind::none; ///< What an early timeout counts as; if none, as an early timeout.
    std::vector<fault_kind> faults{};      ///< What can happen in it.
};

/// Something that happens beside the tasks, at once and as a whole, whenever it is ready.
struct environment_action {
    std::string name{};
    std::function<bool()> ready{};
    std::vector<fault_kind> faults{};
    std::function<void(fault_kind)> act{};
};

/// Threads that outlive a run, as starting one takes longer than most runs.
class worker_threads {
  public:
    struct worker {
        std::binary_semaphore wake{0};
        std::function<void()> act{};
        std::thread thread{};
    };
    std::binary_semaphore over{0}; ///< A run is: here, for the last thread to leave it outlives the run.

    /// All of them on one processor: only one runs at a time, and handing over is then several times as fast.
    worker_threads() {
#ifdef __linux__
        cpu_set_t here;
        CPU_ZERO(&here);
        CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &here);
        ::sched_setaffinity(0, sizeof here, &here);
#endif
    }
    worker_threads(const worker_threads&) = delete;
    worker_threads& operator=(const worker_threads&) = delete;
    ~worker_threads() {
        for (worker& each : workers_) {
            each.act = nullptr;
            each.wake.release();
            each.thread.join();
        }
    }
    worker& operator[](std::size_t n) {
        while (workers_.size() <= n) {
            worker& added = workers_.emplace_back();
            added.thread = std::thread([&added] {
                for (;;) {
                    added.wake.acquire();
                    if (!added.act) return;
                    added.act();
                }
            });
        }
        return workers_[n];
    }

  private:
    std::deque<worker> workers_{};
};

/// One run.
class scheduler {
  public:
    scheduler(worker_threads& threads, tokenkeep::testing::virtual_clock& clock, bounds within, choices& path)
        : threads_(threads), clock_(clock), left_(std::move(within)), path_(path) {}

    std::function<void(int process)> on_kill = [](int) {}; ///< Called before its tasks are unwound.
    /// Something that is to happen before that time comes, if there is.
    std::function<std::optional<time_point>()> horizon = [] { return std::nullopt; };
    std::vector<std::string>* trace = nullptr;

    /// A task of a process. It may call `take`, and returns when it is done.
    void add(int process, std::function<void()> act) {
        tasks_.push_back(std::make_unique<task>(task{process, std::move(act), threads_[tasks_.size()]}));
    }
    void add(environment_action one) { actions_.push_back(std::move(one)); }

    void run() {
        for (const auto& each : tasks_) {
            each->thread.act = [this, &one = *each] {
                running = &one;
                try {
                    one.act();
                } catch (...) {
                    if (!is_dead(one.process)) { // not the end of a killed process: something is wrong
                        failure_ = std::current_exception();
                        abandon();
                    }
                }
                one.done = true;
                hand_over(nullptr);
            };
        }
        hand_over(nullptr);
        threads_.over.acquire();
        if (failure_) std::rethrow_exception(failure_);
    }

    /// A step of the calling task: waits for its turn. Throws `killed` if its process is dead then.
    turn take(const step& next) {
        task& self = *running;
        if (is_dead(self.process)) throw killed();
        self.next = &next;
        hand_over(&self);
        self.next = nullptr;
        if (is_dead(self.process)) throw killed();
        return self.happens;
    }

    /// Nothing that is still to come matters: the run ends.
    void abandon() { abandoned_ = true; }
    bool is_dead(int process) const {
        return abandoned_ || std::find(dead_.begin(), dead_.end(), process) != dead_.end();
    }
    bool is_any_task_at(std::string_view what) const {
        return std::any_of(tasks_.begin(), tasks_.end(),
                           [&](auto& each) { return !each->done && each->next->what == what; });
    }
    /// A run that cannot go on although tasks wait, or that does not end.
    bool is_stuck() const { return stuck_; }

  private:
    struct task {
        int process;
        std::function<void()> act;
        worker_threads::worker& thread;
        const step* next = nullptr;
        turn happens{};
        bool started = false, done = false;
    };
    struct alternative {
        task* who = nullptr;
        environment_action* what = nullptr;
        fault_kind fault = fault_kind::none;
        bool timeout = false;
        int preemptions = 0, early_timeouts = 0, faults = 0;
    };

    bool is_ready(const task& one) const { return one.next->ready(); }
    bool can_go(const task& one) const {
        return !one.done && (is_ready(one) || (one.next->until && *one.next->until <= clock_.steady_now()));
    }
    bool may_fail(fault_kind kind) const {
        return left_.faults > 0 && std::find(left_.kinds.begin(), left_.kinds.end(), kind) != left_.kinds.end();
    }

    /// Wakes whoever is next; `self` waits until it is woken, unless it is next itself.
    void hand_over(task* self) {
        task* next = nullptr;
        try {
            next = decide();
        } catch (...) {
            failure_ = std::current_exception();
            abandon();
            next = dying();
        }
        if (next != nullptr && next == self) return;
        if (next == nullptr)
            threads_.over.release();
        else
            next->thread.wake.release();
        if (self != nullptr) self->thread.wake.acquire();
    }

    task* dying() const {
        for (const auto& each : tasks_)
            if (!each->done && each->started && is_dead(each->process)) return each.get();
        return nullptr;
    }

    /// Makes choices until a task is to run; null if the run is over.
    task* decide() {
        for (;;) {
            if (task* one = dying()) return one;
            if (abandoned_) return nullptr;
            for (const auto& each : tasks_) {
                if (each->started) continue;
                each->started = true;
                return each.get();
            }
            if (++steps_ > 3'000) return get_stuck();
            find_alternatives();
            if (alternatives_.empty()) {
                const std::optional<time_point> next = next_time();
                if (next) {
                    pass_until(*next);
                    continue;
                }
                const bool all_done = std::all_of(tasks_.begin(), tasks_.end(), [](auto& each) { return each->done; });
                return all_done ? nullptr : get_stuck();
            }
            const alternative chosen = alternatives_[path_.choose(alternatives_.size())];
            left_.preemptions -= chosen.preemptions;
            left_.early_timeouts -= chosen.early_timeouts;
            left_.faults -= chosen.faults;
            last_ = chosen.who;
            note(chosen);
            if (chosen.what != nullptr) {
                chosen.what->act(chosen.fault);
            } else if (chosen.fault == fault_kind::kill) {
                dead_.push_back(chosen.who->process);
                on_kill(chosen.who->process);
            } else {
                if (chosen.timeout) pass_until(*chosen.who->next->until);
                const bool ready = is_ready(*chosen.who);
                chosen.who->happens = {ready && !chosen.timeout ? chosen.fault : fault_kind::none, !ready};
                return chosen.who;
            }
        }
    }

    task* get_stuck() {
        stuck_ = true;
        abandon();
        return dying();
    }

    void pass_until(time_point then) {
        const auto time = std::chrono::ceil<std::chrono::milliseconds>(then - clock_.steady_now());
        if (time.count() > 0) clock_.advance(time);
    }

    std::optional<time_point> next_time() const {
        std::optional<time_point> next;
        for (const auto& each : tasks_)
            if (!each->done && each->next->until && (!next || *each->next->until < *next)) next = each->next->until;
        return next;
    }

    /// What can come next, with its price; what costs too much is left out. The last task's own next step is the first.
    void find_alternatives() {
        alternatives_.clear();
        const bool goes_on = last_ != nullptr && can_go(*last_);
        if (goes_on) add_task(*last_, 0);
        for (const auto& each : tasks_)
            if (each.get() != last_ && can_go(*each)) add_task(*each, goes_on ? 1 : 0);
        for (environment_action& each : actions_) {
            if (!each.ready()) continue;
            consider({.what = &each, .preemptions = goes_on ? 1 : 0});
            for (const auto fault : each.faults)
                if (may_fail(fault))
                    consider({.what = &each, .fault = fault, .preemptions = goes_on ? 1 : 0, .faults = 1});
        }
        if (alternatives_.empty()) return;
        if (last_ != nullptr && last_->process >= 0 && !last_->done && may_fail(fault_kind::kill))
            consider({.who = last_, .fault = fault_kind::kill, .faults = 1});
        const std::optional<time_point> next = next_time(), limit = horizon();
        if (!next || (limit && *limit < *next)) return;
        for (const auto& each : tasks_) {
            if (can_go(*each) || each->done || each->next->until != next) continue;
            const fault_kind counts_as = each->next->timeout;
            if (counts_as == fault_kind::none)
                consider({.who = each.get(), .timeout = true, .early_timeouts = 1});
            else if (may_fail(counts_as))
                consider({.who = each.get(), .fault = counts_as, .timeout = true, .faults = 1});
        }
    }
    void add_task(task& one, int preemptions) {
        consider({.who = &one, .preemptions = preemptions});
        if (!is_ready(one)) return;
        for (const auto fault : one.next->faults)
            if (may_fail(fault)) consider({.who = &one, .fault = fault, .preemptions = preemptions, .faults = 1});
    }
    void consider(const alternative& one) {
        if (one.preemptions <= left_.preemptions && one.early_timeouts <= left_.early_timeouts &&
            one.faults <= left_.faults)
            alternatives_.push_back(one);
    }

    void note(const alternative& chosen) const {
        if (trace == nullptr) return;
        std::string line =
            chosen.what != nullptr ? chosen.what->name : "process " + std::to_string(chosen.who->process);
        if (chosen.who != nullptr && chosen.fault != fault_kind::kill)
            line += " " + std::string(chosen.who->next->what);
        if (chosen.fault != fault_kind::none) line += ": " + std::string(name_of(chosen.fault));
        if (chosen.timeout && chosen.fault == fault_kind::none) line += ": its time comes early";
        trace->push_back(std::move(line));
    }

    static inline thread_local task* running = nullptr;

    worker_threads& threads_;
    tokenkeep::testing::virtual_clock& clock_;
    bounds left_;
    choices& path_;
    std::vector<std::unique_ptr<task>> tasks_{};
    std::vector<environment_action> actions_{};
    std::vector<alternative> alternatives_{};
    std::vector<int> dead_{};
    task* last_ = nullptr;
    int steps_ = 0;
    bool abandoned_ = false, stuck_ = false;
    std::exception_ptr failure_{};
};

} // namespace tests

#endif
