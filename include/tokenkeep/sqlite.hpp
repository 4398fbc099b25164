// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_SQLITE_HPP
#define TOKENKEEP_SQLITE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

// Tokens in an SQLite database:
//   #include <tokenkeep/sqlite.hpp>
//   tokenkeep::sqlite_store store{"tokens.db"};
//   g++ -std=c++20 -I include main.cpp -lsqlite3          (Debian: libsqlite3-dev)
// tokenkeep.hpp does not include this header, because it needs SQLite's own.

#include <tokenkeep/clock.hpp>
#include <tokenkeep/compilation.hpp>
#include <tokenkeep/os/os.hpp>
#include <tokenkeep/sql_connection.hpp>
#include <tokenkeep/sql_store.hpp>
#include <tokenkeep/text/form.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <sqlite3.h>

namespace tokenkeep { inline namespace v1 {

namespace detail {

inline sql_error sqlite_failure(int code) {
    const auto fault = [code] {
        switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return sql_fault::conflict;
        case SQLITE_CONSTRAINT:
            return code == SQLITE_CONSTRAINT_NOTNULL ? sql_fault::bad_value : sql_fault::already_exists;
        case SQLITE_TOOBIG: return sql_fault::bad_value;
        case SQLITE_PERM:
        case SQLITE_AUTH:
        case SQLITE_READONLY: return sql_fault::denied;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: return sql_fault::corrupt;
        default: return sql_fault::other;
        }
    };
    return {fault(), "SQLite error " + std::to_string(code)};
}

/// Why the database of that path cannot be opened: SQLite's number and the text for it, the path, and what the system
/// said. None of these repeats a value.
inline sql_error sqlite_open_failure(sqlite3* opened, int code, const std::string& path) {
    const int system = opened != nullptr ? sqlite3_system_errno(opened) : 0;
    const std::string cause = system != 0 ? ": " + std::generic_category().message(system) : std::string();
    const bool cannot_write = code == SQLITE_READONLY_DIRECTORY || code == SQLITE_READONLY_CANTINIT;
    const std::string advice = cannot_write ? "; the program cannot write in the directory, where SQLite makes files "
                                              "even to read this one: let it write there, or keep another program "
                                              "running that has made these files"
                                            : "";
    return {sqlite_failure(code).fault(), "SQLite error " + std::to_string(code) + ", " + sqlite3_errstr(code) +
                                              ", when opening " + path + cause + advice};
}

inline error sqlite_file_gone(const std::string& path) {
    return error(errc::store_gone, "tokenkeep: " + path + " has disappeared, or another file is in its place");
}

/// Throws errc::store_gone if the file was removed or replaced: SQLite would go on writing to the removed file, and the
/// tokens would be lost. This is called before each statement outside of a transaction, and before begin and commit.
inline void require_sqlite_file(sqlite3* opened) {
    int moved = 0;
    if (sqlite3_file_control(opened, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0)
        throw sqlite_file_gone(sqlite3_db_filename(opened, "main"));
}

struct sqlite_lock {
    std::optional<file_lock> on_file{};
};

/// A prepared statement; see sql_connection.
class sqlite_statement {
    struct finalize {
        void operator()(sqlite3_stmt* of) const noexcept { sqlite3_finalize(of); }
    };

  public:
    explicit sqlite_statement(sqlite3_stmt* prepared) : prepared_(prepared) {}

    void bind(std::size_t parameter, std::optional<std::string_view> value) {
        const int place = static_cast<int>(parameter) + 1;
        const int result = value ? sqlite3_bind_text64(prepared_.get(), place, value->empty() ? "" : value->data(),
                                                       value->size(), SQLITE_STATIC, SQLITE_UTF8)
                                 : sqlite3_bind_null(prepared_.get(), place);
        if (result != SQLITE_OK) throw sqlite_failure(result);
    }

    bool step() {
        sqlite3* const opened = sqlite3_db_handle(prepared_.get());
        if (!std::exchange(is_running_, true) && sqlite3_get_autocommit(opened) != 0) require_sqlite_file(opened);
        const int result = sqlite3_step(prepared_.get());
        if (result == SQLITE_ROW) return true;
        if (result != SQLITE_DONE) throw sqlite_failure(sqlite3_extended_errcode(opened));
        return false;
    }

    std::optional<std::string_view> column(std::size_t column) const {
        sqlite3_value* const cell = sqlite3_column_value(prepared_.get(), static_cast<int>(column));
        const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(cell));
        if (text == nullptr) return std::nullopt;
        return std::string_view(text, static_cast<std::size_t>(sqlite3_value_bytes(cell)));
    }

    std::uint64_t changes() const {
        return static_cast<std::uint64_t>(sqlite3_changes64(sqlite3_db_handle(prepared_.get())));
    }

    void reset() noexcept {
        sqlite3_reset(prepared_.get());
        is_running_ = false;
    }

  private:
    std::unique_ptr<sqlite3_stmt, finalize> prepared_;
    bool is_running_ = false;
};

} // namespace detail

/// A connection to an SQLite database: a file, or ":memory:" for rows that end with the store.
///   sqlite_store store{"tokens.db"};
///
/// Promised, besides what sql_store promises:
///   - A save is on the disk when it returns (write-ahead log, synchronous = FULL).
///   - The file and its companions `-wal` and `-shm` are private to the user (mode 0600). A file that others can read
///     or change is refused. A policy can follow a link, or share the files with a group; see policy.hpp.
///   - Deleted tokens are overwritten, in the write-ahead log too.
///   - Any number of processes of one machine can share the file. Identities are locked by the kernel's locks on the
///     file `tokens.db.lock`, which stays. The kernel releases a lock when its process ends.
///   - A file that is removed or replaced while a store has it open is never made again by that store.
///   - A call of `until` waits for other processes until its deadline. It may take longer only if the disk does.
///
/// Not promised:
///   - Network file systems, whose locks cannot be trusted.
///   - A program that closes all its files, as a daemon does at its start, closes those of SQLite too, and SQLite may
///     then write into other files of the program. Make the store afterwards.
///
///   errc            | when                                                     | what to do
///   ----------------|----------------------------------------------------------|-------------------------------
///   permissions     | others can read or change the file or its directory; it  | what the message says
///                   | belongs to another user; it has a second hard link; the  |
///                   | path is a symbolic link; the program cannot write in the |
///                   | directory, and no other program has the file open        |
///   storage_failure | the file or its `-wal` is mounted alone into a container | mount its directory
///   storage_corrupt | the file is empty or damaged                             | restore it; remove an empty one
///                   |                                                          | only if no tokens are missed
///   store_gone      | the file was removed or replaced while it was open       | put it back, or make a new store
///   lock_timeout    | other processes wrote all the time, or one of them stood | try later
///                   | still in the middle of a change                          |
class sqlite_connection {
    struct close {
        void operator()(sqlite3* of) const noexcept { sqlite3_close_v2(of); }
    };

