// SPDX-License-Identifier: MIT
// The help of each command and the man page, made from the same texts: those of the command line in main.cpp, which is
// the only file that includes this one.
#ifndef TOKENKEEP_EXAMPLES_CLI_MANUAL_HPP
#define TOKENKEEP_EXAMPLES_CLI_MANUAL_HPP

#include "command.hpp"
#include "exit_code.hpp"
#include "provider.hpp"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace cli {

/// Breaks a text into lines of at most 80 columns, each behind so many spaces.
inline std::string wrapped(std::string_view text, std::size_t indent) {
    std::string out, line;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix((std::min)(text.size(), word.size() + 1));
        if (!line.empty() && indent + line.size() + 1 + word.size() > 80) {
            out.append(indent, ' ').append(line).append("\n");
            line.clear();
        }
        line.append(line.empty() ? "" : " ").append(word);
    }
    return out.append(indent, ' ').append(line).append("\n");
}

/// An option as it is written: "-u,--user NAME".
inline std::string spelling(const CLI::Option& option) {
    std::string name = option.get_name(false, true);
    if (option.get_positional()) return option.get_type_name();
    if (option.get_items_expected_max() > 0 && !option.get_type_name().empty()) name += " " + option.get_type_name();
    return name;
}

/// What an option means, and which variable of the environment stands for it.
inline std::string meaning(const CLI::Option& option) {
    const std::string variable = option.get_envname();
    return option.get_description() + "." + (variable.empty() ? "" : " In the environment: " + variable + ".");
}

inline bool takes_server(const CLI::App& command) { return command.get_option_no_throw("--provider") != nullptr; }

inline std::string usage_of(const CLI::App& command) {
    std::string line = "tokenkeep " + command.get_name();
    for (const CLI::Option* option : command.get_options())
        if (option->get_positional()) line += " " + spelling(*option);
    return line + " [OPTIONS]";
}

/// What main.cpp says of a command, in two parts: more words on it, and an example.
struct command_text {
    explicit command_text(const CLI::App& command) {
        const std::string both = command.get_footer();
        const std::size_t end = both.find('\n');
        if (end == both.npos) return;
        more = both.substr(0, end);
        example = both.substr(end + 1);
    }
    std::string more{}, example{};
};

/// Whether an option is for people: `help --man` is not.
inline bool is_shown(const CLI::Option& option) { return !option.get_group().empty(); }

/// The help of one command.
inline std::string help_of_command(const CLI::App& command) {
    std::string text = usage_of(command) + "\n\n" + wrapped(command.get_description() + ".", 0);
    const command_text said(command);
    if (!said.more.empty()) text += "\n" + wrapped(said.more, 0);
    if (!said.example.empty()) text += "\n  " + said.example + "\n";
    text += "\n";
    for (const CLI::Option* option : command.get_options())
        if (is_shown(*option)) text += "  " + spelling(*option) + "\n" + wrapped(meaning(*option), 6);
    if (takes_server(command)) text += "\nProviders:\n" + wrapped(provider_names(), 2);
    return text;
}

/// The help of the program: what it is, and its commands.
inline std::string help_of_program(const CLI::App& app) {
    std::string text = "tokenkeep COMMAND [OPTIONS]\n\n" + wrapped(app.get_description(), 0) + "\n";
    for (const CLI::App* command : app.get_subcommands(nullptr)) {
        const std::string& name = command->get_name();
        text +=
            "  " + name + std::string(name.size() < 10 ? 10 - name.size() : 1, ' ') + command->get_description() + "\n";
    }
    return text + "\ntokenkeep help COMMAND says more. tokenkeep help exit-codes names the exit codes.\n";
}

inline std::string help_of(const CLI::App& app, const std::string& topic) {
    if (topic.empty()) return help_of_program(app);
    if (topic == "exit-codes") return exit_codes_text();
    if (topic == "providers") return wrapped(provider_names(), 0);
    for (const CLI::App* command : app.get_subcommands(nullptr))
        if (command->get_name() == topic) return help_of_command(*command);
    throw usage_error("there is no command of that name");
}

/// Text for man: what roff would read as commands is escaped.
inline std::string roff(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else
            out += c;
    }
    return out;
}

inline std::string man_of_command(const CLI::App& command) {
    std::string text = ".SS " + roff(usage_of(command)) + "\n" + roff(command.get_description()) + ".\n";
    const command_text said(command);
    if (!said.more.empty()) text += ".PP\n" + roff(said.more) + "\n";
    if (!said.example.empty()) text += ".PP\n.nf\n" + roff(said.example) + "\n.fi\n";
    for (const CLI::Option* option : command.get_options())
        if (is_shown(*option)) text += ".TP\n.B " + roff(spelling(*option)) + "\n" + roff(meaning(*option)) + "\n";
    return text;
}

inline std::string man_page(const CLI::App& app) {
    std::string text = ".TH TOKENKEEP 1\n.SH NAME\ntokenkeep \\- keeps OAuth 2.0 tokens\n.SH SYNOPSIS\n.B tokenkeep\n"
                       "COMMAND [OPTIONS]\n.SH DESCRIPTION\n" +
                       roff(app.get_description()) + "\n.SH COMMANDS\n";
    for (const CLI::App* command : app.get_subcommands(nullptr)) text += man_of_command(*command);
    return text + ".SH PROVIDERS\n" + roff(provider_names()) + "\n.SH EXIT STATUS\n.nf\n" + roff(exit_codes_text()) +
           ".fi\n";
}

} // namespace cli

#endif
