// SPDX-License-Identifier: MIT
// A store of your own: six members, and the laws tell whether they mean what they should. This one keeps the tokens of
// at most four users in an array.
#include <tokenkeep/testing.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include <array>
#include <iostream>
#include <mutex>

using tokenkeep::errc;
using tokenkeep::error;
using tokenkeep::token;

class four_users {
  public:
    std::optional<token> find_token(const token& probe) {
        const std::lock_guard lock(mutex_);
        const token* const row = place_of(probe);
        return row == nullptr ? std::nullopt : std::optional(*row);
    }
    void save_token(const token& record) {
        const std::lock_guard lock(mutex_);
        token* row = place_of(record);
        const token merged = row == nullptr ? record : tokenkeep::merge(*row, record);
        if (merged.access_token.empty() && merged.refresh_token.empty() && merged.grant_token.empty())
            throw error(errc::invalid_record, "a row needs a token");
        for (const token& other : rows_)
            if (&other != row && tokenkeep::matches<by_user>(merged, other)) throw error(errc::ambiguous, "the user has a row");
        if (row == nullptr) row = place_of({});
        if (row == nullptr) throw error(errc::not_saved, "all places are taken");
        *row = merged;
        if (row->id.empty()) row->id = tokenkeep::random_id()();
    }
    void delete_token(const std::string& id) {
        const std::lock_guard lock(mutex_);
        if (token* const row = place_of({.id = id}); row != nullptr) *row = {};
    }
};

int main() {}
