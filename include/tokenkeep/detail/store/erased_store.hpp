// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_ERASED_STORE_HPP
#define TOKENKEEP_DETAIL_STORE_ERASED_STORE_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/store/row_view.hpp>
#include <tokenkeep/memory/function_ref.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/store.hpp>
#include <tokenkeep/token.hpp>

#include <chrono>
#include <concepts>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// What is known by its virtual functions only.
class erased {
  public:
    erased() = default;
    erased(const erased&) = delete;
    erased& operator=(const erased&) = delete;
    virtual ~erased() = default;
};

/// The guard of a lock, from a store of any type. It is empty if it holds none.
class erased_guard {
  public:
    erased_guard() = default;
    template <class Guard>
    explicit erased_guard(std::in_place_type_t<Guard>, Guard taken)
        : held_(std::make_unique<guard_of<Guard>>(std::move(taken))) {}

    /// If the lock is a lease that can be renewed, lets it run for `time` from now.
    void renew(std::chrono::milliseconds time) {
        if (held_) held_->renew(time);
    }
    explicit operator bool() const noexcept { return held_ != nullptr; }

  private:
    struct any_guard : erased {
        virtual void renew(std::chrono::milliseconds time) = 0;
    };
    template <class Guard>
    struct guard_of final : any_guard {
        explicit guard_of(Guard taken) : taken_(std::move(taken)) {}
        void renew([[maybe_unused]] std::chrono::milliseconds time) override {
            if constexpr (has_renew<Guard>) taken_.renew(time);
        }
        Guard taken_;
    };

    std::unique_ptr<any_guard> held_{};
};

/// A store of any type. What is written for it is compiled once, and not for each type of store. A call ends by `end`,
/// a time of std::chrono::steady_clock, if the store is a deadline_store and `end` is not (deadline::max)().
class erased_store : public erased {
  public:
    virtual bool locks() = 0;
    virtual bool compares() = 0;
    virtual bool lock_lapses() = 0;
    virtual bool has_until() const = 0;
    virtual bool shows_rows() const = 0;
    virtual bool never_blocks() const = 0;
    virtual bool looks_for_seed(const token& probe) = 0;

    virtual std::optional<token> find_token(const token& probe, deadline end) = 0;
    virtual void save_token(const token& record, deadline end) = 0;
    virtual void delete_token(const std::string& id, deadline end) = 0;
    virtual std::vector<token> get_tokens(deadline end) = 0;
    virtual std::optional<token> find_token_by_id(const std::string& id, deadline end) = 0;
    /// Calls visit(row) with the row that find_token gives. False if there is none. If the store shows_rows, the row is
    /// not copied; visit must then be short and must not call the store.
    virtual bool visit_token(const row_view& probe, function_ref<void(const row_view&)> visit, deadline end) = 0;
    /// If the store does not lock, the guard is empty.
    virtual erased_guard lock_token(const std::string& key, deadline until, deadline end) = 0;
    /// If the store does not compare, this and remove_token do nothing and give false: ask compares() first.
    virtual bool replace_token(const token& expected, const token& record, deadline end) = 0;
    virtual bool remove_token(const token& expected, deadline end) = 0;
};

/// Holds the store, or refers to it if `Store` is a reference. `Base` is erased_store, or adds to it.
template <class Store, class Base = erased_store>
class erased_store_of : public Base {
    using store_type = std::remove_reference_t<Store>;
    /// An any_store says at run time what its store can do.
    static constexpr bool says_at_run_time = requires(store_type & store) { store.shows_rows(); };
    /// A class that derives from one with visit_token, and that does not show rows itself, may find them elsewhere.
    /// What its base says of waiting does not count.
    static constexpr bool has_visit = requires { &store_type::visit_token; };

  public:
    template <class... Arguments>
    explicit erased_store_of(Arguments&&... arguments) : store_(std::forward<Arguments>(arguments)...) {}

