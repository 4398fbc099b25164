// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_LINKS_HPP
#define TOKENKEEP_DETAIL_SQL_LINKS_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/sql/columns.hpp>
#include <tokenkeep/detail/sql/connection.hpp>
#include <tokenkeep/detail/store/turns.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/policy.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

template <class C>
concept has_more_connections = requires(const C& first) {
    { first.connections() } -> std::convertible_to<std::size_t>;
    { first.another() } -> std::same_as<C>;
};

/// The links of one store to its table: as many as its connection allows. A thread has one for itself during a call.
/// Threads that wait for one are served in the order in which the policy's mutex lets them in.
template <class Connection, class Policy>
class sql_links {
  public:
    using link_type = sql_link<Connection, Policy>;

    sql_links(Connection connection, table_sealer_of<Policy> sealer)
        : sealer_(std::move(sealer)), first_(std::make_unique<link_type>(std::move(connection), sealer_)) {
        trust_as_policy<Policy>(first_->connection());
        std::size_t most = 1;
        if constexpr (has_more_connections<Connection>)
            most = (std::max<std::size_t>)(1, first_->connection().connections());
        more_.reserve(most - 1);
        free_.reserve(most);
        free_.push_back({first_.get(), clock::now()});
    }

    /// The link that is there from the beginning.
    link_type& first() noexcept { return *first_; }

    /// Gives act(link), while no other thread uses the link. Throws errc::lock_timeout if `until` comes before one is
    /// free.
    template <class Act>
    auto take(deadline until, Act act) {
        const borrowed mine(*this, *turns_.take(until, [&] { return wait_for_link(until); }));
        return act(mine.link);
    }

  private:
    using clock = std::chrono::steady_clock;

    struct free_link {
        link_type* link;
        deadline since;
    };

    struct borrowed {
        borrowed(sql_links& from, link_type& taken) : of(from), link(taken) {}
        borrowed(const borrowed&) = delete;
        borrowed& operator=(const borrowed&) = delete;
        ~borrowed() {
            {
                const std::lock_guard lock(of.mutex_);
                of.free_.push_back({&link, clock::now()}); // there is room for all
            }
            of.given_back_.notify_one();
        }

        sql_links& of;
        link_type& link;
    };

    /// One thread at a time waits here.
    link_type* wait_for_link(deadline until) {
        std::unique_lock lock(mutex_);
        if constexpr (has_more_connections<Connection>)
            if (free_.empty() && more_.size() < more_.capacity()) return add();
        if (!given_back_.wait_until(lock, until, [&] { return !free_.empty(); }))
            throw error(errc::lock_timeout, "tokenkeep: other threads of this program keep the store busy");
        const free_link taken = free_.back();
        free_.pop_back();
        // A firewall may have dropped the connection of a link that a crowd needed once.
        if (taken.link != first_.get() && clock::now() - taken.since > std::chrono::seconds(30)) taken.link->give_up();
        return taken.link;
    }

    link_type* add() {
        auto fresh = std::make_unique<link_type>(first_->connection().another(), sealer_);
        trust_as_policy<Policy>(fresh->connection());
        return more_.emplace_back(std::move(fresh)).get();
    }

    const table_sealer_of<Policy> sealer_; ///< Of all links: several threads use it at once.
    const std::unique_ptr<link_type> first_;
    turns<typename Policy::mutex> turns_{};
    std::mutex mutex_{};
    std::condition_variable given_back_{};
    std::vector<std::unique_ptr<link_type>> more_{}; ///< Guarded by the mutex.
    std::vector<free_link> free_{};                  ///< Guarded by the mutex. The last used is taken first.
};

}}} // namespace tokenkeep::v1::detail

#endif
