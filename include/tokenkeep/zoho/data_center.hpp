// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ZOHO_DATA_CENTER_HPP
#define TOKENKEEP_ZOHO_DATA_CENTER_HPP

#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/url.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v0 { namespace zoho {

/// Which copy of a Zoho organisation the API works on.
enum class environment { production, sandbox, developer };

/// A region of Zoho's: where it authorizes, and where its API lies. All are URLs without a path.
struct data_center {
    std::string accounts{}, api{}, sandbox{}, developer{};
    bool allow_loopback_http = false; ///< Plain http, and only to a loopback literal: for a server under test.

    /// The URL of the API for an environment.
    const std::string& api_of(environment which) const noexcept {
        switch (which) {
        case environment::sandbox: return sandbox;
        case environment::developer: return developer;
        case environment::production: break;
        }
        return api;
    }
};

}}} // namespace tokenkeep::v0::zoho

namespace tokenkeep { inline namespace v0 { namespace detail {

inline zoho::data_center zoho_data_center(const std::string& accounts, const std::string& domain) {
    return {.accounts = "https://accounts." + accounts,
            .api = "https://www." + domain,
            .sandbox = "https://sandbox." + domain,
            .developer = "https://developer." + domain};
}

/// The registered domain that one of Zoho's own URLs lies in, such as zohoapis.com.au; empty for a URL of other hosts,
/// of whose domains nothing is known.
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

}}} // namespace tokenkeep::v0::detail

namespace tokenkeep { inline namespace v0 { namespace zoho {

inline const data_center us = detail::zoho_data_center("zoho.com", "zohoapis.com");
inline const data_center eu = detail::zoho_data_center("zoho.eu", "zohoapis.eu");
inline const data_center in = detail::zoho_data_center("zoho.in", "zohoapis.in");
inline const data_center au = detail::zoho_data_center("zoho.com.au", "zohoapis.com.au");
inline const data_center cn = detail::zoho_data_center("zoho.com.cn", "zohoapis.com.cn");
inline const data_center jp = detail::zoho_data_center("zoho.jp", "zohoapis.jp");
inline const data_center ca = detail::zoho_data_center("zohocloud.ca", "zohoapis.ca");
inline const data_center sa = detail::zoho_data_center("zoho.sa", "zohoapis.sa");
inline const data_center uk = detail::zoho_data_center("zoho.uk", "zohoapis.uk");

/// Whether an API domain belongs to a data centre: it has the origin of one of its URLs, or it is an https host within
/// one of the domains that Zoho's own URLs lie in (such as https://content.zohoapis.eu). It may be given without
/// https:// in front. Text that merely looks alike belongs to none.
inline bool belongs_to(std::string_view api_domain, const data_center& center) {
    const std::string with_scheme = api_domain.find("://") == std::string_view::npos
                                        ? "https://" + std::string(api_domain)
                                        : std::string(api_domain);
    const std::optional<text::url_parts> url = text::parse_url(with_scheme);
    if (!url || !text::is_secure_url(with_scheme, center.allow_loopback_http)) return false;
    for (const std::string* own : {&center.api, &center.accounts, &center.sandbox, &center.developer}) {
        const std::optional<text::url_parts> known = text::parse_url(*own);
        if (!known) continue;
        if (text::same_origin(*known, *url)) return true;
        if (detail::is_within(url->host, detail::zoho_domain(known->host))) return true;
    }
    return false;
}

/// The data centre that an API domain belongs to: `first` if it is that one's, else one of the nine; null if it is
/// nobody's.
inline const data_center* find_data_center(std::string_view api_domain, const data_center& first) {
    for (const data_center* center : {&first, &us, &eu, &in, &au, &cn, &jp, &ca, &sa, &uk})
        if (belongs_to(api_domain, *center)) return center;
    return nullptr;
}

}}} // namespace tokenkeep::v0::zoho

#endif
