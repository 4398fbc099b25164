// SPDX-License-Identifier: MIT
#include "print.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <system_error>

namespace cli {

namespace {

std::string padded(long long number, std::size_t width) {
    const std::string digits = std::to_string(number);
    return std::string(width - (std::min)(width, digits.size()), '0') + digits;
}

/// Calls visit(name, text) for each field that the row has.
template <class Visit>
void for_each_field(const token& row, bool reveals, Visit visit) {
    for (const field& f : fields) {
        std::string text;
        if (f.secret_text != nullptr)
            text = shown(row.*f.secret_text, reveals);
        else if (f.time != nullptr)
            text = row.*f.time ? date_text(*(row.*f.time)) : "";
        else if (f.text == &token::seed && !row.seed.empty() && !reveals)
            text = "#" + row.seed.substr(0, 8);
        else
            text = row.*f.text;
        if (!text.empty()) visit(f.name, text);
    }
}

} // namespace

json_object& json_object::add(std::string_view name, std::string_view text) {
    std::string json;
    text::append_json_string(json, std::string(text));
    return add_raw(name, json);
}

json_object& json_object::add_raw(std::string_view name, std::string_view json) {
    if (members_.size() > 1) members_ += ", ";
    text::append_json_string(members_, std::string(name));
    members_.append(": ").append(json);
    return *this;
}

std::string json_array(const std::vector<std::string>& values) {
    std::string json;
    for (const std::string& value : values) json.append(json.empty() ? "" : ",\n ").append(value);
    return "[" + json + "]";
}

std::string json_texts(const std::vector<std::string>& texts) {
    std::vector<std::string> values;
    for (const std::string& each : texts) text::append_json_string(values.emplace_back(), each);
    return json_array(values);
}

std::string printable(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string line;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f)
            line += c;
        else
            line.append("\\x").append(1, hex[byte / 16]).append(1, hex[byte % 16]);
    }
    return line;
}

std::string shown(const secret& value, bool reveals) {
    if (value.empty()) return {};
    return reveals ? std::string(value.reveal()) : "#" + value.fingerprint();
}

std::string date_text(timestamp time) {
    using namespace std::chrono;
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss clock{floor<seconds>(time - day)};
    return padded(static_cast<int>(date.year()), 4) + "-" + padded(static_cast<unsigned>(date.month()), 2) + "-" +
           padded(static_cast<unsigned>(date.day()), 2) + "T" + padded(clock.hours().count(), 2) + ":" +
           padded(clock.minutes().count(), 2) + ":" + padded(clock.seconds().count(), 2) + "Z";
}

std::string distance_text(timestamp time, timestamp now) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time - now).count();
    const auto size = seconds < 0 ? -seconds : seconds;
    const std::string amount = size < 120       ? std::to_string(size) + " s"
                               : size < 7'200   ? std::to_string(size / 60) + " min"
                               : size < 172'800 ? std::to_string(size / 3'600) + " h"
                                                : std::to_string(size / 86'400) + " days";
    return seconds < 0 ? amount + " ago" : "in " + amount;
}

std::string_view state_of(const token& row, timestamp now) {
    const token_status status = read_status(row.status);
    const bool has_tokens = !row.access_token.empty() || !row.refresh_token.empty();
    if (!has_tokens && !row.grant_token.empty())
        return status.kind == status_kind::spend && status.is_about(row.grant_token) ? "login in doubt"
                                                                                     : "not exchanged";
    if (status.is_about(row.refresh_token)) {
        if (status.kind == status_kind::refused) return "refused";
        if (status.kind == status_kind::revoking) return "revoking";
        return "in doubt";
    }
    if (!row.access_token.empty() && (!row.expires_at || *row.expires_at > now)) return "fresh";
    const bool is_of_client = row.user_name.empty() && !row.seed.empty() && row.refresh_token.empty();
    return row.refresh_token.empty() && !is_of_client ? "ended" : "due";
}

std::string json_of(const token& row, bool reveals) {
    json_object json;
    for_each_field(row, reveals, [&](std::string_view name, const std::string& text) { json.add(name, text); });
    json.add("state", state_of(row, system_clock{}.now()));
    return json.text();
}

std::string lines_of(const token& row, bool reveals) {
    std::vector<std::vector<std::string>> lines;
    const timestamp now = system_clock{}.now();
    for_each_field(row, reveals, [&](std::string_view name, const std::string& text) {
        lines.push_back({std::string(name), text});
    });
    lines.push_back({"state", std::string(state_of(row, now))});
    if (row.expires_at) lines.push_back({"access token ends", distance_text(*row.expires_at, now)});
    return table_text(lines);
}

std::string table_text(const std::vector<std::vector<std::string>>& lines) {
    std::vector<std::size_t> widths;
    for (const auto& line : lines)
        for (std::size_t n = 0; n < line.size(); ++n) {
            if (widths.size() == n) widths.push_back(0);
            widths[n] = (std::max)(widths[n], printable(line[n]).size());
        }
    std::string text;
    for (const auto& line : lines) {
        for (std::size_t n = 0; n < line.size(); ++n) {
            const std::string cell = printable(line[n]);
            text += cell;
            if (n + 1 < line.size()) text.append(widths[n] - cell.size() + 2, ' ');
        }
        text += '\n';
    }
    return text;
}

void print(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot write the output");
}

void print_error(std::string_view line) { std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data()); }

} // namespace cli
