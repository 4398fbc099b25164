// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_REDIS_CHANNEL_HPP
#define TOKENKEEP_DETAIL_REDIS_CHANNEL_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/memory/number_cast.hpp>
#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/os/sockets.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <hiredis/hiredis.h>
#include <sys/time.h>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The answer to a command did not come: the server may have carried the command out, or may do so later.
struct redis_answer_lost : error {
    using error::error;
};

/// An answer that no Redis server gives to the commands of this library.
inline error unexpected_redis_reply() {
    return {errc::storage_corrupt, "tokenkeep: Redis gave an answer of an unexpected type"};
}

/// The error for a command that Redis refused. The message names Redis' word for the reason and nothing else of what
/// Redis said, because that may repeat parts of the command. Scripts put words of their own in front of Redis' word.
inline error redis_refusal(std::string_view said) {
    struct reason {
        std::string_view word, advice;
        errc code = errc::storage_failure;
    };
    static constexpr reason reasons[] = {
        {"WRONGTYPE", "a key has a type that is not ours; give the store a table of its own", errc::storage_corrupt},
        {"NOAUTH", "it asks for a password", errc::permissions},
        {"WRONGPASS", "the password or the user is wrong", errc::permissions},
        {"invalid password", "the password is wrong", errc::permissions},
        {"without any password", "it has no password for this user; leave the password out", errc::permissions},
        {"no password is set", "it has no password; leave the password out", errc::permissions},
        {"NOPERM", "the user has no right to a command or a key; see redis_parameters", errc::permissions},
        {"user executing the script", "the user has no right to a command or a key; see redis_parameters",
         errc::permissions},
        {"READONLY", "it is a replica; connect to the primary"},
        {"LOADING", "it is still loading its data"},
        {"MASTERDOWN", "it is a replica without its primary; connect to the primary"},
        {"MISCONF", "it cannot write its data to its disk"},
        {"NOREPLICAS", "it has too few replicas to take changes"},
        {"OOM", "its memory is full"},
        {"CLUSTERDOWN", "its cluster is down"},
        {"MOVED", "another node of its cluster has these keys; connect to that node"},
        {"BUSY", "it is busy with a script"},
        {"DB index", "it has no database of that number"},
    };
    for (const reason& known : reasons)
        if (said.find(known.word) != std::string_view::npos)
            return {known.code, "tokenkeep: Redis refused a command (" + std::string(known.word) +
                                    "): " + std::string(known.advice)};
    const std::size_t end = said.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return {errc::storage_failure, "tokenkeep: Redis refused a command (" +
                                       std::string(said.substr(0, (std::min)(end, std::size_t{20}))) + ")"};
}

/// An answer of Redis. Its texts are wiped when it ends.
class redis_reply {
    struct wipe_and_free {
        static void wipe_texts(redisReply& of) noexcept {
            if (of.str != nullptr) wipe(of.str, of.len);
            for (std::size_t n = 0; n < of.elements; ++n)
                if (of.element[n] != nullptr) wipe_texts(*of.element[n]);
        }
        void operator()(redisReply* of) const noexcept {
            wipe_texts(*of);
            freeReplyObject(of);
        }
    };

  public:
    explicit redis_reply(void* received) : reply_(static_cast<redisReply*>(received)) {}

    const redisReply& operator*() const noexcept { return *reply_; }

    /// The text of a part of an answer. Throws errc::storage_corrupt if it is not text.
    static std::string_view text(const redisReply& part) {
        if (part.type != REDIS_REPLY_STRING && part.type != REDIS_REPLY_STATUS) throw unexpected_redis_reply();
        return {part.str, number_cast<std::size_t>(part.len)};
    }
    static std::span<redisReply* const> items(const redisReply& part) {
        if (part.type != REDIS_REPLY_ARRAY) throw unexpected_redis_reply();
        return {part.element, part.elements};
    }
    static bool is_yes(const redisReply& part) {
        if (part.type != REDIS_REPLY_INTEGER) throw unexpected_redis_reply();
        return part.integer == 1;
    }

