// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_ROW_ACCESS_HPP
#define TOKENKEEP_DETAIL_KEEPER_ROW_ACCESS_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/keeper/erased_parts.hpp>
#include <tokenkeep/detail/store/compared_write.hpp>
#include <tokenkeep/detail/store/erased_store.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// A store as the transactions use it. Locks, conditional writes and deadlines are the store's own if it has them. If
/// not, there is no lock, the row is read once more before each write, and a call takes as long as the store takes. A
/// store may say only at run time what it has; see the table at token_store.
class row_access {
  public:
    /// The rows, for calls that end by `until`, a time of the keeper's clock.
    row_access(erased_store& store, erased_clock& clock, deadline until)
        : store_(store), clock_(clock), until_(until) {}

    /// From now on the calls end by then.
    void end_by(deadline until) { until_ = until; }

    /// Whether a guard of this store keeps all others out as long as it lives. The lock of a store whose lock can lapse
    /// does not: the keeper takes it only to spare duplicate requests.
    bool excludes() const { return store_.locks() && !store_.lock_lapses(); }
    bool compares() const { return store_.compares(); }

    /// Whether the store is known to look for the row of this probe by its seed.
    bool looks_for_seed(const token& probe) const { return store_.looks_for_seed(probe); }

    std::optional<token> find(const token& probe) { return store_.find_token(probe, real_end()); }
    std::optional<token> find_by_id(const std::string& id) { return store_.find_token_by_id(id, real_end()); }
    /// See erased_store::visit_token.
    bool visit(const row_view& probe, function_ref<void(const row_view&)> act) {
        return store_.visit_token(probe, act, real_end());
    }
    void save(const token& record) { store_.save_token(record, real_end()); }
    std::vector<token> all() { return store_.get_tokens(real_end()); }

    /// Takes the lock of an identity. Asks the store in short slices of real time, and counts the deadline on the
    /// keeper's clock. A store without locks gives an empty guard at once.
    erased_guard lock(const std::string& key) {
        constexpr std::chrono::milliseconds slice{50};
        for (;;) {
            const auto asked = clock_.steady_now();
            try {
                return store_.lock_token(key, std::chrono::steady_clock::now() + slice, real_end());
            } catch (const std::system_error& failure) {
                if (failure.code() != errc::lock_timeout || clock_.steady_now() >= until_) throw;
            }
            clock_.sleep_until((std::min)(until_, asked + slice));
        }
    }

    /// See replace_row and remove_row.
    bool replace(const token& expected, const token& record) {
        return replace_row(timed_store(store_, real_end()), compares(), expected, record);
    }
    bool remove(const token& expected) { return remove_row(timed_store(store_, real_end()), compares(), expected); }

    /// If the lock of this guard is a lease that can be renewed, lets it run for `time` from now. If that fails, the
    /// lock lapses, which such a store's callers expect.
    static void renew(erased_guard& held, std::chrono::milliseconds time) {
        try {
            held.renew(time);
        } catch (const std::exception&) { // the compare of each write keeps others' changes
        }
    }

  private:
    /// The real time at which a call ends now, so that it ends when the deadline comes on the keeper's clock.
    deadline real_end() {
        if (!store_.has_until()) return (deadline::max)();
        return time_after(std::chrono::steady_clock::now(),
                          std::chrono::ceil<std::chrono::milliseconds>(until_ - clock_.steady_now()));
    }

    erased_store& store_;
    erased_clock& clock_;
    deadline until_;
};

}}} // namespace tokenkeep::v1::detail

#endif
