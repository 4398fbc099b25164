// SPDX-License-Identifier: MIT
// The commands that only look into the store: ls, show and rm.
#include "command.hpp"
#include "exit_code.hpp"
#include "print.hpp"
#include "store.hpp"

#include <string>
#include <vector>

namespace cli {

int list_rows(const command& given) {
    any_store store = open(given.store);
    const timestamp now = system_clock{}.now();
    std::vector<std::string> objects;
    std::vector<std::vector<std::string>> lines{{"USER", "LABEL", "CLIENT", "STATE", "ENDS", "ID"}};
    for (const token& row : store.get_tokens()) {
        const std::string end = row.expires_at ? date_text(*row.expires_at) : "";
        const std::string state(state_of(row, now));
        if (given.as_json)
            objects.push_back(json_object()
                                  .add("id", row.id)
                                  .add("user_name", row.user_name)
                                  .add("label", row.label)
                                  .add("client_id", row.client_id)
                                  .add("state", state)
                                  .add("expiry_time", end)
                                  .text());
        else
            lines.push_back({row.user_name, row.label, row.client_id, state, end, row.id});
    }
    print(given.as_json ? json_array(objects) + "\n" : lines.size() == 1 ? "" : table_text(lines));
    return success;
}

int show_row(const command& given) {
    any_store store = open(given.store);
    const token row = row_of(given, store);
    print(given.as_json ? json_of(row, given.reveals) + "\n" : lines_of(row, given.reveals));
    return success;
}

int remove_row(const command& given) {
    if (!names_login(given)) throw usage_error("say which login to remove: --user or --id");
    any_store store = open(given.store);
    const token row = row_of(given, store);
    store.delete_token(row.id);
    if (given.as_json) print(json_object().add("removed", row.id).text() + "\n");
    return success;
}

} // namespace cli
