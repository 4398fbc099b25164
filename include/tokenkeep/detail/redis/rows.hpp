// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_REDIS_ROWS_HPP
#define TOKENKEEP_DETAIL_REDIS_ROWS_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/container.hpp>
#include <tokenkeep/detail/redis/channel.hpp>
#include <tokenkeep/detail/redis/form.hpp>
#include <tokenkeep/detail/redis/keys.hpp>
#include <tokenkeep/detail/store/sealed_row.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/os/os.hpp>
#include <tokenkeep/row_codec.hpp>
#include <tokenkeep/rules.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/token.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <exception>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Gives the version, and each row once that is named or is in a set that is named, with its id behind it. KEYS: the
/// version, then rows and sets. ARGV: what the keys of all rows begin with. If the table is sealed, also the set of all
/// keys' ids, and what the names of the sets of their rows begin with: then the ids of the keys that have rows come
/// behind the version.
inline constexpr std::string_view redis_read_script = R"lua(
local answer, seen = {redis.call('GET', KEYS[1]) or ''}, {}
if ARGV[2] then
  answer[2] = {}
  for _, id in ipairs(redis.call('SMEMBERS', ARGV[2])) do
    if redis.call('TYPE', ARGV[3] .. id).ok ~= 'none' then table.insert(answer[2], id) end
  end
