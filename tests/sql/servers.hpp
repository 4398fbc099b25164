// SPDX-License-Identifier: MIT
// Database servers for tests: on 127.0.0.1, with their data in a temporary folder. They end with the test's process.
// TOKENKEEP_TEST_MARIADB and TOKENKEEP_TEST_POSTGRES say which are there.
#ifndef TOKENKEEP_TESTS_SQL_SERVERS_HPP
#define TOKENKEEP_TESTS_SQL_SERVERS_HPP

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef TOKENKEEP_TEST_POSTGRES
#include <libpq-fe.h>
#endif
#ifdef TOKENKEEP_TEST_MARIADB
#include <mysql.h>
#endif

#include "sql/guarded_child.hpp"
#include "support/temporary.hpp"

/// The processes that a process has started, and those that they have started.
inline std::set<pid_t> descendants(pid_t ancestor) {
    std::vector<std::pair<pid_t, pid_t>> parents;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string status = bytes_of(entry.path().string() + "/status");
        const std::size_t line = status.find("\nPPid:");
        const pid_t pid = std::atoi(entry.path().filename().c_str());
        if (pid > 0 && line != std::string::npos) parents.emplace_back(pid, std::atoi(status.c_str() + line + 6));
    }
    std::set<pid_t> found;
    for (bool more = true; more;) {
        more = false;
        for (const auto& [pid, parent] : parents)
            if (parent == ancestor || found.count(parent) != 0) more = found.insert(pid).second || more;
    }
    return found;
}

/// What the two servers have in common. The database exists, and is empty at first.
class sql_server {
  public:
    sql_server(const sql_server&) = delete;
    sql_server& operator=(const sql_server&) = delete;

    static const char* host() noexcept { return "127.0.0.1"; }
    static const char* password() noexcept { return ""; }
    static const char* database() noexcept { return "tokenkeep"; }
    int port() const noexcept { return port_; }

    /// Its process and those that it has started.
    std::set<pid_t> processes() const {
        const pid_t first = std::atoi(bytes_of(pid_file()).c_str());
        if (first <= 1) throw std::runtime_error("the server is not running");
        std::set<pid_t> all = descendants(first);
        all.insert(first);
        return all;
    }

    /// Starts it again on the same data and port, and waits until it answers.
    void start() {
        if (!starts()) throw std::runtime_error(failure("finds its port taken"));
    }

    /// Ends it as an administrator does, though clients are still connected.
    void stop() noexcept { running_.reset(); }

    /// Ends it as a crash does: none of its processes gets to do anything.
    void kill() noexcept {
        if (!running_) return;
        running_->kill();
        if (running_->ended()) clear_up();
    }

  protected:
    using words = std::vector<std::string>;

    sql_server(const char* account_name, int polite_signal, words more_options)
        : account_(account_unless_root(account_name)),
          polite_signal_(polite_signal),
          more_options_(std::move(more_options)) {
        give_away(in_folder(""));
    }
    virtual ~sql_server() = default;

    /// The commands that make its data and that serve them.
    virtual words initialisation() const = 0;
    virtual words service() const = 0;
    /// The file that begins with the number of its process.
    virtual std::string pid_file() const = 0;
    /// Whether it carries out the statement of an administrator, who comes through a socket in the folder: so it is
    /// this server, not another one at a port that both wanted.
    virtual bool obeys(const std::string& statement) const = 0;
    /// Removes what a crash leaves behind outside of the folder.
    virtual void clear_up() noexcept {}

    /// For the constructors of the classes that can do the above.
    void begin() {
        make_data();
        start_at_free_port();
    }

    std::string in_folder(std::string_view name) const { return folder_ / name; }
    std::string data() const { return in_folder("data"); }
    const words& more_options() const noexcept { return more_options_; }

    static std::string path_of(const std::string& program, const std::vector<std::string>& folders) {
        for (const std::string& folder : folders)
            if (::access((folder + "/" + program).c_str(), X_OK) == 0) return folder + "/" + program;
        throw std::runtime_error(program + " is not installed");
    }

  private:
    void start_at_free_port() {
        for (int tries = 0; tries < 20; ++tries) {
            port_ = free_port();
            if (starts()) return;
        }
        throw std::runtime_error(failure("finds no free port"));
    }

    /// False if somebody else has the port.
    bool starts() {
        running_.emplace(command(service()));
        bool ended = false;
        const bool answered = holds_within(std::chrono::seconds(60), [&] {
            ended = running_->ended();
            return ended || obeys("SELECT 1");
        });
        if (answered && !ended) return true;
        running_.reset();
        if (ended && bytes_of(log()).find("Address already in use") != std::string::npos) return false;
        throw std::runtime_error(failure(ended ? "ends at once" : "does not answer in time"));
    }

