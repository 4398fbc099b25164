// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_REDIS_KEYS_HPP
#define TOKENKEEP_DETAIL_REDIS_KEYS_HPP

#include <tokenkeep/error.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/rules.hpp>
#include <tokenkeep/text/sha256.hpp>
#include <tokenkeep/token.hpp>

#include <array>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace detail {

// The keys of a table in Redis. All begin with the table's name in braces, so that a cluster has them on one node.
//
//   key                        | what it is
//   ---------------------------|---------------------------------------------------------------------------------------
//   {table}:version            | 32 random hex digits, which every change replaces; see redis_write_script. Those of a
//                              | sealed table follow "sealed 1 LAYOUT "; see sealed_redis_form
//   {table}:ids                | the set of all ids
//   {table}:row:ID             | the hash of a row: a field for each cell that is or was not empty; see encode_row, and
//                              | for sealed rows sealed_redis_form
//   {table}:by:FIELD:INDEX     | the set of the ids of the rows in which the field has the value with that INDEX: its
//                              | SHA-256 or, if the field is sealed, its index cell; see row_sealer
//   {table}:keys               | of a sealed table: the set of the ids of all keys that have sealed rows
//   {table}:key:KEY            | of a sealed table: the set of the ids of the rows that the key of that id has sealed
//   {table}:lock:SHA256        | the nonce of the guard that holds the lock on the identity with that SHA-256
//
// Sets may name rows that are gone or have another value meanwhile: readers look at the rows themselves.
class redis_keys {
  public:
    explicit redis_keys(const std::string& table) : prefix_("{" + table + "}:") {
        if (table.empty() || table.find('}') != std::string::npos)
            throw error(errc::invalid_record,
                        "tokenkeep: the name of a table in Redis is not empty and has no brace }");
    }

    std::string version() const { return prefix_ + "version"; }
    std::string ids() const { return prefix_ + "ids"; }
    std::string row(std::string_view id) const { return (prefix_ + "row:").append(id); }
    std::string by(const field& f, std::string_view index) const {
        return (prefix_ + "by:").append(f.name).append(":").append(index);
    }
    std::string keys() const { return prefix_ + "keys"; }
    std::string key(std::string_view key_id) const { return (prefix_ + "key:").append(key_id); }
    std::string lock(std::string_view identity) const { return prefix_ + "lock:" + text::sha256_hex(identity); }

  private:
    std::string prefix_;
};

/// By which fields rows are looked up. Programs with different policies can share a plain table: the fields of
/// default_rules are always among them.
template <class Policy>
consteval std::array<bool, std::size(fields)> fields_looked_up_in_redis() {
    std::array<bool, std::size(fields)> found{};
    const auto note = [&](auto rule) { found[place_of_key<decltype(rule)>()] = true; };
    default_rules::list::for_each(note);
    rules_of<Policy>::list::for_each(note);
    found[place_of_key<by_id>()] = false; // the key of a row has its id
    return found;
}

}}} // namespace tokenkeep::v1::detail

#endif
