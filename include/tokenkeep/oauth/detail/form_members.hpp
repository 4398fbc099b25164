// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_DETAIL_FORM_MEMBERS_HPP
#define TOKENKEEP_OAUTH_DETAIL_FORM_MEMBERS_HPP

#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/text/form.hpp>
#include <tokenkeep/text/json.hpp>
#include <tokenkeep/text/utf8.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Whether a part of a form can be decoded: two hexadecimal digits follow each percent sign, and the result is UTF-8.
inline bool is_form_encoded(std::string_view part, std::string_view decoded) noexcept {
    for (std::size_t i = 0; i < part.size(); ++i)
        if (part[i] == '%' &&
            (part.size() - i < 3 || text::hex_value(part[i + 1]) < 0 || text::hex_value(part[i + 2]) < 0))
            return false;
    return text::is_utf8(decoded);
}

/// Whether a text can be the name of a form's pair, as it is written.
inline bool is_form_name(std::string_view name) noexcept {
    for (const char c : name)
        if (!is_form_plain(c) && c != '%' && c != '+') return false;
    return true;
}

/// A response of a token endpoint that is a form, as GitHub sends by default.
struct form_members {
    wiping_string json{};   ///< The form as a JSON object of strings. Empty if the text is not such a form.
    bool lost_some = false; ///< Whether a pair could not be decoded. It is left out.

    /// A text is such a form if each piece between & begins with a name, and one of the names is access_token,
    /// refresh_token or error.
    static form_members of(std::string_view form) {
        form_members result;
        bool is_response = false;
        result.json.push_back('{');
        while (!form.empty()) {
            const std::string_view piece = form.substr(0, form.find('&'));
            form.remove_prefix(piece.size() < form.size() ? piece.size() + 1 : piece.size());
            const std::string_view name = piece.substr(0, piece.find('='));
            if (!is_form_name(name)) return {};
            if (name.size() == piece.size()) continue; // no value
            const std::string_view value = piece.substr(name.size() + 1);
            std::string plain_name = form_decoded(name), plain_value = form_decoded(value);
            const wipe_at_exit value_is_wiped(plain_value);
            is_response =
                is_response || plain_name == "access_token" || plain_name == "refresh_token" || plain_name == "error";
            if (!is_form_encoded(name, plain_name) || !is_form_encoded(value, plain_value)) {
                result.lost_some = true;
                continue;
            }
            if (result.json.size() > 1) result.json.push_back(',');
            text::append_json_string(result.json, plain_name);
            result.json.push_back(':');
            text::append_json_string(result.json, plain_value);
        }
        if (!is_response) return {};
        result.json.push_back('}');
        return result;
    }
};

}}} // namespace tokenkeep::v1::detail

#endif