    guarded_command command(words to_run) const {
        return {std::move(to_run), account_, in_folder(""), log(), polite_signal_};
    }

    /// Below the ports that the system gives to those who connect: while the server is down nobody gets its port.
    static int free_port() {
        std::random_device random;
        for (int tries = 0; tries < 1000; ++tries) {
            const auto port = static_cast<std::uint16_t>(20000 + random() % 12000);
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_port = htons(port);
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            const bool is_free = ::bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
            ::close(probe);
            if (is_free) return port;
        }
        throw std::runtime_error("no port is free");
    }

    void make_data() {
#ifdef TOKENKEEP_TEST_SQL
        // Data are made once and copied for each server, which saves seconds.
        namespace fs = std::filesystem;
        const fs::path program = service().front();
        const std::string version = std::to_string(fs::last_write_time(program).time_since_epoch().count());
        const fs::path made = fs::path(TOKENKEEP_TEST_SQL) / (program.filename().string() + version + ".data");
        fs::create_directories(TOKENKEEP_TEST_SQL);
        const locked_file one_at_a_time(made.string() + ".lock");
        if (!fs::exists(made)) {
            initialise();
            const fs::path unfinished = made.string() + ".new";
            fs::remove_all(unfinished);
            fs::copy(data(), unfinished, fs::copy_options::recursive);
            fs::rename(unfinished, made);
        } else {
            fs::copy(made, data(), fs::copy_options::recursive);
            give_away(data());
        }
#else
        initialise();
#endif
    }

    void initialise() {
        guarded_child child(command(initialisation()));
        if (!holds_within(std::chrono::seconds(120), [&] { return child.ended(); }) || !child.succeeded())
            throw std::runtime_error(failure("gets no data to serve"));
        start_at_free_port();
        if (!obeys("CREATE DATABASE tokenkeep")) throw std::runtime_error(failure("does not make a database"));
        stop();
    }

    void give_away(const std::string& path) const {
        const auto one = [this](const std::string& name) {
            if (::lchown(name.c_str(), account_.user, account_.group) != 0)
                throw std::system_error(errno, std::generic_category(), name);
        };
        one(path);
        for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) one(entry.path().string());
    }

    std::string log() const { return in_folder("log"); }

    std::string failure(const std::string& what) const {
        const std::string printed = bytes_of(log());
        std::size_t start = printed.size();
        for (int lines = 0; lines < 40 && start != 0 && start != std::string::npos; ++lines)
            start = printed.rfind('\n', start - 1);
        return service().front() + " " + what + "; its log ends with:\n" +
               printed.substr(std::min(start + 1, printed.size()));
    }

    class locked_file {
      public:
        explicit locked_file(const std::string& path)
            : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
            if (!holds_within(std::chrono::seconds(150), [this] { return ::flock(file_, LOCK_EX | LOCK_NB) == 0; }))
                throw std::runtime_error("cannot lock " + path);
        }
        locked_file(const locked_file&) = delete;
        locked_file& operator=(const locked_file&) = delete;
        ~locked_file() {
            ::flock(file_, LOCK_UN); // a child forked meanwhile has it too
            ::close(file_);
        }

      private:
        int file_;
    };

    temporary_directory folder_;
    account account_;
    int polite_signal_;
    words more_options_;
    int port_ = 0;
    std::optional<guarded_child> running_;
};

#ifdef TOKENKEEP_TEST_MARIADB
/// A MariaDB server. More options are words of its command line, such as "--innodb-flush-log-at-trx-commit=0".
class mariadb_server final : public sql_server {
  public:
    explicit mariadb_server(std::vector<std::string> more_options = {})
        : sql_server("mysql", SIGTERM, std::move(more_options)) {
        begin();
    }

    static const char* user() noexcept { return "root"; }
    std::string socket() const { return in_folder("socket"); }

  private:
    static std::string program(const std::string& name) {
        return path_of(name, {"/usr/sbin", "/usr/bin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin"});
    }

    words settings() const {
        return {"--datadir=" + data(),
                "--tmpdir=" + in_folder(""),
                "--innodb-buffer-pool-size=16M",
                "--innodb-log-file-size=4M",
                "--aria-pagecache-buffer-size=8M",
                "--key-buffer-size=1M",
                "--performance-schema=OFF",
                "--skip-name-resolve"};
    }

