// SPDX-License-Identifier: MIT
// Runs a few tasks one at a time, step by step, in every order there is up to a bound, with faults and the deaths of
// processes among the choices: a stateless search that bounds how often a task that could go on has to wait (Musuvathi
// and Qadeer, PLDI 2007).
#ifndef TOKENKEEP_TESTS_TORTURE_SCHEDULER_HPP
#define TOKENKEEP_TESTS_TORTURE_SCHEDULER_HPP

#include <tokenkeep/testing/virtual_clock.hpp>

#include <algorithm>
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

/// How much of what there may be in one run.
struct bounds {
    int switches = 2;                      ///< From a task that could go on; from one that waits they are free.
    int delays = 0;                        ///< A time comes although somebody could go on: that one is slow.
    int faults = 0;                        ///< Of these kinds:
    std::vector<std::string_view> kinds{}; ///< "kill" is one; the others are named by the steps.
};

/// What a task is about to do.
struct step {
    std::string_view what{};
    std::function<bool()> ready = [] { return true; }; ///< It waits until this holds,
    std::optional<time_point> until{};                 ///< or at the longest until then.
    std::string_view lateness{};                       ///< The kind of fault it is if that time comes before it has to.
    std::vector<std::string_view> faults{};            ///< The kinds of fault that can happen in it.
};

/// Something that happens beside the tasks, at once and as a whole, whenever it is ready.
struct happening {
    std::string name{};
    std::function<bool()> ready{};
    std::vector<std::string_view> faults{};
    std::function<void(std::string_view fault)> act{};
};

/// Threads that outlive a run, as starting one takes longer than most runs.
class crew {
  public:
    struct member {
        std::binary_semaphore wake{0};
        std::function<void()> act{};
        std::thread thread{};
    };

    /// All of them on one processor: only one runs at a time, and handing over is then several times as fast.
    crew() {
#ifdef __linux__
        cpu_set_t here;
        CPU_ZERO(&here);
        CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &here);
        ::sched_setaffinity(0, sizeof here, &here);
#endif
    }
    crew(const crew&) = delete;
    crew& operator=(const crew&) = delete;
    ~crew() {
        for (member& each : members_) {
            each.act = nullptr;
            each.wake.release();
            each.thread.join();
        }
    }
    member& operator[](std::size_t n) {
        while (members_.size() <= n) {
            member& added = members_.emplace_back();
            added.thread = std::thread([&added] {
                for (;;) {
                    added.wake.acquire();
                    if (!added.act) return;
                    added.act();
                }
            });
        }
        return members_[n];
    }

  private:
    std::deque<member> members_{};
};

/// One run.
class scheduler {
  public:
    scheduler(crew& threads, tokenkeep::testing::virtual_clock& clock, bounds within, choices& path)
        : threads_(threads), clock_(clock), left_(std::move(within)), path_(path) {}

    std::function<void(int process)> on_kill = [](int) {}; ///< Called before its tasks are unwound.
    /// Something that is to happen before that time comes, if there is.
    std::function<std::optional<time_point>()> horizon = [] { return std::nullopt; };
    std::vector<std::string>* trace = nullptr;

    /// A task of a process. It may call `take`, and returns when it is done.
    void add(int process, std::function<void()> act) {
        tasks_.push_back(std::make_unique<task>(task{process, std::move(act), threads_[tasks_.size()]}));
    }
    void add(happening one) { happenings_.push_back(std::move(one)); }

    void run() {
        for (const auto& each : tasks_) {
            each->thread.act = [this, &one = *each] {
                running = &one;
                try {
                    one.act();
                } catch (const std::exception&) { // a process that was killed
                }
                one.done = true;
                hand_over(nullptr);
            };
        }
        hand_over(nullptr);
        over_.acquire();
        if (failure_) std::rethrow_exception(failure_);
    }

