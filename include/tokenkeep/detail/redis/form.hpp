// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_REDIS_FORM_HPP
#define TOKENKEEP_DETAIL_REDIS_FORM_HPP

#include <tokenkeep/detail/redis/channel.hpp>
#include <tokenkeep/detail/redis/keys.hpp>
#include <tokenkeep/detail/store/sealed_row.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/row_codec.hpp>
#include <tokenkeep/sealer.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/sha256.hpp>
#include <tokenkeep/token.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// A row as Redis has it: names and cells. It refers to the answer in which it came.
class redis_hash {
  public:
    /// From names and cells in turn, and behind them the id that is in the row's key.
    explicit redis_hash(const redisReply& item) : texts_(redis_reply::items(item)) {
        if (texts_.size() % 2 == 0) throw unexpected_redis_reply();
    }

    std::string_view id() const { return redis_reply::text(*texts_.back()); }

    /// Calls visit(name, cell) for each field of the hash.
    template <class Visit>
    void for_each(Visit visit) const {
        for (std::size_t n = 0; n + 1 < texts_.size(); n += 2)
            visit(redis_reply::text(*texts_[n]), redis_reply::text(*texts_[n + 1]));
    }

    /// The cell of that name; empty if there is none.
    std::string_view operator()(std::string_view name) const {
        std::string_view found;
        for_each([&](std::string_view other, std::string_view cell) {
            if (other == name) found = cell;
        });
        return found;
    }

  private:
    std::span<redisReply* const> texts_;
};

/// How rows are written as hashes and read from them, in a plain table: cells are the fields as they are.
template <class Policy>
class plain_redis_form {
  public:
    plain_redis_form(const no_seal& /*sealer*/, const std::string& /*table*/) noexcept {}

    /// What the version of the table begins with.
    std::string_view mark() const noexcept { return {}; }
    /// Throws errc::permissions if the table of that version is sealed.
    void require_own_kind(std::string_view version) const {
        if (version.starts_with("sealed ")) throw sealed_table();
    }

    std::vector<row_cell> cells(const token& row) const { return encode_row(row); }

    /// Throws errc::storage_corrupt if the row is not that of its key, and errc::permissions if it is sealed.
    token read(const redis_hash& hash) const {
        std::vector<row_cell> cells;
        hash.for_each([&](std::string_view name, std::string_view cell) {
            if (name == "row_mac") throw sealed_table();
            cells.push_back({name, cell});
        });
        token row = decode_row(cells);
        if (row.id != hash.id())
            throw error(errc::storage_corrupt, "tokenkeep: a row in Redis has another id than its key");
        return row;
    }

    /// A plain row never needs another key.
    bool has_first_key(const redis_hash& /*hash*/) const noexcept { return true; }

    /// The INDEX of each set that may have a row in which the field has that value.
    std::vector<std::string> indexes(std::size_t /*field*/, std::string_view value) const {
        return {text::sha256_hex(value)};
    }
    /// The INDEX of the set that has the row of these cells for that field; empty if there is none.
    template <class CellOf>
    std::string index(std::size_t field, CellOf cell_of) const {
        const std::string_view value = cell_of(fields[field].name);
        return value.empty() ? std::string() : text::sha256_hex(value);
    }
};

/// A sealed table. The cells of a row, in this order:
///
///   name             | cell
///   -----------------|---------------------------------------------------------------------------------------------
///   that of a field  | the field as it is or, if it is sealed, the bytes that the sealer made
///   `<name>_index`   | the index cell of the sealed field `<name>`, if rows are looked up by it; see row_sealer
///   `row_mac`        | see row_sealer
///
/// An absent cell is empty or missing. The version of the table begins with "sealed 1 LAYOUT ", where 1 is the version
/// of this form, and LAYOUT is 8 hex digits that stand for the fields, for which of them are sealed, and for those by
/// which rows are looked up. A store reads the version with the rows, and each change compares it. So no store without
/// a sealer uses the table, nor one that seals or looks up other fields, and of programs that race to make a table only
/// one kind gets it.
///
/// Decision: the mark is in the version, not in a key of its own. Thus it costs no command, and cannot get lost alone.
/// Who may write can change it, and then the stores refuse the table, or the rows say what they are: a sealed one has a
/// row_mac, and no row without an intact one is opened.
template <class Policy>
class sealed_redis_form {
    static constexpr std::size_t first_index = std::size(fields), row_mac = 2 * std::size(fields);
    static constexpr std::string_view own_form = "sealed 1 ";
    using views = std::array<std::string_view, row_mac + 1>; // index cells have places after the fields, used or not

  public:
    /// Both arguments must outlive the form.
    sealed_redis_form(const table_sealer_of<Policy>& sealer, const std::string& table) : sealer_(sealer, table) {
        std::string layout;
        for (std::size_t n = 0; n < std::size(fields); ++n) {
            names_[n] = fields[n].name;
            if (has_index(n)) names_[first_index + n] = names_[n] + "_index";
            layout.append(is_looked_up(n) ? "by " : "").append(seals_field<Policy>(n) ? "sealed " : "");
            layout.append(names_[n]).append("\n");
        }
        names_[row_mac] = "row_mac";
        mark_ = std::string(own_form) + text::sha256_hex(layout).substr(0, 8) + " ";
    }