    // It is not told the user, or it would give files of the installed server to that.
    words initialisation() const override {
        words all{program("mariadb-install-db"), "--no-defaults", "--auth-root-authentication-method=normal",
                  "--skip-test-db", "--force"};
        for (const std::string& setting : settings()) all.push_back(setting);
        return all;
    }

    words service() const override {
        words all{program("mariadbd"),        "--no-defaults",
                  "--bind-address=127.0.0.1", "--port=" + std::to_string(port()),
                  "--socket=" + socket(),     "--pid-file=" + pid_file()};
        for (const std::string& setting : settings()) all.push_back(setting);
        for (const std::string& option : more_options()) all.push_back(option);
        return all;
    }

    std::string pid_file() const override { return in_folder("pid"); }

    bool obeys(const std::string& statement) const override {
        const std::unique_ptr<MYSQL, decltype(&mysql_close)> connection(mysql_init(nullptr), mysql_close);
        const unsigned seconds = 30;
        for (const auto limit : {MYSQL_OPT_CONNECT_TIMEOUT, MYSQL_OPT_READ_TIMEOUT, MYSQL_OPT_WRITE_TIMEOUT})
            mysql_options(connection.get(), limit, &seconds);
        return mysql_real_connect(connection.get(), nullptr, user(), password(), nullptr, 0, socket().c_str(), 0) &&
               mysql_query(connection.get(), statement.c_str()) == 0;
    }
};
#endif

#ifdef TOKENKEEP_TEST_POSTGRES
/// A PostgreSQL server, of the newest version installed. More options are words of its command line, such as "-c",
/// "synchronous_commit=off".
class postgres_server final : public sql_server {
  public:
    explicit postgres_server(std::vector<std::string> more_options = {})
        : sql_server("postgres", SIGINT, std::move(more_options)) {
        begin();
    }

    static const char* user() noexcept { return "postgres"; }

    /// What PQconnectdb wants to know.
    std::string connection() const {
        return "host=127.0.0.1 port=" + std::to_string(port()) + " user=postgres dbname=tokenkeep";
    }

  private:
    static std::string program(const std::string& name) {
        std::vector<std::pair<int, std::string>> versions;
        std::error_code none;
        for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", none))
            versions.emplace_back(std::atoi(version.path().filename().c_str()), version.path().string() + "/bin");
        std::sort(versions.rbegin(), versions.rend());
        std::vector<std::string> folders;
        for (const auto& [number, folder] : versions) folders.push_back(folder);
        folders.insert(folders.end(), {"/usr/bin", "/usr/local/bin", "/usr/local/pgsql/bin"});
        return path_of(name, folders);
    }

    words initialisation() const override {
        return {program("initdb"), "-A",        "trust",           "-U", user(), "-E", "UTF8",
                "--locale=C",      "--no-sync", "--wal-segsize=1", "-D", data()};
    }

    words service() const override {
        words all{program("postgres"), "-D", data(), "-p", std::to_string(port()), "-k", in_folder("")};
        for (const char* setting : {"listen_addresses=127.0.0.1", "shared_buffers=16MB", "max_wal_size=64MB",
                                    "huge_pages=off", "dynamic_shared_memory_type=mmap", "jit=off"})
            all.insert(all.end(), {"-c", setting});
        // After a crash it brings a thousand files to the disk, before that version one by one: seconds on a busy
        // machine.
        if (std::atoi(bytes_of(data() + "/PG_VERSION").c_str()) >= 14)
            all.insert(all.end(), {"-c", "recovery_init_sync_method=syncfs"});
        for (const std::string& option : more_options()) all.push_back(option);
        return all;
    }

    std::string pid_file() const override { return data() + "/postmaster.pid"; }

    bool obeys(const std::string& statement) const override {
        const std::string folder = in_folder(""), number = std::to_string(port());
        const char* const keys[] = {"host", "port", "user", "dbname", "connect_timeout", "options", nullptr};
        const char* const values[] = {
            folder.c_str(), number.c_str(), user(), "postgres", "30", "-c statement_timeout=30s", nullptr};
        const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdbParams(keys, values, 0), PQfinish);
        const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), statement.c_str()),
                                                                   PQclear);
        const ExecStatusType status = PQresultStatus(result.get());
        return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    }

    /// The seventh line of its file has the key and the number of a piece of shared memory, which outlives processes.
    void clear_up() noexcept override {
        std::ifstream file(pid_file());
        std::string line;
        for (int lines = 0; lines < 6; ++lines) std::getline(file, line);
        long key = 0;
        int number = 0;
        if (file >> key >> number) ::shmctl(number, IPC_RMID, nullptr);
    }
};
#endif

#endif
