// SPDX-License-Identifier: MIT
// A transport over libcurl, 7.84 or newer, to be copied and adapted. Link with libcurl.
#ifndef TOKENKEEP_EXAMPLES_TRANSPORTS_CURL_HPP
#define TOKENKEEP_EXAMPLES_TRANSPORTS_CURL_HPP

#include <tokenkeep/tokenkeep.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <curl/curl.h>

/// Sends each request over a connection of its own. So one object serves any number of threads, and no request meets a
/// connection that has died while it was idle.
///
/// It keeps the duties of a transport: it verifies certificates and host names, gives redirects as they are, ends
/// within the request's timeout, and limits the answer: its headers and its body have at most max_answer bytes each. A
/// failure counts as "not sent" until libcurl has a connection and is about to write the request. Messages name the
/// kind of failure, never a URL, a header or a body. libcurl takes proxies from the environment.
class curl_transport {
  public:
    static constexpr std::size_t max_answer = 1024 * 1024;

    /// Trusts the certificates of the system, or those in a PEM file: `curl_transport transport{"/etc/our-ca.pem"};`
    explicit curl_transport(std::string ca_file = {}) : ca_file_(std::move(ca_file)) {}

    /// Throws tokenkeep::transport_error if there is no answer.
    tokenkeep::http_response operator()(const tokenkeep::http_request& request) const {
        const std::string& method = request.method;
        if (!tokenkeep::text::parse_url(request.url) ||
            method.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != method.npos)
            throw tokenkeep::transport_error("the URL or the method is not one of HTTP", false);
        static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT); // once, for all threads
        const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl{curl_easy_init(), curl_easy_cleanup};
        if (ready != CURLE_OK || !curl) throw tokenkeep::transport_error("libcurl cannot be used", false);
        const auto set = [&curl](CURLoption option, auto value) {
            if (curl_easy_setopt(curl.get(), option, value) != CURLE_OK)
                throw tokenkeep::transport_error("libcurl refuses the request", false);
        };

        set(CURLOPT_SSL_VERIFYPEER, 1L);
        set(CURLOPT_SSL_VERIFYHOST, 2L);
        if (!ca_file_.empty()) set(CURLOPT_CAINFO, ca_file_.c_str());
        set(CURLOPT_FOLLOWLOCATION, 0L);
        set(CURLOPT_NOSIGNAL, 1L); // signals and threads do not go together
        // To libcurl a timeout of zero means none, so the least is a millisecond.
        set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::clamp<long long>(request.timeout.count(), 1, 86'400'000)));
#if LIBCURL_VERSION_NUM >= 0x075700
        set(CURLOPT_QUICK_EXIT, 1L); // a look-up of the host that takes longer is not waited for
#endif
        const header_list headers = headers_of(request);
        set(CURLOPT_URL, request.url.c_str());
        set(CURLOPT_HTTPHEADER, headers.get());
        if (method == "HEAD") set(CURLOPT_NOBODY, 1L);
        if (!request.body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
            set(CURLOPT_POSTFIELDS, request.body.c_str());
            set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        }
        set(CURLOPT_CUSTOMREQUEST, method.c_str());
        bool connected = false;
        const auto on_connection = [](void* is_connected, char*, char*, int, int) {
            *static_cast<bool*>(is_connected) = true;
            return CURL_PREREQFUNC_OK;
        };
        set(CURLOPT_PREREQDATA, &connected);
        set(CURLOPT_PREREQFUNCTION, +on_connection);
        const auto take = [](char* bytes, std::size_t, std::size_t count, void* part) -> std::size_t {
            auto& text = *static_cast<std::string*>(part); // with room for max_answer bytes: append does not throw
            if (count > max_answer - text.size()) return 0;
            text.append(bytes, count);
            return count;
        };
        std::string head, body;
        for (std::string* part : {&head, &body}) part->reserve(max_answer);
        set(CURLOPT_HEADERDATA, &head);
        set(CURLOPT_WRITEDATA, &body);
        set(CURLOPT_WRITEFUNCTION, +take); // libcurl calls it for headers, too

        const CURLcode result = curl_easy_perform(curl.get());
        if (result == CURLE_WRITE_ERROR) throw tokenkeep::transport_error("the answer is too large");
        if (result != CURLE_OK) throw tokenkeep::transport_error(curl_easy_strerror(result), connected);
        if (head.find("\n\r\n") == head.npos) throw tokenkeep::transport_error("the answer has no end of its headers");
        long status = 0;
        curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
        tokenkeep::http_response response{.status = static_cast<int>(status), .body = std::move(body)};
        curl_header* header = nullptr;
        while ((header = curl_easy_nextheader(curl.get(), CURLH_HEADER, -1, header)) != nullptr)
            response.headers.push_back({header->name, header->value});
        return response;
    }

  private:
    using header_list = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

    static header_list headers_of(const tokenkeep::http_request& request) {
        std::vector<std::string> lines;
        if (tokenkeep::find_header(request.headers, "Content-Type").empty()) lines.push_back("Content-Type:"); // none
        for (const auto& [name, value] : request.headers)
            lines.push_back(value.empty() ? name + ";" : name + ": " + value); // as libcurl spells them
        header_list list{nullptr, curl_slist_free_all};
        for (const std::string& line : lines) {
            if (line.find_first_of(std::string_view("\r\n\0", 3)) != line.npos)
                throw tokenkeep::transport_error("a header contains a line break", false);
            curl_slist* const whole = curl_slist_append(list.get(), line.c_str());
            if (!list) list.reset(whole);
            if (whole == nullptr) throw tokenkeep::transport_error("out of memory", false);
        }
        return list;
    }

    std::string ca_file_;
};

#endif
