// SPDX-License-Identifier: MIT
// A Redis server for a test: behind a socket in a temporary folder, where its data are too. It ends with the test's
// process.
#ifndef TOKENKEEP_TESTS_REDIS_SERVER_HPP
#define TOKENKEEP_TESTS_REDIS_SERVER_HPP

#include <tokenkeep/redis.hpp>

#include "sql/guarded_child.hpp"
#include "support/temporary.hpp"

#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <signal.h>
#include <unistd.h>

namespace tests {

using words = std::vector<std::string>;

/// The texts of an answer, one after the other.
inline void append_texts(const redisReply& part, words& to) {
    if (part.str != nullptr) to.emplace_back(part.str, part.len);
    if (part.type == REDIS_REPLY_INTEGER) to.push_back(std::to_string(part.integer));
    for (std::size_t n = 0; n < part.elements; ++n) append_texts(*part.element[n], to);
}

/// A server whose data are on no disk, unless the options say so.
class redis_server {
  public:
    enum where { on_a_socket, on_a_port };

    explicit redis_server(words options = {}, where place = on_a_socket) : options_(std::move(options)) {
        for (int tries = 0; place == on_a_port && tries < 20 && port_ == 0; ++tries) {
            port_ = 20'000 + static_cast<int>(std::random_device()() % 12'000);
            if (!starts()) port_ = 0;
        }
        if (place == on_a_socket || port_ == 0) start();
    }
    redis_server(const redis_server&) = delete;
    redis_server& operator=(const redis_server&) = delete;

    std::string socket() const { return folder_ / "socket"; }
    tokenkeep::redis_parameters parameters(std::string table = "tokenkeep") const {
        return {.socket = socket(), .table = std::move(table)};
    }
    tokenkeep::redis_store store() const { return tokenkeep::redis_store{parameters()}; }

    int port() const noexcept { return port_; }

    /// Starts it on the data that are there, and waits until it answers.
    void start() {
        if (!starts()) throw std::runtime_error("redis-server does not answer: " + bytes_of(folder_ / "log"));
    }
    void stop() noexcept { running_.reset(); }
    /// Ends it as a crash does.
    void kill() noexcept {
        running_->kill();
        running_.reset();
    }
    void restart() {
        stop();
        start();
    }
    /// From now on it does not react, or does so again.
    void pause() const { send(SIGSTOP); }
    void resume() const { send(SIGCONT); }

    /// What the server answers to an administrator: texts, also that of an error; nothing if it cannot be reached.
    words ask(const words& command) const {
        const std::unique_ptr<redisContext, void (*)(redisContext*)> context(redisConnectUnix(socket().c_str()),
                                                                             &redisFree);
        if (context->err != 0) return {};
        std::vector<const char*> texts;
        std::vector<std::size_t> sizes;
        for (const std::string& word : command) {
            texts.push_back(word.data());
            sizes.push_back(word.size());
        }
        const std::unique_ptr<redisReply, void (*)(void*)> reply(
            static_cast<redisReply*>(
                redisCommandArgv(context.get(), static_cast<int>(texts.size()), texts.data(), sizes.data())),
            &freeReplyObject);
        words answer;
        if (reply) append_texts(*reply, answer);
        return answer;
    }

  private:
    bool starts() {
        words command{program(), "--bind", "127.0.0.1", "--port",    std::to_string(port_), "--unixsocket",
                      socket(),  "--save", "",          "--pidfile", folder_ / "pid"};
        command.insert(command.end(), options_.begin(), options_.end());
        running_.emplace(guarded_command{std::move(command), {}, folder_ / "", folder_ / "log"});
        bool has_ended = false;
        const bool answers = holds_within(std::chrono::seconds(20), [&] {
            const words answer = ask({"PING"});
            has_ended = running_->ended();
            return has_ended || (!answer.empty() && (answer[0] == "PONG" || answer[0].rfind("NOAUTH", 0) == 0));
        });
        return answers && !has_ended;
    }

    static std::string program() {
        for (const char* path : {"/usr/bin/redis-server", "/usr/sbin/redis-server", "/usr/local/bin/redis-server"})
            if (::access(path, X_OK) == 0) return path;
        throw std::runtime_error("redis-server is not installed");
    }
    void send(int signal) const {
        const pid_t pid = std::atoi(bytes_of(folder_ / "pid").c_str());
        if (pid <= 1 || ::kill(pid, signal) != 0) throw std::runtime_error("redis-server is not running");
    }

    words options_;
    int port_ = 0;
    const temporary_directory folder_{};
    std::optional<guarded_child> running_{};
};

} // namespace tests

namespace tests::on_redis {

/// The server that the tests of one program share.
inline redis_server& server() {
    static redis_server one;
    return one;
}
/// A table that no other test has used.
inline std::string new_table() {
    static int number = 0;
    return "table-" + std::to_string(++number);
}

} // namespace tests::on_redis

#endif
