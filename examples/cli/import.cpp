// SPDX-License-Identifier: MIT
#include "import.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace cli {

namespace {

using text::json_value;

error damaged(const std::string& what) { return error(errc::storage_corrupt, "tokenkeep: the file " + what); }

/// The text of a member. Empty if there is none, or if it is not a string.
std::string text_of(const json_value& object, const char* name) {
    const std::optional<json_value> found = object.find(name);
    return found ? found->text() : std::string();
}

secret secret_of(const json_value& object, const char* name) {
    const std::optional<json_value> found = object.find(name);
    if (!found) return {};
    return secret::build(found->text_size(), [&](char* out) { return found->copy_text(out); });
}

/// A number, also one that is written as a string.
std::optional<double> number_of(const json_value& object, const char* name) {
    const std::optional<json_value> found = object.find(name);
    if (!found) return std::nullopt;
    const std::string digits = found->kind() == text::json_kind::string ? found->text() : std::string(found->raw());
    char* end = nullptr;
    const double number = std::strtod(digits.c_str(), &end);
    if (digits.empty() || *end != '\0' || !std::isfinite(number) || std::abs(number) > 1e15) return std::nullopt;
    return number;
}

timestamp time_of_seconds(double seconds) {
    return timestamp{std::chrono::milliseconds(static_cast<long long>(seconds * 1'000))};
}

/// A date. Some programs write it without a zone, or with UTC in place of Z. A date that cannot be read becomes 1970:
/// the token is then refreshed, and not trusted. Nullopt if there is none; Go writes the year 1 then.
std::optional<timestamp> date_of(const json_value& object, const char* name) {
    std::string date = text_of(object, name);
    if (date.empty() || date.starts_with("0001-")) return std::nullopt;
    if (date.ends_with("UTC")) date.replace(date.size() - 3, 3, "Z");
    std::optional<std::chrono::sys_seconds> read = text::parse_date(date);
    if (!read) read = text::parse_date(date + "Z");
    return read ? timestamp(*read) : timestamp{};
}

/// The members that all files of OAuth responses have.
token plain_row(const json_value& object) {
    return {.refresh_token = secret_of(object, "refresh_token"),
            .access_token = secret_of(object, "access_token"),
            .scope = text_of(object, "scope"),
            .token_type = text_of(object, "token_type")};
}

/// golang.org/x/oauth2: `expiry` is a date.
std::vector<token> read_golang(const json_value& object) {
    token row = plain_row(object);
    row.expires_at = date_of(object, "expiry");
    return {row};
}

/// google-auth-library for Node: `expiry_date` counts milliseconds.
std::vector<token> read_node(const json_value& object) {
    token row = plain_row(object);
    if (const auto milliseconds = number_of(object, "expiry_date"))
        row.expires_at = time_of_seconds(*milliseconds / 1'000);
    return {row};
}

/// spotipy: `expires_at` counts seconds.
std::vector<token> read_spotipy(const json_value& object) {
    token row = plain_row(object);
    if (const auto seconds = number_of(object, "expires_at")) row.expires_at = time_of_seconds(*seconds);
    return {row};
}

/// google-auth for Python, and gcloud's authorized_user.
std::vector<token> read_google(const json_value& object) {
    token row = plain_row(object);
    if (row.access_token.empty()) row.access_token = secret_of(object, "token");
    row.user_name = text_of(object, "account");
    row.client_id = text_of(object, "client_id");
    row.client_secret = secret_of(object, "client_secret");
    row.expires_at = date_of(object, "expiry");
    if (const auto scopes = object.find("scopes"))
        scopes->for_each_element(
            [&row](const json_value& scope) { row.scope.append(row.scope.empty() ? "" : " ").append(scope.text()); });
    return {row};
}

/// The AWS command line's cache of its single sign-on.
std::vector<token> read_aws(const json_value& object) {
    return {{.client_id = text_of(object, "clientId"),
             .client_secret = secret_of(object, "clientSecret"),
             .refresh_token = secret_of(object, "refreshToken"),
             .access_token = secret_of(object, "accessToken"),
             .token_type = "Bearer",
             .expires_at = date_of(object, "expiresAt")}};
}

/// The cache of Microsoft's libraries (MSAL). A row for each account and client: its refresh token, and of its access
/// tokens the one that lasts longest.
std::vector<token> read_msal(const json_value& object) {
    std::map<std::string, std::string> user_of;
    const auto for_each = [&object](const char* kind, auto visit) {
        if (const auto entries = object.find(kind))
            entries->for_each_member([&](const json_value&, const json_value& entry) { visit(entry); });
    };
    for_each("Account",
             [&](const json_value& entry) { user_of[text_of(entry, "home_account_id")] = text_of(entry, "username"); });
    std::map<std::pair<std::string, std::string>, token> rows;
    const auto row_of = [&](const json_value& entry) -> token& {
        const std::string account = text_of(entry, "home_account_id"), client = text_of(entry, "client_id");
        token& row = rows[{account, client}];
        row.user_name = user_of[account];
        row.client_id = client;
        return row;
    };
    for_each("RefreshToken",
             [&](const json_value& entry) { row_of(entry).refresh_token = secret_of(entry, "secret"); });
    for_each("AccessToken", [&](const json_value& entry) {
        token& row = row_of(entry);
        const timestamp ends = time_of_seconds(number_of(entry, "expires_on").value_or(0));
        if (row.expires_at && *row.expires_at >= ends) return;
        row.access_token = secret_of(entry, "secret");
        row.token_type = text_of(entry, "token_type");
        row.scope = text_of(entry, "target");
        row.expires_at = ends;
    });
    std::vector<token> list;
    for (auto& [key, row] : rows) list.push_back(std::move(row));
    return list;
}

std::vector<token> read_zoho(std::string_view text) {
    try {
        return zoho::csv::decode(text);
    } catch (const error&) {
        return zoho::unquoted_csv::decode(text); // of the SDKs that write no quotes
    }
}

/// rclone.conf: the member `token` of a section is Go's JSON.
std::vector<token> read_rclone(std::string_view text, const std::string& wanted) {
    std::map<std::string, std::string_view, std::less<>> tokens;
    std::string section;
    while (!text.empty()) {
        const std::string_view line = text::trim(text.substr(0, text.find('\n')));
        text.remove_prefix((std::min)(text.size(), text.find('\n') == text.npos ? text.size() : text.find('\n') + 1));
        if (line.starts_with('[') && line.ends_with(']')) section = line.substr(1, line.size() - 2);
        const std::size_t sign = line.find('=');
        if (sign != line.npos && text::trim(line.substr(0, sign)) == "token")
            tokens[section] = text::trim(line.substr(sign + 1));
    }
    if (tokens.empty()) throw damaged("has no section with a token");
    if (wanted.empty() && tokens.size() > 1) {
        std::string names;
        for (const auto& [name, json] : tokens) names += " " + name;
        throw usage_error("the file has several tokens; say which: --section, one of" + names);
    }
    const auto found = wanted.empty() ? tokens.begin() : tokens.find(wanted);
    if (found == tokens.end()) throw usage_error("the file has no token in a section of that name");
    const text::json_result read = text::parse_json(found->second);
    if (!read) throw damaged("has a token that is not JSON");
    return read_golang(read.value);
}

/// A format of JSON, and how it is known: the member that only it has.
struct json_format {
    const char *name, *mark;
    std::vector<token> (*read)(const json_value&);
};
constexpr json_format json_formats[] = {
    {"msal", "RefreshToken", read_msal},     {"msal", "AccessToken", read_msal},
    {"aws-sso", "accessToken", read_aws},    {"google", "token_uri", read_google},
    {"google", "client_id", read_google},    {"node", "expiry_date", read_node},
    {"spotipy", "expires_at", read_spotipy}, {"golang", "access_token", read_golang},
};

std::vector<token> read_json(std::string_view text, const std::string& format) {
    const text::json_result read = text::parse_json(text);
    if (!read || read.value.kind() != text::json_kind::object) throw damaged("is not a JSON object");
    for (const json_format& known : json_formats)
        if (format.empty() ? read.value.find(known.mark).has_value() : format == known.name)
            return known.read(read.value);
    throw damaged("is not one of the kinds of JSON that are known: " + format_names());
}

std::vector<token> read_rows(std::string_view text, const std::string& format, const std::string& section) {
    const std::string_view begin = text::trim(text.substr(0, 200));
    const bool is_known = format.empty();
    if (format == "tokenkeep" || (is_known && begin.starts_with("{\"tokenkeep\""))) return json_codec::decode(text);
    if (format == "zoho-csv" || (is_known && (begin.starts_with("id,") || begin.starts_with("\"id\","))))
        return read_zoho(text);
    if (format == "rclone" || (is_known && !begin.starts_with('{'))) return read_rclone(text, section);
    return read_json(text, format);
}

} // namespace

std::string format_names() {
    std::string names = "tokenkeep, rclone, zoho-csv";
    std::set<std::string_view> seen;
    for (const json_format& known : json_formats)
        if (seen.insert(known.name).second) names.append(", ").append(known.name);
    return names;
}

std::vector<token> read_token_file(std::string_view text, const std::string& format, const std::string& section) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    std::vector<token> rows = read_rows(text, format, section);
    for (token& row : rows) {
        row.id.clear();
        if (row.access_token.empty() && row.refresh_token.empty() && row.grant_token.empty())
            throw damaged("has a login without any token");
        // A program that gives the keeper this refresh token means this row.
        if (row.seed.empty() && !row.refresh_token.empty()) row.seed = text::sha256_hex(row.refresh_token.reveal());
    }
    if (rows.empty()) throw damaged("has no login");
    return rows;
}

} // namespace cli
