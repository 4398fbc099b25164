// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_MIGRATE_HPP
#define TOKENKEEP_MIGRATE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/error.hpp>
#include <tokenkeep/store.hpp>
#include <tokenkeep/token.hpp>

#include <concepts>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

/// What migrate has done so far, or in all.
struct migration_report {
    std::size_t total = 0;     ///< Rows of the source.
    std::size_t copied = 0;    ///< Rows that the target did not have.
    std::size_t updated = 0;   ///< Rows that were older in the target.
    std::size_t unchanged = 0; ///< Rows that the target had already.
    /// Ids, in the source, of rows that the target has with other content that is not older. The target keeps its own.
    std::vector<std::string> left_alone{};
    /// Ids, in the source, of rows that the target refuses: it cannot hold them (errc::invalid_record), or the rules of
    /// its policy take them for other rows too (errc::ambiguous).
    std::vector<std::string> refused{};

    /// How many rows have been looked at so far.
    std::size_t done() const { return copied + updated + unchanged + left_alone.size() + refused.size(); }
};

namespace detail {

struct ignore_progress {
    void operator()(const migration_report&) const noexcept {}
};

/// A row of the source on its way into the target.
template <token_store To>
class migrating_row {
  public:
    migrating_row(To& to, const token& row) : to_(to), row_(row) {}

    void copy(migration_report& report) {
        try {
            const std::optional<token> of_id = to_.find_token_by_id(row_.id);
            const bool is_it = of_id && is_same_login(*of_id);
            const std::optional<token> there = is_it ? of_id : find_without_id();
            if (there && is_same(*there))
                ++report.unchanged;
            else if (there && there->label == row_.label && is_newer_than(*there) && update(*there))
                ++report.updated;
            else if (there || (of_id && row_.user_name.empty())) // without a user it may be that row, refreshed
                report.left_alone.push_back(row_.id);
            else
                insert(of_id.has_value()), ++report.copied;
        } catch (const std::system_error& failure) {
            if (failure.code() != errc::invalid_record && failure.code() != errc::ambiguous) throw;
            report.refused.push_back(row_.id);
        }
    }

  private:
    /// Whether a row of the target belongs to the same login. Equal ids do not prove it: Zoho's SDKs count them.
    bool is_same_login(const token& there) const {
        if (has_another_label(there)) return false;
        if (!row_.user_name.empty())
            return row_.user_name == there.user_name && row_.client_id == there.client_id &&
                   (row_.api_domain.empty() || there.api_domain.empty() || row_.api_domain == there.api_domain);
        const auto shared = [&](auto member) { return !is_absent(row_.*member) && row_.*member == there.*member; };
        return shared(&token::seed) || shared(&token::refresh_token) || shared(&token::grant_token) ||
               shared(&token::access_token);
    }

    /// A look-up without a label finds rows of any label. Only a row of the same label is this one.
    std::optional<token> find_without_id() {
        std::optional<token> there;
        try {
            there = to_.find_token(without_id());
        } catch (const std::system_error& failure) {
            if (failure.code() != errc::ambiguous || !row_.label.empty()) throw;
            for (const token& row : to_.get_tokens()) {
                if (!is_same_login(row)) continue;
                if (there) throw;
                there = row;
            }
        }
        if (there && has_another_label(*there)) there.reset();
        return there;
    }

    /// A target without a place for labels has none in its rows. A row of it may be of any label.
    bool has_another_label(const token& there) const { return !there.label.empty() && there.label != row_.label; }

    /// Keeps the row's id. If that is taken, or the target cannot hold it, the target makes a new one.
    void insert(bool id_is_taken) {
        if (id_is_taken) return to_.save_token(without_id());
        try {
            to_.save_token(row_);
        } catch (const std::system_error& failure) {
            // Without a user and without its id, the next run would not find the row, and copy it a second time.
            if (failure.code() != errc::invalid_record || row_.user_name.empty()) throw;
            to_.save_token(without_id());
        }
    }

    bool update(const token& there) {
        token fresh = row_;
        fresh.id = there.id;
        keep(fresh, there, &token::user_name, &token::client_id, &token::client_secret, &token::api_domain,
             &token::seed, &token::former);
        if constexpr (comparing_store<To>)
            if (store_compares(to_)) return to_.replace_token(there, fresh);
        to_.save_token(fresh);
        return true;
    }

    /// Keeps the target's value of each field that the source leaves empty.
    template <class... Members>
    static void keep(token& fresh, const token& there, Members... members) {
        ((is_absent(fresh.*members) ? void(fresh.*members = there.*members) : void()), ...);
    }

    token without_id() const {
        token row = row_;
        row.id.clear();
        return row;
    }

    /// Whether the target has this row already. The id may differ; fields other than tokens may be missing in the
    /// target, which may have no place for them.
    bool is_same(const token& there) const {
        for (const field& f : fields) {
            if (f.text == &token::id) continue;
            const bool is_token = f.secret_text == &token::refresh_token || f.secret_text == &token::access_token ||
                                  f.secret_text == &token::grant_token;
            const bool agrees = f.visit(
                [&](auto member) { return row_.*member == there.*member || (!is_token && is_absent(there.*member)); });
            if (!agrees) return false;
        }
        return true;
    }

    bool is_newer_than(const token& there) const {
        if (row_.issued_at && there.issued_at) return *there.issued_at < *row_.issued_at;
        return row_.expires_at && there.expires_at && *there.expires_at < *row_.expires_at;
    }

    To& to_;
    const token& row_;
};

} // namespace detail

/// Copies every row of one store into another; the stores may be of different kinds. It only reads the source.
///   const migration_report report = migrate(old_store, new_store);
///   migrate(old_store, new_store, [](const migration_report& so_far) { show(so_far.done(), so_far.total); });
///
/// It may be stopped and called again at any time. It copies no row twice. A row of the target is overwritten only if
/// its access token was issued earlier than the source's; if the times of issue are unknown, only if it ends earlier.
/// Other programs may go on using both stores.
///
/// A row keeps its id, if the target can hold ids of that kind. Otherwise the target makes an id, and a row without a
/// user is refused.
///
/// `progress(const migration_report&)` is called after each row. If it throws, the copying ends. migrate throws what
/// the stores throw, except for rows that the target refuses: the report names these. Cost: one or two look-ups and at
/// most one save for each row. All rows of the source are in memory meanwhile.
template <token_store From, token_store To, std::invocable<const migration_report&> Progress = detail::ignore_progress>
migration_report migrate(From& from, To& to, Progress progress = {}) {
    migration_report report;
    const auto rows = from.get_tokens();
    report.total = static_cast<std::size_t>(std::distance(std::begin(rows), std::end(rows)));
    for (const token& row : rows) {
        detail::migrating_row(to, row).copy(report);
        progress(std::as_const(report));
    }
    return report;
}

}} // namespace tokenkeep::v1

#endif