    bool locks() override { return store_locks(store_); }
    bool compares() override { return store_compares(store_); }
    bool lock_lapses() override { return detail::lock_lapses(store_); }
    bool has_until() const override { return deadline_store<store_type>; }
    bool shows_rows() const override {
        if constexpr (detail::shows_rows<store_type> && says_at_run_time)
            return store_.shows_rows();
        else
            return detail::shows_rows<store_type>;
    }
    bool never_blocks() const override {
        if constexpr (detail::shows_rows<store_type> && says_at_run_time)
            return store_.never_blocks();
        else if constexpr (requires {
                               { store_type::never_blocks } -> std::convertible_to<bool>;
                           })
            return store_type::never_blocks && (detail::shows_rows<store_type> || !has_visit);
        else
            return false;
    }
    bool looks_for_seed(const token& probe) override { return store_looks_for_seed(store_, probe); }

    std::optional<token> find_token(const token& probe, deadline end) override {
        return by(end, [&](auto&& store) { return store.find_token(probe); });
    }
    void save_token(const token& record, deadline end) override {
        by(end, [&](auto&& store) { store.save_token(record); });
    }
    void delete_token(const std::string& id, deadline end) override {
        by(end, [&](auto&& store) { store.delete_token(id); });
    }
    std::vector<token> get_tokens(deadline end) override {
        return by(end, [&](auto&& store) {
            auto&& rows = store.get_tokens();
            if constexpr (std::is_same_v<decltype(rows), std::vector<token>&&>)
                return std::move(rows);
            else
                return std::vector<token>(std::begin(rows), std::end(rows));
        });
    }
    std::optional<token> find_token_by_id(const std::string& id, deadline end) override {
        return by(end, [&](auto&& store) { return store.find_token_by_id(id); });
    }
    bool visit_token(const row_view& probe, function_ref<void(const row_view&)> visit, deadline end) override {
        return by(end, [&](auto&& store) {
            if constexpr (detail::shows_rows<store_type>) {
                return store.visit_token(probe, visit);
            } else {
                const std::optional<token> row = store.find_token(token(probe));
                if (row) visit(row_view(*row));
                return row.has_value();
            }
        });
    }
    erased_guard lock_token([[maybe_unused]] const std::string& key, [[maybe_unused]] deadline until,
                            [[maybe_unused]] deadline end) override {
        if constexpr (locking_store<store_type>)
            if (locks())
                return by(end, [&](auto&& store) {
                    auto guard = require_locked(store.lock_token(key, until));
                    return erased_guard(std::in_place_type<decltype(guard)>, std::move(guard));
                });
        return {};
    }
    bool replace_token([[maybe_unused]] const token& expected, [[maybe_unused]] const token& record,
                       [[maybe_unused]] deadline end) override {
        if constexpr (comparing_store<store_type>)
            return by(end, [&](auto&& store) { return store.replace_token(expected, record); });
        else
            return false;
    }
    bool remove_token([[maybe_unused]] const token& expected, [[maybe_unused]] deadline end) override {
        if constexpr (comparing_store<store_type>)
            return by(end, [&](auto&& store) { return store.remove_token(expected); });
        else
            return false;
    }

  protected:
    store_type& store() { return store_; }

    /// Calls act(store), with the store's value for calls that end by `end`.
    template <class Act>
    auto by(deadline end, Act act) {
        if constexpr (deadline_store<store_type>)
            if (end != (deadline::max)()) return act(store_.until(end));
        return act(store_);
    }

  private:
    Store store_;
};

/// A store of any type, for calls that end by `end`: what sweep_rows, replace_row and remove_row call.
class timed_store {
  public:
    timed_store(erased_store& store, deadline end) : store_(store), end_(end) {}

    bool compares() const { return store_.compares(); }
    void save_token(const token& record) { store_.save_token(record, end_); }
    void delete_token(const std::string& id) { store_.delete_token(id, end_); }
    std::vector<token> get_tokens() { return store_.get_tokens(end_); }
    std::optional<token> find_token_by_id(const std::string& id) { return store_.find_token_by_id(id, end_); }
    bool replace_token(const token& expected, const token& record) {
        return store_.replace_token(expected, record, end_);
    }
    bool remove_token(const token& expected) { return store_.remove_token(expected, end_); }

  private:
    erased_store& store_;
    deadline end_;
};

}}} // namespace tokenkeep::v1::detail

#endif