    std::string_view mark() const noexcept { return mark_; }
    /// Throws errc::permissions if the table of that version is plain, errc::request_rejected if it is sealed in
    /// another way, and errc::unsupported_version if a newer library sealed it.
    void require_own_kind(std::string_view version) const {
        if (version.empty() || version.starts_with(mark_)) return;
        if (version.starts_with(own_form)) throw differently_sealed_table();
        if (version.starts_with("sealed "))
            throw error(errc::unsupported_version, "tokenkeep: the table of tokens is of a newer version");
        throw plain_table();
    }

    /// The cells of a row, sealed with the sealer's first key.
    std::vector<row_cell> cells(const token& row) const {
        const std::string key_id = sealer_.key_id();
        std::vector<row_cell> made = encode_row(row);
        made.resize(row_mac + 1);
        for (std::size_t n = 0; n < made.size(); ++n) made[n].name = names_[n];
        views all{};
        for (std::size_t n = 0; n < first_index; ++n) {
            secret& text = made[n].text;
            if (text.empty()) continue;
            if (has_index(n)) made[first_index + n].text = secret(sealer_.index_cell(n, text.reveal(), key_id));
            if (seals_field<Policy>(n)) text = sealer_.seal(n, row.id, text.reveal());
        }
        for (std::size_t n = 0; n < row_mac; ++n) all[n] = made[n].text.reveal();
        made[row_mac].text = secret(sealer_.row_mac(key_id, each_of(all)));
        std::erase_if(made, [](const row_cell& cell) { return cell.name.empty(); });
        return made;
    }

    /// Throws unopened_row.
    token read(const redis_hash& hash) const {
        views cells{};
        hash.for_each([&](std::string_view name, std::string_view cell) {
            const auto place = std::find(names_.begin(), names_.end(), name);
            if (!name.empty() && place != names_.end()) cells[static_cast<std::size_t>(place - names_.begin())] = cell;
        });
        const std::string key_id = sealer_.require_intact(hash.id(), cells[row_mac], each_of(cells));
        token row;
        for (std::size_t n = 0; n < first_index; ++n) {
            if (cells[n].empty()) continue;
            if (seals_field<Policy>(n))
                sealer_.open_into(row, n, hash.id(), cells[n], key_id);
            else
                read_cell(fields[n], row, cells[n]);
        }
        if (row.id != hash.id()) throw sealer_.altered(hash.id(), key_id);
        return row;
    }

    /// The id of the key that sealed the row of these cells; empty if they do not say.
    template <class CellOf>
    std::string_view key_id(const CellOf& cell_of) const {
        return sealer_.key_id_in(cell_of("row_mac")).value_or(std::string_view());
    }
    /// A row whose key the sealer lacks may be the one that a look-up did not find. Throws errc::permissions.
    void require_known_keys(const std::vector<std::string>& key_ids) const {
        for (const std::string& key_id : key_ids)
            if (!sealer_.has_key(key_id))
                throw error(errc::permissions, "tokenkeep: this sealer cannot open all rows of the table, so that no "
                                               "row can be inserted: it has no key " +
                                                   unopened_row::quoted(key_id) +
                                                   ", which sealed some; use a sealer that has it");
    }

    bool has_first_key(const redis_hash& hash) const { return sealer_.is_of_first_key(hash("row_mac")); }

    std::vector<std::string> indexes(std::size_t field, std::string_view value) const {
        if (has_index(field)) return sealer_.index_cells(field, value);
        return {text::sha256_hex(value)};
    }
    template <class CellOf>
    std::string index(std::size_t field, CellOf cell_of) const {
        const std::string_view cell = cell_of(names_[has_index(field) ? first_index + field : field]);
        return has_index(field) || cell.empty() ? std::string(cell) : text::sha256_hex(cell);
    }

  private:
    static bool is_looked_up(std::size_t field) {
        static constexpr auto found = fields_looked_up_in_redis<Policy>();
        return found[field];
    }
    static bool has_index(std::size_t field) { return is_looked_up(field) && seals_field<Policy>(field); }

    /// The cells that a row_mac covers.
    auto each_of(const views& cells) const {
        return [this, &cells](auto add) {
            for (std::size_t n = 0; n < row_mac; ++n)
                if (!cells[n].empty()) add(n < first_index && seals_field<Policy>(n), names_[n], cells[n]);
        };
    }

    row_sealer<table_sealer_of<Policy>> sealer_;
    std::array<std::string, row_mac + 1> names_{};
    std::string mark_{};
};

template <class Policy>
using redis_form_of = std::conditional_t<has_table_sealer<Policy>, sealed_redis_form<Policy>, plain_redis_form<Policy>>;

}}} // namespace tokenkeep::v1::detail

#endif
