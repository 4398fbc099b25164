// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_HTTP_HPP
#define TOKENKEEP_HTTP_HPP

#include <tokenkeep/memory/wipe.hpp>
#include <tokenkeep/text/ascii.hpp>

#include <chrono>
#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenkeep { inline namespace v0 {

struct http_header {
    std::string name{}, value{};
};

struct http_request {
    std::string method{}, url{};
    std::vector<http_header> headers{};
    std::string body{};
    std::chrono::milliseconds timeout{30'000}; ///< For the whole exchange. Zero is the shortest, not none.
};

struct http_response {
    int status = 0;
    std::vector<http_header> headers{};
    std::string body{};
};

/// The value of the first header of that name, compared without case (RFC 9110 5.1); empty if there is none.
inline std::string_view find_header(const std::vector<http_header>& headers, std::string_view name) {
    for (const http_header& header : headers)
        if (text::equal_ignoring_case(header.name, name)) return header.value;
    return {};
}

/// Removes every header of that name, compared without case, and wipes its value.
inline void erase_header(std::vector<http_header>& headers, std::string_view name) {
    std::erase_if(headers, [name](http_header& header) {
        const bool named = text::equal_ignoring_case(header.name, name);
        if (named) detail::wipe_text(header.value);
        return named;
    });
}

namespace detail {

/// A request that carries secrets and wipes them when it ends, however it ends: its body and its headers' values. It
/// is built once, and passed to whoever sends it.
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

    /// The request, which from now on is the caller's to wipe.
    http_request release() && noexcept { return std::move(request_); }

  private:
    http_request request_;
};

} // namespace detail

/// What carries a request to a server and brings the answer: any callable, a lambda will do.
///
/// Shape (the least model):
///   struct t {
///       http_response operator()(const http_request& request);
///   };
/// Meaning:
///   T1  TLS certificates and host names are verified; a failed handshake is an error.
///   T2  Redirects are never followed: a 3xx answer is returned as it is.
///   T3  The whole exchange keeps to request.timeout.
///   T4  The size of the answer is bounded; one megabyte is more than a token endpoint ever needs.
///   T5  Any status is an answer. Where there is none, transport_error is thrown, and its may_have_been_sent is
///       false only if the request certainly did not reach the server. Other exceptions count as "may have".
/// May:   throw. It is called from many threads at once unless its keeper is used from one thread only.
/// Models: examples/curl_transport.hpp; testing::fake_server.
template <class T>
concept http_transport = requires(T& transport, const http_request& request) {
    { transport(request) } -> std::convertible_to<http_response>;
};

}} // namespace tokenkeep::v0

#endif
