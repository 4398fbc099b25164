// SPDX-License-Identifier: MIT
// What the library costs the compiler, in user seconds: to include it, against nlohmann/json and against the standard
// headers that it includes; and a program with a file_store and a keeper, with -O2, header-only and over the library
// compiled once.
#include "benchmark/measuring.hpp"

#include "support/temporary.hpp"

#include <sys/resource.h>
#include <sys/time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace {

using namespace measuring;

const std::string project = TOKENKEEP_TEST_PROJECT;
const std::string single_header = project + "/single_include/tokenkeep/tokenkeep.hpp";

double user_seconds_of_children() {
    rusage used{};
    getrusage(RUSAGE_CHILDREN, &used);
    return static_cast<double>(used.ru_utime.tv_sec) + static_cast<double>(used.ru_utime.tv_usec) / 1e6;
}

/// What the compiler takes for these arguments.
std::function<double()> compile(const std::string& arguments) {
    return [command = TOKENKEEP_TEST_COMPILER " -std=c++20 -I" + project + "/single_include " + arguments] {
        const double before = user_seconds_of_children();
        require(std::system(command.c_str()) == 0, "the compiler"); // NOLINT(bugprone-command-processor)
        return user_seconds_of_children() - before;
    };
}

std::string standard_headers() {
    std::ifstream in(single_header);
    std::string text;
    for (std::string line; std::getline(in, line);)
        if (line.starts_with("#include <") && !line.starts_with("#include <tokenkeep")) text += line + '\n';
    return text;
}

std::function<double()> including(const temporary_directory& here, const char* name, const std::string& text) {
    const std::string file = here / name;
    std::ofstream(file) << text;
    return compile("-fsyntax-only " + file);
}

} // namespace

int main(int argc, char** argv) {
    const bool quick = argc > 1 && std::strcmp(argv[1], "--quick") == 0;
    const temporary_directory here;
    std::vector<std::function<double()>> sides{
        including(here, "single.cpp", "#include <tokenkeep/tokenkeep.hpp>\n"),
        including(here, "nlohmann.cpp", "#include <nlohmann/json.hpp>\n"),
        including(here, "standard.cpp", standard_headers()),
    };
    if (!quick) {
        const std::string program = "-O2 -c " + project + "/examples/minimal.cpp -o " + (here / "minimal.o");
        sides.push_back(compile(program));
        sides.push_back(compile(program + " -DTOKENKEEP_SEPARATE_COMPILATION"));
    }
    const turns taken = alternate(quick ? 1 : 5, sides);
    std::printf("including the single header: %.2f s, %.2f of nlohmann/json, %.2f of its standard headers\n",
                median(taken[0]), ratio(taken[0], taken[1]), ratio(taken[0], taken[2]));
    if (quick) return 0;
    std::printf("a program with -O2: %.2f s, %.2f of including the header\n", median(taken[3]),
                ratio(taken[3], taken[0]));
    std::printf("over the library compiled once: %.2f s, %.2f of the header-only program\n", median(taken[4]),
                ratio(taken[4], taken[3]));
}
