// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ZOHO_DATA_CENTER_HPP
#define TOKENKEEP_ZOHO_DATA_CENTER_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/url.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace zoho {

/// Which copy of a Zoho organisation the API works on.
enum class environment { production, sandbox, developer };

/// A region of Zoho's: where it authorizes, and where its API is. Each member is a URL without a path.
///
/// The nine regions of Zoho are constants: us, eu, in, au, cn, jp, ca, sa and uk. A new region, or a server of your
/// own, is written out:
///   zoho::data_center ae{.accounts = "https://accounts.zoho.ae", .api = "https://www.zohoapis.ae"};
struct data_center {
    std::string accounts{};           ///< The authorization server: "https://accounts.zoho.eu".
    std::string api{};                ///< The API for environment::production: "https://www.zohoapis.eu".
    std::string sandbox{};            ///< The API for environment::sandbox.
    std::string developer{};          ///< The API for environment::developer.
    bool allow_loopback_http = false; ///< Allows plain http to a loopback address, for a server under test.

    /// The URL of the API for an environment: eu.api_of(environment::sandbox) is "https://sandbox.zohoapis.eu".
    const std::string& api_of(environment which) const noexcept {
        return which == environment::sandbox ? sandbox : which == environment::developer ? developer : api;
    }

    bool operator==(const data_center&) const = default;
};

/// A URL that is known to the compiler. It converts to std::string, and + joins it to more text:
///   std::string url = zoho::eu.accounts + "/oauth/v2/auth";
struct constant_url : std::string_view {
    using std::string_view::string_view;
    operator std::string() const { return std::string(data(), size()); }
    friend std::string operator+(constant_url url, std::string_view more) {
        return std::string(url.data(), url.size()).append(more);
    }
};

/// A data_center that is known to the compiler. It costs nothing before it is used, and converts to data_center:
///   zoho::data_center mine = zoho::eu;
struct known_data_center {
    constant_url accounts{}, api{}, sandbox{}, developer{}; ///< As in data_center.
    static constexpr bool allow_loopback_http = false;

    /// As data_center::api_of.
    constexpr constant_url api_of(environment which) const noexcept {
        return which == environment::sandbox ? sandbox : which == environment::developer ? developer : api;
    }

    operator data_center() const {
        return {.accounts = accounts, .api = api, .sandbox = sandbox, .developer = developer};
    }
};

inline constexpr known_data_center us{"https://accounts.zoho.com", "https://www.zohoapis.com",
                                      "https://sandbox.zohoapis.com", "https://developer.zohoapis.com"};
inline constexpr known_data_center eu{"https://accounts.zoho.eu", "https://www.zohoapis.eu",
                                      "https://sandbox.zohoapis.eu", "https://developer.zohoapis.eu"};
inline constexpr known_data_center in{"https://accounts.zoho.in", "https://www.zohoapis.in",
                                      "https://sandbox.zohoapis.in", "https://developer.zohoapis.in"};
inline constexpr known_data_center au{"https://accounts.zoho.com.au", "https://www.zohoapis.com.au",
                                      "https://sandbox.zohoapis.com.au", "https://developer.zohoapis.com.au"};
inline constexpr known_data_center cn{"https://accounts.zoho.com.cn", "https://www.zohoapis.com.cn",
                                      "https://sandbox.zohoapis.com.cn", "https://developer.zohoapis.com.cn"};
inline constexpr known_data_center jp{"https://accounts.zoho.jp", "https://www.zohoapis.jp",
                                      "https://sandbox.zohoapis.jp", "https://developer.zohoapis.jp"};
inline constexpr known_data_center ca{"https://accounts.zohocloud.ca", "https://www.zohoapis.ca",
                                      "https://sandbox.zohoapis.ca", "https://developer.zohoapis.ca"};
inline constexpr known_data_center sa{"https://accounts.zoho.sa", "https://www.zohoapis.sa",
                                      "https://sandbox.zohoapis.sa", "https://developer.zohoapis.sa"};
inline constexpr known_data_center uk{"https://accounts.zoho.uk", "https://www.zohoapis.uk",
                                      "https://sandbox.zohoapis.uk", "https://developer.zohoapis.uk"};

}}} // namespace tokenkeep::v1::zoho

