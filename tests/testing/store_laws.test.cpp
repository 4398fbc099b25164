// SPDX-License-Identifier: MIT
#include <tokenkeep/testing/store_laws.hpp>

#include <tokenkeep/basic_store.hpp>

#include "support/catch.hpp"
#include "support/laws.hpp"
#include "support/stores.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tokenkeep;

enum class fault {
    none,
    finds_the_first_row_for_no_criterion,
    finds_the_first_row_on_a_miss,
    finds_users_without_case,
    finds_the_probes_own_values,
    finds_without_regard_to_the_client,
    finds_the_first_of_two,
    changes_rows_when_looking,
    saves_duplicates,
    saves_without_merging,
    saves_with_the_stale_expiry,
    saves_with_the_stale_status,
    saves_by_user_before_id,
    saves_other_rows_too,
    saves_doubles,
    saves_half_before_refusing,
    saves_records_without_a_token,
    loses_saves_among_threads,
    deletes_by_prefix,
    deletes_everything_for_1_or_1,
    refuses_to_delete_nothing,
    gives_no_first_row,
    gives_a_row_twice,
    keeps_a_row_when_emptied,
    finds_ids_without_spaces,
    refuses_unknown_ids,
    cuts_at_255,
    cuts_at_nul,
    cuts_milliseconds,
    counts_ids_on_from_the_highest,
    holds_ten_rows,
    gives_no_ids,
    locks_nothing,
    locks_again_in_one_thread,
    locks_all_keys_at_once,
    locks_after_the_deadline,
    gives_up_at_once,
    unlocks_when_moved,
    never_unlocks,
    ignores_the_deadline,
    ignores_the_deadline_and_never_unlocks,
    replaces_whatever_is_there,
    replaces_if_the_access_token_is_the_same,
    replaces_by_merging,
    replaces_by_inserting,
    replaces_the_id,
    replaces_into_doubles,
    removes_whatever_is_there,
    removes_nothing,
    replaces_without_a_lock,
    ends_without_saving,
    ends_with_a_refusal_and_saves,
    ends_without_regard_to_its_deadline,
};

/// Where the threads of a law meet, so that a defect among threads needs no luck to be seen: each of the first
/// `arrivals` waits until as many have come as there are threads in a law. The minute only keeps a test from hanging.
class meeting {
  public:
    explicit meeting(std::size_t arrivals) : arrivals_(arrivals) {}

    void attend() {
        std::unique_lock lock(mutex_);
        if (come_ == arrivals_) return;
        const std::size_t all = (come_ / threads + 1) * threads;
        if (++come_ == all) changed_.notify_all();
        changed_.wait_for(lock, std::chrono::minutes(1), [&] { return come_ >= all; });
    }

  private:
    static constexpr std::size_t threads = testing::detail::threads_of_a_law;

    std::mutex mutex_{};
    std::condition_variable changed_{};
    std::size_t arrivals_;
    std::size_t come_ = 0;
};

/// A store that keeps every law but one, by its fault.
class mutant {
    using lock = std::lock_guard<std::recursive_mutex>;
    using rows = tokenkeep::detail::row_set<std::vector<token>, defaults>;
    using locks = tokenkeep::detail::key_locks;

  public:
    /// Stops holding the lock at its third move, if it is fragile.
    class guard {
      public:
        explicit guard(locks::guard held, bool fragile)
            : held_(std::make_shared<locks::guard>(std::move(held))), fragile_(fragile) {}
        guard() = default;
        guard(guard&& other) noexcept
            : held_(std::move(other.held_)), fragile_(other.fragile_), moves_(other.moves_ + 1) {
            if (fragile_ && moves_ > 2) held_.reset();
        }

      private:
        std::shared_ptr<locks::guard> held_{};
        bool fragile_ = false;
        int moves_ = 0;
    };

    explicit mutant(fault f) : fault_(f) {}

    std::optional<token> find_token(const token& probe) {
        const lock held(mutex_);
        token asked = probe;
        if (is(fault::finds_the_first_row_for_no_criterion) && probe == token{} && !rows_.empty()) return rows_[0];
        if (is(fault::finds_users_without_case) && probe.user_name == "ADA") asked.user_name = "ada";
        if (is(fault::finds_without_regard_to_the_client) && !probe.user_name.empty()) asked.client_id = "app";
        if (is(fault::changes_rows_when_looking) && !rows_.empty()) rows_[0].scope += "x";
        std::optional<token> found;
        try {
            found = rows(rows_).find(asked);
        } catch (const error&) {
            if (!is(fault::finds_the_first_of_two)) throw;
            found = rows_[0];
        }
        if (is(fault::finds_the_first_row_on_a_miss) && !found && !rows_.empty()) return rows_[0];
        if (is(fault::finds_the_probes_own_values) && found) return merge(*found, probe);
        return found;
    }

