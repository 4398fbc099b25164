// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_DETAIL_WATCHED_CALL_HPP
#define TOKENKEEP_TESTING_DETAIL_WATCHED_CALL_HPP

#include <tokenkeep/clock.hpp>

#include <future>
#include <thread>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace testing::detail {

/// A call on a thread of its own, which another thread watches, because the call may never come back. If the call is
/// not over when this object is destroyed, the thread is left behind. What the call uses must therefore belong to it.
template <class Result>
class watched_call {
  public:
    template <class Act>
    explicit watched_call(Act act) {
        std::packaged_task<Result()> task(std::move(act));
        result_ = task.get_future();
        thread_ = std::thread(std::move(task));
    }
    watched_call(watched_call&&) noexcept = default;
    ~watched_call() {
        if (!thread_.joinable()) return;
        if (is_over_by(deadline()))
            thread_.join();
        else
            thread_.detach();
    }

    /// Waits until that moment at most.
    bool is_over_by(deadline moment) const { return result_.wait_until(moment) == std::future_status::ready; }

    /// Waits for the call. Gives what it gave, or throws what it threw.
    Result result() {
        thread_.join();
        return result_.get();
    }

  private:
    std::future<Result> result_{};
    std::thread thread_{};
};

}}} // namespace tokenkeep::v1::testing::detail

#endif
