// SPDX-License-Identifier: MIT
#include <tokenkeep/file_store.hpp>
#include <tokenkeep/file_system.hpp>
#include <tokenkeep/testing/simulated_files.hpp>

#include "support/archetypes.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"

#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>

using namespace tokenkeep;
using testing::simulated_files;

namespace {

static_assert(file_system<archetypes::file_system<0>> && file_system<system_files> && file_system<simulated_files>);
static_assert(!file_system<archetypes::file_system<1>> && !file_system<archetypes::file_system<2>> &&
              !file_system<archetypes::file_system<3>> && !file_system<archetypes::file_system<4>> &&
              !file_system<archetypes::file_system<5>> && !file_system<archetypes::file_system<6>> &&
              !file_system<archetypes::file_system<7>> && !file_system<archetypes::file_system<8>>);

template <class File>
std::string content_of(const File& file) {
    std::string bytes(1'000, '?');
    bytes.resize(file.read(0, bytes.data(), bytes.size()));
    return bytes;
}

/// F1 to F8 of file_system's comment, as far as they can be seen without a power failure.
template <class Files>
void try_files(const Files& files, const std::string& path) {
    const std::string other = path + ".other";
    CHECK(!files.find(path)); // F1
    CHECK(!files.open(path));
    {
        const auto file = files.create(path); // F2
        CHECK_THROWS_AS(files.create(path), file_error);
        file.write(0, "hello"); // F3
        file.write(3, "p me!");
        CHECK(content_of(file) == "help me!");
        char two[2];
        CHECK(file.read(1, two, 2) == 2);
        CHECK(std::string_view(two, 2) == "el");
        CHECK(file.read(7, two, 2) == 1);
        CHECK(file.read(8, two, 2) == 0);
        CHECK(file.read(100, two, 2) == 0);
        file.truncate(4);
        CHECK(content_of(file) == "help");
        file.write(6, "!");
        CHECK(content_of(file) == std::string("help\0\0!", 7));
        file.flush(); // F4
        files.flush_directory(path);
        CHECK(file.identity().size == 7);
        CHECK(files.find(path) == file.identity());
        CHECK(files.open(path)->identity() == file.identity());
    }
    {
        const auto before = files.open(path); // F5
        const auto next = files.create(other);
        next.write(0, "next");
        files.rename(other, path);
        CHECK(files.find(path) == next.identity());
        CHECK(files.find(path) != before->identity());
        CHECK(!files.find(other));
        CHECK(content_of(*files.open(path)) == "next");
        CHECK(content_of(*before) == std::string("help\0\0!", 7));
    }
    files.remove(other); // F6
    files.remove(path);
    CHECK(!files.find(path));

    auto one = files.open_lock(path + ".lock"), two = files.open_lock(path + ".lock"); // F7
    CHECK(one.try_lock(0));
    CHECK(!two.try_lock(0));
    CHECK(!two.try_lock_shared(0));
    CHECK(two.try_lock(1));
    one.unlock(0);
    CHECK(two.try_lock_shared(0));
    CHECK(one.try_lock_shared(0));
    two.unlock(0);
    CHECK(!two.try_lock(0));
    one.unlock(0);
    CHECK(two.try_lock(0));
    const auto now = [] { return std::chrono::steady_clock::now(); };
    {
        const auto named = files.lock(path + ".lock", "name", now() + std::chrono::seconds(5));
        CHECK_THROWS_AS(files.lock(path + ".lock", "name", now()), error);
        (void)files.lock(path + ".lock", "another", now() + std::chrono::seconds(5));
    }
    (void)files.lock(path + ".lock", "name", now() + std::chrono::seconds(5));
    CHECK(!files.is_mount(path)); // F8
}

/// Files that lack what a store needs.
struct poor_files : system_files {
    enum lack { nothing, locks, names, content } lacks = nothing;

    struct file : system_files::file {
        file(system_files::file good, bool forgets) : system_files::file(std::move(good)), forgets_(forgets) {}
        void write(std::uint64_t offset, std::string_view bytes) const {
            system_files::file::write(offset, forgets_ ? bytes.substr(1) : bytes);
        }
        bool forgets_;
    };
    struct lock_file : system_files::lock_file {
        lock_file(system_files::lock_file good, bool always)
            : system_files::lock_file(std::move(good)), always_(always) {}
        bool try_lock(std::int64_t byte) { return system_files::lock_file::try_lock(byte) || always_; }
        bool always_;
    };

    file create(const std::string& path) const { return {system_files::create(path), lacks == content}; }
    std::optional<file> open(const std::string& path) const {
        auto opened = system_files::open(path);
        return opened ? std::optional(file(*std::move(opened), false)) : std::nullopt;
    }
    lock_file open_lock(const std::string& path) const { return {system_files::open_lock(path), lacks == locks}; }
    void rename(const std::string& from, const std::string& to) const {
        if (lacks == names) throw file_error(errc::storage_failure, "rename", to, EPERM);
        system_files::rename(from, to);
    }
};
struct with_poor_files : defaults {
    using files = poor_files;
};

} // namespace

TEST_CASE("file_system: the system's files do what the concept says", "[file_system]") {
    const temporary_directory here;
    try_files(system_files(), here / "file");
}

TEST_CASE("file_system: so do the simulated ones", "[file_system]") { try_files(simulated_files(), "file"); }

TEST_CASE("self_test: it says what is lacking, and leaves nothing but the lock file behind", "[file_system]") {
    const temporary_directory here;
    const auto said_without = [&](poor_files::lack lack) -> std::string {
        poor_files files;
        files.lacks = lack;
        try {
            basic_file_store<with_poor_files>(here / "tokens", {}, files).self_test();
        } catch (const error& failure) {
            CHECK(failure.code() == errc::storage_failure);
            return failure.what();
        }
        return {};
    };
    CHECK(said_without(poor_files::nothing) == "");
    CHECK_THAT(said_without(poor_files::locks), ContainsSubstring("locks") && ContainsSubstring("network file system"));
    CHECK_THAT(said_without(poor_files::names), ContainsSubstring("rename"));
    CHECK_THAT(said_without(poor_files::content), ContainsSubstring("not what was written"));
    for (const auto& entry : std::filesystem::directory_iterator(here / ""))
        CHECK(entry.path().filename() == "tokens.lock");
}
