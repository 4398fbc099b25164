// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_REDIS_ROWS_HPP
#define TOKENKEEP_DETAIL_REDIS_ROWS_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/container.hpp>
#include <tokenkeep/detail/redis/channel.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/os/os.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/row_codec.hpp>
#include <tokenkeep/rules.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/sha256.hpp>
#include <tokenkeep/token.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <exception>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

// The keys of a table in Redis. All begin with the table's name in braces, so that a cluster has them on one node.
//
//   key                        | what it is
//   ---------------------------|---------------------------------------------------------------------------------------
//   {table}:version            | a random text, which every change replaces; see redis_write_script
//   {table}:ids                | the set of all ids
//   {table}:row:ID             | the hash of a row: a field for each cell that is or was not empty; see encode_row
//   {table}:by:FIELD:SHA256    | the set of the ids of the rows in which the field has the value with that SHA-256
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
    std::string by(const field& f, std::string_view value) const {
        return (prefix_ + "by:").append(f.name).append(":") + text::sha256_hex(value);
    }
    std::string lock(std::string_view identity) const { return prefix_ + "lock:" + text::sha256_hex(identity); }

  private:
    std::string prefix_;
};

/// Gives the version, and each row once that is named or is in a set that is named. KEYS: the version, then rows and
/// sets. ARGV: what the keys of all rows begin with.
inline constexpr std::string_view redis_read_script = R"lua(
local answer, seen = {redis.call('GET', KEYS[1]) or ''}, {}
local function add(key)
  if seen[key] then return end
  seen[key] = true
  local cells = redis.call('HGETALL', key)
  if #cells > 0 then answer[#answer + 1] = cells end
end
for n = 2, #KEYS do
  if KEYS[n]:sub(1, #ARGV[1]) == ARGV[1] then
    add(KEYS[n])
  else
    for _, id in ipairs(redis.call('SMEMBERS', KEYS[n])) do add(ARGV[1] .. id) end
  end
end
return answer
)lua";

/// Makes a change if the version still is what was read, and gives 1; or else 0. So the same command does nothing if it
/// comes a second time. KEYS: the version. ARGV: the version that was read, and commands, one of which sets a new
/// version. Each command comes after the number of its words; the second word of each is a key.
///
/// Redis does not undo what a script has done before it failed. So the script looks at the types of the keys before it
/// writes, and the commands come in this order: what does no harm without the rest, then the new version, then the one
/// command that changes the row, and at last SREM, which only tidies up and may fail.
inline constexpr std::string_view redis_write_script = R"lua(
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
local commands, types, n = {}, {SADD = 'set', SREM = 'set', HSET = 'hash'}, 2
while n <= #ARGV do
  local last = n + tonumber(ARGV[n])
  local command = {unpack(ARGV, n + 1, last)}
  local kind = redis.call('TYPE', command[2]).ok
  if kind ~= 'none' and kind ~= (types[command[1]] or kind) then
    return redis.error_reply('WRONGTYPE of a key')
  end
  commands[#commands + 1] = command
  n = last + 1
end
for _, command in ipairs(commands) do
  local run = command[1] == 'SREM' and redis.pcall or redis.call
  run(unpack(command))
end
return 1
)lua";

/// Takes a lock, or keeps it longer, if no other guard holds it. KEYS: the lock. ARGV: the nonce, and milliseconds.
inline constexpr std::string_view redis_lock_script = R"lua(
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
)lua";

/// Releases a lock if this guard holds it. KEYS: the lock. ARGV: the nonce.
inline constexpr std::string_view redis_unlock_script = R"lua(
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
)lua";

/// The words of a command. They refer to texts that live as long, or that this object owns.
class redis_words {
  public:
    redis_words& add(std::string_view borrowed) {
        words_.push_back(borrowed);
        return *this;
    }
    redis_words& own(std::string text) { return add(owned_.emplace_back(std::move(text))); }
    redis_words& own(std::size_t number) { return own(std::to_string(number)); }
    redis_words& own_secret(secret text) { return add(secrets_.emplace_back(std::move(text)).reveal()); }

    const std::vector<std::string_view>& all() const noexcept { return words_; }

  private:
    std::vector<std::string_view> words_{};
    std::deque<std::string> owned_{};
    std::deque<secret> secrets_{};
};

