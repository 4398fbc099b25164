// SPDX-License-Identifier: MIT
// For each concept a type with a knock-out parameter: mode 0 is the least model, as the concept's Shape says; mode n
// lacks requirement n, or has it wrong.
#ifndef TOKENKEEP_TESTS_SUPPORT_ARCHETYPES_HPP
#define TOKENKEEP_TESTS_SUPPORT_ARCHETYPES_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/file_system.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/rules.hpp>
#include <tokenkeep/token.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace archetypes {

using tokenkeep::http_request;
using tokenkeep::http_response;
using tokenkeep::timestamp;
using tokenkeep::token;
using time_point = std::chrono::steady_clock::time_point;

// matching_rule: 1 no key, 2 a key that is no text, 3 no applies, 4 applies that gives no bool, 5 agrees of another
// shape; 6 has agrees.
template <int Mode>
struct rule_key {
    static constexpr auto key = &token::user_name;
};
template <>
struct rule_key<1> {};
template <>
struct rule_key<2> {
    static constexpr auto key = &token::expires_at;
};
template <int Mode>
struct rule : rule_key<Mode> {
    static bool applies(const token& probe);
};
template <>
struct rule<3> : rule_key<3> {};
template <>
struct rule<4> : rule_key<4> {
    static void applies(const token& probe);
};
template <>
struct rule<5> : rule_key<5> {
    static bool applies(const token& probe);
    static bool agrees(const token& row);
};
template <>
struct rule<6> : rule_key<6> {
    static bool applies(const token& probe);
    static bool agrees(const token& probe, const token& row);
};

// matching_rules: 1 no list, 2 no find.
template <int Mode>
struct chain {
    using list = tokenkeep::rule_list<tokenkeep::by_user>;
    template <class Look>
    static auto find(const token& probe, Look&& look) {
        return (void)probe, look(tokenkeep::by_user{});
    }
};
template <>
struct chain<1> {
    template <class Look>
    static auto find(const token& probe, Look&& look) {
        return (void)probe, look(tokenkeep::by_user{});
    }
};
template <>
struct chain<2> {
    using list = tokenkeep::rule_list<tokenkeep::by_user>;
};

/// What find_token gives: 7 has a pointer, which is not optional<token>.
template <int Mode>
struct found_by {
    using type = std::optional<token>;
};
template <>
struct found_by<7> {
    using type = const token*;
};

// token_store: 1 find_token, 2 save_token, 3 delete_token, 4 get_tokens, 5 delete_tokens, 6 find_token_by_id,
// 7 find_token of another type, 8 get_tokens that gives ids, 9 save_token that wants to change the record.
template <int Mode>
struct store {
    using record_parameter = std::conditional_t<Mode == 9, token&, const token&>;
    using row = std::conditional_t<Mode == 8, std::string, token>;

    typename found_by<Mode>::type find_token(const token& probe) requires(Mode != 1);
    void save_token(record_parameter record) requires(Mode != 2);
    void delete_token(const std::string& id) requires(Mode != 3);
    std::vector<row> get_tokens() requires(Mode != 4);
    void delete_tokens() requires(Mode != 5);
    std::optional<token> find_token_by_id(const std::string& id) requires(Mode != 6);
};

/// A guard as users write one.
struct guard {
    guard(guard&&) noexcept;
    ~guard();
};
struct pinned_guard {
    pinned_guard(const pinned_guard&) = delete;
};

// locking_store: 1 no lock_token, 2 no deadline, 3 a guard that cannot be moved, 4 a unique_lock, 5 a wait instead of
// a deadline, 6 no guard at all.
template <int Mode>
struct locking : store<0> {
    guard lock_token(const std::string& key, time_point deadline);
};
template <>
struct locking<1> : store<0> {};
template <>
struct locking<2> : store<0> {
    guard lock_token(const std::string& key);
};
template <>
struct locking<3> : store<0> {
    pinned_guard lock_token(const std::string& key, time_point deadline);
};
template <>
struct locking<4> : store<0> {
    std::unique_lock<std::mutex> lock_token(const std::string& key, time_point deadline);
};
template <>
struct locking<5> : store<0> {
    guard lock_token(const std::string& key, std::chrono::milliseconds wait);
};
template <>
struct locking<6> : store<0> {
    void lock_token(const std::string& key, time_point deadline);
};

// comparing_store: 1 no replace_token, 2 no remove_token, 3 replace_token without a result, 4 remove_token by id.
template <int Mode>
struct comparing : store<0> {
    bool replace_token(const token& expected, const token& record) requires(Mode != 1 && Mode != 3);
    void replace_token(const token& expected, const token& record) requires(Mode == 3);
    bool remove_token(const token& expected) requires(Mode != 2 && Mode != 4);
    bool remove_token(const std::string& id) requires(Mode == 4);
};

