// SPDX-License-Identifier: MIT
// A transport over libcurl, 7.61 or newer, to be copied and adapted. Link with libcurl.
#ifndef TOKENKEEP_EXAMPLES_CURL_TRANSPORT_HPP
#define TOKENKEEP_EXAMPLES_CURL_TRANSPORT_HPP

#include <tokenkeep/tokenkeep.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <curl/curl.h>

/// Sends each request over a connection of its own, so that one object serves any number of threads and a connection
/// that was left idle and has died is never met.
///
/// It keeps the duties of a transport: certificates and host names are verified, redirects are returned and not
/// followed, the whole exchange keeps to the request's timeout, and an answer beyond max_answer bytes is an error.
/// Messages name the kind of failure, never a URL, a header or a body. libcurl takes proxies from the environment.
class curl_transport {
  public:
    static constexpr std::size_t max_answer = 1024 * 1024;

    /// Throws tokenkeep::transport_error if there is no answer; any status is an answer.
    tokenkeep::http_response operator()(const tokenkeep::http_request& request) const {
        static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT); // once, whoever comes first
        const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle{curl_easy_init(), curl_easy_cleanup};
        if (ready != CURLE_OK || !handle) throw tokenkeep::transport_error("libcurl cannot be used", false);
        CURL* const curl = handle.get();
        answer collected;
        const header_list headers = headers_of(request);

        secure(curl);
        bound(curl, request.timeout);
        describe(curl, request);
        set(curl, CURLOPT_HTTPHEADER, headers.get());
        set(curl, CURLOPT_HEADERFUNCTION, &on_header);
        set(curl, CURLOPT_HEADERDATA, &collected);
        set(curl, CURLOPT_WRITEFUNCTION, &on_body);
        set(curl, CURLOPT_WRITEDATA, &collected);

        const CURLcode result = curl_easy_perform(curl);
        if (result != CURLE_OK) throw failure(curl, result, collected);
        long status = 0;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        collected.response.status = static_cast<int>(status);
        return std::move(collected.response);
    }

  private:
    using header_list = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

    struct answer {
        tokenkeep::http_response response{};
        bool too_large = false;
    };

    template <class Value>
    static void set(CURL* curl, CURLoption option, Value value) {
        if (curl_easy_setopt(curl, option, value) != CURLE_OK)
            throw tokenkeep::transport_error("libcurl refuses the request", false);
    }

    static void secure(CURL* curl) {
        set(curl, CURLOPT_SSL_VERIFYPEER, 1L);
        set(curl, CURLOPT_SSL_VERIFYHOST, 2L);
        set(curl, CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
        set(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
        set(curl, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
        set(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        set(curl, CURLOPT_NOSIGNAL, 1L); // signals and threads do not go together
    }

    /// To curl a timeout of zero means none, so the least is a millisecond.
    static void bound(CURL* curl, std::chrono::milliseconds timeout) {
        constexpr long connecting = 10'000;
        const long whole = static_cast<long>(std::clamp<long long>(timeout.count(), 1, 86'400'000));
        set(curl, CURLOPT_TIMEOUT_MS, whole);
        set(curl, CURLOPT_CONNECTTIMEOUT_MS, std::min(whole, connecting));
    }

    static void describe(CURL* curl, const tokenkeep::http_request& request) {
        const std::string& method = request.method;
        if (method.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != std::string::npos)
            throw tokenkeep::transport_error("the method is not one", false);
        set(curl, CURLOPT_URL, request.url.c_str());
        if (method == "HEAD") set(curl, CURLOPT_NOBODY, 1L);
        if (!request.body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
            set(curl, CURLOPT_POSTFIELDS, request.body.c_str());
            set(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        }
        set(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
    }

    static header_list headers_of(const tokenkeep::http_request& request) {
        header_list list{nullptr, curl_slist_free_all};
        const auto add = [&list](const std::string& line) {
            if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
                throw tokenkeep::transport_error("a header contains a line break", false);
            curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
            if (longer == nullptr) throw tokenkeep::transport_error("out of memory", false);
            static_cast<void>(list.release());
            list.reset(longer);
        };
        if (tokenkeep::find_header(request.headers, "Content-Type").empty())
            add("Content-Type:"); // none, not curl's own
        for (const tokenkeep::http_header& header : request.headers)
            add(header.value.empty() ? header.name + ";" : header.name + ": " + header.value); // as curl spells them
        return list;
    }

    static std::size_t on_header(char* bytes, std::size_t, std::size_t count, void* collected) {
        auto& response = static_cast<answer*>(collected)->response;
        std::string_view line(bytes, count);
        if (line.starts_with("HTTP/")) response.headers.clear(); // a further answer: the one before was provisional
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return count;
        try {
            response.headers.push_back({std::string(line.substr(0, colon)), trimmed(line.substr(colon + 1))});
        } catch (...) {
            return 0; // no exception may pass through curl
        }
        return count;
    }

    static std::size_t on_body(char* bytes, std::size_t, std::size_t count, void* collected) {
        auto& [response, too_large] = *static_cast<answer*>(collected);
        too_large = count > max_answer - response.body.size();
        if (too_large) return 0;
        try {
            response.body.append(bytes, count);
        } catch (...) {
            return 0;
        }
        return count;
    }

    static std::string trimmed(std::string_view text) {
        constexpr const char* blank = " \t\r\n";
        const std::size_t first = text.find_first_not_of(blank);
        if (first == std::string_view::npos) return {};
        return std::string(text.substr(first, text.find_last_not_of(blank) - first + 1));
    }

    static tokenkeep::transport_error failure(CURL* curl, CURLcode result, const answer& collected) {
        if (collected.too_large) return tokenkeep::transport_error("the answer is too large");
        return tokenkeep::transport_error(curl_easy_strerror(result), may_have_been_sent(curl, result));
    }

    /// False only where the request certainly stayed here: no name, no connection, no TLS session.
    static bool may_have_been_sent(CURL* curl, CURLcode result) {
        curl_off_t connected = 0;
        switch (result) {
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_URL_MALFORMAT:
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_CONNECT:
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR: return false;
        case CURLE_OPERATION_TIMEDOUT: // in time for nothing, or for everything but the answer
            return curl_easy_getinfo(curl, CURLINFO_CONNECT_TIME_T, &connected) != CURLE_OK || connected != 0;
        default: return true;
        }
    }
};

#endif
