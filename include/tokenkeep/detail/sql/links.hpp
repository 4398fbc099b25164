// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SQL_LINKS_HPP
#define TOKENKEEP_DETAIL_SQL_LINKS_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/sql/connection.hpp>
#include <tokenkeep/detail/store/turns.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/policy.hpp>

#include <algorithm>
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

    explicit sql_links(Connection connection) {
        if constexpr (has_more_connections<Connection>) most_ = (std::max<std::size_t>)(1, connection.connections());
        all_.reserve(most_);
        free_.reserve(most_);
        add(std::move(connection));
    }

    /// The link that is there from the beginning.
    link_type& first() noexcept { return *all_.front(); }

    /// Gives act(link), while no other thread uses the link. Throws errc::lock_timeout if `until` comes before one is
    /// free.
    template <class Act>
    auto take(deadline until, Act act) {
        const borrowed mine(*this, *turns_.take(until, [&] { return wait_for_link(until); }));
        return act(mine.link);
    }

  private:
    struct borrowed {
        borrowed(sql_links& from, link_type& taken) : of(from), link(taken) {}
        borrowed(const borrowed&) = delete;
        borrowed& operator=(const borrowed&) = delete;
        ~borrowed() {
            {
                const std::lock_guard lock(of.mutex_);
                of.free_.push_back(&link); // there is room for all
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
            if (free_.empty() && all_.size() < most_) add(first().connection().another());
        if (!given_back_.wait_until(lock, until, [&] { return !free_.empty(); }))
            throw error(errc::lock_timeout, "tokenkeep: other threads of this program keep the store busy");
        link_type* const taken = free_.back();
        free_.pop_back();
        return taken;
    }

    void add(Connection connection) {
        all_.push_back(std::make_unique<link_type>(std::move(connection)));
        trust_as_policy<Policy>(all_.back()->connection());
        free_.push_back(all_.back().get());
    }

    turns<typename Policy::mutex> turns_{};
    std::mutex mutex_{};
    std::condition_variable given_back_{};
    std::size_t most_ = 1;
    std::vector<std::unique_ptr<link_type>> all_{}; ///< Guarded by the mutex; the links themselves stay where they are.
    std::vector<link_type*> free_{}; ///< Guarded by the mutex. The one that was used last is taken first.
};

}}} // namespace tokenkeep::v1::detail

#endif