  public:
    static constexpr std::string_view scheme = "sqlite"; ///< See open_store.
    static constexpr sql_dialect dialect{.bytes = "TEXT",
                                         .key_bytes = "TEXT",
                                         .if_missing = " IF NOT EXISTS",
                                         .begin = "BEGIN IMMEDIATE",
                                         .erase = "PRAGMA wal_checkpoint(TRUNCATE)"};

    /// The directory of the file must exist. A relative path starts at the program's current directory, and stays with
    /// it if the program changes directory later. Links in the directory are followed once, here. If `table` is empty,
    /// the policy names the table.
    ///   sql_store store{sqlite_connection{"/var/lib/app/tokens.db", "app_tokens"}};
    explicit sqlite_connection(std::string path, std::string table = {})
        : path_(std::move(path)), table_(std::move(table)) {
        if (!path_.empty() && !is_in_memory()) path_ = detail::absolute_path(path_);
    }

    /// From now on, the connection accepts what a policy trusts. The store calls it with what its policy says; see
    /// follows_link and trusts_group in policy.hpp.
    ///   connection.trust({.follows_link = true});
    void trust(const file_trust& trusted) {
        files_.trust(trusted);
        if (!path_.empty() && !is_in_memory()) path_ = files_.absolute(path_);
    }

    std::string table() const { return table_; }

    // ---- For sql_store: see the concept sql_connection ----

    void set_deadline(deadline until) {
        until_ = until;
        if (opened_) limit_wait();
    }

    void connect(std::chrono::milliseconds patience) {
        patience_ = (std::min)(patience, longest_wait);
        if (is_in_memory()) return opened_ ? void() : open(); // a second opening would lose the rows
        opened_.reset();
        const std::optional<file_identity> found = files_.find_private(path_);
        for (const char* companion : companions) // SQLite takes rows from them
            files_.find_private(path_ + companion);
        if (was_open_ && !(found && found->is_same_file(*was_open_))) throw detail::sqlite_file_gone(path_);
        if (found && found->size != 0) return open();
        // One program at a time makes the file, and never as an empty one: an empty file has lost its content.
        const auto making = lock("make the file", std::chrono::steady_clock::now() + wait());
        const std::optional<file_identity> now = files_.find_private(path_);
        if (now && now->size == 0)
            throw error(errc::storage_corrupt, "tokenkeep: " + path_ + " is empty; remove it if nothing is missed");
        if (!now) make();
        open();
    }