// document: 1 no load, 2 no save, 3 load without optional, 4 save that wants a std::string to keep.
template <int Mode>
struct document {
    std::optional<std::string> load() requires(Mode != 1 && Mode != 3);
    std::string load() requires(Mode == 3);
    void save(std::string_view bytes) requires(Mode != 2 && Mode != 4);
    void save(std::string& bytes) requires(Mode == 4);
};

// A document with locks: 1 a lock without a name, 2 one without a deadline, 3 a unique_lock.
template <int Mode>
struct locked_document : document<0> {
    guard lock(const std::string& name, time_point deadline) requires(Mode == 0);
    guard lock(time_point deadline) requires(Mode == 1);
    guard lock(const std::string& name) requires(Mode == 2);
    std::unique_lock<std::mutex> lock(const std::string& name, time_point deadline) requires(Mode == 3);
};

// A document of versions: 1 no pair, 2 no save with a version, 3 one that does not say whether it saved.
template <int Mode>
struct versioned_document {
    std::pair<std::optional<std::string>, long> load_versioned() requires(Mode != 1);
    std::optional<std::string> load_versioned() requires(Mode == 1);
    bool save(std::string_view bytes, const long& expected) requires(Mode != 2 && Mode != 3);
    void save(std::string_view bytes, const long& expected) requires(Mode == 3);
};

// http_transport: 1 no call, 2 a call that gives no response, 3 a call that wants to change the request.
template <int Mode>
struct transport {
    http_response operator()(const http_request& request) requires(Mode != 1 && Mode != 2 && Mode != 3);
    int operator()(const http_request& request) requires(Mode == 2);
    http_response operator()(http_request& request) requires(Mode == 3);
};

// clock: 1 no now, 2 no steady_now, 3 no sleep_until, 4 no wait_until, 5 now of the wrong clock.
template <int Mode>
struct clock {
    timestamp now() requires(Mode != 1 && Mode != 5);
    time_point now() requires(Mode == 5);
    time_point steady_now() requires(Mode != 2);
    void sleep_until(time_point t) requires(Mode != 3);
    bool wait_until(std::condition_variable& changed, std::unique_lock<std::mutex>& lock, time_point t,
                    bool (*predicate)()) requires(Mode != 4);
};

// file_system: 1 no flush, 2 read that does not say how much, 3 no shared lock, 4 find that only says whether, 5 create
// that gives another file, 6 no rename, 7 no is_mount, 8 lock without a deadline.
template <int Mode>
struct file_system {
    struct file {
        tokenkeep::file_identity identity() const;
        std::size_t read(std::uint64_t offset, char* out, std::size_t size) const requires(Mode != 2);
        void read(std::uint64_t offset, char* out, std::size_t size) const requires(Mode == 2);
        void write(std::uint64_t offset, std::string_view bytes) const;
        void truncate(std::uint64_t size) const;
        void flush() const requires(Mode != 1);
    };
    struct lock_file {
        bool try_lock(std::int64_t byte);
        bool try_lock_shared(std::int64_t byte) requires(Mode != 3);
        void unlock(std::int64_t byte);
    };
    std::optional<tokenkeep::file_identity> find(const std::string& path) const requires(Mode != 4);
    bool find(const std::string& path) const requires(Mode == 4);
    std::optional<file> open(const std::string& path) const;
    file create(const std::string& path) const requires(Mode != 5);
    int create(const std::string& path) const requires(Mode == 5);
    void rename(const std::string& from, const std::string& to) const requires(Mode != 6);
    void remove(const std::string& path) const;
    void flush_directory(const std::string& path) const;
    bool is_mount(const std::string& path) const requires(Mode != 7);
    lock_file open_lock(const std::string& path) const;
    guard lock(const std::string& path, const std::string& name, time_point deadline) const requires(Mode != 8);
    guard lock(const std::string& path, const std::string& name) const requires(Mode == 8);
};

// sealer: 1 no key_id, 2 no seal, 3 no open, 4 open that cannot say no, 5 open that is not told the key.
template <int Mode>
struct sealer {
    std::string key_id() const requires(Mode != 1);
    tokenkeep::secret seal(std::string_view plain, std::string_view associated) const requires(Mode != 2);
    std::optional<tokenkeep::secret> open(std::string_view sealed, std::string_view associated,
                                          std::string_view key_id) const requires(Mode != 3 && Mode != 4 && Mode != 5);
    bool open(std::string_view sealed, std::string_view associated, std::string_view key_id) const requires(Mode == 4);
    std::optional<tokenkeep::secret> open(std::string_view sealed, std::string_view associated) const
        requires(Mode == 5);
};

/// Rows for container_traits: 1 no for_each, 2 no insert_or_assign, 3 no erase.
template <int Mode>
struct rows {};

} // namespace archetypes

#endif
