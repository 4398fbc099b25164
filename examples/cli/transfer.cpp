// SPDX-License-Identifier: MIT
// The commands that carry rows from one place to another: import, export and migrate.
#include "command.hpp"
#include "exit_code.hpp"
#include "import.hpp"
#include "print.hpp"
#include "store.hpp"
#include "terminal.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

namespace cli {

namespace {

/// Gives the rows the user that the command line names. A file does not always say whose a token is, and that is not
/// guessed.
void name_users(std::vector<token>& rows, const command& given) {
    if (rows.size() > 1 && !given.who.user_name.empty())
        throw usage_error("the file has " + std::to_string(rows.size()) + " logins, and --user names one");
    for (token& row : rows) {
        if (!given.who.user_name.empty()) row.user_name = given.who.user_name;
        if (!given.who.label.empty()) row.label = given.who.label;
        if (row.client_id.empty()) row.client_id = given.who.client_id;
        if (row.user_name.empty())
            throw usage_error("the file does not say whose token it is: --user NAME; the name is your choice");
    }
}

/// Says what became of the rows. `names` has better names for some ids.
int report_of(const command& given, const migration_report& report, std::map<std::string, std::string> names = {}) {
    const auto named = [&names](std::vector<std::string> ids) {
        for (std::string& id : ids)
            if (const auto found = names.find(id); found != names.end()) id = found->second;
        return ids;
    };
    const std::vector<std::string> left_alone = named(report.left_alone), refused = named(report.refused);
    if (given.as_json)
        print(json_object()
                  .add("total", report.total)
                  .add("copied", report.copied)
                  .add("updated", report.updated)
                  .add("unchanged", report.unchanged)
                  .add_raw("left_alone", json_texts(left_alone))
                  .add_raw("refused", json_texts(refused))
                  .text() +
              "\n");
    else
        print(std::to_string(report.copied) + " of " + std::to_string(report.total) + " logins copied, " +
              std::to_string(report.updated) + " updated, " + std::to_string(report.unchanged) + " unchanged\n");
    for (const std::string& each : left_alone)
        print_error("tokenkeep: the store has other tokens of this login, which are not older: " + printable(each));
    for (const std::string& each : refused)
        print_error("tokenkeep: the store cannot take this login: " + printable(each));
    return left_alone.empty() && refused.empty() ? success : findings;
}

template <class From>
migration_report copy(From& from, any_store& to) {
    progress_bar bar("copying");
    return migrate(from, to, [&bar](const migration_report& so_far) { bar.show(so_far.done(), so_far.total); });
}

} // namespace

int import_file(const command& given) {
    const secret text = read_file(given.file);
    std::vector<token> rows = read_token_file(text.reveal(), given.format, given.section);
    name_users(rows, given);
    if (given.is_dry) {
        std::vector<std::string> objects;
        for (const token& row : rows) objects.push_back(json_of(row, given.reveals));
        print(json_array(objects) + "\n");
        return success;
    }
    memory_store read;
    for (const token& row : rows) read.save_token(row);
    std::map<std::string, std::string> names;
    for (const token& row : read.get_tokens()) names[row.id] = row.user_name;
    any_store store = open(given.store);
    return report_of(given, copy(read, store), names);
}

int export_file(const command& given) {
    any_store store = open(given.store);
    if (given.file == "-") {
        if (!given.reveals) throw usage_error("an export has all secrets; to write it to the output, say --reveal");
        print(json_codec::encode(store.get_tokens()).reveal());
        return success;
    }
    struct stat there {};
    if (::lstat(given.file.c_str(), &there) == 0)
        throw usage_error("the file of an export must not exist: " + given.file);
    any_store file{json_file_store(given.file)};
    return report_of(given, copy(store, file));
}

int migrate_store(const command& given) {
    any_store from = open(given.store), to = open(given.target);
    return report_of(given, copy(from, to));
}

} // namespace cli
