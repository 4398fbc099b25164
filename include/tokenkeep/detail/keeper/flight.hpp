// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_FLIGHT_HPP
#define TOKENKEEP_DETAIL_KEEPER_FLIGHT_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/keeper/erased_parts.hpp>
#include <tokenkeep/detail/keeper/new_tokens.hpp>
#include <tokenkeep/detail/keeper/published.hpp>
#include <tokenkeep/detail/keeper/steady_expiry.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/status.hpp>
#include <tokenkeep/token.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// A marker that may be in the row although its token was not sent: writing it has failed, perhaps after taking place.
struct unsent_marker {
    std::string nonce{};
    std::optional<token> before{}, after{}; ///< The row without it and with it, if more than the status differed.
};

/// What one keeper knows of one identity: who works on it, which failure came last, and new tokens that the store could
/// not save. Unsaved tokens keep the identity's lock until they are saved.
struct identity_flight {
    using time_point = std::chrono::steady_clock::time_point;

    std::mutex mutex{};
    std::condition_variable left{};
    std::optional<std::thread::id> owner{};         // guarded by mutex
    std::uint64_t failures = 0;                     // guarded by mutex: how many flights ended in a passing failure
    unsigned failures_in_a_row = 0;                 // guarded by mutex
    std::exception_ptr last_failure{};              // guarded by mutex
    time_point not_before{};                        // guarded by mutex: no request is sent before
    time_point failure_forgotten_at{};              // guarded by mutex: from then on the failures count no more
    std::chrono::milliseconds unexplained_pause{0}; // guarded by mutex: after the last unexplained refusal
    time_point unexplained_until{};                 // guarded by mutex: until then that pause is remembered
    std::optional<time_point> revived_at{};         // guarded by mutex: when a refused token was last sent again
    std::optional<answer_room> unsaved{};           // only the owner uses it
    std::array<unsent_marker, 2> unsent{};          // guarded by mutex: one of them may be in the row
    time_point unsent_until{};                      // guarded by mutex: until then they are remembered
    std::string future_nonce{};                     // only the owner uses it: the nonce of a marker from the future
    time_point future_nonce_seen{};                 // only the owner uses it: when that marker was first seen
    std::size_t rejected = 0;                       // guarded by mutex: hash of a new access token that was rejected
    time_point rejected_until{};                    // guarded by mutex: until then it is not refreshed
    std::shared_ptr<published_version> published = std::make_shared<published_version>();

    /// Counts a change of the access token, so that sessions ask the keeper again.
    void publish() { published->count.fetch_add(1, std::memory_order_acq_rel); }

    /// Remembers that a server rejected the row's access token just after a refresh: refreshing does not help.
    void refreshed_in_vain(const token& row, time_point until) {
        const std::size_t hash = hash_of_access(row_view(row));
        const std::lock_guard lock(mutex);
        rejected = hash;
        rejected_until = until;
    }
    /// Whether that is remembered of the row's access token, at the time `now`.
    bool would_refresh_in_vain(const token& row, time_point now) {
        const std::size_t hash = hash_of_access(row_view(row));
        const std::lock_guard lock(mutex);
        return rejected == hash && now < rejected_until;
    }

    /// Remembers, for an hour, a marker whose writing has failed. Afterwards the row has this marker, or the one that
    /// was in it before. This needs no memory.
    void note_unsent(unsent_marker tried, const std::string& nonce_before, time_point now) {
        const std::lock_guard lock(mutex);
        if (unsent[1].nonce == nonce_before) std::swap(unsent[0], unsent[1]);
        unsent[1] = std::move(tried);
        unsent_until = now + std::chrono::hours(1);
    }
    /// The row as it was before its marker. Nullopt if the marker's token may have been sent, as far as is known here.
    std::optional<token> unmarked(const token& row, time_point now) {
        const std::string nonce = read_status(row.status).nonce;
        const std::lock_guard lock(mutex);
        for (const unsent_marker& each : unsent) {
            if (nonce.empty() || each.nonce != nonce || now >= unsent_until) continue;
            if (each.after == row) return each.before;
            token bare = row;
            bare.status.clear();
            return bare;
        }
        return std::nullopt;
    }

    /// The end of the pause, and the failure that caused it. Nullopt if a request may be sent now.
    std::optional<std::pair<time_point, std::exception_ptr>> pause(time_point now) {
        const std::lock_guard lock(mutex);
        if (now >= not_before || !last_failure) return std::nullopt;
        return std::pair(not_before, last_failure);
    }

    /// Remembers a passing failure. No request is sent before the pause is over. The failure counts until twice that
    /// time has passed since the end of the pause.
    void failed(std::exception_ptr why, time_point now, std::chrono::milliseconds pause) {
        const std::lock_guard lock(mutex);
        ++failures;
        forget_old_failures(now);
        ++failures_in_a_row;
        last_failure = std::move(why);
        not_before = now + pause;
        failure_forgotten_at = now + 3 * pause;
    }

