// SPDX-License-Identifier: MIT
// The client that examples/transports/own_client.hpp supposes: here over libcurl.
#include "transports/own_client.hpp"

#include "transports.hpp"

#include <memory>
#include <string>
#include <string_view>

#include <curl/curl.h>

namespace {

using stage = own::failure::stage;

class curl_client {
  public:
    explicit curl_client(std::string ca_file) : ca_file_(std::move(ca_file)) {}

    own::reply perform(const own::call& call) const {
        const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle{curl_easy_init(), curl_easy_cleanup};
        CURL* const curl = handle.get();
        received seen{.call = call};
        std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers{nullptr, curl_slist_free_all};
        const auto add = [&headers](const std::string& line) {
            if (line.find_first_of("\r\n") != line.npos) throw own::failure(stage::connecting, "a line break");
            curl_slist* const longer = curl_slist_append(headers.get(), line.c_str());
            static_cast<void>(headers.release());
            headers.reset(longer);
        };
        if (!call.headers.contains("Content-Type") && !call.headers.contains("content-type")) add("Content-Type:");
        for (const auto& [name, value] : call.headers) add(value.empty() ? name + ";" : name + ": " + value);
        if (call.method.find_first_of("\r\n ") != call.method.npos) throw own::failure(stage::connecting, "no method");

        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_URL, call.url.c_str());
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
        if (call.method == "HEAD") curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
        if (!call.content.empty() || call.method == "POST") {
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.content.c_str());
            curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.content.size()));
        }
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
        if (!ca_file_.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file_.c_str());
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, call.verify ? 1L : 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, call.verify ? 2L : 0L);
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, call.max_redirects > 0 ? 1L : 0L);
        curl_easy_setopt(curl, CURLOPT_MAXREDIRS, static_cast<long>(call.max_redirects));
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(call.time_limit.count()));
        curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, &on_connection);
        curl_easy_setopt(curl, CURLOPT_PREREQDATA, &seen);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &on_header);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, &seen);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_content);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &seen);
        const CURLcode result = curl_easy_perform(curl);
        if (result != CURLE_OK || !seen.has_whole_head)
            throw own::failure(seen.reached, call.url + ": " + curl_easy_strerror(result));
        long status = 0;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        seen.reply.code = static_cast<int>(status);
        curl_header* header = nullptr;
        while ((header = curl_easy_nextheader(curl, CURLH_HEADER, -1, header)) != nullptr)
            seen.reply.headers.emplace(header->name, header->value);
        return seen.reply;
    }

  private:
    struct received {
        const own::call& call;
        own::reply reply{};
        std::size_t head = 0;
        bool has_whole_head = false;
        stage reached = stage::connecting;
    };

    static int on_connection(void* seen, char*, char*, int, int) {
        static_cast<received*>(seen)->reached = stage::exchanging;
        return CURL_PREREQFUNC_OK;
    }

    static std::size_t on_header(char*, std::size_t, std::size_t count, void* data) {
        auto& seen = *static_cast<received*>(data);
        seen.head += count;
        seen.has_whole_head = count <= 2; // an empty line
        return seen.head > seen.call.size_limit ? 0 : count;
    }

    static std::size_t on_content(char* bytes, std::size_t, std::size_t count, void* data) {
        auto& seen = *static_cast<received*>(data);
        if (count > seen.call.size_limit - seen.reply.content.size()) return 0;
        seen.reply.content.append(bytes, count);
        return count;
    }

    std::string ca_file_;
};

} // namespace

any_transport make_own_transport(const std::string& ca_file) {
    return [client = curl_client{ca_file}](const tokenkeep::http_request& request) {
        const auto transport = transport_over(client);
        static_assert(tokenkeep::http_transport<decltype(transport)>);
        return transport(request);
    };
}
