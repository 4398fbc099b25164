// SPDX-License-Identifier: MIT
// A store of your own: six operations, and three more if it compares and locks. The laws say whether they mean what
// they should. This store is an array.
#include <tokenkeep/testing.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include <array>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

using tokenkeep::errc, tokenkeep::error, tokenkeep::token;

/// Where the rows lie; a place without an id is free. One function tells row_rules how to visit the rows.
using places = std::array<token, 100>;
template <>
struct tokenkeep::container_traits<places> {
    template <class Visit>
    static void for_each(const places& rows, Visit visit) {
        for (const token& row : rows)
            if (!row.id.empty()) visit(row);
    }
};

class array_store {
    using meaning = tokenkeep::row_rules<>; // which row a probe means, and what a save makes of it

  public:
    std::optional<token> find_token(const token& probe) {
        const std::lock_guard lock(mutex_);
        return meaning::find(rows_, probe);
    }
    void save_token(const token& record) {
        const std::lock_guard lock(mutex_);
        const token row = meaning::row_to_save(rows_, record);
        token* place = place_of(row.id);
        if (!place) place = place_of(""); // a free one
        if (!place) throw error(errc::not_saved, "every place is taken");
        *place = row;
    }
    void delete_token(const std::string& id) {
        const std::lock_guard lock(mutex_);
        if (token* place = place_of(id)) *place = {};
    }
    std::vector<token> get_tokens() {
        const std::lock_guard lock(mutex_);
        return meaning::all(rows_);
    }
    void delete_tokens() {
        const std::lock_guard lock(mutex_);
        rows_ = {};
    }
    std::optional<token> find_token_by_id(const std::string& id) {
        const std::lock_guard lock(mutex_);
        return meaning::find_by_id(rows_, id);
    }

    // With these two it is a comparing_store: no write undoes a change of others.
    bool replace_token(const token& expected, const token& record) {
        const std::lock_guard lock(mutex_);
        if (!meaning::may_replace(rows_, expected, record)) return false;
        *place_of(record.id) = record;
        return true;
    }
    bool remove_token(const token& expected) {
        const std::lock_guard lock(mutex_);
        if (!meaning::is_unchanged(rows_, expected)) return false;
        *place_of(expected.id) = {};
        return true;
    }
    // With this one it is a locking_store: one caller at a time refreshes an identity. The kernel holds the locks, on
    // the file custom-store.lock.
    auto lock_token(const std::string& key, tokenkeep::deadline until) { return locks_.lock(key, until); }

  private:
    token* place_of(const std::string& id) {
        for (token& place : rows_)
            if (place.id == id) return &place;
        return nullptr;
    }

    std::mutex mutex_{};
    places rows_{};
    tokenkeep::text_file locks_{"custom-store"};
};

int main() {
    int broken = 0;
    const auto report = [&](std::string_view, bool holds, const std::string& sentence) {
        if (!holds && ++broken > 0) std::puts(sentence.c_str());
    };
    tokenkeep::testing::store_laws([] { return array_store(); }, report);
    std::printf("laws broken: %d\n", broken);
}
// prints:
// laws broken: 0
