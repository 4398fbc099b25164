// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_SQL_STORE_HPP
#define TOKENKEEP_SQL_STORE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

// These are first: compilers name the way to a header before a message about it.
#include <tokenkeep/sealer.hpp>
#include <tokenkeep/sql_connection.hpp>

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/sql/cells.hpp>
#include <tokenkeep/detail/sql/columns.hpp>
#include <tokenkeep/detail/sql/connection.hpp>
#include <tokenkeep/detail/sql/links.hpp>
#include <tokenkeep/detail/sql/rows.hpp>
#include <tokenkeep/detail/sql/sealed_form.hpp>
#include <tokenkeep/detail/sql/transactions.hpp>
#include <tokenkeep/detail/store/abilities.hpp>
#include <tokenkeep/detail/store/key_locks.hpp>
#include <tokenkeep/detail/store/store_url.hpp>
#include <tokenkeep/fwd.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/row_rules.hpp>
#include <tokenkeep/store.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

namespace detail {

/// The lock on one identity: first among the threads of the store, then among all programs. Released in reverse.
template <class Guard>
struct sql_guard {
    key_locks::guard among_threads;
    Guard among_all;

    void renew(std::chrono::milliseconds time) requires has_renew<Guard> { among_all.renew(time); }
};

/// The lock of the connection, if it has one.
template <class Connection>
auto lock_among_all(Connection& connection, const std::string& name, deadline until, deadline end) {
    if constexpr (requires { connection.lock(name, until, end); })
        return connection.lock(name, until, end);
    else if constexpr (can_lock<Connection>)
        return connection.lock(name, until);
}
template <class Connection>
using lock_of = decltype(lock_among_all(std::declval<Connection&>(), std::string(), deadline(), deadline()));

} // namespace detail

