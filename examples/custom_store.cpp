// SPDX-License-Identifier: MIT
// A store of your own: six operations, and the laws say whether they mean what they should. This one is an array.
#include <tokenkeep/testing.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include <array>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

using tokenkeep::errc, tokenkeep::error, tokenkeep::token;

/// Which row a probe means: the id says it, or else the user, of one client where the probe names one.
using by_user = tokenkeep::same_client<tokenkeep::by_user>;
struct my_rules : tokenkeep::first_applicable<tokenkeep::by_id, by_user> {};

class array_store {
  public:
    std::optional<token> find_token(const token& probe) {
        const std::lock_guard lock(mutex_);
        const token* row = meant_by(probe);
        return row ? std::optional(*row) : std::nullopt;
    }
    void save_token(const token& record) {
        const std::lock_guard lock(mutex_);
        token* row = meant_by(record);
        token merged = row ? tokenkeep::merge(*row, record) : record;
        if (!row && record.access_token.empty() && record.refresh_token.empty() && record.grant_token.empty())
            throw error(errc::invalid_record, "a new row needs a token");
        for (const token& other : rows_)
            if (&other != row && matches<by_user>(merged, other)) throw error(errc::ambiguous, "the user has a row");
        for (token& place : rows_)
            if (!row && place.id.empty()) row = &place;
        if (!row) throw error(errc::not_saved, "every place is taken");
        if (merged.id.empty()) merged.id = tokenkeep::random_id()();
        *row = merged;
    }
    void delete_token(const std::string& id) {
        const std::lock_guard lock(mutex_);
        if (token* row = meant_by({.id = id})) *row = {};
    }
    std::vector<token> get_tokens() {
        const std::lock_guard lock(mutex_);
        std::vector<token> rows(rows_.begin(), rows_.end());
        std::erase_if(rows, [](const token& row) { return row.id.empty(); });
        return rows;
    }
    void delete_tokens() {
        for (const token& row : get_tokens()) delete_token(row.id);
    }
    std::optional<token> find_token_by_id(const std::string& id) { return find_token({.id = id}); }

  private:
    token* meant_by(const token& probe) {
        token* found = nullptr;
        for (token& row : rows_) {
            if (!my_rules::find(probe, [&](auto rule) { return matches<decltype(rule)>(probe, row); })) continue;
            if (found) throw error(errc::ambiguous, "two rows are meant");
            found = &row;
        }
        return found;
    }

    std::mutex mutex_{};
    std::array<token, 100> rows_{};
};

int main() {
    int broken = 0;
    const auto report = [&](std::string_view, bool holds, const std::string& sentence) {
        if (!holds && ++broken > 0) std::puts(sentence.c_str());
    };
    tokenkeep::testing::store_laws<my_rules>([] { return array_store(); }, report);
    std::printf("laws broken: %d\n", broken);
}
// prints:
// laws broken: 0