end
local function add(key)
  if seen[key] then return end
  seen[key] = true
  local cells = redis.call('HGETALL', key)
  if #cells == 0 then return end
  cells[#cells + 1] = key:sub(#ARGV[1] + 1)
  answer[#answer + 1] = cells
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

/// What a change does to a row; without an id, it removes all rows. If `before` equals `after`, it may be made twice.
struct redis_change {
    std::string id{};
    std::optional<token> before{}, after{};
};

/// Others have changed the table since this call began to read it.
struct redis_table_changed {};

/// The rows of a table as one call sees them: those that it asks for, all at one version of the table. A Session has
/// keys(), ask(words, until) and has_asked_twice().
template <class Policy, class Session>
class redis_rows {
    using form_type = redis_form_of<Policy>;
    static constexpr bool are_sealed = has_table_sealer<Policy>;
    static constexpr std::size_t first_row = are_sealed ? 2 : 1; ///< In the answer of the read script.

  public:
    redis_rows(Session& session, const form_type& form, deadline until)
        : session_(session), keys_(session.keys()), form_(form), until_(until) {}

    /// Reads every row that has the id of the record, or the same text in a field by which rows are looked up. Later
    /// questions about these then cost nothing.
    void read_all_like(const token& record) {
        std::vector<std::string> wanted;
        for_each_looked_up([&](std::size_t field) {
            fields[field].visit([&](auto member) {
                if constexpr (!std::is_same_v<decltype(member), std::optional<timestamp> token::*>)
                    add_sets(wanted, field, view_of(record.*member));
            });
        });
        if (!record.id.empty()) wanted.push_back(keys_.row(record.id));
        read(std::move(wanted));
    }

    /// The ids of all rows in order, and perhaps of some that are gone.
    std::vector<std::string> ids() {
        const std::string key = keys_.ids();
        const std::string_view words[] = {"SMEMBERS", key};
        const redis_reply reply = session_.ask(words, until_);
        std::vector<std::string> ids;
        for (const redisReply* item : redis_reply::items(*reply)) ids.emplace_back(redis_reply::text(*item));
        std::sort(ids.begin(), ids.end());
        return ids;
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
        std::vector<std::string> wanted;
        if constexpr (looks_up_id<Rule>)
            wanted.push_back(keys_.row(value));
        else
            add_sets(wanted, place_of_key<Rule>(), value);
        read(std::move(wanted));
        for (const token& row : rows_)
            if (matches<Rule>(probe, row)) visit(row);
    }

    /// Whether the sealer's first key has sealed the row of that id, which was read.
    bool has_first_key(const std::string& id) const { return form_.has_first_key(stored_.at(id)); }

    /// Whether the change was made. If not, others have changed the table since it was read. Throws
    /// errc::indeterminate if the answer was lost and the row does not tell.
    bool write(const redis_change& change) {
        redis_words words;
        const std::string next = std::string(form_.mark()) + random_hex(16);
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
            if (is_made || !session_.has_asked_twice() || change.before == change.after) return is_made;
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
            redis_rows now(session_, form_, until_);
            now.read({keys_.row(change.id)});
            if (!now.rows_.empty()) row = now.rows_.front();
        } catch (const error&) {
            std::throw_with_nested(unknown_outcome());
        }
        if (row == change.after) return true;
        if (row == change.before) return false;
        throw unknown_outcome();
    }

    template <class Visit>
    static void for_each_looked_up(Visit visit) {
        static constexpr auto is_looked_up = fields_looked_up_in_redis<Policy>();
        for (std::size_t field = 0; field < is_looked_up.size(); ++field)
            if (is_looked_up[field]) visit(field);
    }

    /// Adds the keys of the sets that may have rows in which the field has that value.
    void add_sets(std::vector<std::string>& keys, std::size_t field, std::string_view value) const {
        if (value.empty()) return;
        for (const std::string& index : form_.indexes(field, value)) keys.push_back(keys_.by(fields[field], index));
    }
    /// The keys of the sets that have the row of these cells.
    template <class CellOf>
    std::vector<std::string> sets_with(const CellOf& cell_of) const {
        std::vector<std::string> keys;
        for_each_looked_up([&](std::size_t field) {
            const std::string index = form_.index(field, cell_of);
            if (!index.empty()) keys.push_back(keys_.by(fields[field], index));
        });
        if constexpr (are_sealed) {
            const std::string_view key_id = form_.key_id(cell_of);
            if (!key_id.empty()) keys.push_back(keys_.key(key_id));
        }
        return keys;
    }

    /// Rows that cannot be opened are in stored_ when this throws unopened_row.
    void read(std::vector<std::string> wanted) {
        std::erase_if(wanted, [&](const std::string& key) { return read_.contains(key); });
        if (wanted.empty()) return;
        redis_words words;
        words.add("EVAL").add(redis_read_script).own(wanted.size() + 1).own(keys_.version());
        for (const std::string& key : wanted) words.add(key);
        words.own(keys_.row(""));
        if constexpr (are_sealed) words.own(keys_.keys()).own(keys_.key(""));
        const auto items = redis_reply::items(*replies_.emplace_back(session_.ask(words.all(), until_)));
        if (items.size() < first_row) throw unexpected_redis_reply();
        std::string version(redis_reply::text(*items.front()));
        if (version_ && *version_ != version) throw redis_table_changed();
        form_.require_own_kind(version);
        version_ = std::move(version);
        key_ids_.clear();
        if constexpr (are_sealed)
            for (const redisReply* id : redis_reply::items(*items[1])) key_ids_.emplace_back(redis_reply::text(*id));
        std::vector<redis_hash> found;
        for (const redisReply* item : items.subspan(first_row)) {
            const redis_hash hash(*item);
            if (stored_.try_emplace(std::string(hash.id()), hash).second) found.push_back(hash);
        }
        for (const redis_hash& hash : found) rows_.push_back(form_.read(hash));
        for (std::string& key : wanted) read_.insert(std::move(key));
    }

    void add_version(redis_words& words, const std::string& next) const {
        words.add("3").add("SET").own(keys_.version()).add(next);
    }
    static void add_member(redis_words& words, const char* command, std::string key, const std::string& id) {
        words.add("3").add(command).own(std::move(key)).add(id);
    }

    void add_row(redis_words& words, const std::string& next, const redis_change& change) const {
        const auto before = stored_.find(change.id);
        const bool is_new = before == stored_.end();
        if constexpr (are_sealed)
            if (is_new) form_.require_known_keys(key_ids_);
        std::vector<row_cell> cells = form_.cells(*change.after);
        const auto cell_of = [&](std::string_view name) {
            return std::find_if(cells.begin(), cells.end(), [&](const row_cell& cell) { return cell.name == name; })
                ->text.reveal();
        };
        const std::vector<std::string> keys = sets_with(cell_of);
        for (const std::string& key : keys) add_member(words, "SADD", key, change.id);
        add_member(words, "SADD", keys_.ids(), change.id);
        if constexpr (are_sealed) words.add("3").add("SADD").own(keys_.keys()).own(std::string(form_.key_id(cell_of)));
        add_version(words, next);
        std::erase_if(cells, [&](const row_cell& cell) { // what is empty, and was
            return cell.text.empty() && (is_new || before->second(cell.name).empty());
        });
        words.own(2 + 2 * cells.size()).add("HSET").own(keys_.row(change.id));
        for (row_cell& cell : cells) words.add(cell.name).own_secret(std::move(cell.text));
        if (is_new) return;
        for (std::string& key : sets_with(before->second))
            if (std::find(keys.begin(), keys.end(), key) == keys.end())
                add_member(words, "SREM", std::move(key), change.id);
    }

    void add_erasing(redis_words& words, const redis_change& change) const {
        words.add("2").add("DEL").own(keys_.row(change.id));
        add_member(words, "SREM", keys_.ids(), change.id);
        for (std::string& key : sets_with(stored_.at(change.id))) add_member(words, "SREM", std::move(key), change.id);
    }

    void add_clearing(redis_words& words) const {
        std::set<std::string> keys{keys_.ids()};
        if constexpr (are_sealed) keys.insert(keys_.keys());
        for (const auto& [id, row] : stored_) {
            keys.insert(keys_.row(id));
            for (std::string& key : sets_with(row)) keys.insert(std::move(key));
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
    const form_type& form_;
    deadline until_;
    std::optional<std::string> version_{};
    std::vector<redis_reply> replies_{};
    std::map<std::string, redis_hash> stored_{}; ///< By id. They are in the replies.
    std::vector<token> rows_{};
    std::vector<std::string> key_ids_{}; ///< Of the keys that have sealed rows of the table.
    std::set<std::string> read_{};
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
