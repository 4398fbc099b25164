// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_REDIS_HPP
#define TOKENKEEP_REDIS_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

// Tokens in Redis:
//   #include <tokenkeep/redis.hpp>
//   tokenkeep::redis_store store{tokenkeep::redis_parameters{.host = "redis.example", .password = password}};
//   g++ -std=c++20 -I include main.cpp -lhiredis                                         (Debian: libhiredis-dev)
// tokenkeep.hpp does not include this header, because it needs hiredis/hiredis.h.

// This is first: compilers name the way to a header before a message about it.
#include <tokenkeep/sealer.hpp>

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/redis/channel.hpp>
#include <tokenkeep/detail/redis/form.hpp>
#include <tokenkeep/detail/redis/keys.hpp>
#include <tokenkeep/detail/redis/rows.hpp>
#include <tokenkeep/detail/store/sealed_row.hpp>
#include <tokenkeep/detail/store/server_url.hpp>
#include <tokenkeep/detail/store/turns.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/os/os.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/row_rules.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/store.hpp>
#include <tokenkeep/token.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

/// Where a Redis server is, who connects, and where the tokens are kept.
///   redis_parameters server{.host = "10.0.0.5", .user = "app", .password = password, .table = "app"};
///
/// A user of Redis (ACL) needs the keys `{tokenkeep}:*`, where tokenkeep is the table, and the commands auth, select,
/// eval, get, set, del, type, hgetall, hset, smembers, sadd, srem:
///   ACL SETUSER app on >password ~{tokenkeep}:* +auth +select +eval +get +set +del +type +hgetall +hset
///       +smembers +sadd +srem
struct redis_parameters {
    std::string host = "127.0.0.1"; ///< A name or an address.
    unsigned port = 6379;
    std::string socket{};            ///< The path of the server's socket. If it is given, host and port are not used.
    std::string user{};              ///< Empty for the server's default user.
    secret password{};               ///< That user's password, or that of the server.
    std::string password_file{};     ///< A file whose first line is the password, read whenever the store connects.
    unsigned database = 0;           ///< See Redis' command SELECT.
    std::string table = "tokenkeep"; ///< The name with which the keys of this store begin, in braces.
    std::chrono::milliseconds lease{60'000}; ///< How long a lock lasts that its holder does not renew.
};

namespace detail {

/// What follows the scheme in a URL. Throws errc::request_rejected if it cannot be read.
inline redis_parameters redis_parameters_of(std::string_view what_follows) {
    const std::optional<server_url> url = read_server_url(what_follows);
    redis_parameters read;
    bool is_good = url.has_value();
    if (url) {
        read.user = url->user;
        if (!url->host.empty()) read.host = url->host;
        if (url->port != 0) read.port = url->port;
        const char* const end = url->path.data() + url->path.size();
        const auto [rest, failure] = std::from_chars(url->path.data(), end, read.database);
        is_good = url->path.empty() || (failure == std::errc() && rest == end);
        for (const auto& [name, value] : url->options) {
            if (name == "password_file")
                read.password_file = value;
            else if (name == "table")
                read.table = value;
            else if (name == "socket")
                read.socket = value;
            else
                is_good = false;
        }
    }
    if (!is_good)
        throw error(errc::request_rejected,
                    "tokenkeep: the URL of the store must be redis://user@host:port/number, with ?password_file=, "
                    "table= or socket= behind it if they are needed");
    return read;
}

/// One session on the server. The first command connects; so does the first after the connection was lost.
class redis_session {
  public:
    explicit redis_session(redis_parameters server) : server_(std::move(server)), keys_(server_.table) {}

    const redis_parameters& server() const noexcept { return server_; }
    const redis_keys& keys() const noexcept { return keys_; }

    /// The answer to a command. If it is lost, connects again and sends the command a second time: no command of this
    /// library does more if it comes twice. After that throws redis_answer_lost, whatever went wrong the second time.
    redis_reply ask(std::span<const std::string_view> words, deadline until) {
        has_asked_twice_ = false;
        try {
            return ask_once(words, until);
        } catch (const redis_answer_lost&) {
            if (std::chrono::steady_clock::now() >= until) throw;
        }
        has_asked_twice_ = true;
        try {
            return ask_once(words, until);
        } catch (const error& failure) {
            std::throw_with_nested(redis_answer_lost(static_cast<errc>(failure.code().value()),
                                                     "tokenkeep: the connection to Redis was lost in a command"));
        }
    }
    /// Whether the last command was sent a second time.
    bool has_asked_twice() const noexcept { return has_asked_twice_; }

