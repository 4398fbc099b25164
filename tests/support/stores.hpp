// SPDX-License-Identifier: MIT
// Containers, documents and stores as users write them: no more than the Shape of each concept.
#ifndef TOKENKEEP_TESTS_SUPPORT_STORES_HPP
#define TOKENKEEP_TESTS_SUPPORT_STORES_HPP

#include <tokenkeep/container.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/store.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace users {

using tokenkeep::errc;
using tokenkeep::error;
using tokenkeep::token;

/// Rows in boxes, with nothing but what container_traits asks for.
struct shelf {
    std::vector<std::unique_ptr<const token>> boxes{};
};

} // namespace users

template <>
struct tokenkeep::container_traits<users::shelf> {
    template <class Visit>
    static void for_each(const users::shelf& rows, Visit visit) {
        for (const auto& box : rows.boxes) visit(*box);
    }
    static void insert_or_assign(users::shelf& rows, const token& row) {
        auto fresh = std::make_unique<const token>(row);
        for (auto& box : rows.boxes)
            if (box->id == row.id) {
                box = std::move(fresh);
                return;
            }
        rows.boxes.push_back(std::move(fresh));
    }
    static void erase(users::shelf& rows, const std::string& id) {
        std::erase_if(rows.boxes, [&](const auto& box) { return box->id == id; });
    }
};

namespace users {

/// The least document.
struct note {
    std::optional<std::string> load() { return text; }
    void save(std::string_view bytes) { text = std::string(bytes); }

    std::optional<std::string> text{};
};

/// A document of versions, on a shelf that several stores may share.
struct page {
    struct contents {
        std::mutex mutex{};
        std::optional<std::string> text{};
        int version = 0;
        int refused = 0;
    };

    std::pair<std::optional<std::string>, int> load_versioned() {
        const std::lock_guard lock(shared->mutex);
        return {shared->text, shared->version};
    }
    bool save(std::string_view bytes, const int& expected) {
        const std::lock_guard lock(shared->mutex);
        if (expected != shared->version) return ++shared->refused, false;
        shared->text = std::string(bytes);
        ++shared->version;
        return true;
    }

    std::shared_ptr<contents> shared = std::make_shared<contents>();
};

/// A store written by hand, with the six operations and no more. It knows ids, and users within a client.
class plain_store {
  public:
    std::optional<token> find_token(const token& probe) {
        const std::lock_guard lock(mutex_);
        const std::size_t at = index_of(probe);
        return at == rows_.size() ? std::nullopt : std::optional<token>(rows_[at]);
    }
    void save_token(const token& record) {
        const std::lock_guard lock(mutex_);
        const std::size_t at = index_of(record);
        const bool is_new = at == rows_.size();
        if (is_new && record.access_token.empty() && record.refresh_token.empty() && record.grant_token.empty())
            throw error(errc::invalid_record, "a new row needs a token");
        token row = is_new ? record : tokenkeep::merge(rows_[at], record);
        if (row.id.empty()) row.id = "row " + std::to_string(++last_id_);
        for (std::size_t i = 0; i < rows_.size(); ++i)
            if (i != at && is_user(row, rows_[i])) throw error(errc::ambiguous, "that user has a row");
        if (is_new)
            rows_.push_back(row);
        else
            rows_[at] = row;
    }
    void delete_token(const std::string& id) {
        const std::lock_guard lock(mutex_);
        std::erase_if(rows_, [&](const token& row) { return row.id == id; });
    }
    std::vector<token> get_tokens() {
        const std::lock_guard lock(mutex_);
        return rows_;
    }
    void delete_tokens() {
        const std::lock_guard lock(mutex_);
        rows_.clear();
    }
    std::optional<token> find_token_by_id(const std::string& id) {
        return id.empty() ? std::nullopt : find_token({.id = id});
    }

  private:
    static bool is_user(const token& probe, const token& row) {
        return !probe.user_name.empty() && row.user_name == probe.user_name &&
               (probe.client_id.empty() || probe.client_id == row.client_id) &&
               (probe.api_domain.empty() || row.api_domain.empty() || probe.api_domain == row.api_domain);
    }
    std::size_t index_of(const token& probe) const {
        std::size_t found = rows_.size();
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            if (probe.id.empty() ? !is_user(probe, rows_[i]) : probe.id != rows_[i].id) continue;
            if (found != rows_.size()) throw error(errc::ambiguous, "two rows are meant");
            found = i;
        }
        return found;
    }

    std::mutex mutex_{};
    std::vector<token> rows_{};
    int last_id_ = 0;
};

struct plain_rules : tokenkeep::first_applicable<tokenkeep::by_id, tokenkeep::same_client<tokenkeep::by_user>> {};

} // namespace users

#endif
