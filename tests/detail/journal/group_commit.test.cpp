// SPDX-License-Identifier: MIT
#include <tokenkeep/detail/journal/group_commit.hpp>

#include "support/catch.hpp"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

using namespace tokenkeep;

namespace {

/// Files that are flushed as the test says.
struct scripted_files {
    struct file {
        std::function<void()> flush_it;
        void flush() const { flush_it(); }
    };
    std::function<void()> flush_name = [] {};
    void flush_directory(const std::string&) const { flush_name(); }
};
using commit = detail::group_commit<scripted_files>;

commit::file file_that(std::function<void()> flush) {
    return std::make_shared<const scripted_files::file>(scripted_files::file{std::move(flush)});
}

[[noreturn]] void fail() { throw file_error(errc::storage_failure, "flush", "tokens.tkj", EIO); }

} // namespace

TEST_CASE("group_commit: who waits while another flushes shares the next flush", "[group_commit]") {
    std::atomic<int> flushes = 0, waiting = 0;
    commit all("tokens.tkj", {});
    all.opened(file_that([&] {
                   if (++flushes > 1) return;
                   while (waiting < 15) std::this_thread::yield();
               }),
               0, 0);
    all.appended(1);
    std::thread first([&] { CHECK(all.wait(all.ticket_for(1))); });
    while (flushes == 0) std::this_thread::yield();
    all.appended(16);
    std::vector<std::thread> threads;
    std::atomic<int> good = 0;
    for (std::uint64_t seq = 2; seq <= 16; ++seq)
        threads.emplace_back([&, seq] {
            const commit::ticket ticket = all.ticket_for(seq);
            ++waiting;
            good += all.wait(ticket) ? 1 : 0;
        });
    first.join();
    for (std::thread& thread : threads) thread.join();
    CHECK(good == 15);
    CHECK(flushes == 2);
    CHECK(all.durable() == 16);
}

TEST_CASE("group_commit: what is durable already waits for nothing", "[group_commit]") {
    int flushes = 0;
    commit all("tokens.tkj", {});
    all.opened(file_that([&] { ++flushes; }), 3, 3);
    all.trust_until(3);
    CHECK(all.wait(all.ticket_for(3)));
    CHECK(flushes == 0);
}

TEST_CASE("group_commit: the name is flushed once for each file, and before the first record counts as durable",
          "[group_commit]") {
    int names = 0;
    bool is_content_flushed = false;
    commit all("tokens.tkj", {.flush_name = [&] { names += is_content_flushed ? 1 : 100; }});
    const auto file = file_that([&] { is_content_flushed = true; });
    for (std::uint64_t seq = 1; seq <= 4; ++seq) {
        if (seq % 2 == 1) all.opened(file, seq - 1, seq - 1);
        all.appended(seq);
        CHECK(all.wait(all.ticket_for(seq)));
    }
    CHECK(names == 2);
}

TEST_CASE("group_commit: a flush that failed is never tried again; another file is needed", "[group_commit]") {
    int flushes = 0;
    commit all("tokens.tkj", {});
    all.opened(file_that([&] { ++flushes, fail(); }), 0, 0);
    all.appended(1);
    CHECK(!all.wait(all.ticket_for(1)));
    CHECK(!all.wait(all.ticket_for(1)));
    CHECK(!all.flush_all());
    CHECK(flushes == 1);
    all.opened(file_that([] {}), 2, 2);
    CHECK(all.wait(all.ticket_for(1)));
}

TEST_CASE("group_commit: a name that could not be flushed is tried again", "[group_commit]") {
    int attempts = 0;
    commit all("tokens.tkj", {.flush_name = [&] {
                   if (++attempts == 1) fail();
               }});
    all.opened(file_that([] {}), 0, 0);
    all.appended(1);
    try {
        (void)all.wait(all.ticket_for(1));
        FAIL("it must throw");
    } catch (const file_error& failure) {
        CHECK(failure.stage() == std::string("flush"));
        CHECK(failure.cause() == std::errc::io_error);
    }
    CHECK(all.durable() == 0);
    CHECK(all.wait(all.ticket_for(1)));
    CHECK(attempts == 2);
}

TEST_CASE("group_commit: a record that the file has lost is indeterminate, and its number says nothing of the next",
          "[group_commit]") {
    commit all("tokens.tkj", {});
    all.opened(file_that([] {}), 1, 1);
    all.appended(2);
    const commit::ticket lost = all.ticket_for(2);
    all.opened(file_that([] {}), 1, 1);
    all.appended(2);
    CHECK_THROWS_AS(all.wait(lost), error);
    CHECK(all.wait(all.ticket_for(2)));
    CHECK_THROWS_AS(all.wait(lost), error);
}

TEST_CASE("group_commit: what was overwritten is flushed although no record is new", "[group_commit]") {
    int flushes = 0;
    commit all("tokens.tkj", {});
    all.opened(file_that([&] { ++flushes; }), 1, 1);
    CHECK(all.wait(all.ticket_for(1)));
    CHECK(flushes == 0);
    CHECK(all.flush_all());
    CHECK(flushes == 1);
    CHECK(all.wait(all.ticket_for(1)));
    CHECK(flushes == 1);
}
