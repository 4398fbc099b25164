// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_ROW_SET_HPP
#define TOKENKEEP_DETAIL_STORE_ROW_SET_HPP

#include <tokenkeep/container.hpp>
#include <tokenkeep/detail/store/row_view.hpp>
#include <tokenkeep/row_rules.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The rows of a store in memory, in any container, and the changes to them. It is not thread-safe: the store locks.
template <class Container, class Policy>
class row_set {
    using traits = container_traits<Container>;
    using meaning = row_rules<Policy>;

  public:
    row_set() = default;

    /// Takes over rows that exist. In a map, the key becomes the row's id. A row without an id gets one.
    explicit row_set(Container rows) : rows_(std::move(rows)) {
        if constexpr (token_map<Container>)
            for (auto& [id, row] : rows_) row.id = id;
        if constexpr (!has_stable_rows<Container>) name_nameless();
    }

    std::optional<token> find(const token& probe) const { return meaning::find(rows_, probe); }
    std::optional<token> find_by_id(const std::string& id) const { return meaning::find_by_id(rows_, id); }
    template <class Visit>
    bool visit(const row_view& probe, Visit& visit) const {
        if constexpr (has_stable_rows<Container>)
            return show(meaning::find_row(rows_, probe), visit);
        else
            return show(meaning::find_row(rows_, token(probe)), visit);
    }
    std::vector<token> all() const { return meaning::all(rows_); }

    void save(const token& record) {
        if constexpr (has_stable_rows<Container>) {
            std::string new_id;
            rows_.insert_or_assign(meaning::view_to_save(rows_, record, new_id));
        } else {
            traits::insert_or_assign(rows_, meaning::row_to_save(rows_, record));
        }
    }
    bool replace(const token& expected, const token& record) {
        if (!meaning::may_replace(rows_, expected, record)) return false;
        if constexpr (has_stable_rows<Container>)
            rows_.insert_or_assign(row_view(record));
        else
            traits::insert_or_assign(rows_, record);
        return true;
    }
    bool remove(const token& expected) {
        if (!meaning::is_unchanged(rows_, expected)) return false;
        erase(expected.id);
        return true;
    }
    void erase(const std::string& id) {
        if constexpr (has_stable_rows<Container>)
            rows_.erase(id);
        else
            traits::erase(rows_, id);
    }
    void clear() {
        Container empty{};
        std::swap(rows_, empty);
    }

  private:
    void name_nameless() {
        std::vector<token> nameless;
        traits::for_each(rows_, [&](const token& row) {
            if (row.id.empty()) nameless.push_back(row);
        });
        for (token& row : nameless) {
            traits::erase(rows_, row.id);
            row.id = meaning::unused_id(rows_);
            traits::insert_or_assign(rows_, row);
        }
    }

    template <class Visit>
    static bool show(const std::optional<token>& row, Visit& visit) {
        if (row) visit(row_view(*row));
        return row.has_value();
    }
    template <class Row, class Visit>
    static bool show(const Row* row, Visit& visit) {
        if (row != nullptr) visit(row->view());
        return row != nullptr;
    }

    Container rows_{};
};

}}} // namespace tokenkeep::v1::detail

#endif