  private:
    redis_reply ask_once(std::span<const std::string_view> words, deadline until) {
        if (!channel_.is_open()) open(until);
        return channel_.ask(words, until);
    }

    void open(deadline until) {
        channel_.connect(server_.host, server_.port, server_.socket, until);
        try {
            const secret password = server_.password.empty() ? password_from_file() : server_.password;
            std::vector<std::string_view> login{"AUTH"};
            if (!server_.user.empty()) login.push_back(server_.user);
            login.push_back(password.reveal());
            if (!server_.user.empty() || !password.empty()) channel_.ask(login, until);
            const std::string number = std::to_string(server_.database);
            const std::string_view choice[] = {"SELECT", number};
            if (server_.database != 0) channel_.ask(choice, until);
        } catch (const redis_answer_lost&) { // the caller's command was not sent
            std::throw_with_nested(error(errc::storage_failure, "tokenkeep: Redis ends new connections"));
        } catch (...) {
            channel_.close();
            throw;
        }
    }

    secret password_from_file() const {
        if (server_.password_file.empty()) return {};
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(server_.password_file.c_str(), "rb"),
                                                                   &std::fclose);
        if (!file) throw error(errc::permissions, "tokenkeep: the file with the password for Redis cannot be read");
        std::setvbuf(file.get(), nullptr, _IONBF, 0); // so that the file's bytes are nowhere else
        return secret::build(4'096, [&](char* line) {
            if (std::fgets(line, 4'096, file.get()) == nullptr) return std::size_t{0};
            return std::strcspn(line, "\r\n");
        });
    }

