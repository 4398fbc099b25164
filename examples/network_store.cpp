// SPDX-License-Identifier: MIT
// A store of your own over a database on the network that keeps items of named texts, and writes only if nothing has
// changed since it was read. row_rules says what is to be written, encode_row and decode_row how. Many machines may
// share such a store: no write undoes a change of others.
#include <tokenkeep/testing.hpp>
#include <tokenkeep/tokenkeep.hpp>

#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using tokenkeep::row_cell, tokenkeep::token;

/// Your client of the database. Here the database is in this process.
class database {
  public:
    using item = std::map<std::string, std::string, std::less<>>;
    using items = std::map<std::string, item>;

    std::pair<items, int> read() {
        const std::lock_guard lock(mutex_);
        return {items_, version_};
    }
    bool write(const items& all, int expected_version) {
        const std::lock_guard lock(mutex_);
        if (version_ != expected_version) return false;
        items_ = all;
        ++version_;
        return true;
    }

  private:
    std::mutex mutex_{};
    items items_{};
    int version_ = 0;
};

class network_store {
    using meaning = tokenkeep::row_rules<>;

  public:
    std::optional<token> find_token(const token& probe) {
        const auto rows = get_tokens();
        return meaning::find(rows, probe);
    }
    std::vector<token> get_tokens() { return rows_of(database_->read().first); }
    std::optional<token> find_token_by_id(const std::string& id) { return find_token({.id = id}); }
    void save_token(const token& record) {
        change([&](auto& items, auto& rows) { return put(items, meaning::row_to_save(rows, record)); });
    }
    void delete_token(const std::string& id) {
        change([&](auto& items, auto&) { return items.erase(id) > 0; });
    }
    void delete_tokens() {
        change([](auto& items, auto&) { return items.clear(), true; });
    }
    bool replace_token(const token& expected, const token& record) {
        return change([&](auto& items, auto& rows) {
            return meaning::may_replace(rows, expected, record) && put(items, record);
        });
    }
    bool remove_token(const token& expected) {
        return change([&](auto& items, auto& rows) {
            return meaning::is_unchanged(rows, expected) && items.erase(expected.id) > 0;
        });
    }

  private:
    /// Reads, lets `edit` change the items, and writes them if it gives true; once more if others were faster.
    template <class Edit>
    bool change(Edit edit) {
        for (;;) {
            auto [items, version] = database_->read();
            auto rows = rows_of(items);
            if (!edit(items, rows)) return false;
            if (database_->write(items, version)) return true;
        }
    }
    static bool put(database::items& items, const token& row) {
        for (const row_cell& cell : tokenkeep::encode_row(row))
            if (cell.text.empty())
                items[row.id].erase(std::string(cell.name));
            else
                items[row.id][std::string(cell.name)] = cell.text.reveal();
        return true;
    }
    static std::vector<token> rows_of(const database::items& items) {
        std::vector<token> rows;
        for (const auto& [id, item] : items) {
            std::vector<row_cell> cells;
            for (const auto& [name, text] : item) cells.push_back({name, text});
            rows.push_back(tokenkeep::decode_row(cells));
        }
        return rows;
    }

    std::shared_ptr<database> database_ = std::make_shared<database>();
};
static_assert(tokenkeep::comparing_store<network_store>);

int main() {
    int broken = 0;
    const auto report = [&](std::string_view, bool holds, const std::string& sentence) {
        if (!holds && ++broken > 0) std::puts(sentence.c_str());
    };
    tokenkeep::testing::store_laws([] { return network_store(); }, report);
    std::printf("laws broken: %d\n", broken);
}
// prints:
// laws broken: 0