    void save_token(const token& given) {
        if (is(fault::loses_saves_among_threads)) {
            rows changed(get_tokens());
            meet();
            changed.save(given);
            {
                const lock held(mutex_);
                rows_ = changed.all();
            }
            return meet(); // all have written before one of them looks
        }
        const lock held(mutex_);
        save(given);
    }

    void delete_token(const std::string& id) {
        const lock held(mutex_);
        const auto has_id = [&](const token& row) {
            return is(fault::deletes_by_prefix) && !id.empty() ? row.id.starts_with(id) : row.id == id;
        };
        if (is(fault::refuses_to_delete_nothing) && std::none_of(rows_.begin(), rows_.end(), has_id))
            throw error(errc::token_not_found, "no such row");
        if (is(fault::deletes_everything_for_1_or_1) && id == "1 or 1=1") rows_.clear();
        std::erase_if(rows_, has_id);
    }

    std::vector<token> get_tokens() {
        const lock held(mutex_);
        std::vector<token> given = rows_;
        if (is(fault::gives_no_first_row) && !given.empty()) given.erase(given.begin());
        if (is(fault::gives_a_row_twice) && !given.empty()) given.push_back(given[0]);
        return given;
    }

    void delete_tokens() {
        const lock held(mutex_);
        rows_.resize(is(fault::keeps_a_row_when_emptied) && !rows_.empty() ? 1 : 0);
    }

    std::optional<token> find_token_by_id(const std::string& id) {
        const lock held(mutex_);
        std::string asked = id;
        if (is(fault::finds_ids_without_spaces)) asked.erase(0, asked.find_first_not_of(' ') + (asked.empty() ? 1 : 0));
        const std::optional<token> found = rows(rows_).find_by_id(asked);
        if (is(fault::refuses_unknown_ids) && !found) throw error(errc::token_not_found, "no such row");
        return found;
    }

    guard lock_token(const std::string& key, deadline until) {
        if (is(fault::locks_nothing)) return guard();
        {
            const lock held(mutex_);
            if (is(fault::locks_again_in_one_thread) && key == key_ && std::this_thread::get_id() == owner_)
                return guard();
        }
        try {
            if (is(fault::gives_up_at_once)) until = deadline();
            if (is(fault::ignores_the_deadline) || is(fault::ignores_the_deadline_and_never_unlocks))
                until += std::chrono::hours(24);
            guard taken(locks_.lock(is(fault::locks_all_keys_at_once) ? "all" : key, until),
                        is(fault::unlocks_when_moved));
            const lock held(mutex_);
            was_locked_ = true;
            key_ = key;
            owner_ = std::this_thread::get_id();
            if (!is(fault::never_unlocks) && !is(fault::ignores_the_deadline_and_never_unlocks)) return taken;
            forgotten_.push_back(std::move(taken));
            return guard();
        } catch (const error&) {
            if (is(fault::locks_after_the_deadline)) return guard();
            throw;
        }
    }

    bool replace_token(const token& expected, const token& record) {
        if (is(fault::replaces_without_a_lock)) {
            rows changed(get_tokens());
            const bool done = changed.replace(expected, record);
            meet();
            const lock held(mutex_);
            rows_ = changed.all();
            return done;
        }
        const lock held(mutex_);
        const std::optional<token> row = rows(rows_).find_by_id(expected.id);
        if (is(fault::replaces_by_inserting) && !row && !expected.id.empty()) return rows_.push_back(record), true;
        if (!row) return false;
        token wanted = record;
        token compared = expected;
        if (is(fault::replaces_the_id)) wanted.id = expected.id;
        if (is(fault::replaces_by_merging)) wanted = merge(expected, record);
        if (is(fault::replaces_whatever_is_there)) compared = *row;
        if (is(fault::replaces_if_the_access_token_is_the_same) && expected.access_token == row->access_token)
            compared = *row;
        if (is(fault::replaces_into_doubles) && compared == *row && record.id == row->id) return put(record), true;
        rows changed(rows_);
        const bool done = changed.replace(compared, wanted);
        rows_ = changed.all();
        return done;
    }

    /// The store for calls that end by a deadline. It waits for locks only.
    class limited {
      public:
        limited(mutant& of, deadline end) : of_(of), end_(end) {}