/// What a change does to a row; without an id, it removes all rows.
struct redis_change {
    std::string id{};
    std::optional<token> before{}, after{};
};

/// Others have changed the table since this call began to read it.
struct redis_table_changed {};

/// By which fields rows are looked up. Programs with different policies can share a table: those of default_rules are
/// always among them.
template <class Policy>
consteval std::array<bool, std::size(fields)> fields_looked_up_in_redis() {
    std::array<bool, std::size(fields)> found{};
    const auto note = [&](auto rule) { found[place_of_key<decltype(rule)>()] = true; };
    default_rules::list::for_each(note);
    rules_of<Policy>::list::for_each(note);
    found[place_of_key<by_id>()] = false; // the key of a row has its id
    return found;
}

/// The rows of a table as one call sees them: those that it asks for, all at one version of the table. A Session has
/// keys(), ask(words, until) and has_asked_twice().
template <class Policy, class Session>
class redis_rows {
  public:
    redis_rows(Session& session, deadline until) : session_(session), keys_(session.keys()), until_(until) {}

    /// Reads every row that has the id of the record, or the same text in a field by which rows are looked up. Later
    /// questions about these then cost nothing.
    void read_all_like(const token& record) {
        std::vector<std::string> wanted = keys_of(record);
        if (!record.id.empty()) wanted.push_back(keys_.row(record.id));
        read(std::move(wanted));
    }

    template <class Visit>
    void for_each(Visit visit) {
        read({keys_.ids()});
        for (const token& row : rows_) visit(row);
    }
    template <class Rule, class Visit>
    void for_each_match(Rule, const token& probe, Visit visit) {
        const std::string_view value = view_of(probe.*Rule::key);
        if (value.empty()) return;
        read({looks_up_id<Rule> ? keys_.row(value) : keys_.by(fields[place_of_key<Rule>()], value)});
        for (const token& row : rows_)
            if (matches<Rule>(probe, row)) visit(row);
    }

    /// Whether the change was made. If not, others have changed the table since it was read. Throws
    /// errc::indeterminate if the answer was lost and the row does not tell.
    bool write(const redis_change& change) {
        redis_words words;
        const std::string next = random_hex(16);
        words.add("EVAL").add(redis_write_script).add("1").own(keys_.version()).add(version_.value());
        if (change.after) {
            add_row(words, next, change);
        } else {
            // While the server's memory is full, Redis refuses SET, but not after a command that cannot need memory.
            words.add("3").add("SREM").own(keys_.ids()).add(next);
            add_version(words, next);
            change.id.empty() ? add_clearing(words) : add_erasing(words, change);
        }
        try {
            const bool is_made = redis_reply::is_yes(*session_.ask(words.all(), until_));
            if (is_made || !session_.has_asked_twice() || change.id.empty()) return is_made;
        } catch (const redis_answer_lost&) {
            std::throw_with_nested(unknown_outcome());
        }
        return row_tells(change);
    }

  private:
    static error unknown_outcome() {
        return {errc::indeterminate, "tokenkeep: Redis did not say whether it made the change"};
    }

    /// Whether a change was made whose answer was lost, and after which others have changed the table.
    bool row_tells(const redis_change& change) {
        std::optional<token> row;
        try {
            redis_rows now(session_, until_);
            now.read({keys_.row(change.id)});
            if (!now.rows_.empty()) row = now.rows_.front();
        } catch (const error&) {
            std::throw_with_nested(unknown_outcome());
        }
        if (row == change.after) return true;
        if (row == change.before) return false;
        throw unknown_outcome();
    }

    std::vector<std::string> keys_of(const token& row) const {
        static constexpr auto is_looked_up = fields_looked_up_in_redis<Policy>();
        std::vector<std::string> keys;
        for (std::size_t place = 0; place < std::size(fields); ++place)
            if (is_looked_up[place])
                fields[place].visit([&](auto member) {
                    if constexpr (!std::is_same_v<decltype(member), std::optional<timestamp> token::*>)
                        if (!(row.*member).empty()) keys.push_back(keys_.by(fields[place], view_of(row.*member)));
                });
        return keys;
    }