    redis_parameters server_;
    redis_keys keys_;
    redis_channel channel_{};
    bool has_asked_twice_ = false;
};

} // namespace detail

/// Tokens in Redis (6 or newer), which the processes of many machines share:
///   redis_store store{redis_parameters{.host = "redis.example", .password = password}};
///   redis_store other{redis_parameters{.socket = "/run/redis/redis.sock", .table = "app"}};
/// It is a comparing_store, a deadline_store, and a locking_store whose lock is a lease.
///
/// Promised:
///   - A change is one script: all of it happens, or nothing. It happens only if no other change of the table came
///     between the store's reading and its writing; if one did, the store reads again. So one identity (see
///     identity_key.hpp) never has two rows, and replace_token and remove_token compare exactly.
///   - What changes compare is a random text, not a number that counts. So a change is refused too if the server has
///     lost changes in between: by a failover to a replica that lagged, or by a restart without its data.
///   - Values are kept byte for byte, whole, at any length up to 512 MiB. They are fields of a hash, one for each row.
///     Fields that a newer version of the library wrote stay as they are.
///   - No secret is part of a key: keys have the SHA-256 of what is looked up, or a keyed fingerprint of it if it is
///     sealed. No error shows a value.
///   - If the connection is lost, the store connects again and sends its command again, once. Its commands are made so
///     that they do no more if they come twice. If the answer is lost again, the store does not know whether the change
///     was made, and says so (errc::indeterminate).
///   - A call of until(end) ends by `end`, even if the server has stopped answering.
///   - A lock that is a lease cannot end a session: see locking_store. If it runs out in the middle of a refresh,
///     others may take it, see the keeper's marker in the row, and wait. The refresh token is still sent once. The
///     lock of a process that was killed lasts until its lease ends (redis_parameters::lease, or what the keeper asked
///     for last). Until then, calls that must refresh wait, or throw errc::lock_timeout at their deadline.
///
/// Not promised:
///   - That a save survives a crash of the server: that is how Redis is configured. With its defaults (snapshots, no
///     append-only file), the changes of up to an hour are lost; with `appendonly yes` and `appendfsync everysec`,
///     those of a second; with `appendfsync always`, none. If the last refresh of a session is lost and its server
///     rotates refresh tokens, the user must log in again. Use `appendfsync always`.
///   - That a save survives a failover: Redis replicates after it has answered. min-replicas-to-write makes the loss
///     less likely, and does not exclude it.
///   - That rows stay if Redis may evict them: maxmemory-policy must be noeviction, or one of volatile-*.
///   - If the server restarts empty, the rows are gone. Calls of a keeper throw errc::token_not_found. A refresh that
///     was under way inserts nothing.
///   - A replica may give old rows. It refuses changes and locks (READONLY). Give the address of the primary. A store
///     does not ask Sentinel and does not follow a cluster's redirections; each table is on one node of a cluster.
///   - Encryption on the way: this header does not use TLS. Over an untrusted network, use a tunnel (stunnel, spiped,
///     SSH) or the socket of a proxy on this machine.
///   - While hiredis looks up the name of a host, a call may take longer, and also if the name has several addresses
///     of which some do not react. An address needs no look-up.
///   - A child made by fork must not use its parent's store. It makes its own.
///   - What Redis keeps outside the rows (append-only file, snapshots, replicas, slow log, MONITOR) is not erased when
///     a token is deleted.
///   - Programs that share a table must have policies that look rows up by the same fields. Those of default_rules are
///     always among them.
///
/// Encryption at rest. If the policy names a sealer (see sealer.hpp), which must be a fingerprinting_sealer, the store
/// seals each secret by itself, and binds it to the table, the row and the field. People can still read whose tokens a
/// row holds, unless the policy says seals_names. All rows of a table are sealed or none is, and all its programs use
/// the same rules and seals_names: the key `{table}:version` says so. Redis gets no further command for this.
///   struct sealed : defaults { using sealer = my_sealer; };
///   basic_redis_store<sealed> store{redis_parameters{.host = "redis.example"}, my_sealer{key}};
///   migrate(plain_store, store);                              // from plain to sealed: see migrate.hpp
///
/// What others can read in a sealed table, and what the store does if somebody writes it, is as in sql_store.hpp, whose
/// columns are here the fields of a hash. Besides:
///
///   somebody                                         | what follows
///   -------------------------------------------------|----------------------------------------------------------
///   reads the keys `{table}:lock:*`                  | whose token is refreshed at this moment, by guessing the
///                                                    | name: its SHA-256 is in the key, with seals_names too
///   renames a row, or copies it to another id        | errc::permissions, "this sealer cannot open the row"
///   adds ids to the sets `{table}:by:*`              | nothing: the store looks at the rows themselves
///   removes ids from a set, or a set                 | a look-up by that value finds no row. A save may then insert
///                                                    | a second row for the same user
///   changes `{table}:version`                        | stores for which the table now seems to be of the wrong kind
///                                                    | throw errc::permissions or errc::request_rejected. The others
///                                                    | go on, but no store takes a sealed row for a plain one, or
///                                                    | the reverse: the rows say what they are
///   adds an id to `{table}:keys`, and a set of its   | no call inserts a row until that set is deleted
///   rows                                             |
///   deletes `{table}:version`                        | the next save decides of which kind the table is
///
/// A look-up by a sealed field looks for the fingerprints of all keys of the sealer, in one command. It does not find a
/// row whose key the sealer lacks. A save that finds no row must not take that for a new user. So it inserts a row only
/// if the sealer has the keys of all rows, and throws errc::permissions otherwise. The store tells keys apart by their
/// ids. Rows whose keys the sealer has can still be found and changed. Give every program all keys of the table. If a
/// key is lost, delete its rows.
///
/// Keys change row by row: each save seals its row with the first key, and reseal (see reseal.hpp) does that for the
/// other rows. The store calls the sealer while the other threads of the store wait.
///
/// Cost: a look-up is one command. A save is two to four: one script that reads the rows that may be meant, perhaps a
/// second and a look for a free id, and one that writes. Each writer of a table makes the others that write at that
/// moment read again. get_tokens and delete_tokens are one command or two over all rows, during which the server does
/// nothing else: tens of milliseconds for a thousand rows. The store keeps one connection, which its threads use in
/// turn. A lock is one command, and as many more as it has to wait for: after 5 ms, and then after longer pauses up to
/// 100 ms.
///
///   errc             | when                                                     | what to do
///   -----------------|----------------------------------------------------------|-------------------------------------
///   storage_failure  | a look-up or a lock: the server cannot be reached, did   | try later; the message has Redis'
///                    | not answer in time, or refused                           | own word, such as LOADING, READONLY
///   not_saved        | a change failed; nothing was changed                     | try later; see storage_failure
///   indeterminate    | a change may have been made, or not: its answer was      | look the row up, or repeat the
///                    | lost, and the row does not tell                          | change
///   lock_timeout     | other threads or programs kept the call waiting until    | try later
///                    | the deadline (see until)                                 |
///   invalid_record   | the record has no token, or a replacement another id; or | change the record, or name another
///                    | the name of the table is empty or has a brace            | table
///   ambiguous        | the probe means several rows, or the save would          | name the user and the client
///   permissions      | the password is wrong or cannot be read, or a right is   | change the configuration
///                    | missing (NOAUTH, WRONGPASS, NOPERM)                      |
///   permissions      | this sealer cannot open the row: it lacks the key, or    | what the message says
///                    | someone has altered the row; or the save would insert a  |
///                    | row, and the sealer lacks the key of another             |
///   permissions      | the table is sealed and the store has no sealer, or the  | make the store as the table is, or
///                    | reverse                                                  | migrate (migrate.hpp)
///   request_rejected | a policy with other seals_names or other rules made the  | use that policy, or migrate
///                    | sealed table                                             |
///   storage_corrupt  | a key of the table is of another type, or a row has      | give the store a table of its own
///                    | another id than its key                                  |
///
/// The message of not_saved and indeterminate has the cause nested in it: see describe.
///
/// A store may be moved while no other thread uses it. What it was moved from may only be destroyed or assigned to.
template <class Policy = defaults>
class basic_redis_store {
    static_assert(detail::explain_policy<Policy>());
    static_assert(detail::explain_fingerprinting_sealer<detail::sealer_of<Policy>>());
    using rows_type = detail::redis_rows<Policy, detail::redis_session>;
    using change = std::optional<detail::redis_change>;
    using meaning = row_rules<Policy>;
    using sealer_type = detail::table_sealer_of<Policy>;
    static constexpr bool needs_sealer = !std::default_initializable<detail::sealer_of<Policy>>;