  private:
    std::unique_ptr<redisReply, wipe_and_free> reply_;
};

/// A connection of hiredis. Its calls end by the deadline that they are given, except that hiredis waits for the name
/// of a host. After a failure it is closed: what the server still sends would be taken for another answer.
class redis_channel {
    struct close_and_free {
        void operator()(redisContext* of) const noexcept { redisFree(of); }
    };

  public:
    bool is_open() const noexcept { return context_ != nullptr; }
    void close() noexcept { context_.reset(); }

    /// Throws errc::storage_failure if the server cannot be reached. If `socket` is empty, connects to host and port.
    void connect(const std::string& host, unsigned port, const std::string& socket, deadline until) {
        using namespace std::chrono;
        const auto left = until - steady_clock::now();
        if (left < 1ms) throw error(errc::storage_failure, "tokenkeep: Redis was not reached in time");
        const auto wait = duration_cast<microseconds>((std::min<deadline::duration>)(left, 1h)).count();
        timeval limit{};
        limit.tv_sec = number_cast<decltype(limit.tv_sec)>(wait / 1'000'000);
        limit.tv_usec = number_cast<decltype(limit.tv_usec)>(wait % 1'000'000);
        context_.reset(socket.empty() ? redisConnectWithTimeout(host.c_str(), static_cast<int>(port), limit)
                                      : redisConnectUnixWithTimeout(socket.c_str(), limit));
        if (!context_) throw std::bad_alloc();
        if (context_->err != 0) {
            close();
            throw error(errc::storage_failure, "tokenkeep: Redis cannot be reached");
        }
        keep_from_children(context_->fd);
        if (socket.empty()) redisEnableKeepAlive(context_.get());
    }

    /// The answer to the command of these words. Throws redis_answer_lost, or what redis_refusal gives.
    redis_reply ask(std::span<const std::string_view> words, deadline until) {
        try {
            send(words, until);
            redis_reply reply = receive(until);
            if ((*reply).type == REDIS_REPLY_ERROR) throw redis_refusal({(*reply).str, (*reply).len});
            return reply;
        } catch (...) {
            close();
            throw;
        }
    }

  private:
    void send(std::span<const std::string_view> words, deadline until) {
        const auto append = [](wiping_string& to, char kind, std::size_t number) {
            char digits[20];
            to += kind;
            to.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr).append("\r\n");
        };
        std::size_t size = 32;
        for (const std::string_view word : words) size += word.size() + 32;
        wiping_string command;
        command.reserve(size);
        append(command, '*', words.size());
        for (const std::string_view word : words) {
            append(command, '$', word.size());
            command.append(word).append("\r\n");
        }
        for (std::string_view rest = command; !rest.empty();) {
            const std::optional<std::size_t> sent = send_some(context_->fd, rest);
            if (!sent) throw lost("the connection to Redis has ended");
            rest.remove_prefix(*sent);
            if (!rest.empty() && !wait_for_socket(context_->fd, false, true, until)) throw late();
        }
    }

    redis_reply receive(deadline until) {
        for (;;) {
            void* received = nullptr;
            if (redisGetReplyFromReader(context_.get(), &received) != REDIS_OK)
                throw lost("the server does not speak Redis' protocol");
            if (received != nullptr) return redis_reply(received);
            if (!wait_for_socket(context_->fd, true, false, until)) throw late();
            if (redisBufferRead(context_.get()) != REDIS_OK) throw lost("the connection to Redis has ended");
        }
    }

    static redis_answer_lost lost(const char* why) { return {errc::storage_failure, std::string("tokenkeep: ") + why}; }
    static redis_answer_lost late() { return lost("Redis did not answer in time"); }

    std::unique_ptr<redisContext, close_and_free> context_{};
};

}}} // namespace tokenkeep::v1::detail

#endif