    void read(std::vector<std::string> wanted) {
        std::erase_if(wanted, [&](const std::string& key) { return read_.contains(key); });
        if (wanted.empty()) return;
        redis_words words;
        words.add("EVAL").add(redis_read_script).own(wanted.size() + 1).own(keys_.version());
        for (const std::string& key : wanted) words.add(key);
        words.own(keys_.row(""));
        const redis_reply reply = session_.ask(words.all(), until_);
        const auto items = redis_reply::items(*reply);
        if (items.empty()) throw unexpected_redis_reply();
        std::string version(redis_reply::text(*items.front()));
        if (version_ && *version_ != version) throw redis_table_changed();
        version_ = std::move(version);
        for (const redisReply* item : items.subspan(1)) {
            token row = row_of(*item);
            if (ids_.insert(row.id).second) rows_.push_back(std::move(row));
        }
        for (std::string& key : wanted) read_.insert(std::move(key));
    }

    static token row_of(const redisReply& hash) {
        const auto items = redis_reply::items(hash);
        std::vector<row_cell> read;
        for (std::size_t n = 0; n + 1 < items.size(); n += 2)
            read.push_back({redis_reply::text(*items[n]), redis_reply::text(*items[n + 1])});
        token row = decode_row(read);
        if (row.id.empty()) throw error(errc::storage_corrupt, "tokenkeep: a row in Redis has no id");
        return row;
    }

    void add_version(redis_words& words, const std::string& next) const {
        words.add("3").add("SET").own(keys_.version()).add(next);
    }
    static void add_member(redis_words& words, const char* command, std::string key, const std::string& id) {
        words.add("3").add(command).own(std::move(key)).add(id);
    }

    void add_row(redis_words& words, const std::string& next, const redis_change& change) const {
        const std::vector<std::string> keys = keys_of(*change.after);
        for (const std::string& key : keys) add_member(words, "SADD", key, change.id);
        add_member(words, "SADD", keys_.ids(), change.id);
        add_version(words, next);
        add_cells(words, change);
        if (!change.before) return;
        for (std::string& key : keys_of(*change.before))
            if (std::find(keys.begin(), keys.end(), key) == keys.end())
                add_member(words, "SREM", std::move(key), change.id);
    }

    /// Writes the cells that are not empty, and those that were not.
    void add_cells(redis_words& words, const redis_change& change) const {
        std::vector<row_cell> cells = encode_row(*change.after), written;
        const std::vector<row_cell> before = encode_row(change.before.value_or(token()));
        for (std::size_t n = 0; n < cells.size(); ++n)
            if (!cells[n].text.empty() || !before[n].text.empty()) written.push_back(std::move(cells[n]));
        words.own(2 + 2 * written.size()).add("HSET").own(keys_.row(change.id));
        for (row_cell& cell : written) words.add(cell.name).own_secret(std::move(cell.text));
    }

    void add_erasing(redis_words& words, const redis_change& change) const {
        words.add("2").add("DEL").own(keys_.row(change.id));
        add_member(words, "SREM", keys_.ids(), change.id);
        for (std::string& key : keys_of(*change.before)) add_member(words, "SREM", std::move(key), change.id);
    }

    void add_clearing(redis_words& words) const {
        std::set<std::string> keys{keys_.ids()};
        for (const token& row : rows_) {
            keys.insert(keys_.row(row.id));
            for (std::string& key : keys_of(row)) keys.insert(std::move(key));
        }
        for (auto key = keys.begin(); key != keys.end();) {
            const auto left = static_cast<std::size_t>(std::distance(key, keys.end()));
            const std::size_t count = (std::min)(left, std::size_t{1'000}); // Lua limits the words of a command
            words.own(count + 1).add("DEL");
            for (std::size_t n = 0; n < count; ++n) words.own(*key++);
        }
    }

    Session& session_;
    const redis_keys& keys_;
    deadline until_;
    std::optional<std::string> version_{};
    std::vector<token> rows_{};
    std::set<std::string> ids_{}, read_{};
};

}}} // namespace tokenkeep::v1::detail

template <class Policy, class Session>
struct tokenkeep::container_traits<tokenkeep::detail::redis_rows<Policy, Session>> {
    using rows_type = tokenkeep::detail::redis_rows<Policy, Session>;

    template <class Visit>
    static void for_each(rows_type& rows, Visit visit) {
        rows.for_each(visit);
    }
    template <class Rule, class Visit>
    static void for_each_match(rows_type& rows, Rule rule, const tokenkeep::token& probe, Visit visit) {
        rows.for_each_match(rule, probe, visit);
    }
};

#endif
