// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_JOURNAL_SELF_TEST_HPP
#define TOKENKEEP_DETAIL_JOURNAL_SELF_TEST_HPP

#include <tokenkeep/detail/journal/temporary_file.hpp>
#include <tokenkeep/file_system.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Tries everything that a file_store needs of its directory; see basic_file_store::self_test.
template <class Files>
void self_test(const Files& files, const std::string& path) {
    if (files.find(path)) {
        (void)files.open(path);
        refuse_mount(files, path);
    }
    constexpr std::string_view content = "tokenkeep self test";
    const std::string written = path + ".test-" + random_hex(8), renamed = written + "-renamed";
    const temporary_file<Files> first(files, written), second(files, renamed);
    {
        const auto file = files.create(written);
        file.write(0, content);
        file.flush();
    }
    files.rename(written, renamed);
    files.flush_directory(renamed);
    const auto again = files.open(renamed);
    std::string found(content.size() + 1, '\0');
    found.resize(again ? again->read(0, found.data(), found.size()) : 0);
    if (found != content)
        throw error(errc::storage_failure,
                    "tokenkeep: a file in the directory of " + path + " is not what was written");

    std::uint64_t random = 0;
    random_bytes(&random, sizeof random);
    const auto byte = static_cast<std::int64_t>(1 + (random >> 2));
    auto one = files.open_lock(path + ".lock"), other = files.open_lock(path + ".lock");
    const bool excludes = one.try_lock(byte) && !other.try_lock(byte);
    one.unlock(byte);
    if (!excludes || !other.try_lock(byte))
        throw error(errc::storage_failure, "tokenkeep: locks on " + path +
                                               ".lock have no effect; a network file system that is mounted without "
                                               "them cannot be shared");
    other.unlock(byte);
}

}}} // namespace tokenkeep::v1::detail

#endif
