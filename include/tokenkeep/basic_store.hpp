// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_BASIC_STORE_HPP
#define TOKENKEEP_BASIC_STORE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/policy.hpp> // first: compilers name the way to a header before a message about it

#include <tokenkeep/clock.hpp>
#include <tokenkeep/compilation.hpp>
#include <tokenkeep/detail/store/key_locks.hpp>
#include <tokenkeep/detail/store/read_lock.hpp>
#include <tokenkeep/detail/store/row_set.hpp>
#include <tokenkeep/detail/store/row_view.hpp>
#include <tokenkeep/fwd.hpp>
#include <tokenkeep/indexed.hpp>
#include <tokenkeep/memory/function_ref.hpp>

#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

/// A store in memory, over any container: a sequence of token, a map from id to token, rows of strings, `indexed`, or a
/// container of your own that has container_traits. It is a comparing_store. It is a locking_store among the threads of
/// the process. It may be moved while no other thread uses it.
///   basic_store<std::vector<token>> store;
///   store.save_token({.user_name = "ada", .client_id = "app", .refresh_token = "r1"});
///
/// Cost: a look-up or a save visits every row, unless the container can do better. A map does better by id, and
/// `indexed` by every rule.
template <class Container, class Policy>
class basic_store {
    static constexpr bool is_indexed = std::is_same_v<Container, indexed>;
    static_assert(detail::explain_policy<Policy>());
    using container = std::conditional_t<is_indexed, std::vector<token>, Container>;
    static_assert(detail::explain_container<container>());
    // After a failed static_assert, substitute std::vector<token> so that the compiler reports nothing else.
    using usable_container = std::conditional_t<detail::usable_container<container>, container, std::vector<token>>;
    using usable_rows =
        typename std::conditional_t<is_indexed, std::type_identity<detail::indexed_table<detail::rules_of<Policy>>>,
                                    std::type_identity<usable_container>>::type;
    using mutex = typename Policy::mutex;

  public:
    using policy_type = Policy;
    static constexpr std::string_view scheme = "memory"; ///< See open_store.
    /// A call waits for nothing but other threads that read or change the rows; get_tokens reads them all. So a program
    /// that must not wait long, such as an event loop, may call the store at once. Only lock_token waits for others.
    static constexpr bool never_blocks = true;

    basic_store() = default;

    /// Starts with rows that exist. In a map, the key becomes the row's id. A row without an id gets one.
    ///   map_store store(rows);
    explicit basic_store(usable_rows rows);

    basic_store(basic_store&& other) noexcept;
    basic_store& operator=(basic_store&& other) noexcept;
    ~basic_store();

    /// The row that the probe means by the policy's rules; nullopt if there is none.
    ///   std::optional<token> ada = store.find_token({.user_name = "ada"});
    std::optional<token> find_token(const token& probe) const;
    /// Inserts the record, or merges it into the row that it means; see merge. A new row gets an id if it has none.
    ///   store.save_token({.user_name = "ada", .access_token = "a2"});
    void save_token(const token& record);
    /// Removes the row of that id. It is not an error if there is none.
    ///   store.delete_token(ada->id);
    void delete_token(const std::string& id);
    /// Every row, in the order of the container.
    std::vector<token> get_tokens() const;
    /// Removes every row.
    void delete_tokens();
    /// The row of exactly that id; nullopt if there is none.
    std::optional<token> find_token_by_id(const std::string& id) const;

    /// For the keeper, which asks questions about a row and needs no copy of it. Calls visit(row) with the row that
    /// find_token gives for this probe. False if there is none. `visit` runs under the store's lock: it must be short
    /// and must not call the store. This function is not part of the public contract.
    bool visit_token(const detail::row_view& probe, detail::function_ref<void(const detail::row_view&)> visit) const;

