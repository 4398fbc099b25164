// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_DETAIL_DEADLINE_LAWS_HPP
#define TOKENKEEP_TESTING_DETAIL_DEADLINE_LAWS_HPP

#include <tokenkeep/testing/detail/law_check.hpp>
#include <tokenkeep/testing/detail/locking_laws.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace testing::detail {

/// Whether the call ended without an error; nullopt if it says that it does not know. Throws what a call may not throw
/// after its deadline.
template <class Act>
std::optional<bool> is_done_in_time(Act act) {
    try {
        act();
        return true;
    } catch (const std::system_error& late) {
        for (const errc allowed : {errc::lock_timeout, errc::storage_failure, errc::not_saved})
            if (late.code() == allowed) return false;
        if (late.code() != errc::indeterminate) throw;
        return std::nullopt;
    }
}

template <class Make, class Check>
void deadline_laws(Make& make, Check& check) {
    using store_type = std::remove_cvref_t<decltype(make())>;
    const auto now = [] { return std::chrono::steady_clock::now(); };
    const auto an_hour = std::chrono::hours(1);

    check.law("D1", [&] {
        auto store = make();
        store.save_token(login("ada"));
        const token ada = only_row_of(store, "ada");
        auto limited = store.until(now() + an_hour);
        check.expect(limited.find_token({.user_name = "ada"}) == ada, "the value finds what the store finds");
        check.expect(limited.find_token_by_id(ada.id) == ada, "the value finds the store's ids");
        limited.save_token(login("bob"));
        check.expect(rows_of(store).size() == 2 && rows_of(limited) == rows_of(store),
                     "what the value saves is in the store");
        limited.delete_token(ada.id);
        check.expect(!store.find_token_by_id(ada.id), "what the value deletes is gone from the store");
        store.save_token(login("eve"));
        check.expect(limited.find_token({.user_name = "eve"}).has_value(), "the value sees what the store saves later");
        limited.delete_tokens();
        check.expect(rows_of(store).empty(), "the value empties the store");
    });

    if constexpr (comparing_store<store_type>)
        check.law("D1", [&] {
            auto store = make();
            if (!tokenkeep::detail::store_compares(store)) return;
            store.save_token(login("ada"));
            const token ada = only_row_of(store, "ada");
            token next = ada;
            next.access_token = "new access";
            check.expect(store.until(now() + an_hour).replace_token(ada, next),
                         "the value replaces a row of the store");
            check.expect(!store.until(now() + an_hour).remove_token(ada), "the value compares before it removes");
            check.expect(rows_of(store).size() == 1 && only_row_of(store, "ada") == next, "the row is the new one");
        });

    check.law("D2", [&] {
        auto store = make();
        store.save_token(login("ada"));
        auto over = store.until(now() - an_hour);
        (void)is_done_in_time([&] { (void)over.find_token({.user_name = "ada"}); });
        (void)is_done_in_time([&] { (void)over.get_tokens(); });
        const std::optional<bool> is_saved = is_done_in_time([&] { over.save_token(login("bob")); });
        const bool is_there = store.find_token({.user_name = "bob"}).has_value();
        check.expect(is_saved.value_or(is_there) == is_there, "after the deadline, a save takes place or throws");
        const std::optional<bool> is_emptied = is_done_in_time([&] { over.delete_tokens(); });
        const bool is_empty = rows_of(store).empty();
        check.expect(is_emptied.value_or(is_empty) == is_empty, "after the deadline, a deletion takes place or throws");
    });

    if constexpr (locking_store<store_type>)
        check.law("D3", [&] {
            using limited_type = decltype(std::declval<store_type&>().until(deadline()));
            std::chrono::milliseconds ample{5'000};
            const std::shared_ptr<store_type> store(new store_type(make()));
            if (!tokenkeep::detail::store_locks(*store)) return;
            lock_watch<store_type, Check> locks(store, check, ample);
            auto held = locks.take("key");
            check.expect(held != nullptr, "a free lock is obtained");
            if (!held) return;
            const deadline end = now() + locks.brief;
            const std::shared_ptr<limited_type> limited(new limited_type(store->until(end)),
                                                        [store](limited_type* value) { delete value; });
            lock_watch<limited_type, Check> waiting(limited, check, ample);
            auto call = waiting.start("key", 4 * ample);
            const bool is_back = call.is_over_by(end + ample);
            check.expect(is_back, "lock_token of the value comes back at the value's deadline");
            held.reset(); // a call that is not back may be waiting for it
            if (call.is_over_by(now() + ample) && is_back)
                check.expect(!call.result().obtained, "it does not obtain a lock that is held");
        });
}

}}} // namespace tokenkeep::v1::testing::detail

#endif