    struct shared {
        shared(redis_parameters server, sealer_type seal)
            : session(std::move(server)), sealer(std::move(seal)), form(sealer, session.server().table) {}

        detail::turns<typename Policy::mutex> turns{};
        detail::redis_session session;
        const sealer_type sealer;
        const detail::redis_form_of<Policy> form;
    };

  public:
    using policy_type = Policy;
    static constexpr std::string_view scheme = "redis"; ///< See open_store.
    static constexpr bool lock_may_lapse = true;        ///< See locking_store.

    /// The guard of a lock; see locking_store.
    class guard {
      public:
        guard(guard&&) noexcept = default;
        guard& operator=(guard&& other) noexcept {
            std::swap(of_, other.of_);
            std::swap(key_, other.key_);
            std::swap(nonce_, other.nonce_);
            std::swap(end_, other.end_);
            return *this;
        }
        /// Releases the lock. It waits for the server for at most two seconds, and hardly at all after the deadline of
        /// `until`. If the server cannot be reached, the lock lasts until its lease ends.
        ~guard() {
            if (!of_) return;
            try {
                run(detail::redis_unlock_script, {}, patience());
            } catch (...) {
            }
        }
        /// Lets the lease run for `time` from now, and takes the lock again if the lease had ended. False if another
        /// has taken it. It waits for the server as long as the destructor does.
        ///   if (!held.renew(std::chrono::seconds(30))) read_again();
        bool renew(std::chrono::milliseconds time) { return take(time, patience()); }

      private:
        friend basic_redis_store;
        guard(std::shared_ptr<shared> of, std::string key, deadline end)
            : of_(std::move(of)), key_(std::move(key)), nonce_(detail::random_hex(16)), end_(end) {}

        bool take(std::chrono::milliseconds time, deadline until) {
            return run(detail::redis_lock_script, std::to_string((std::max)(time.count(), decltype(time.count()){1})),
                       until);
        }
        bool run(std::string_view script, const std::string& argument, deadline until) {
            const std::string_view words[] = {"EVAL", script, "1", key_, nonce_, argument};
            return of_->turns.take(until, [&] { return detail::redis_reply::is_yes(*of_->session.ask(words, until)); });
        }
        deadline patience() const {
            using namespace std::chrono_literals;
            const deadline now = std::chrono::steady_clock::now();
            return std::clamp<deadline>(end_, now + 50ms, now + 2s);
        }

