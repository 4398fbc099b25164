// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_DETAIL_LEASE_LAWS_HPP
#define TOKENKEEP_TESTING_DETAIL_LEASE_LAWS_HPP

#include <tokenkeep/store.hpp>
#include <tokenkeep/testing/detail/locking_laws.hpp>

#include <chrono>
#include <memory>
#include <type_traits>

namespace tokenkeep { inline namespace v1 { namespace testing::detail {

/// The laws of a lock that is a lease. They let it run out by renewing it for a short time.
template <class Make, class Check>
void lease_laws(Make& make, Check& check) {
    using store = std::remove_cvref_t<decltype(make())>;
    using watch = lock_watch<store, Check>;
    if constexpr (tokenkeep::detail::has_renew<typename watch::guard>) {
        std::chrono::milliseconds ample{5'000};
        check.law("L1'", [&] {
            watch locks(std::shared_ptr<store>(new store(make())), check, ample);
            auto held = locks.take("key");
            check.expect(held != nullptr, "a free lock is obtained");
            if (!held) return;
            held->renew(std::chrono::hours(1));
            check.expect(!locks.others_obtain("key", held), "a lease that was renewed for long keeps others out");
            if (!held) return;
            held->renew(watch::brief);
            check.expect(locks.take("key") != nullptr, "a lease that has ended lets others in, though its guard lives");
        });

        check.law("L3'", [&] {
            watch locks(std::shared_ptr<store>(new store(make())), check, ample);
            auto first = locks.take("key");
            if (first) first->renew(watch::brief);
            auto second = locks.take("key");
            check.expect(first && second, "a lease that has ended lets others in");
            if (!first || !second) return;
            first->renew(std::chrono::hours(1));
            first.reset();
            check.expect(!locks.others_obtain("key", second), "a guard whose lease has ended does not release the lock "
                                                              "of another");
        });
    }
}

}}} // namespace tokenkeep::v1::testing::detail

#endif
