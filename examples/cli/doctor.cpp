// SPDX-License-Identifier: MIT
// The command doctor: what is wrong with a store and its logins, and the command that helps.
#include "doctor.hpp"

#include "exit_code.hpp"
#include "print.hpp"
#include "store.hpp"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

namespace cli {

namespace {

using namespace std::chrono_literals;

/// A word for the shell.
std::string quoted(const std::string& word) {
    if (!word.empty() &&
        word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@-") == word.npos)
        return word;
    std::string text = "'";
    for (const char c : word) text += c == '\'' ? "'\\''" : std::string(1, c);
    return text + "'";
}

/// The path of a store in a file; empty for others.
std::string path_of(const std::string& url) {
    for (const std::string_view scheme : {"file:", "json:", "zoho-csv:", "sqlite:"})
        if (url.starts_with(scheme)) {
            const std::string path = url.substr(scheme.size());
            return path.starts_with("///") ? path.substr(2) : path;
        }
    return {};
}

class examination {
  public:
    explicit examination(const command& given) : given_(given), path_(path_of(given.store)) {}

    std::vector<finding> run() {
        look_at_file();
        look_at_clock();
        try {
            any_store store = open(given_.store);
            for (const token& row : store.get_tokens()) look_at_row(store, row);
        } catch (const usage_error&) {
            throw;
        } catch (const std::exception& failure) {
            add_failure(failure);
        }
        return std::move(findings_);
    }

  private:
    void add(finding found) { findings_.push_back(std::move(found)); }

    std::string command_text(const std::string& words, const token& row = {}) const {
        std::string text = "tokenkeep " + words;
        const char* const known = std::getenv("TOKENKEEP_STORE");
        if (known == nullptr || given_.store != known) text += " --store " + quoted(given_.store);
        if (!row.id.empty()) text += " --id " + quoted(row.id);
        return text;
    }
    std::string login_text(const token& row) const {
        return command_text("login --user " + quoted(row.user_name) +
                            (row.label.empty() ? "" : " --label " + quoted(row.label)));
    }

    /// What a store throws says what to do. If that is a command, the sentence has it behind "run: ".
    void add_failure(const std::exception& failure) {
        std::string what = describe(failure), fix;
        const auto* known = dynamic_cast<const std::system_error*>(&failure);
        if (known != nullptr) {
            const std::string end = ": " + known->code().message();
            if (what.ends_with(end)) what.resize(what.size() - end.size());
            if (known->code() == errc::storage_corrupt && given_.store.starts_with("file:"))
                fix = command_text("doctor --salvage");
        }
        if (const std::size_t at = what.find("; run: "); at != what.npos) {
            fix = what.substr(at + 7, what.find(", or ", at) - at - 7);
            what.resize(at);
        }
        if (what.starts_with("tokenkeep: ")) what.erase(0, 11);
        const bool is_known =
            std::any_of(findings_.begin(), findings_.end(), [&](const finding& each) { return each.what == what; });
        if (!is_known) add({.what = what, .fix = fix});
    }

    void look_at_file() {
        if (path_.empty()) return;
        struct stat there {};
        if (::stat(path_.c_str(), &there) != 0 && errno == ENOENT)
            add({.is_fault = false, .what = "the file does not exist yet: the first login makes it"});
        for (const lock_holder& each : holders_of(path_ + ".lock"))
            add({.is_fault = false,
                 .what = "process " + std::to_string(each.process) + " (" + each.name + ") holds a lock of the store"});
        if (!given_.store.starts_with("file:")) return;
        try {
            file_store file(path_);
            if (given_.salvages) salvage(file);
            file.self_test();
        } catch (const std::exception& failure) {
            add_failure(failure);
        }
    }

    void salvage(file_store& file) {
        const salvage_report report = file.salvage();
        if (report.original.empty()) return;
        add({.is_fault = false,
             .what = "the file was damaged, and is repaired with " + std::to_string(report.rows) +
                     " logins; the damaged file is " + report.original});
        for (const std::string& id : report.lost)
            add({.id = id, .what = "this login was damaged and is lost: log in again"});
        if (report.may_have_lost_others) add({.what = "other logins may be lost, or older than they were"});
    }

    void look_at_clock() {
        try {
            const std::optional<std::chrono::seconds> ahead = clock_difference(given_);
            if (ahead && (*ahead > 30s || *ahead < -30s))
                add({.what = "this machine's clock is " + std::to_string(std::abs(ahead->count())) + " s " +
                             (*ahead > 0s ? "ahead of" : "behind") + " the server's",
                     .fix = "timedatectl set-ntp true"});
        } catch (const usage_error&) {
            throw;
        } catch (const std::exception& failure) {
            add_failure(failure);
        }
    }

    /// Whether another program works on the login now.
    bool is_locked(any_store& store, const token& row) {
        if (!store.locks()) return false;
        try {
            return !store.lock_token(identity_key(row), std::chrono::steady_clock::now() + 50ms);
        } catch (const error& failure) {
            if (failure.code() == errc::lock_timeout) return true;
            throw;
        }
    }

    void look_at_row(any_store& store, const token& row) {
        const std::string_view state = state_of(row, now_);
        const std::string name = row.user_name.empty() ? "row " + row.id : row.user_name;
        const auto add_of = [&](std::string what, std::string fix) {
            add({.id = row.id, .what = name + ": " + what, .fix = std::move(fix)});
        };
        if (state == "refused") add_of("the server has refused the refresh token: log in again", login_text(row));
        if (state == "revoking") add_of("the session is being revoked, which was cut off", command_text("revoke", row));
        if (state == "ended") add_of("the access token has ended, and there is no refresh token", login_text(row));
        if (state == "not exchanged")
            add_of("the login has a code that was not exchanged yet", command_text("token", row));
        if (state == "in doubt" || state == "login in doubt") look_at_marker(store, row, state == "in doubt");
        if (row.issued_at && *row.issued_at > now_ + 60s)
            add_of("the access token was issued in the future, " + distance_text(*row.issued_at, now_) +
                       ": a clock is wrong",
                   "timedatectl set-ntp true");
        if (row.refresh_expires_at && *row.refresh_expires_at <= now_ && state != "refused")
            add_of("the refresh token ended " + distance_text(*row.refresh_expires_at, now_), login_text(row));
        else if (row.refresh_expires_at && *row.refresh_expires_at <= now_ + 3 * 24h)
            add_of("the refresh token ends " + distance_text(*row.refresh_expires_at, now_),
                   command_text("refresh", row));
    }

    /// A row whose refresh or grant token was sent, and no outcome was saved.
    void look_at_marker(any_store& store, const token& row, bool is_refresh) {
        const std::string name = row.user_name.empty() ? "row " + row.id : row.user_name;
        const std::string when = distance_text(read_status(row.status).first_sent, now_);
        if (is_locked(store, row)) {
            add({.is_fault = false, .id = row.id, .what = name + ": another program works on this login now"});
            return;
        }
        finding found{.id = row.id};
        if (is_refresh) {
            found.what = name + ": a refresh began " + when + ", and its outcome is unknown";
            found.fix = command_text("doctor --settle");
        } else {
            found.what =
                name + ": a login began " + when + ", and its outcome is unknown; its code cannot be used again";
            found.fix = command_text("doctor --settle") + " && " + login_text(row);
        }
        if (given_.settles) found = is_refresh ? settle_refresh(row, name) : remove_login(store, row, name);
        add(std::move(found));
    }

    finding settle_refresh(const token& row, const std::string& name) {
        try {
            settle(given_, row);
            return {.is_fault = false, .id = row.id, .what = name + ": settled, the session goes on"};
        } catch (const error& failure) {
            if (failure.code() != errc::reauthorization_required)
                return {.id = row.id, .what = name + ": not settled: " + describe(failure)};
            return {.id = row.id, .what = name + ": settled, the session is over", .fix = login_text(row)};
        }
    }

    finding remove_login(any_store& store, const token& row, const std::string& name) {
        if (store.compares())
            store.remove_token(row);
        else
            store.delete_token(row.id);
        return {.id = row.id, .what = name + ": the login is removed: log in again", .fix = login_text(row)};
    }

    const command& given_;
    std::string path_;
    timestamp now_ = system_clock{}.now();
    std::vector<finding> findings_{};
};

} // namespace

int examine(const command& given) {
    const std::vector<finding> found = examination(given).run();
    const bool has_faults = std::any_of(found.begin(), found.end(), [](const finding& each) { return each.is_fault; });
    std::vector<std::string> objects;
    std::string text;
    for (const finding& each : found) {
        objects.push_back(json_object()
                              .add("fault", each.is_fault)
                              .add("id", each.id)
                              .add("what", each.what)
                              .add("fix", each.fix)
                              .text());
        text.append(each.is_fault ? "! " : "  ").append(printable(each.what)).append("\n");
        if (!each.fix.empty()) text.append("    ").append(printable(each.fix)).append("\n");
    }
    if (!has_faults) text += "Nothing is wrong.\n";
    print(given.as_json ? json_array(objects) + "\n" : text);
    return has_faults ? findings : success;
}

} // namespace cli
