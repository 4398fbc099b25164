// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_SERVER_URL_HPP
#define TOKENKEEP_DETAIL_STORE_SERVER_URL_HPP

#include <tokenkeep/text/form.hpp>

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// What follows the scheme in the URL of a store on a server: `//user@host:port/path?name=value&...`. Only the two
/// slashes must be there.
struct server_url {
    std::string user{}, host{}, path{}; ///< Empty if the URL does not have them.
    unsigned port = 0;                  ///< 0 if the URL does not have it.
    std::vector<std::pair<std::string, std::string>> options{};
};

/// A number from 1 to `most`; nullopt if this is none.
inline std::optional<unsigned> number_in_url(std::string_view digits, unsigned most) {
    unsigned number = 0;
    const char* const end = digits.data() + digits.size();
    const auto [rest, failure] = std::from_chars(digits.data(), end, number);
    if (failure != std::errc() || rest != end || number == 0 || number > most) return std::nullopt;
    return number;
}

/// nullopt if this cannot be read, or if there is a password beside the user.
inline std::optional<server_url> read_server_url(std::string_view what_follows) {
    if (!what_follows.starts_with("//")) return std::nullopt;
    what_follows.remove_prefix(2);
    const std::string_view authority = what_follows.substr(0, what_follows.find_first_of("/?"));
    const std::string_view path = what_follows.substr(authority.size(), what_follows.find('?') - authority.size());
    const std::size_t at = authority.rfind('@');
    const std::string_view user = authority.substr(0, at == std::string_view::npos ? 0 : at);
    const std::string_view place = authority.substr(at == std::string_view::npos ? 0 : at + 1);
    const bool is_address = place.starts_with('[');
    const std::string_view host = place.substr(0, is_address ? place.find(']') + 1 : place.find(':'));
    const std::string_view port = place.substr(host.size());
    if (user.find(':') != std::string_view::npos || is_address != host.ends_with(']')) return std::nullopt;

    server_url read{.user = form_decoded(user, '+'),
                    .host = std::string(is_address ? host.substr(1, host.size() - 2) : host)};
    if (!port.empty()) {
        const std::optional<unsigned> number = number_in_url(port.substr(1), 65'535);
        if (!number || port.front() != ':') return std::nullopt;
        read.port = *number;
    }
    if (!path.empty()) read.path = form_decoded(path.substr(1), '+');
    const std::size_t query = authority.size() + path.size();
    if (query < what_follows.size()) {
        auto options = text::from_form(what_follows.substr(query + 1), '+');
        if (!options) return std::nullopt;
        read.options = *std::move(options);
    }
    return read;
}

}}} // namespace tokenkeep::v1::detail

#endif