    /// How many failures came one after another.
    unsigned failures_that_count(time_point now) {
        const std::lock_guard lock(mutex);
        forget_old_failures(now);
        return failures_in_a_row;
    }

    /// Whether there is something to remember. The caller holds the mutex.
    bool remembers(time_point now) const {
        const auto is_recent = [&](time_point since, std::chrono::seconds span) { return now - since < span; };
        return unsaved || now < unsent_until || (last_failure && now < failure_forgotten_at) ||
               now < unexplained_until || now < rejected_until ||
               (revived_at && is_recent(*revived_at, std::chrono::minutes(1))) ||
               (!future_nonce.empty() && is_recent(future_nonce_seen, std::chrono::hours(1)));
    }

    /// How long to pause after an unexplained refusal: a minute, then twice as long each time, up to an hour.
    /// A pause is forgotten when twice its length has passed since its end.
    std::chrono::milliseconds next_unexplained_pause(time_point now) {
        using namespace std::chrono_literals;
        const std::lock_guard lock(mutex);
        if (now >= unexplained_until) unexplained_pause = 0ms;
        unexplained_pause = std::clamp<std::chrono::milliseconds>(2 * unexplained_pause, 1min, 1h);
        unexplained_until = now + 3 * unexplained_pause;
        return unexplained_pause;
    }

    /// Whether a refused token may be sent once more: at most once a minute. If so, this counts as done.
    bool may_revive(time_point now) {
        const std::lock_guard lock(mutex);
        if (revived_at && now - *revived_at < std::chrono::minutes(1)) return false;
        revived_at = now;
        return true;
    }

    /// Forgets the failures, and with them the pauses.
    void succeeded() {
        const std::lock_guard lock(mutex);
        failures_in_a_row = 0;
        last_failure = nullptr;
        unexplained_pause = std::chrono::milliseconds{0};
    }

  private:
    void forget_old_failures(time_point now) {
        if (now >= failure_forgotten_at) failures_in_a_row = 0;
    }
};

/// Lets one caller of a keeper at a time work on an identity. The destructor lets the next one in.
class flight_lock {
  public:
    /// Waits until the other caller has finished. Throws errc::lock_timeout when `until` has passed. Throws it at once
    /// if this thread is already inside: a transport or an observer has called the keeper back.
    flight_lock(identity_flight& entered, erased_clock& clock, deadline until) : flight_(entered) {
        std::unique_lock lock(flight_.mutex);
        const std::uint64_t failures = flight_.failures;
        if (flight_.owner == std::this_thread::get_id())
            throw error(errc::lock_timeout, "tokenkeep: called from within the refresh of the same identity");
        waited_ = flight_.owner.has_value();
        const auto is_free = [&] { return !flight_.owner.has_value(); };
        if (!clock.wait_until(flight_.left, lock, until, is_free))
            throw error(errc::lock_timeout, "tokenkeep: another caller is at work on this identity");
        flight_.owner = std::this_thread::get_id();
        if (waited_ && flight_.failures != failures) failure_while_waiting_ = flight_.last_failure;
    }
    flight_lock(const flight_lock&) = delete;
    flight_lock& operator=(const flight_lock&) = delete;
    ~flight_lock() {
        {
            const std::lock_guard lock(flight_.mutex);
            flight_.owner.reset();
        }
        flight_.left.notify_all();
    }

    /// Whether another caller was inside first.
    bool waited() const noexcept { return waited_; }

    /// The failure of the caller that this one waited for, which is this caller's too. Null if there was none.
    const std::exception_ptr& failure_while_waiting() const noexcept { return failure_while_waiting_; }

  private:
    identity_flight& flight_;
    bool waited_ = false;
    std::exception_ptr failure_while_waiting_{};
};

/// The flights of a keeper, by identity key. identity_flights that are not in use and remember nothing are forgotten.
class identity_flights {
  public:
    /// The flight of an identity. If there is none, it is made.
    std::shared_ptr<identity_flight> of(const std::string& key, identity_flight::time_point now) {
        const std::lock_guard lock(mutex_);
        if (by_key_.size() >= forget_at_) forget_idle(now);
        const auto found = by_key_.find(key);
        return found != by_key_.end() ? found->second
                                      : by_key_.emplace(key, std::make_shared<identity_flight>()).first->second;
    }

    /// Calls act(key, flight) for each flight. No other thread may use the keeper meanwhile.
    template <class Act>
    void for_each(Act&& act) {
        for (auto& [key, one] : by_key_) act(key, *one);
    }

  private:
    void forget_idle(identity_flight::time_point now) {
        std::erase_if(by_key_, [&](const auto& entry) {
            identity_flight& one = *entry.second;
            const std::lock_guard lock(one.mutex);
            return entry.second.use_count() == 1 && one.published.use_count() == 1 && !one.remembers(now);
        });
        forget_at_ = 2 * by_key_.size() + 64;
    }

    std::mutex mutex_{};
    std::map<std::string, std::shared_ptr<identity_flight>> by_key_{};
    std::size_t forget_at_ = 64;
};

}}} // namespace tokenkeep::v1::detail

#endif
