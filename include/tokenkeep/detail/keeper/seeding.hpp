// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_SEEDING_HPP
#define TOKENKEEP_DETAIL_KEEPER_SEEDING_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/keeper/former.hpp>
#include <tokenkeep/detail/keeper/transaction.hpp>

#include <optional>
#include <string>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// A program brings its own refresh token. The first time, the keeper makes a row of it. After the server has rotated
/// the token, the program's token still means that row, by its hash. If the probe also names a user or an id, a token
/// that the row has never had from a program is a new login. It replaces what the row holds. So of two programs with
/// two tokens for one user, the second brings a new login, and then both use it.
class seeding : transaction {
  public:
    /// `probe` holds a refresh token. It also says whose it is: by an id, a user, or at least a client id.
    seeding(keeper_parts& parts, const token& probe, deadline until)
        : transaction(parts, until), probe_(probe), seed_(text::sha256_hex(probe.refresh_token.reveal())) {}

    /// The row of the probe. Its access token may be due.
    token run() {
        if (probe_.id.empty() && probe_.user_name.empty() && probe_.client_id.empty())
            throw error(errc::invalid_record, "tokenkeep: a refresh token needs a user or a client to go with it");
        for (;;) {
            if (std::optional<token> row = parts_.find_or_seeded(rows_, probe_); row && is_known(*row))
                return *std::move(row);
            if (std::optional<token> row = under_lock()) return *std::move(row);
            if (is_late()) throw error(errc::lock_timeout, "tokenkeep: the row changes all the time");
        }
    }

  private:
    /// Whether the row knows the probe's refresh token: it holds it, or was seeded with it, now or before, or the probe
    /// is an older record of this row.
    bool is_known(const token& row) const {
        return row.refresh_token == probe_.refresh_token || row.seed == seed_ || is_former_hash(row.former, seed_) ||
               (!probe_.seed.empty() && row.seed == probe_.seed);
    }

    /// Makes the row, or writes the new login into it, under its lock. Nullopt: look again.
    std::optional<token> under_lock() {
        const std::optional<token> seen = parts_.find_or_seeded(rows_, probe_);
        const std::string key = identity_key(seen ? *seen : probe_);
        const identity_lock held(*this, key);
        std::optional<token> row = parts_.find_or_seeded(rows_, probe_);
        if (row && is_known(*row)) return row;
        if (seen.has_value() != row.has_value() || (row && identity_key(*row) != key)) return std::nullopt;
        if (!row) {
            token record = probe_;
            record.seed = seed_;
            rows_.save(record);
        } else if (!rows_.replace(*row, new_login(*row))) {
            return std::nullopt;
        }
        held.flight->publish();
        std::optional<token> made = parts_.find_or_seeded(rows_, probe_);
        if (!made)
            throw error(errc::invalid_record,
                        "tokenkeep: the store's rules do not find this record again; add a client id or a user");
        if (made->access_token != probe_.access_token && !rows_.replace(*made, new_login(*made)))
            return std::nullopt; // the save was merged into a row of another login, which had appeared meanwhile
        tell(event_kind::seeded, *made);
        return parts_.find_or_seeded(rows_, probe_);
    }

    /// The row with the probe's refresh token. The one that the row began with is noted as a former one. A store that
    /// only merges cannot empty the access token; it is at least expired.
    token new_login(const token& row) const {
        token given = probe_;
        given.id = row.id;
        token fresh = merge(row, given);
        fresh.former = row.former;
        if (!is_known(row))
            fresh.former = row.seed.empty() ? with_former_token(row.former, row.refresh_token)
                                            : with_former_hash(row.former, row.seed);
        fresh.logged_in_at = fresh.used_at = parts_.clock.now();
        fresh.seed = seed_;
        fresh.access_token = probe_.access_token;
        fresh.expires_at = probe_.expires_at;
        fresh.issued_at = probe_.issued_at;
        fresh.status.clear();
        if (!rows_.compares() && fresh.access_token.empty()) fresh.expires_at = timestamp{};
        return fresh;
    }

    const token& probe_;
    std::string seed_;
};

}}} // namespace tokenkeep::v1::detail

#endif