        std::shared_ptr<shared> of_;
        std::string key_, nonce_;
        deadline end_;
    };

    /// Connects at the first call. Throws errc::invalid_record if the name of the table is empty or has a brace.
    explicit basic_redis_store(
        redis_parameters server = {}) requires std::default_initializable<detail::sealer_of<Policy>>
        : basic_redis_store(std::move(server), detail::sealer_of<Policy>()) {}
    /// The same with the policy's sealer:
    ///   basic_redis_store<sealed> store{redis_parameters{.host = "redis.example"}, my_sealer{key}};
    basic_redis_store(redis_parameters server, detail::sealer_of<Policy> sealer)
        : shared_(std::make_shared<shared>(std::move(server), detail::table_sealer<Policy>(std::move(sealer)))) {}

    /// For open_store: `//user@host:port/number`, and behind a question mark password_file, table and socket; see
    /// redis_parameters. Only the two slashes must be there. Throws errc::request_rejected if this cannot be read.
    /// A store whose sealer needs a key has no from_url; see open_store.
    ///   any_store store = open_store<redis_store>("redis://app@redis.example?password_file=/etc/app/redis");
    static basic_redis_store from_url(std::string_view what_follows) requires(!needs_sealer) {
        return basic_redis_store(detail::redis_parameters_of(what_follows));
    }

    basic_redis_store(basic_redis_store&&) noexcept = default;
    basic_redis_store& operator=(basic_redis_store&&) noexcept = default;
    ~basic_redis_store() = default;

    /// The same store, for calls that end by `end`; see deadline_store. It may outlive this object. Without a deadline,
    /// a call waits for others and for the server no longer than Policy::store_lock_timeout.
    ///   store.until(std::chrono::steady_clock::now() + std::chrono::seconds(2)).save_token(record);
    basic_redis_store until(deadline end) { return basic_redis_store(shared_, (std::min)(end, end_)); }

    /// The row that the probe means; nullopt if there is none. A probe is a record that says whose row you want; see
    /// token.hpp.
    ///   std::optional<token> ada = store.find_token({.user_name = "ada"});
    std::optional<token> find_token(const token& probe) {
        return read([&](rows_type& rows) { return meaning::find(rows, probe); });
    }
    /// The row of exactly that id; nullopt if there is none.
    std::optional<token> find_token_by_id(const std::string& id) {
        return read([&](rows_type& rows) { return meaning::find_by_id(rows, id); });
    }
    /// Every row, in no particular order.
    std::vector<token> get_tokens() {
        return read([&](rows_type& rows) { return meaning::all(rows); });
    }

    /// The ids of all rows in order, and perhaps of some that others have just deleted. No row is read.
    ///   for (const std::string& id : store.token_ids()) show(id);
    std::vector<std::string> token_ids() {
        return read([](rows_type& rows) { return rows.ids(); });
    }

    /// Changes the row that the record means, or inserts a row. A field that the record leaves empty keeps its value;
    /// see merge for the exception of a new access token.
    ///   store.save_token({.user_name = "ada", .refresh_token = "rt-1", .access_token = "at-1"});
    void save_token(const token& record) {
        write([&](rows_type& rows) -> change {
            rows.read_all_like(record);
            std::optional<token> before = meaning::find_to_save(rows, record);
            if (before) rows.read_all_like(merge(*before, record));
            token after = meaning::row_to_save_over(rows, before, record);
            std::string id = after.id;
            return {{std::move(id), std::move(before), std::move(after)}};
        });
    }
    /// Deletes the row of that id, if there is one.
    ///   store.delete_token(ada->id);
    void delete_token(const std::string& id) {
        write([&](rows_type& rows) -> change {
            std::optional<token> before;
            try {
                before = meaning::find_by_id(rows, id);
                if (!before) return std::nullopt;
            } catch (const detail::unopened_row&) { // it can be deleted all the same
            }
            return {{id, std::move(before), std::nullopt}};
        });
    }
    /// Deletes every row of the table.
    void delete_tokens() {
        write([&](rows_type& rows) -> change {
            try {
                rows.for_each([](const token&) {});
            } catch (const detail::unopened_row&) { // likewise
            }
            return detail::redis_change{};
        });
    }

