// SPDX-License-Identifier: MIT
// The library's headers as text, and the copies of their comments' code that stand in tests. A copy stands between a
// line with its mark, such as `// shape: FILE`, and `// end`.
#ifndef TOKENKEEP_TESTS_SUPPORT_COMMENTS_HPP
#define TOKENKEEP_TESTS_SUPPORT_COMMENTS_HPP

#include "support/temporary.hpp"

#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace comments {

inline const std::filesystem::path tests = std::filesystem::path(TOKENKEEP_TEST_DATA).parent_path();
inline const std::filesystem::path include = tests.parent_path() / "include" / "tokenkeep";

/// Where a header's comment begins to show the Shape of a concept, and where it ends.
constexpr std::string_view shape_begin = "/// Shape (the least model):", shape_end = "/// Meaning:";

inline std::vector<std::string> lines_of(const std::filesystem::path& path) {
    std::istringstream text(bytes_of(path.string()));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
}

inline std::string_view trimmed(std::string_view line) {
    const std::size_t begin = line.find_first_not_of(' ');
    return begin == std::string_view::npos ? "" : line.substr(begin, line.find_last_not_of(' ') + 1 - begin);
}

/// Every header, by its path below include/tokenkeep.
inline std::vector<std::string> headers() {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(include))
        if (entry.path().extension() == ".hpp")
            found.push_back(std::filesystem::relative(entry.path(), include).string());
    return found;
}

/// What stands in a file between each line with that mark and the end of the copy.
inline std::vector<std::vector<std::string>> copies_in(const std::vector<std::string>& file, std::string_view mark) {
    std::vector<std::vector<std::string>> found;
    bool inside = false;
    for (const std::string& line : file) {
        if (trimmed(line) == "// end") inside = false;
        if (inside) found.back().push_back(line);
        if (trimmed(line) != mark) continue;
        inside = true;
        found.emplace_back();
    }
    return found;
}

} // namespace comments

#endif