    /// Takes the lock of one identity among the threads of this process; see locking_store.
    ///   auto guard = store.lock_token(identity_key(*ada), std::chrono::steady_clock::now() + 5s);
    detail::key_locks::guard lock_token(const std::string& key, deadline until);
    /// Makes the row `record` if it still is `expected`, and says whether it did; see comparing_store.
    ///   if (!store.replace_token(expected, record)) read_again();
    bool replace_token(const token& expected, const token& record);
    /// Removes the row if it still is `expected`, and says whether it did; see comparing_store.
    ///   if (!store.remove_token(expected)) read_again();
    bool remove_token(const token& expected);

  private:
    mutable mutex mutex_{};
    detail::row_set<usable_rows, Policy> rows_{};
    detail::key_locks locks_{};
};

template <class Container, class Policy>
basic_store<Container, Policy>::basic_store(usable_rows rows) : rows_(std::move(rows)) {}

template <class Container, class Policy>
basic_store<Container, Policy>::basic_store(basic_store&& other) noexcept
    : rows_(std::move(other.rows_)), locks_(std::move(other.locks_)) {}

template <class Container, class Policy>
auto basic_store<Container, Policy>::operator=(basic_store&& other) noexcept -> basic_store& {
    rows_ = std::move(other.rows_);
    locks_ = std::move(other.locks_);
    return *this;
}

template <class Container, class Policy>
basic_store<Container, Policy>::~basic_store() = default;

template <class Container, class Policy>
std::optional<token> basic_store<Container, Policy>::find_token(const token& probe) const {
    const detail::read_lock<mutex> lock(mutex_);
    return rows_.find(probe);
}

template <class Container, class Policy>
void basic_store<Container, Policy>::save_token(const token& record) {
    const std::lock_guard lock(mutex_);
    rows_.save(record);
}

template <class Container, class Policy>
void basic_store<Container, Policy>::delete_token(const std::string& id) {
    const std::lock_guard lock(mutex_);
    rows_.erase(id);
}

template <class Container, class Policy>
std::vector<token> basic_store<Container, Policy>::get_tokens() const {
    const detail::read_lock<mutex> lock(mutex_);
    return rows_.all();
}

template <class Container, class Policy>
void basic_store<Container, Policy>::delete_tokens() {
    const std::lock_guard lock(mutex_);
    rows_.clear();
}

template <class Container, class Policy>
std::optional<token> basic_store<Container, Policy>::find_token_by_id(const std::string& id) const {
    const detail::read_lock<mutex> lock(mutex_);
    return rows_.find_by_id(id);
}

template <class Container, class Policy>
detail::key_locks::guard basic_store<Container, Policy>::lock_token(const std::string& key, deadline until) {
    return locks_.lock(key, until);
}

template <class Container, class Policy>
bool basic_store<Container, Policy>::replace_token(const token& expected, const token& record) {
    const std::lock_guard lock(mutex_);
    return rows_.replace(expected, record);
}

template <class Container, class Policy>
bool basic_store<Container, Policy>::remove_token(const token& expected) {
    const std::lock_guard lock(mutex_);
    return rows_.remove(expected);
}

template <class Container, class Policy>
bool basic_store<Container, Policy>::visit_token(const detail::row_view& probe,
                                                 detail::function_ref<void(const detail::row_view&)> visit) const {
    const detail::read_lock<mutex> lock(mutex_);
    return rows_.visit(probe, visit);
}

template <class Container, class Policy>
inline constexpr bool detail::shows_rows<basic_store<Container, Policy>> = true;

template <class Container>
basic_store(Container) -> basic_store<Container>;

/// The store in memory for programs. A look-up takes the same time for any number of tokens.
using memory_store = basic_store<indexed>;
TOKENKEEP_INSTANTIATE(basic_store<indexed>);
/// A store over std::map. The key is the id.
using map_store = basic_store<std::map<std::string, token>>;
/// A store over a list of rows of attributes. Its rows are plain strings, so it does not wipe their memory.
using list_store = basic_store<std::vector<std::list<std::string>>>;

}} // namespace tokenkeep::v1

#endif