    /// Makes the row `record` if it still is `expected`, and says whether it did; see comparing_store.
    ///   token next = *ada;  next.access_token = "at-2";
    ///   bool done = store.replace_token(*ada, next);
    bool replace_token(const token& expected, const token& record) {
        return write([&](rows_type& rows) -> change {
            rows.read_all_like(record);
            if (!meaning::may_replace(rows, expected, record)) return std::nullopt;
            return {{expected.id, expected, record}};
        });
    }
    /// Deletes the row if it still is `expected`, and says whether it did; see comparing_store.
    bool remove_token(const token& expected) {
        return write([&](rows_type& rows) -> change {
            if (!meaning::is_unchanged(rows, expected)) return std::nullopt;
            return {{expected.id, expected, std::nullopt}};
        });
    }

    /// Seals the row of that id with the sealer's first key, if another key sealed it, and says whether it did; see
    /// reseal, which does this for every row.
    ///   store.reseal_token(ada->id);
    bool reseal_token(const std::string& id) requires(detail::has_table_sealer<Policy>) {
        return write([&](rows_type& rows) -> change {
            std::optional<token> row = meaning::find_by_id(rows, id);
            if (!row || rows.has_first_key(id)) return std::nullopt;
            return {{id, row, row}};
        });
    }

    /// Takes the lock of one identity; see locking_store. It reaches as far as the server.
    ///   auto held = store.lock_token(identity_key(row), std::chrono::steady_clock::now() + 5s);
    guard lock_token(const std::string& key, deadline until) {
        using namespace std::chrono_literals;
        require_time();
        guard taken(shared_, shared_->session.keys().lock(key), end_);
        until = (std::min)(until, end_);
        bool is_held = false;
        // A caller may ask in short slices: a slow server would give it no lock if each slice ended the connection.
        for (std::chrono::milliseconds pause = 5ms;; pause = (std::min)(pause * 2, 100ms)) {
            try {
                if (taken.take(shared_->session.server().lease, detail::end_of_call<Policy>(end_))) return taken;
                is_held = true;
            } catch (const detail::redis_answer_lost&) {
                if (!is_held || std::chrono::steady_clock::now() < end_) throw;
            }
            const deadline now = std::chrono::steady_clock::now();
            if (now >= until) throw error(errc::lock_timeout, "tokenkeep: another holds the lock on this identity");
            std::this_thread::sleep_until((std::min)(until, now + pause));
        }
    }

  private:
    basic_redis_store(std::shared_ptr<shared> of, deadline end) : shared_(std::move(of)), end_(end) {}

    template <class Look>
    auto read(Look look) {
        return take_turn([&](deadline until) {
            rows_type rows(shared_->session, shared_->form, until);
            return look(rows);
        });
    }

    /// Makes the change that `work(rows)` gives, if it gives one, and says whether it did. If others change the table
    /// meanwhile, it does so again, until the deadline.
    template <class Work>
    bool write(Work work) {
        return take_turn([&](deadline until) {
            try {
                do {
                    try {
                        rows_type rows(shared_->session, shared_->form, until);
                        const change wanted = work(rows);
                        if (!wanted) return false;
                        if (rows.write(*wanted)) return true;
                    } catch (const detail::redis_table_changed&) {
                    }
                } while (std::chrono::steady_clock::now() < until);
            } catch (const error& failure) {
                if (failure.code() != errc::storage_failure) throw;
                std::throw_with_nested(error(errc::not_saved, "tokenkeep: Redis cannot be used"));
            }
            throw error(errc::lock_timeout, "tokenkeep: others change the table all the time");
        });
    }

    /// Gives act(until), while no other thread uses the session.
    template <class Act>
    auto take_turn(Act act) {
        require_time();
        const deadline until = detail::end_of_call<Policy>(end_);
        return shared_->turns.take(until, [&] {
            require_time();
            return act(until);
        });
    }

    /// Once its deadline has passed, a call does not begin.
    void require_time() const {
        if (std::chrono::steady_clock::now() >= end_)
            throw error(errc::lock_timeout, "tokenkeep: the time for this call is over");
    }

    std::shared_ptr<shared> shared_;
    deadline end_ = (deadline::max)(); ///< See until.
};

/// A store in Redis:
///   redis_store store{redis_parameters{.host = "redis.example", .password = password}};
using redis_store = basic_redis_store<>;

}} // namespace tokenkeep::v1

#endif
