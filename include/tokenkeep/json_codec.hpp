// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_JSON_CODEC_HPP
#define TOKENKEEP_JSON_CODEC_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/error.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/json.hpp>
#include <tokenkeep/token.hpp>

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tokenkeep { inline namespace v1 {

/// All tokens as one JSON document. `tokenkeep` is the version of the format. `tokens` is the list of rows. A row has a
/// member for each field that is not empty, under the field's stored name. Times are numbers: milliseconds since 1970,
/// UTC. Everything else is text. The version is 1 as long as no row has a field that came with tokenkeep 0.2 (see
/// CHANGELOG.md), and else 2.
/// `{"tokenkeep":1,"tokens":[{"id":"...","user_name":"...","expiry_time":1700000000000}]}`
/// Model of document_codec.
struct json_codec {
    static constexpr std::string_view scheme = "json"; ///< Of a text_file with this codec; see open_store.

    /// The document of these rows. Throws errc::invalid_record if a text is not UTF-8, as JSON cannot carry it.
    ///   secret document = json_codec::encode(store.get_tokens());   // to export a store
    static secret encode(const std::vector<token>& rows) {
        detail::wiping_string out = "{\"tokenkeep\":";
        out.append(std::to_string(version_of(rows))).append(",\"tokens\":[");
        for (const token& row : rows) {
            out += &row == rows.data() ? "\n{" : ",\n{";
            const char* separator = "";
            for (const field& f : fields) {
                if (f.visit([&](auto member) { return detail::is_absent(row.*member); })) continue;
                out.append(separator).append("\"").append(f.name).append("\":");
                f.visit([&](auto member) { append(out, row.*member); });
                separator = ",";
            }
            out += '}';
        }
        out += "]}\n";
        return secret(std::string_view(out));
    }

    /// The rows of a document. Throws errc::storage_corrupt if the document is damaged or empty, has a byte order mark,
    /// or was written by another program, and errc::unsupported_version if it has a version, a part or a field that
    /// this version of the library does not know.
    ///   std::vector<token> rows = json_codec::decode(document.reveal());
    static std::vector<token> decode(std::string_view document) {
        if (document.starts_with("\xef\xbb\xbf"))
            throw damaged("begins with a byte order mark; save it as UTF-8 without one");
        if (document.empty()) throw damaged("is empty; restore it, or remove it if no tokens are missed");
        const auto parsed = text::parse_json(document);
        if (!parsed)
            throw damaged("is not JSON from byte " + std::to_string(parsed.offset) +
                          " on; restore it, or name another file if this one is not a tokenkeep document");
        const bool is_ours = parsed.value.kind() == text::json_kind::object && parsed.value.find("tokenkeep");
        if (!is_ours) throw damaged("is not a tokenkeep document and stays as it is; name another file");
        const auto version = member(parsed.value, "tokenkeep").integer();
        if (version && *version > detail::version_of_fields())
            throw error(errc::unsupported_version, "tokenkeep: the document is of a newer version");
        const text::json_value list = member(parsed.value, "tokens");
        if (!version || *version < 1 || list.kind() != text::json_kind::array) throw damaged("has no list of tokens");
        parsed.value.for_each_member([](const text::json_value& name, const text::json_value&) {
            if (!name.is_text("tokenkeep") && !name.is_text("tokens"))
                throw error(errc::unsupported_version, "tokenkeep: the document has a part this version does not know");
        });
        std::vector<token> rows;
        list.for_each_element([&](const text::json_value& row) { rows.push_back(read_row(row)); });
        std::set<std::string_view> ids;
        for (const token& row : rows)
            if (!ids.insert(row.id).second) throw damaged("has two tokens of one id");
        return rows;
    }

  private:
    /// The version that has every field of these rows.
    static unsigned version_of(const std::vector<token>& rows) {
        unsigned version = 1;
        for (const token& row : rows)
            for (const field& f : fields)
                if (f.since > version && !f.visit([&](auto member) { return detail::is_absent(row.*member); }))
                    version = f.since;
        return version;
    }

    static error damaged(const std::string& how) {
        return error(errc::storage_corrupt, "tokenkeep: the document " + how);
    }

    static text::json_value member(const text::json_value& object, std::string_view name) {
        const auto found = object.kind() == text::json_kind::object ? object.find(name) : std::nullopt;
        if (!found) throw damaged("lacks a member it must have");
        return *found;
    }

    static token read_row(const text::json_value& object) {
        if (object.kind() != text::json_kind::object) throw damaged("has a token that is no object");
        token row;
        object.for_each_member([&](const text::json_value& name, const text::json_value& value) {
            for (const field& f : fields)
                if (name.is_text(f.name)) return f.visit([&](auto at) { read(value, row.*at); });
            throw error(errc::unsupported_version, "tokenkeep: the document has a field this version does not know");
        });
        if (row.id.empty()) throw damaged("has a token without an id");
        return row;
    }

    static void read(const text::json_value& value, std::string& out) {
        if (value.kind() != text::json_kind::string) throw damaged("has a field of another type");
        out = value.text();
    }
    static void read(const text::json_value& value, secret& out) {
        if (value.kind() != text::json_kind::string) throw damaged("has a field of another type");
        out = secret::build(value.raw().size(), [&](char* to) { return value.copy_text(to); });
    }
    static void read(const text::json_value& value, std::optional<timestamp>& out) {
        const auto count = value.integer();
        if (!count) throw damaged("has a time that is no number");
        out = timestamp{std::chrono::milliseconds{*count}};
    }

    static void append(detail::wiping_string& out, const std::string& value) { append_text(out, value); }
    static void append(detail::wiping_string& out, const secret& value) { append_text(out, value.reveal()); }
    static void append(detail::wiping_string& out, const std::optional<timestamp>& value) {
        out.append(to_text(*value));
    }
    static void append_text(detail::wiping_string& out, std::string_view value) {
        if (!text::is_utf8(value))
            throw error(errc::invalid_record, "tokenkeep: JSON cannot carry text that is not UTF-8");
        text::append_json_string(out, value);
    }
};

}} // namespace tokenkeep::v1

#endif