    void execute(const std::string& sql) {
        if (sql != "ROLLBACK")
            detail::require_sqlite_file(opened_.get());
        else if (sqlite3_get_autocommit(opened_.get()) != 0) // after some failures SQLite rolls back by itself
            return;
        limit_wait();
        const int result =
            sql == dialect.erase // the statement would succeed even if a reader stops it; this function fails
                ? sqlite3_wal_checkpoint_v2(opened_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr)
                : sqlite3_exec(opened_.get(), sql.c_str(), nullptr, nullptr, nullptr);
        if (result != SQLITE_OK) throw detail::sqlite_failure(sqlite3_extended_errcode(opened_.get()));
    }

    detail::sqlite_statement prepare(const std::string& sql) {
        sqlite3_stmt* prepared = nullptr;
        const int result = sqlite3_prepare_v3(opened_.get(), sql.data(), static_cast<int>(sql.size()),
                                              SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
        detail::sqlite_statement owner(prepared);
        if (result != SQLITE_OK) throw detail::sqlite_failure(sqlite3_extended_errcode(opened_.get()));
        return owner;
    }

    /// Locks a name among all processes of the machine that use the file. A database in memory has no other processes.
    detail::sqlite_lock lock(const std::string& name, deadline until) const {
        detail::sqlite_lock taken;
        if (!is_in_memory()) taken.on_file.emplace(files_.lock(path_ + ".lock", name, until));
        return taken;
    }

  private:
    bool is_in_memory() const { return path_ == ":memory:"; }

    /// Makes the database under another name and then renames it, so that a killed program never leaves an empty file.
    void make() const {
        const std::string unfinished = path_ + ".new";
        files_.remove(unfinished);
        for (const char* companion : companions) { // of a file that no longer exists
            files_.remove(unfinished + companion);
            files_.remove(path_ + companion);
        }
        files_.create(unfinished);
        sqlite_connection fresh(unfinished);
        fresh.files_ = files_;
        fresh.open(); // writes the header, with its note of the write-ahead log
        files_.rename(unfinished, path_);
        files_.flush_directory(path_);
    }

    void open() {
        sqlite3* opened = nullptr;
        const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
        const int result = sqlite3_open_v2(path_.c_str(), &opened, flags, nullptr);
        opened_.reset(opened);
        if (result != SQLITE_OK) throw detail::sqlite_open_failure(opened, result, path_);
        limit_wait();
        try {
            for (const char* setting :
                 {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA secure_delete = ON"})
                execute(setting);
        } catch (const sql_error&) { // SQLite reads the file only now
            throw detail::sqlite_open_failure(opened, sqlite3_extended_errcode(opened), path_);
        }
        if (!is_in_memory()) was_open_ = files_.find_private(path_);
    }

    /// How long a statement that begins now may wait for other processes.
    std::chrono::milliseconds wait() const {
        if (!until_) return patience_;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until_ - std::chrono::steady_clock::now());
        return std::clamp<std::chrono::milliseconds>(left, std::chrono::milliseconds(0), patience_);
    }
    void limit_wait() const { sqlite3_busy_timeout(opened_.get(), static_cast<int>(wait().count())); }

    static constexpr std::chrono::milliseconds longest_wait = std::chrono::hours(1);
    static constexpr const char* companions[] = {"-wal", "-shm", "-journal"};

    std::string path_, table_;
    detail::system_files files_{};
    std::unique_ptr<sqlite3, close> opened_{};
    std::optional<file_identity> was_open_{};
    std::chrono::milliseconds patience_ = std::chrono::seconds(1); ///< How long a statement waits without a deadline.
    std::optional<deadline> until_{};                              ///< See set_deadline.
};

/// A store in an SQLite database, with a policy of yours:
///   basic_sqlite_store<zoho::policy> store{"zohooauth.db"};
template <class Policy = defaults>
using basic_sqlite_store = sql_store<sqlite_connection, Policy>;
/// A store in an SQLite database: sqlite_store store{"tokens.db"};
using sqlite_store = basic_sqlite_store<>;
TOKENKEEP_INSTANTIATE(sql_store<sqlite_connection>);

}} // namespace tokenkeep::v1

#endif
