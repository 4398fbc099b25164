// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_DETAIL_LAW_CHECK_HPP
#define TOKENKEEP_TESTING_DETAIL_LAW_CHECK_HPP

#include <tokenkeep/rules.hpp>
#include <tokenkeep/store.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <latch>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace testing::detail {

/// Reports what holds and what does not, with the number of the law that is being tested.
template <class Report>
class law_check {
  public:
    explicit law_check(Report& report) : report_(report) {}

    /// Runs a test of one law. If the test throws, the law is broken.
    template <class Body>
    void law(std::string_view number, Body body) {
        const std::string_view outer = std::exchange(number_, number);
        try {
            body();
        } catch (const std::exception& fault) {
            expect(false, std::string("no operation of this test may throw, but one did: ") + fault.what());
        }
        number_ = outer;
    }

    void expect(bool holds, std::string_view sentence) { report_(number_, holds, std::string(sentence)); }

    /// Expects that `act` throws that code.
    template <class Act>
    void expect_error(errc code, Act act, std::string_view sentence) {
        bool as_wanted = false;
        try {
            act();
        } catch (const std::system_error& fault) {
            as_wanted = fault.code() == code;
        } catch (const std::exception&) {
            as_wanted = false;
        }
        expect(as_wanted, sentence);
    }

  private:
    Report& report_;
    std::string_view number_{};
};

inline constexpr std::size_t threads_of_a_law = 4;

/// Calls work(n) for each n below threads_of_a_law, each on a thread of its own. The threads wait for each other before
/// they call, so that the calls meet. Gives what each call threw; an empty text if it threw nothing.
template <class Work>
std::vector<std::string> all_at_once(Work work) {
    std::latch all_are_here(static_cast<std::ptrdiff_t>(threads_of_a_law));
    std::vector<std::string> thrown(threads_of_a_law);
    std::vector<std::thread> threads;
    for (std::size_t n = 0; n < threads_of_a_law; ++n)
        threads.emplace_back([&, n] {
            all_are_here.arrive_and_wait();
            try {
                work(n);
            } catch (const std::exception& fault) {
                thrown[n] = fault.what();
            }
        });
    for (std::thread& thread : threads) thread.join();
    return thrown;
}

/// Whether the probe would find the row if the store had no other.
template <class Rules>
bool means(const token& probe, const token& row) {
    return Rules::find(probe, [&](auto rule) { return matches<decltype(rule)>(probe, row); });
}

/// Whether a save of the record would change the row if the store had no other.
template <class Rules>
bool is_saved_over(const token& record, const token& row) {
    return Rules::find(record, [&](auto rule) { return saves_over<decltype(rule)>(record, row); });
}

/// Whether the two may not be in one store, because a rule that applies to the record also names the row.
template <class Rules>
bool is_double(const token& record, const token& row) {
    bool found = false;
    Rules::list::for_each(
        [&](auto rule) { found = found || (rule.applies(record) && saves_over<decltype(rule)>(record, row)); });
    return found;
}

/// Every row of a store, sorted by id.
template <class Store>
std::vector<token> rows_of(Store& store) {
    std::vector<token> rows;
    auto&& range = store.get_tokens();
    for (const token& row : range) rows.push_back(row);
    std::sort(rows.begin(), rows.end(), [](const token& a, const token& b) { return a.id < b.id; });
    return rows;
}

/// The only row of that user. If there is none or more than one, an empty record.
template <class Store>
token only_row_of(Store& store, const std::string& user) {
    token found;
    std::size_t count = 0;
    for (const token& row : rows_of(store))
        if (row.user_name == user && ++count == 1) found = row;
    return count == 1 ? found : token{};
}

/// A record of client "app" with tokens of its own.
inline token login(const std::string& user) {
    return {.user_name = user,
            .client_id = "app",
            .client_secret = "app secret",
            .refresh_token = "refresh of " + user,
            .access_token = "access of " + user,
            .expires_at = timestamp{std::chrono::milliseconds{1'700'000'000'000}}};
}

/// A record that has a value in every field but two: the label, which is a part of the identity, and the code verifier,
/// which some stores have no place for.
inline token full_login(const std::string& user) {
    token record = login(user);
    record.grant_token = "grant of " + user;
    record.redirect_url = "https://app.example/return?a=1&b=2";
    record.api_domain = "https://api.example";
    record.scope = "read write";
    record.token_type = "Bearer";
    record.issued_at = timestamp{std::chrono::milliseconds{1'699'996'400'000}};
    record.status = "none";
    record.seed = "seed of " + user;
    record.extra = R"({"id_token":"x"})";
    record.refresh_expires_at = timestamp{std::chrono::milliseconds{1'702'592'000'000}};
    record.logged_in_at = record.used_at = record.issued_at;
    record.former = "0123456789abcdef";
    return record;
}

/// Three rows: ada and bob of client "app", and another ada of client "other".
template <class Store>
void fill_with_three(Store& store) {
    store.save_token(full_login("ada"));
    store.save_token(full_login("bob"));
    token other = full_login("ada");
    other.client_id = "other";
    for (const auto member : {&token::refresh_token, &token::access_token, &token::grant_token})
        other.*member = std::string((other.*member).reveal()) + " at other";
    other.seed += " at other";
    store.save_token(other);
}

}}} // namespace tokenkeep::v1::testing::detail

#endif