/// A store in a database: one row of a table is one token. Programs on several machines can share it through a server.
///   sqlite_store    store{"tokens.db"};                                         // tokenkeep/sqlite.hpp
///   mysql_store     store{mysql_parameters{.host = "db.example", .database = "app", .user = "app", .password = pw}};
///   postgres_store  store{"host=db.example dbname=app user=app sslmode=verify-full"};
///   sql_store       store{odbc_connection{"Driver=SQLite3;Database=tokens.db"}};  // a connection of your own
/// It is a comparing_store. It is a locking_store too if the connection has a lock: all three of the library have one.
///
/// Promised:
///   - The first call makes the table `tokenkeep_tokens`, with one column for each field that the schema stores and
///     an index for each field that a rule of the policy looks up (see sql_schema.hpp, rules.hpp, policy.hpp). Fields
///     after those of the schema are not stored. The first call also makes the table `tokenkeep_schema`, which holds
///     the version of each table of tokens. The database itself must exist. Rights to make tables are needed only if
///     the tables are missing, or were made by an older version of the library.
///   - When a save has returned, it is as durable as the database makes a commit; see the header of the database.
///   - A save is one transaction: all of it happens, or nothing. Writers of one table take turns, on all machines, so
///     that one identity (see identity_key.hpp) never has two rows.
///   - Values are bound parameters, never part of SQL. They are compared byte for byte, whatever the collation.
///   - A value of a stored field is stored whole or refused (errc::invalid_record), never cut.
///   - If the connection is lost, the store connects again and repeats the call, once. If a commit fails, the store
///     first reads the row to find out whether the change was made. delete_tokens has no one row to read: if the
///     connection is lost during its commit, the store repeats it.
///   - A call of until(end) ends by `end`, even if the server has stopped answering. This needs a connection that takes
///     a deadline (see sql_connection.hpp): all three of the library do. Their headers say what may take longer.
///   - The lock on an identity ends with the process that holds it. With a server it is a lock of the database. With
///     SQLite it is a lock of the kernel. It is not a row. It does not expire while its holder lives and is connected.
///
/// Not promised:
///   - A pooler or proxy that spreads one connection over several sessions of the server breaks the locks.
///   - A child made by fork must not use its parent's store. It makes its own.
///   - What the database keeps outside its tables (logs, replicas, backups) is not erased when a token is deleted.
///
/// Encryption. If the policy names a sealer (see sealer.hpp), which must be a fingerprinting_sealer, the store seals
/// each secret by itself, and binds it to the table, the row and the column. Its table has the columns `row_mac` and
/// `row_key` and, for each sealed field that a rule looks up, an index column such as `refresh_token_index`. People can
/// still read whose tokens a row holds, unless the policy says seals_names. All rows of a table are sealed or none is,
/// and all its programs use the same rules, schema and seals_names.
///   struct sealed : defaults { using sealer = my_sealer; };
///   basic_sqlite_store<sealed> store{"tokens.db", my_sealer{key}};
///   migrate(plain_store, store);                              // from plain to sealed: see migrate.hpp
///
///   what can be read in a sealed table               |
///   -------------------------------------------------|----------------------------------------------------------
///   how many rows there are, their ids and times     | yes
///   the size of each field, and the id of its key    | yes
///   users, clients, URLs, scopes, labels             | yes; with seals_names, no
///   `seed`, `former`, and fingerprints in `status`   | yes; with seals_names, no. They are hashes of tokens, which
///                                                    | cannot be guessed if the server makes them at random
///   which rows have the same value in a sealed field | yes, if a rule looks the field up and one key sealed the rows
///   tokens, client secrets, `extra`                  | no
///
///   somebody who can write the table                 | what the store does
///   -------------------------------------------------|----------------------------------------------------------
///   changes, cuts off, empties or fills a cell;      | errc::permissions, "this sealer cannot open the row", if a
///   exchanges cells between rows, columns or tables; | call finds the row. It finds the other rows, and
///   gives a row another id; inserts a row            | delete_token deletes the row
///   names another key in `row_mac` and `row_key`     | the same. Until the row is deleted, no call inserts a row
///   puts an older version of a whole row in its      | takes it: nothing binds a row to its time
///   place, or puts a deleted row back                |
///   puts in a row of a table of the same name from   | takes it, if the key is the same. Give each database a key
///   another database                                 | of its own if that matters
///   deletes rows, or changes in a row what a look-up | finds no row there. Who asks for all rows is told of a
///   looks for                                        | changed one, but not of one that is gone
///   puts a plain table in its place                  | errc::permissions when a program connects, and
///                                                    | errc::storage_failure before; none of its tokens is used
///   changes the table's row in tokenkeep_schema      | nothing works: the error asks for another policy, for migrate
///                                                    | or for an update. No row is lost or taken for another
///
/// A look-up by a sealed field looks for the fingerprints of all keys of the sealer, in one SELECT. It does not find a
/// row whose key the sealer lacks. A save that finds no row must not take that for a new user. So it inserts a row only
/// if the sealer has the keys of all rows, and throws errc::permissions otherwise: a program with the wrong key never
/// adds a second row for one user, and a keeper with the wrong key sends no login. The store tells keys apart by their
/// ids. Rows whose keys the sealer has can still be found and changed; a change is not compared with the other rows.
/// Give every program all keys of the table. If a key is lost, delete its rows.
///
/// Keys change row by row: each save seals its row with the first key, and reseal (see reseal.hpp) does that for the
/// other rows. A change calls the sealer inside its transaction, so a slow sealer keeps other writers waiting. Several
/// threads call it at once.
///
/// Cost: a look-up is one SELECT with an index. A save is one transaction of a few SELECTs with indexes and one INSERT
/// or UPDATE. Before an INSERT into a sealed table, there is one more SELECT for each key of its rows, and one that
/// finds no further key. The store keeps one connection, which its threads use in turn, or as many as mysql_parameters
/// or postgres_connection says; their look-ups then run side by side. With a server, each identity that is locked uses
/// one more connection; up to four of these are kept for the next locks. A connection that did not answer in time is
/// closed. The server may go on with its transaction for as long as the server waits for others; then it rolls the
/// transaction back.
///
///   errc                | when                                                   | what to do
///   --------------------|--------------------------------------------------------|---------------------------------
///   storage_failure     | a look-up or a lock: the database cannot be reached,   | try later
///                       | failed, or did not answer in time. Changes say         |
///                       | not_saved or indeterminate                             |
///   storage_failure     | a deletion: the rows are gone, but their bytes may be  | try later; the next deletion
///                       | in SQLite's files, because another process reads them  | erases those bytes too
///   not_saved           | a change failed; nothing was changed                   | try later
///   indeterminate       | a change may have been made, or not: the commit failed | look the row up, or repeat the
///                       | or its answer did not come in time, and the row does   | change
///                       | not tell                                               |
///   lock_timeout        | other threads or programs kept the call waiting until  | try later
///                       | the deadline (see until)                               |
///   invalid_record      | the database cannot hold a value, or the record has    | change the record
///                       | no token                                               |
///   invalid_record      | the name of the table is not plain, or there is a      | name another table, or rename
///                       | table of tokens whose name differs only in upper and   | that one
///                       | lower case (see sql_schema.hpp)                        |
///   ambiguous           | the probe means several rows, or the save would        | name the user and the client
///   request_rejected    | a pooler gives sessions of the server to transactions; | change the configuration
///                       | or the options contradict each other                   |
///   permissions         | the password or a right is missing                     | change the configuration
///   permissions         | this sealer cannot open the row: it lacks the key, or  | what the message says
///                       | someone has altered the row                            |
///   permissions         | the table is sealed and the store has no sealer, or    | make the store as the table is,
///                       | the reverse                                            | or migrate (migrate.hpp)
///   request_rejected    | a policy with another schema, other seals_names or     | use that policy, or migrate
///                       | other rules made the sealed table                      |
///   unsupported_version | a newer version of the library made the table          | update the library
///   store_gone          | a change found that the row of the table in            | restore it, or log users in again
///                       | tokenkeep_schema is gone; or SQLite's file is gone. If |
///                       | the table is gone too, a program that connects later   |
///                       | makes a new, empty one                                 |
///   storage_corrupt     | the database says that it is damaged                   | restore it from a backup
///
/// Most errors of the database are sql_error, whose message has the database's number. If a deletion could not erase
/// the bytes, it throws error, with the sql_error nested. A store may be moved while no other thread uses it. What it
/// was moved from may only be destroyed or assigned to.
template <class Connection, class Policy>
class sql_store : public detail::named_by<Connection>,
                  public detail::locking_ability<sql_store<Connection, Policy>, detail::can_lock<Connection>> {
    static_assert(detail::explain_sql_connection<Connection>() && detail::explain_lock<Connection>());
    static_assert(detail::explain_policy<Policy>() && detail::explain_sealed_table<Policy>());
    static_assert(detail::explain_fingerprinting_sealer<detail::sealer_of<Policy>>());
    static_assert(
        detail::has_columns_of_rules<Policy>(),
        "tokenkeep: the policy's schema needs a column for each field that a rule of the policy looks up; see "
        "the struct sql_schema");
    friend detail::locking_ability<sql_store, true>;
    using links_type = detail::sql_links<Connection, Policy>;
    using link_type = typename links_type::link_type;
    using rows_type = detail::sql_rows<link_type>;
    using transaction = detail::sql_transaction<link_type>;
    using change = std::optional<detail::sql_change>;
    using lock_type = detail::sql_guard<detail::lock_of<Connection>>;
    using schema = typename Policy::schema;
    using sealer_type = detail::sealer_of<Policy>;
    using meaning = row_rules<Policy>;
    static constexpr bool needs_sealer = !std::default_initializable<detail::sealer_of<Policy>>;

  public:
    using policy_type = Policy;
    static constexpr bool lock_may_lapse = detail::lock_may_lapse<Connection>; ///< See locking_store.

    /// A store over this connection. The store connects at its first call.
    explicit sql_store(Connection connection) requires std::default_initializable<detail::sealer_of<Policy>>
        : sql_store(std::move(connection), sealer_type()) {}

    /// A store over a connection that is made from these arguments:
    ///   sqlite_store store{"tokens.db"};
    template <class... Arguments>
        requires(!needs_sealer && std::constructible_from<Connection, Arguments...>)
    explicit sql_store(Arguments&&... arguments)
        : sql_store(Connection(std::forward<Arguments>(arguments)...), sealer_type()) {}

    /// A store over `place`, which is a connection or makes one, with the policy's sealer:
    ///   basic_sqlite_store<sealed> store{"tokens.db", my_sealer{key}};
    ///   basic_sqlite_store<sealed> other{sqlite_connection{"tokens.db", "other_tokens"}, my_sealer{key}};
    template <class Place>
        requires std::constructible_from<Connection, Place>
    explicit sql_store(Place&& place, detail::sealer_of<Policy> sealer)
        : shared_(make(Connection(std::forward<Place>(place)), std::move(sealer))) {}

    /// For open_store, over a connection that has from_url: what follows the scheme. A store whose sealer needs a key
    /// has no from_url; see open_store.
    template <class Place = Connection>
        requires(!needs_sealer && detail::has_from_url<Place>)
    static sql_store from_url(std::string_view what_follows) { return sql_store(Place::from_url(what_follows)); }

    sql_store(sql_store&&) noexcept = default;
    sql_store& operator=(sql_store&&) noexcept = default;
    ~sql_store() = default;

    /// The same store, for calls that end by `end`, and wait for others no longer than Policy::store_lock_timeout; see
    /// deadline_store. It may outlive this object. Without a deadline, a server that does not answer has five seconds
    /// more than that.
    ///   store.until(std::chrono::steady_clock::now() + std::chrono::seconds(2)).save_token(record);
    sql_store until(deadline end) { return sql_store(shared_, (std::min)(end, end_)); }

    /// The row that the probe means; nullopt if there is none. A probe is a record that says whose row you want; see
    /// token.hpp.
    ///   std::optional<token> ada = store.find_token({.user_name = "ada"});
    std::optional<token> find_token(const token& probe);
    /// The row of exactly that id; nullopt if there is none.
    std::optional<token> find_token_by_id(const std::string& id);
    /// Every row, in no particular order.
    std::vector<token> get_tokens();

    /// The ids of all rows. No other cell is read.
    ///   for (const std::string& id : store.token_ids()) show(id);
    std::vector<std::string> token_ids();

    /// Changes the row that the record means, or inserts a row. A field that the record leaves empty keeps its value;
    /// see merge for the exception of a new access token.
    ///   store.save_token({.user_name = "ada", .refresh_token = "rt-1", .access_token = "at-1"});
    void save_token(const token& record);
    /// Deletes the row of that id, if there is one.
    ///   store.delete_token(ada->id);
    void delete_token(const std::string& id);
    /// Deletes every row of the table.
    void delete_tokens();

    /// Makes the row `record` if it still is `expected`, and says whether it did; see comparing_store. The store reads
    /// the row and compares its bytes itself, so the database's collation does not matter.
    ///   token next = *ada;  next.access_token = "at-2";
    ///   bool done = store.replace_token(*ada, next);
    bool replace_token(const token& expected, const token& record);
    /// Deletes the row if it still is `expected`, and says whether it did; see comparing_store.
    bool remove_token(const token& expected);

    /// If another key than the sealer's first one has sealed the row of that id, seals it with the first one, and gives
    /// true. If not, gives false and begins no transaction; see reseal.
    ///   store.reseal_token(ada->id);
    bool reseal_token(const std::string& id) requires(detail::has_table_sealer<Policy>);

  private:
    struct shared {
        shared(Connection connection, sealer_type sealer)
            : links(std::move(connection), detail::table_sealer<Policy>(std::move(sealer))) {}

        links_type links;
        detail::key_locks locks{};
    };

    static std::shared_ptr<shared> make(Connection connection, sealer_type sealer);
    sql_store(std::shared_ptr<shared> of, deadline end) : shared_(std::move(of)), end_(end) {}

    template <class Look>
    auto read(Look look) {
        return take_turn([&](link_type& link, deadline until) { return detail::sql_read(link, until, look); });
    }
    template <class Work>
    bool write(Work work) {
        return take_turn([&](link_type& link, deadline until) { return detail::sql_write(link, until, work); });
    }
    /// A change that deletes rows. Their bytes are to go too.
    template <class Work>
    bool erase(Work work) {
        return take_turn([&](link_type& link, deadline until) {
            const bool is_changed = detail::sql_write(link, until, work);
            link.erase_remains();
            return is_changed;
        });
    }

    /// Gives act(link, until), with a link that no other thread uses.
    template <class Act>
    auto take_turn(Act act) {
        require_time();
        const deadline until = detail::end_of_call<Policy>(end_);
        return shared_->links.take(until, [&](link_type& link) {
            require_time();
            // A server that answers ends its waits for others itself, and says so. It gets the time for that.
            link.set_deadline((std::min)(end_, until + std::chrono::seconds(5)));
            return act(link, until);
        });
    }

    /// The threads of this store wait for each other first, so that each identity uses only one connection for its
    /// lock.
    lock_type lock_identity(const std::string& key, deadline until);
    /// Once its deadline has passed, a call does not begin: its first statement would find no time left, and the
    /// connection would be closed.
    void require_time() const {
        if (std::chrono::steady_clock::now() >= end_)
            throw error(errc::lock_timeout, "tokenkeep: the time for this call is over");
    }

    std::shared_ptr<shared> shared_;
    deadline end_ = (deadline::max)(); ///< See until.
};

