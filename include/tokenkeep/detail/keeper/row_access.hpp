// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_ROW_ACCESS_HPP
#define TOKENKEEP_DETAIL_KEEPER_ROW_ACCESS_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/store/compared_write.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/rules.hpp>
#include <tokenkeep/store.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The guard of a store without locks.
struct no_guard {};

/// A store as the transactions use it. Locks, conditional writes and deadlines are the store's own if it has them. If
/// not, there is no lock, the row is read once more before each write, and a call takes as long as the store takes. A
/// store may say only at run time what it has; see the table at token_store.
template <token_store Store, class Clock>
class row_access {
    static auto guard_of(Store& store) {
        if constexpr (locking_store<Store> && deadline_store<Store>)
            return store.until(deadline()).lock_token(std::string(), deadline());
        else if constexpr (locking_store<Store>)
            return store.lock_token(std::string(), deadline());
        else
            return no_guard{};
    }

  public:
    using guard = decltype(guard_of(std::declval<Store&>()));

    /// The rows, for calls that end by `until`, a time of the keeper's clock.
    row_access(Store& store, Clock& clock, deadline until) : store_(store), clock_(clock), until_(until) {}

    /// From now on the calls end by then.
    void end_by(deadline until) { until_ = until; }

    /// Whether a guard of this store keeps all others out as long as it lives. The lock of a store whose lock can lapse
    /// does not: the keeper takes it only to spare duplicate requests.
    bool excludes() const { return store_locks(store_) && !lock_lapses(store_); }
    bool compares() const { return store_compares(store_); }

    /// Whether the store is known to look for the row of this probe by its seed.
    bool looks_for_seed(const token& probe) const { return store_looks_for_seed(store_, probe); }

    std::optional<token> find(const token& probe) { return timed().find_token(probe); }
    std::optional<token> find_by_id(const std::string& id) { return timed().find_token_by_id(id); }
    void save(const token& record) { timed().save_token(record); }
    auto all() { return timed().get_tokens(); }

    /// Takes the lock of an identity. Asks the store in short slices of real time, and counts the deadline on the
    /// keeper's clock. A store without locks gives an empty guard at once.
    guard lock(const std::string& key) {
        if constexpr (locking_store<Store>) {
            if constexpr (has_locks<Store>)
                if (!store_locks(store_)) return {};
            constexpr std::chrono::milliseconds slice{50};
            for (;;) {
                const auto asked = clock_.steady_now();
                try {
                    return require_locked(timed().lock_token(key, std::chrono::steady_clock::now() + slice));
                } catch (const std::system_error& failure) {
                    if (failure.code() != errc::lock_timeout || clock_.steady_now() >= until_) throw;
                }
                clock_.sleep_until((std::min)(until_, asked + slice));
            }
        } else {
            return {};
        }
    }

    /// See replace_row and remove_row.
    bool replace(const token& expected, const token& record) {
        return replace_row(timed(), compares(), expected, record);
    }
    bool remove(const token& expected) { return remove_row(timed(), compares(), expected); }

    /// If the lock of this guard is a lease that can be renewed, lets it run for `time` from now. If that fails, the
    /// lock lapses, which such a store's callers expect.
    static void renew([[maybe_unused]] guard& held, [[maybe_unused]] std::chrono::milliseconds time) {
        if constexpr (has_renew<guard>) {
            try {
                held.renew(time);
            } catch (const std::exception&) { // the compare of each write keeps others' changes
            }
        }
    }

  private:
    /// The store for a call that ends in real time when the deadline comes on the keeper's clock.
    decltype(auto) timed() {
        if constexpr (deadline_store<Store>)
            return store_.until(time_after(std::chrono::steady_clock::now(),
                                           std::chrono::ceil<std::chrono::milliseconds>(until_ - clock_.steady_now())));
        else
            return (store_);
    }

    Store& store_;
    Clock& clock_;
    deadline until_;
};

}}} // namespace tokenkeep::v1::detail

#endif
