// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_HTTP_HPP
#define TOKENKEEP_HTTP_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/text/ascii.hpp>

#include <chrono>
#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v1 {

/// One header of a request or an answer.
struct http_header {
    std::string name{}, value{};
};

/// One pair of a form: form_field{"audience", "https://api.example"}.
struct form_field {
    std::string name{}, value{};
};

/// A request, ready to be sent by a transport:
///   tokenkeep::http_request me{.method = "GET", .url = "https://api.example/me"};
struct http_request {
    std::string method{}, url{};
    std::vector<http_header> headers{};        ///< In the order in which they are sent.
    std::string body{};                        ///< Empty if there is none.
    std::chrono::milliseconds timeout{30'000}; ///< For the whole exchange. Zero means at once, not "no limit".
};

/// What the server answered: `return tokenkeep::http_response{.status = 200, .body = text};`
struct http_response {
    int status = 0;                     ///< 200, 401, ...
    std::vector<http_header> headers{}; ///< Retry-After, Date and Content-Type are read.
    std::string body{};
};

/// The value of the first header with that name, in any case (RFC 9110 5.1). Empty if there is none.
///   std::string_view wait = find_header(response.headers, "retry-after");
inline std::string_view find_header(const std::vector<http_header>& headers, std::string_view name) {
    for (const http_header& header : headers)
        if (text::equal_ignoring_case(header.name, name)) return header.value;
    return {};
}

/// Removes every header with that name, in any case, and wipes its value.
///   erase_header(request.headers, "Authorization");
inline void erase_header(std::vector<http_header>& headers, std::string_view name) {
    std::erase_if(headers, [name](http_header& header) {
        const bool named = text::equal_ignoring_case(header.name, name);
        if (named) detail::wipe_text(header.value);
        return named;
    });
}

namespace detail {

/// A request that contains secrets. When it ends it wipes its body and the values of its headers. The keeper builds it
/// once and passes it to the function that sends it.
class wiped_request {
  public:
    explicit wiped_request(http_request request) noexcept : request_(std::move(request)) {}
    wiped_request(wiped_request&&) noexcept = default;
    wiped_request& operator=(wiped_request&&) = delete;
    ~wiped_request() {
        wipe_text(request_.body);
        for (http_header& header : request_.headers) wipe_text(header.value);
    }

    http_request& operator*() noexcept { return request_; }
    http_request* operator->() noexcept { return &request_; }

    /// Gives the request away. The caller wipes it from now on.
    http_request release() && noexcept { return std::move(request_); }

  private:
    http_request request_;
};

/// Wipes the body of a response when it is destroyed.
class wiped_response {
  public:
    explicit wiped_response(http_response response) noexcept : response_(std::move(response)) {}
    wiped_response(wiped_response&&) noexcept = default;
    wiped_response& operator=(wiped_response&&) = delete;
    ~wiped_response() { wipe_text(response_.body); }

    const http_response& operator*() const noexcept { return response_; }
    const http_response* operator->() const noexcept { return &response_; }

  private:
    http_response response_;
};

} // namespace detail

/// What sends a request to a server and gives its answer: any callable, such as a lambda. The program brings it,
/// because the library contains no HTTP client.
///   auto transport = [&](const tokenkeep::http_request& request) { return my_client.send(request); };
///
/// Shape (the least model):
///   struct t {
///       http_response operator()(const http_request& request);
///   };
/// Meaning:
///   T1  The transport verifies the TLS certificate and the host name. A failed handshake is an error.
///   T2  The transport never follows a redirect. It gives a 3xx answer as it is.
///   T3  The whole exchange ends within request.timeout.
///   T4  The transport limits the size of the answer. One megabyte is more than a token endpoint needs.
///   T5  Any status is an answer. If there is no answer, the transport throws transport_error. Its may_have_been_sent
///       is false only if the request certainly did not reach the server. Any other exception counts as "may have".
/// May:   throw. A keeper that several threads use calls its transport from several threads at once.
/// Models: those of examples/transports/; testing::fake_server.
template <class T>
concept http_transport = requires(T& transport, const http_request& request) {
    { transport(request) } -> std::convertible_to<http_response>;
};

}} // namespace tokenkeep::v1

#endif
