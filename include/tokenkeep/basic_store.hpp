// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_BASIC_STORE_HPP
#define TOKENKEEP_BASIC_STORE_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/store/key_locks.hpp>
#include <tokenkeep/detail/store/read_lock.hpp>
#include <tokenkeep/detail/store/row_set.hpp>
#include <tokenkeep/fwd.hpp>
#include <tokenkeep/indexed.hpp>

#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v0 {

/// A store in memory, over any container: a sequence of token, a map from id to token, rows of strings, `indexed`, or
/// one with container_traits of its own. It is a locking_store among the threads of the process, and a
/// comparing_store. It may be moved while nobody else uses it.
///
/// Cost: a look-up or save scans the rows, except where the container can do better (a map by id, `indexed` by every
/// rule).
template <class Container, class Policy>
class basic_store {
    static constexpr bool is_indexed = std::is_same_v<Container, indexed>;
    static_assert(detail::explain_policy<Policy>());
    using rows_type =
        typename std::conditional_t<is_indexed, std::type_identity<detail::indexed_table<typename Policy::rules>>,
                                    std::type_identity<Container>>::type;
    static_assert(detail::explain_container<rows_type>());
    // Where that has said its sentence, rows of another kind keep the compiler from saying more.
    using usable_rows = std::conditional_t<detail::usable_container<rows_type>, rows_type, std::vector<token>>;
    using mutex = typename Policy::mutex;

  public:
    basic_store() = default;

    /// Starts with rows that exist. In a map the key is the id; rows without an id are given one.
    explicit basic_store(usable_rows rows) : rows_(std::move(rows)) {}

    basic_store(basic_store&& other) noexcept : rows_(std::move(other.rows_)), locks_(std::move(other.locks_)) {}
    basic_store& operator=(basic_store&& other) noexcept {
        rows_ = std::move(other.rows_);
        locks_ = std::move(other.locks_);
        return *this;
    }

    /// The row that the probe means by the policy's rules; nullopt if there is none.
    std::optional<token> find_token(const token& probe) const {
        const detail::read_lock<mutex> lock(mutex_);
        return rows_.find(probe);
    }
    /// Inserts the record, or merges it into the row that the rules name.
    void save_token(const token& record) {
        const std::lock_guard lock(mutex_);
        rows_.save(record);
    }
    void delete_token(const std::string& id) {
        const std::lock_guard lock(mutex_);
        rows_.erase(id);
    }
    std::vector<token> get_tokens() const {
        const detail::read_lock<mutex> lock(mutex_);
        return rows_.all();
    }
    void delete_tokens() {
        const std::lock_guard lock(mutex_);
        rows_.clear();
    }
    std::optional<token> find_token_by_id(const std::string& id) const {
        const detail::read_lock<mutex> lock(mutex_);
        return rows_.find_by_id(id);
    }

    /// See locking_store; the lock reaches the threads of this process.
    auto lock_token(const std::string& key, deadline until) { return locks_.lock(key, until); }
    /// See comparing_store.
    bool replace_token(const token& expected, const token& record) {
        const std::lock_guard lock(mutex_);
        return rows_.replace(expected, record);
    }
    bool remove_token(const token& expected) {
        const std::lock_guard lock(mutex_);
        return rows_.remove(expected);
    }

  private:
    mutable mutex mutex_{};
    detail::row_set<usable_rows, Policy> rows_{};
    detail::key_locks locks_{};
};

template <class Container>
basic_store(Container) -> basic_store<Container>;

/// The store in memory for programs: every look-up takes the same time, however many tokens there are.
using memory_store = basic_store<indexed>;
/// A store over std::map, keyed by id.
using map_store = basic_store<std::map<std::string, token>>;
/// A store over a list of rows of attributes. Its rows are plain strings, which are not wiped.
using list_store = basic_store<std::vector<std::list<std::string>>>;

}} // namespace tokenkeep::v0

#endif