        std::optional<token> find_token(const token& probe) { return of_.find_token(probe); }
        void save_token(const token& record) {
            if (of_.is(fault::ends_without_saving)) return;
            of_.save_token(record);
            if (of_.is(fault::ends_with_a_refusal_and_saves) && std::chrono::steady_clock::now() > end_)
                throw error(errc::lock_timeout, "too late");
        }
        void delete_token(const std::string& id) { of_.delete_token(id); }
        std::vector<token> get_tokens() { return of_.get_tokens(); }
        void delete_tokens() { of_.delete_tokens(); }
        std::optional<token> find_token_by_id(const std::string& id) { return of_.find_token_by_id(id); }
        guard lock_token(const std::string& key, deadline until) {
            const bool is_deaf = of_.is(fault::ends_without_regard_to_its_deadline);
            return of_.lock_token(key, is_deaf ? until : std::min(until, end_));
        }
        bool replace_token(const token& expected, const token& record) { return of_.replace_token(expected, record); }
        bool remove_token(const token& expected) { return of_.remove_token(expected); }

      private:
        mutant& of_;
        deadline end_;
    };

    limited until(deadline end) { return {*this, end}; }

    bool remove_token(const token& expected) {
        const lock held(mutex_);
        rows changed(rows_);
        std::optional<token> row = changed.find_by_id(expected.id);
        if (is(fault::removes_nothing)) return row == expected;
        const bool done = changed.remove(is(fault::removes_whatever_is_there) && row ? *row : expected);
        rows_ = changed.all();
        return done;
    }

  private:
    bool is(fault f) const { return fault_ == f; }

    /// Waits for the other threads of the law. The thread that made the store is alone; so is one beside a lock.
    void meet() {
        if (std::this_thread::get_id() != maker_ && !was_locked_) meeting_.attend();
    }

    /// Stores a row, whatever the laws say.
    void put(const token& row) {
        for (token& other : rows_)
            if (other.id == row.id) {
                other = row;
                return;
            }
        rows_.push_back(row);
    }

    void save(token record) {
        if (is(fault::saves_duplicates) && record.id.empty()) record.id = random_id{}();
        if (is(fault::saves_duplicates)) return put(record);
        if (is(fault::cuts_at_255)) record.access_token = record.access_token.reveal().substr(0, 255);
        if (is(fault::cuts_at_nul)) record.scope = std::string(record.scope.c_str());
        if (is(fault::cuts_milliseconds) && record.expires_at)
            record.expires_at = std::chrono::floor<std::chrono::seconds>(*record.expires_at);
        if (is(fault::saves_by_user_before_id) && !record.user_name.empty()) record.id.clear();
        if (is(fault::holds_ten_rows) && rows_.size() == 10) return;
        rows changed(rows_);
        std::optional<token> stored = changed.find(record);
        if (!stored && is(fault::counts_ids_on_from_the_highest) && record.id.empty()) record.id = next_id();
        if (!stored && is(fault::saves_records_without_a_token)) return put(record);
        if (!stored && is(fault::gives_no_ids)) return put(record);
        if (stored && is(fault::saves_without_merging)) {
            record.id = stored->id;
            return put(record);
        }
        if (stored && is(fault::saves_doubles)) return put(merge(*stored, record));
        if (stored && is(fault::saves_with_the_stale_expiry) && !record.expires_at)
            record.expires_at = stored->expires_at;
        if (stored && is(fault::saves_with_the_stale_status) && record.status.empty()) record.status = stored->status;
        if (is(fault::saves_half_before_refusing) && stored) rows_[0].scope = "half";
        changed.save(record);
        rows_ = changed.all();
        if (is(fault::saves_other_rows_too) && rows_.size() > 1) rows_[0].scope = rows_[1].scope = record.scope + "x";
    }

    std::string next_id() const {
        int highest = 0;
        for (const token& row : rows_) highest = std::max(highest, std::atoi(row.id.c_str()));
        return std::to_string(highest + 1);
    }

    fault fault_;
    std::recursive_mutex mutex_{};
    std::vector<token> rows_{};
    locks locks_{};
    std::vector<guard> forgotten_{};
    std::string key_{};
    std::thread::id owner_{};
    std::atomic<bool> was_locked_ = false;
    std::thread::id maker_ = std::this_thread::get_id();
    meeting meeting_{2 * testing::detail::threads_of_a_law};
};

struct suspect {
    fault what;
    const char* law;
    bool waits = false; ///< The laws wait until their patience is over.
};