template <class Connection, class Policy>
auto sql_store<Connection, Policy>::make(Connection connection, sealer_type sealer) -> std::shared_ptr<shared> {
    return std::make_shared<shared>(std::move(connection), std::move(sealer));
}

template <class Connection, class Policy>
std::optional<token> sql_store<Connection, Policy>::find_token(const token& probe) {
    return read([&](rows_type& rows) { return meaning::find(rows, probe); });
}

template <class Connection, class Policy>
std::optional<token> sql_store<Connection, Policy>::find_token_by_id(const std::string& id) {
    return read([&](rows_type& rows) { return meaning::find_by_id(rows, id); });
}

template <class Connection, class Policy>
std::vector<token> sql_store<Connection, Policy>::get_tokens() {
    return read([&](rows_type& rows) { return meaning::all(rows); });
}

template <class Connection, class Policy>
std::vector<std::string> sql_store<Connection, Policy>::token_ids() {
    return read([](rows_type& rows) { return rows.ids(); });
}

template <class Connection, class Policy>
void sql_store<Connection, Policy>::save_token(const token& record) {
    write([&](transaction& rows) -> change {
        std::optional<token> before = meaning::find_to_save(rows, record);
        token after = meaning::row_to_save_over(rows, before, record);
        const auto cells = rows.cells(after);
        if (before)
            rows.update(cells);
        else
            rows.insert(cells);
        std::string id = after.id;
        return {{std::move(id), std::move(before), std::move(after)}};
    });
}