namespace tokenkeep { inline namespace v1 { namespace detail {

/// A region of Zoho's, by the code that the redirect after a login has for it.
struct named_data_center {
    std::string_view location;
    zoho::known_data_center center;
};
inline constexpr named_data_center data_centers[] = {
    {"us", zoho::us}, {"eu", zoho::eu}, {"in", zoho::in}, {"au", zoho::au}, {"cn", zoho::cn},
    {"jp", zoho::jp}, {"ca", zoho::ca}, {"sa", zoho::sa}, {"uk", zoho::uk},
};

/// Whether the URL is that of the centre's accounts server. A Center is a data_center or a known_data_center.
template <class Center>
bool is_accounts_server(std::string_view server, const Center& center) {
    const std::optional<text::url_parts> url = text::parse_url(server), own = text::parse_url(center.accounts);
    return url && own && text::same_origin(*url, *own) && (url->target.empty() || url->target == "/");
}

/// The registered domain of a host whose URL is one of Zoho's own, such as zohoapis.com.au. Empty for every other host:
/// the library does not know who owns the domains around it.
constexpr std::string_view zoho_domain(std::string_view host) noexcept {
    const std::size_t dot = host.find('.');
    if (dot == std::string_view::npos) return {};
    const std::string_view domain = host.substr(dot + 1);
    for (const std::string_view name : {"zoho", "zohoapis", "zohocloud"})
        if (text::equal_ignoring_case(domain.substr(0, domain.find('.')), name)) return domain;
    return {};
}

/// Whether a host is that domain or lies in it, by whole labels.
constexpr bool is_within(std::string_view host, std::string_view domain) noexcept {
    if (domain.empty() || host.size() < domain.size()) return false;
    const std::size_t rest = host.size() - domain.size();
    return text::equal_ignoring_case(host.substr(rest), domain) && (rest == 0 || host[rest - 1] == '.');
}

/// See zoho::belongs_to. A Center is a data_center or a known_data_center.
template <class Center>
bool belongs_to_center(std::string_view api_domain, const Center& center) {
    const std::string with_scheme = api_domain.find("://") == std::string_view::npos
                                        ? "https://" + std::string(api_domain)
                                        : std::string(api_domain);
    const std::optional<text::url_parts> url = text::parse_url(with_scheme);
    if (!url || !text::is_secure_url(with_scheme, center.allow_loopback_http)) return false;
    for (const std::string_view own : {std::string_view(center.api), std::string_view(center.accounts),
                                       std::string_view(center.sandbox), std::string_view(center.developer)}) {
        const std::optional<text::url_parts> known = text::parse_url(own);
        if (!known) continue;
        if (text::same_origin(*known, *url)) return true;
        if (is_within(url->host, zoho_domain(known->host))) return true;
    }
    return false;
}

}}} // namespace tokenkeep::v1::detail

namespace tokenkeep { inline namespace v1 { namespace zoho {

/// Whether an API domain belongs to a data centre. It does if it has the origin of one of the centre's URLs. It also
/// does if it is an https host in a domain that Zoho's own URLs of that centre are in, such as
/// https://content.zohoapis.eu. "https://" may be left out. Text that only looks like such a domain does not belong.
///   belongs_to("content.zohoapis.eu", zoho::eu)          // true
///   belongs_to("https://zohoapis.eu.evil.com", zoho::eu) // false
inline bool belongs_to(std::string_view api_domain, const data_center& center) {
    return detail::belongs_to_center(api_domain, center);
}

/// The data centre that an API domain belongs to: `first` if it belongs to that one, otherwise one of Zoho's nine.
/// nullopt if it belongs to none.
///   find_data_center("https://www.zohoapis.jp", zoho::eu) == zoho::jp   // true
inline std::optional<data_center> find_data_center(std::string_view api_domain, const data_center& first) {
    if (belongs_to(api_domain, first)) return first;
    for (const detail::named_data_center& known : detail::data_centers)
        if (detail::belongs_to_center(api_domain, known.center)) return known.center;
    return std::nullopt;
}

}}} // namespace tokenkeep::v1::zoho

#endif