constexpr suspect suspects[] = {
    {fault::finds_the_first_row_for_no_criterion, "S1"},
    {fault::finds_the_first_row_on_a_miss, "S1"},
    {fault::finds_users_without_case, "S1"},
    {fault::finds_the_probes_own_values, "S1"},
    {fault::finds_without_regard_to_the_client, "S1"},
    {fault::finds_the_first_of_two, "S2"},
    {fault::changes_rows_when_looking, "S1"},
    {fault::saves_duplicates, "S3"},
    {fault::saves_without_merging, "S3"},
    {fault::saves_with_the_stale_expiry, "S3"},
    {fault::saves_with_the_stale_status, "S3"},
    {fault::saves_by_user_before_id, "S3"},
    {fault::saves_other_rows_too, "S3"},
    {fault::saves_doubles, "S4"},
    {fault::saves_half_before_refusing, "S10"},
    {fault::saves_records_without_a_token, "S5"},
    {fault::loses_saves_among_threads, "May"},
    {fault::deletes_by_prefix, "S6"},
    {fault::deletes_everything_for_1_or_1, "S6"},
    {fault::refuses_to_delete_nothing, "S6"},
    {fault::gives_no_first_row, "S7"},
    {fault::gives_a_row_twice, "S7"},
    {fault::keeps_a_row_when_emptied, "S8"},
    {fault::finds_ids_without_spaces, "S9"},
    {fault::refuses_unknown_ids, "S9"},
    {fault::cuts_at_255, "S11"},
    {fault::cuts_at_nul, "S11"},
    {fault::cuts_milliseconds, "S11"},
    {fault::counts_ids_on_from_the_highest, "S12"},
    {fault::holds_ten_rows, "S3"},
    {fault::gives_no_ids, "S3"},
    {fault::locks_nothing, "L1"},
    {fault::locks_again_in_one_thread, "L1"},
    {fault::locks_all_keys_at_once, "L1", true},
    {fault::locks_after_the_deadline, "L2"},
    {fault::gives_up_at_once, "L2"},
    {fault::unlocks_when_moved, "L4"},
    {fault::never_unlocks, "L3", true},
    {fault::ignores_the_deadline, "L2", true},
    {fault::ignores_the_deadline_and_never_unlocks, "L2", true},
    {fault::replaces_whatever_is_there, "C1"},
    {fault::replaces_if_the_access_token_is_the_same, "C1"},
    {fault::replaces_by_merging, "C2"},
    {fault::replaces_by_inserting, "C3"},
    {fault::replaces_the_id, "C3"},
    {fault::replaces_into_doubles, "C3"},
    {fault::removes_whatever_is_there, "C1"},
    {fault::removes_nothing, "C2"},
    {fault::replaces_without_a_lock, "C2"},
    {fault::ends_without_saving, "D1"},
    {fault::ends_with_a_refusal_and_saves, "D2"},
    {fault::ends_without_regard_to_its_deadline, "D3", true},
};

} // namespace

TEST_CASE("store_laws: a store that keeps them all is found guilty of nothing, and each is tested", "[store_laws]") {
    const law_findings found = findings_about([] { return mutant(fault::none); });
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store + laws_of_locking + laws_of_comparing + laws_of_deadlines);
}

TEST_CASE("store_laws: every fault breaks the law that forbids it", "[store_laws]") {
    std::vector<std::future<law_findings>> findings; // those that wait do so side by side
    for (const suspect& one : suspects)
        findings.push_back(std::async(one.waits ? std::launch::async : std::launch::deferred,
                                      [&] { return findings_about([&] { return mutant(one.what); }); }));
    for (std::size_t n = 0; n < findings.size(); ++n) {
        const suspect& one = suspects[n];
        const law_findings found = findings[n].get();
        CAPTURE(static_cast<int>(one.what), one.law, found.breaches);
        CHECK(found.broken.contains(one.law));
    }
}

TEST_CASE("store_laws: a store without abilities is asked for none", "[store_laws]") {
    const law_findings found = findings_about<users::plain_rules>([] { return users::plain_store(); });
    CHECK(found.breaches == std::vector<std::string>{});
    CHECK(found.tested == laws_of_every_store);
}

TEST_CASE("store_laws: what a store need not carry it must refuse", "[store_laws]") {
    const auto make = [] { return map_store(); };
    CHECK(findings_about(make, {.only_utf8 = true}).broken == std::set<std::string>{"S11"});
    CHECK(findings_about(make, {.no_nul = true}).broken == std::set<std::string>{"S11"});
}
