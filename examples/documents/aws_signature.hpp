// SPDX-License-Identifier: MIT
// The signature that AWS wants at each request: Signature Version 4. To be copied, with service.hpp.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
#ifndef TOKENKEEP_EXAMPLES_DOCUMENTS_AWS_SIGNATURE_HPP
#define TOKENKEEP_EXAMPLES_DOCUMENTS_AWS_SIGNATURE_HPP

#include "service.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <map>

/// Who signs. The session token is empty for keys that last.
struct aws_credentials {
    std::string access_key_id{};
    tokenkeep::secret secret_access_key{}, session_token{};
};

/// Signs a request with Signature Version 4, all its headers included. The URL has no query, and its path no character
/// that would be encoded: Secrets Manager has the path / only.
inline void sign_for_aws(tokenkeep::http_request& request, const aws_credentials& by, const std::string& region,
                         const std::string& service, std::chrono::sys_seconds now) {
    const auto midnight = std::chrono::floor<std::chrono::days>(now);
    const std::chrono::year_month_day date(midnight);
    const std::chrono::hh_mm_ss time(now - midnight);
    char moment[40];
    std::snprintf(moment, sizeof moment, "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()));
    const std::string day(moment, 8);
    request.headers.push_back({"X-Amz-Date", moment});
    if (!by.session_token.empty())
        request.headers.push_back(service::header_of("X-Amz-Security-Token", "", by.session_token));

    const auto parsed = tokenkeep::text::parse_url(request.url);
    if (!parsed)
        throw tokenkeep::error(tokenkeep::errc::storage_failure, "tokenkeep: this is not a region of AWS: " + region);
    const tokenkeep::text::url_parts& url = *parsed;
    std::map<std::string, std::string> headers{
        {"host", std::string(url.host) + (url.port.empty() ? "" : ':' + std::string(url.port))}};
    for (const tokenkeep::http_header& header : request.headers) {
        std::string name = header.name;
        for (char& c : name) c = tokenkeep::text::to_lower(c);
        headers[name] = header.value;
    }
    std::string lines, names;
    lines.reserve(1024 + by.session_token.size());
    for (auto& [name, value] : headers) {
        lines.append(name).append(":").append(value).append("\n");
        names.append(names.empty() ? "" : ";").append(name);
        service::wipe(value);
    }
    const std::string scope = day + '/' + region + '/' + service + "/aws4_request";
    std::string canonical;
    canonical.reserve(lines.size() + names.size() + url.target.size() + 128);
    canonical.append(request.method).append("\n").append(url.target.empty() ? "/" : url.target).append("\n\n");
    canonical.append(lines).append("\n").append(names).append("\n");
    canonical.append(tokenkeep::text::sha256_hex(request.body));
    const std::string to_sign =
        "AWS4-HMAC-SHA256\n" + std::string(moment) + '\n' + scope + '\n' + tokenkeep::text::sha256_hex(canonical);
    service::wipe(lines);
    service::wipe(canonical);

    tokenkeep::secret key = tokenkeep::secret::build(4 + by.secret_access_key.size(), [&](char* out) {
        std::string_view("AWS4").copy(out, 4);
        return 4 + by.secret_access_key.reveal().copy(out + 4, by.secret_access_key.size());
    });
    for (const std::string_view part : {std::string_view(day), std::string_view(region), std::string_view(service),
                                        std::string_view("aws4_request"), std::string_view(to_sign)})
        key = tokenkeep::secret::build(32, [&](char* out) {
            const auto mac = tokenkeep::text::hmac_sha256(key.reveal(), part);
            return static_cast<std::size_t>(std::copy(mac.begin(), mac.end(), out) - out);
        });
    std::string signature;
    for (const char byte : key.reveal()) {
        const auto value = static_cast<unsigned char>(byte);
        (signature += "0123456789abcdef"[value >> 4]) += "0123456789abcdef"[value & 15];
    }
    request.headers.push_back({"Authorization", "AWS4-HMAC-SHA256 Credential=" + by.access_key_id + '/' + scope +
                                                    ", SignedHeaders=" + names + ", Signature=" + signature});
}

#endif
