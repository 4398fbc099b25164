// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_MIGRATE_HPP
#define TOKENKEEP_MIGRATE_HPP

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

namespace tokenkeep { inline namespace v0 {

/// What migrate has done so far, or in all.
struct migration_report {
    std::size_t total = 0;     ///< Rows of the source.
    std::size_t copied = 0;    ///< Rows that the target did not have.
    std::size_t updated = 0;   ///< Rows that were older in the target.
    std::size_t unchanged = 0; ///< Rows that the target had already.
    /// Ids, in the source, of rows that the target has otherwise, and not older: they were left as they are there.
    std::vector<std::string> left_alone{};
    /// Ids, in the source, of rows that the target cannot hold (errc::invalid_record), or not beside others
    /// (errc::ambiguous).
    std::vector<std::string> refused{};

    /// How many rows have been looked at.
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
            const std::optional<token> there = is_it ? of_id : to_.find_token(without_id());
            if (there && is_same(*there))
                ++report.unchanged;
            else if (there && is_newer_than(*there) && update(*there))
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
    /// Ids may be the same by chance: Zoho's SDKs count them.
    bool is_same_login(const token& there) const {
        if (!row_.user_name.empty())
            return row_.user_name == there.user_name && row_.client_id == there.client_id &&
                   (row_.api_domain.empty() || there.api_domain.empty() || row_.api_domain == there.api_domain);
        const auto shared = [&](auto member) { return !is_absent(row_.*member) && row_.*member == there.*member; };
        return shared(&token::seed) || shared(&token::refresh_token) || shared(&token::grant_token) ||
               shared(&token::access_token);
    }

    /// With its id, or with one of the target's own where that is taken or ids of this kind do not fit.
    void insert(bool id_is_taken) {
        if (id_is_taken) return to_.save_token(without_id());
        try {
            to_.save_token(row_);
        } catch (const std::system_error& failure) {
            // Without a user and without its id it would not be found again, and copied a second time.
            if (failure.code() != errc::invalid_record || row_.user_name.empty()) throw;
            to_.save_token(without_id());
        }
    }

    bool update(const token& there) {
        token fresh = row_;
        fresh.id = there.id;
        keep(fresh, there, &token::user_name, &token::client_id, &token::client_secret, &token::api_domain,
             &token::seed);
        if constexpr (comparing_store<To>)
            return to_.replace_token(there, fresh);
        else
            return to_.save_token(fresh), true;
    }

    /// What says whose a row is stays, where the source does not say it.
    template <class... Members>
    static void keep(token& fresh, const token& there, Members... members) {
        ((is_absent(fresh.*members) ? void(fresh.*members = there.*members) : void()), ...);
    }

    token without_id() const {
        token row = row_;
        row.id.clear();
        return row;
    }

    /// But for the id, and for fields that the target has no place for, which are no tokens.
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

/// Copies every row of one store into another, of whatever kinds; the source is only read. It may be stopped, and called
/// again, at any time: what lies in the target already is not copied twice, and a row that was refreshed there meanwhile is
/// left as it is. Other programs may go on using both.
///
/// A row keeps its id, if ids of that kind fit; one without a user is refused where they do not. A row that is in the
/// target is overwritten only if its access token was issued, or else ends, earlier than the one in the source.
///
/// `progress(const migration_report&)` is called after each row; what it throws ends the copying. Throws what the stores
/// throw, but for rows that the target refuses, which are named in the report. Cost: one look-up or two, and at most one
/// save, for each row; the rows of the source are in memory meanwhile.
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

}} // namespace tokenkeep::v0

#endif
