// SPDX-License-Identifier: MIT
// What the library costs a compiler, and how large programs become: user seconds of the project's compiler.
// needs: nlohmann_json
#include "benchmark/program.hpp"
#include "support/processes.hpp"
#include "support/temporary.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace measuring;
using words = std::vector<std::string>;

const std::string source = TOKENKEEP_TEST_SOURCE;

/// Runs a command whose output goes to a file. Gives the user seconds that it took with all that it started.
double user_seconds(words command, const std::string& output = "/dev/null") {
    const pid_t child = start_process([&] {
        const int to = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        require(to >= 0 && ::dup2(to, STDOUT_FILENO) >= 0, "no output");
        std::vector<char*> arguments;
        for (std::string& word : command) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        ::execvp(arguments[0], arguments.data());
        throw std::runtime_error(command[0] + " cannot be run");
    });
    int status = 0;
    rusage used{};
    require(::wait4(child, &status, 0, &used) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0,
            "the compiler failed");
    return static_cast<double>(used.ru_utime.tv_sec) + 1e-6 * static_cast<double>(used.ru_utime.tv_usec);
}

const temporary_directory& folder() {
    static const temporary_directory one;
    return one;
}

double compile(words options, const std::string& output = "/dev/null") {
    options.insert(options.begin(), {TOKENKEEP_TEST_COMPILER, "-std=c++20", "-I" + source + "/single_include"});
    return user_seconds(std::move(options), output);
}

/// The path of a file of that text.
std::string file_of(const std::string& name, const std::string& text) {
    write_file(folder() / name, text);
    return folder() / name;
}

/// The headers of the standard and of the system that the single header includes.
std::string standard_headers() {
    std::set<std::string> lines;
    std::istringstream header(bytes_of(source + "/single_include/tokenkeep/tokenkeep.hpp"));
    for (std::string line; std::getline(header, line);)
        if (line.rfind("#include <", 0) == 0) lines.insert(line.substr(9, line.find('>') - 8));
    std::string all;
    for (const std::string& name : lines)
        all.append("#if __has_include(").append(name).append(")\n#include ").append(name).append("\n#endif\n");
    return all;
}

const char* const small_program = R"(#include <tokenkeep/tokenkeep.hpp>

int main() {
    const auto transport = [](const tokenkeep::http_request&) { return tokenkeep::http_response{}; };
    tokenkeep::file_store store{"tokens.tkj"};
    tokenkeep::keeper keep{store, transport, tokenkeep::oauth2_provider{.client_id = "app"}};
    return keep.access_token({.user_name = "ada"}).empty() ? 1 : 0;
}
)";

/// Bytes of the section of a program that has its code.
double code_of(const std::string& program) {
    user_seconds({"size", "-A", program}, folder() / "size");
    std::istringstream said(bytes_of(folder() / "size"));
    double code = 0;
    for (std::string word; said >> word;)
        if (word == ".text") said >> code;
    require(code > 0, "size says nothing");
    return code;
}

/// The user seconds of compiling a file, and the code of the program linked of it and of `others`.
double build(benchmark::State& state, const std::string& file, const words& options, const words& others = {}) {
    const std::string object = folder() / "program.o", program = folder() / "program";
    words how{"-O2", "-c", file, "-o", object};
    how.insert(how.end(), options.begin(), options.end());
    const double seconds = compile(how);
    words parts{object, "-o", program, "-pthread"};
    parts.insert(parts.end(), others.begin(), others.end());
    compile(parts);
    state.counters["code"] = code_of(program);
    return seconds;
}

/// The object file of the library compiled once.
const std::string& library() {
    static const std::string object = [] {
        const std::string file = file_of("source.cpp", "#include <tokenkeep/src.hpp>\n"), made = folder() / "source.o";
        compile({"-O2", "-DTOKENKEEP_SEPARATE_COMPILATION", "-c", file, "-o", made});
        return made;
    }();
    return object;
}

void add_all() {
    const auto add_header = [](const char* side, const std::string& text) {
        const std::string file = file_of(std::string(side) + ".cpp", text);
        add("include", side, 1, 7, [file](benchmark::State&) { return compile({"-fsyntax-only", file}); });
    };
    add_header("ours", "#include <tokenkeep/tokenkeep.hpp>\n");
    add_header("nlohmann", "#include <nlohmann/json.hpp>\n");
    add_header("standard", standard_headers());
    add("forward", "ours", 1, 1, [](benchmark::State& state) {
        const std::string output = folder() / "forward", file = source + "/single_include/tokenkeep/fwd.hpp";
        const double seconds = compile({"-E", "-P", "-x", "c++", file}, output);
        const std::string lines = bytes_of(output);
        state.counters["lines"] = static_cast<double>(std::count(lines.begin(), lines.end(), '\n'));
        return seconds;
    });
    const std::string file = file_of("program.cpp", is_quick ? "int main() {}\n" : small_program);
    add("program", "header_only", 1, 3, [file](benchmark::State& state) { return build(state, file, {}); });
    if (is_quick) return;
    add("program", "compiled_once", 1, 5, [file](benchmark::State& state) {
        return build(state, file, {"-DTOKENKEEP_SEPARATE_COMPILATION"}, {library()});
    });
    add("quickstart", "header_only", 1, 1,
        [](benchmark::State& state) { return build(state, source + "/examples/quickstart.cpp", {}); });
}

} // namespace

int main(int count, char** arguments) { return run(count, arguments, add_all); }