template <class Connection, class Policy>
void sql_store<Connection, Policy>::delete_token(const std::string& id) {
    erase([&](transaction& rows) -> change {
        std::optional<token> before;
        try {
            before = meaning::find_by_id(rows, id);
            if (!before) return std::nullopt;
        } catch (const detail::unopened_row&) { // it can be deleted all the same
        }
        rows.erase(id);
        if (!before) return detail::sql_change{}; // may be made twice
        return {{id, std::move(before), std::nullopt}};
    });
}

template <class Connection, class Policy>
void sql_store<Connection, Policy>::delete_tokens() {
    erase([](transaction& rows) -> change {
        rows.clear();
        return detail::sql_change{};
    });
}

template <class Connection, class Policy>
bool sql_store<Connection, Policy>::replace_token(const token& expected, const token& record) {
    const auto cells = shared_->links.first().form().cells(record);
    return write([&](transaction& rows) -> change {
        rows.lock(expected.id);
        if (!meaning::may_replace(rows, *detail::as_stored<schema>(expected), record)) return std::nullopt;
        rows.update(cells);
        return {{expected.id, expected, record}};
    });
}

template <class Connection, class Policy>
bool sql_store<Connection, Policy>::remove_token(const token& expected) {
    return erase([&](transaction& rows) -> change {
        rows.lock(expected.id);
        if (!meaning::is_unchanged(rows, *detail::as_stored<schema>(expected))) return std::nullopt;
        rows.erase(expected.id);
        return {{expected.id, expected, std::nullopt}};
    });
}

template <class Connection, class Policy>
bool sql_store<Connection, Policy>::reseal_token(const std::string& id) requires(detail::has_table_sealer<Policy>) {
    if (!read([&](rows_type& rows) { return rows.has_other_key(id); })) return false;
    return write([&](transaction& rows) -> change {
        rows.lock(id);
        const std::optional<token> row = rows.find_under_other_key(id);
        if (!row) return std::nullopt;
        rows.update(rows.cells(*row));
        return detail::sql_change{}; // may be made twice
    });
}

template <class Connection, class Policy>
auto sql_store<Connection, Policy>::lock_identity(const std::string& key, deadline until) -> lock_type {
    require_time();
    until = (std::min)(until, end_);
    auto among_threads = shared_->locks.lock(key, until);
    auto among_all = detail::require_locked(detail::lock_among_all(
        shared_->links.first().connection(), shared_->links.first().table_key() + " " + key, until, end_));
    return {std::move(among_threads), std::move(among_all)};
}

}} // namespace tokenkeep::v1

#endif