    /// A step of the task that calls it: waits until it is this one's turn. What happens: nothing, "late" if it is
    /// ready no longer than its time, or one of its faults. Throws `killed`.
    std::string_view take(const step& next) {
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
    bool is_anyone_about(std::string_view what) const {
        return std::any_of(tasks_.begin(), tasks_.end(),
                           [&](auto& each) { return !each->done && each->next->what == what; });
    }
    /// A run that cannot go on although tasks wait, or that does not end.
    bool is_stuck() const { return stuck_; }

  private:
    struct task {
        int process;
        std::function<void()> act;
        crew::member& thread;
        const step* next = nullptr;
        std::string_view happens{};
        bool started = false, done = false;
    };
    struct alternative {
        task* who = nullptr;
        happening* what = nullptr;
        std::string_view fault{};
        int switches = 0, delays = 0, faults = 0;
    };

    bool is_ready(const task& one) const { return one.next->ready(); }
    bool can_go(const task& one) const {
        return !one.done && (is_ready(one) || (one.next->until && *one.next->until <= clock_.steady_now()));
    }
    bool may_fail(std::string_view kind) const {
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
            over_.release();
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
            left_.switches -= chosen.switches;
            left_.delays -= chosen.delays;
            left_.faults -= chosen.faults;
            last_ = chosen.who;
            note(chosen);
            if (chosen.what != nullptr) {
                chosen.what->act(chosen.fault);
            } else if (chosen.fault == "kill") {
                dead_.push_back(chosen.who->process);
                on_kill(chosen.who->process);
            } else {
                if (chosen.fault == "late") pass_until(*chosen.who->next->until);
                chosen.who->happens = is_ready(*chosen.who) ? chosen.fault : "late";
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
        for (happening& each : happenings_) {
            if (!each.ready()) continue;
            consider({.what = &each, .switches = goes_on ? 1 : 0});
            for (const auto fault : each.faults)
                if (may_fail(fault))
                    consider({.what = &each, .fault = fault, .switches = goes_on ? 1 : 0, .faults = 1});
        }
        if (alternatives_.empty()) return;
        if (last_ != nullptr && last_->process >= 0 && !last_->done && may_fail("kill"))
            consider({.who = last_, .fault = "kill", .faults = 1});
        const std::optional<time_point> next = next_time(), limit = horizon();
        if (!next || (limit && *limit < *next)) return;
        for (const auto& each : tasks_) {
            if (can_go(*each) || each->done || each->next->until != next) continue;
            if (each->next->lateness.empty())
                consider({.who = each.get(), .fault = "late", .delays = 1});
            else if (may_fail(each->next->lateness))
                consider({.who = each.get(), .fault = "late", .faults = 1});
        }
    }
    void add_task(task& one, int switches) {
        consider({.who = &one, .switches = switches});
        if (!is_ready(one)) return;
        for (const auto fault : one.next->faults)
            if (may_fail(fault)) consider({.who = &one, .fault = fault, .switches = switches, .faults = 1});
    }
    void consider(const alternative& one) {
        if (one.switches <= left_.switches && one.delays <= left_.delays && one.faults <= left_.faults)
            alternatives_.push_back(one);
    }

    void note(const alternative& chosen) const {
        if (trace == nullptr) return;
        std::string line =
            chosen.what != nullptr ? chosen.what->name : "process " + std::to_string(chosen.who->process);
        if (chosen.who != nullptr && chosen.fault != "kill") line += " " + std::string(chosen.who->next->what);
        if (!chosen.fault.empty()) line += ": " + std::string(chosen.fault);
        trace->push_back(std::move(line));
    }

    static inline thread_local task* running = nullptr;

    crew& threads_;
    tokenkeep::testing::virtual_clock& clock_;
    bounds left_;
    choices& path_;
    std::vector<std::unique_ptr<task>> tasks_{};
    std::vector<happening> happenings_{};
    std::vector<alternative> alternatives_{};
    std::vector<int> dead_{};
    task* last_ = nullptr;
    int steps_ = 0;
    bool abandoned_ = false, stuck_ = false;
    std::exception_ptr failure_{};
    std::binary_semaphore over_{0};
};

} // namespace tests

#endif
