// SPDX-License-Identifier: MIT
// A transport over the HTTP client that a program already has: a lambda, to be copied and adapted.
#ifndef TOKENKEEP_EXAMPLES_TRANSPORTS_OWN_CLIENT_HPP
#define TOKENKEEP_EXAMPLES_TRANSPORTS_OWN_CLIENT_HPP

#include <tokenkeep/tokenkeep.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

/// The client of this example. Yours has other names, but much the same parts. As most clients do unless they are told
/// otherwise, it follows redirects and limits neither the time nor the size of an answer.
namespace own {

struct call {
    std::string method{"GET"}, url{};
    std::multimap<std::string, std::string> headers{};
    std::string content{};
    int max_redirects = 10;
    std::chrono::milliseconds time_limit{0}; ///< For the whole call. Zero means none.
    std::size_t size_limit = SIZE_MAX;       ///< Of the content of a reply.
    bool verify = true;                      ///< The certificate and the host name.
};

struct reply {
    int code = 0;
    std::multimap<std::string, std::string> headers{};
    std::string content{};
};

/// What the client throws if there is no reply.
struct failure : std::runtime_error {
    enum class stage {
        connecting, ///< The host was not found or not reached, or TLS did not come about.
        exchanging  ///< The request was about to be written, or later.
    };
    failure(stage reached, const std::string& what) : std::runtime_error(what), at(reached) {}
    stage at;
};

template <class Client>
concept client = requires(Client& client, const call& request) {
    { client.perform(request) } -> std::same_as<reply>;
};

} // namespace own

/// The transport: it refers to the client, which several threads must be able to use at once.
///   tokenkeep::keeper keep{store, transport_over(my_client), provider};
///
/// Each duty is one setting. What to do if your client does not have it:
///   duty                  | without such a setting
///   T1 TLS is verified    | do not use this client for tokens
///   T2 no redirect        | do not use it either: it would send the refresh token to another host
///   T3 the whole exchange | a limit for each step does not end a slow answer: see httplib.hpp for a way out
///   T4 size               | cut the answer off where it comes in pieces; to look when it is whole is too late
///   T5 was it sent?       | say "may have been sent" of every failure: that is safe, but costs logins
template <own::client Client>
auto transport_over(Client& client) {
    return [&client](const tokenkeep::http_request& request) {
        own::call call{.method = request.method, .url = request.url, .content = request.body};
        for (const auto& [name, value] : request.headers) call.headers.emplace(name, value);
        call.verify = true;                                                        // T1
        call.max_redirects = 0;                                                    // T2
        call.time_limit = std::max(request.timeout, std::chrono::milliseconds(1)); // T3: here zero means none
        call.size_limit = 1024 * 1024;                                             // T4
        try {
            own::reply reply = client.perform(call);
            tokenkeep::http_response response{.status = reply.code, .body = std::move(reply.content)};
            for (const auto& [name, value] : reply.headers) response.headers.push_back({name, value});
            return response;
        } catch (const own::failure& failure) { // T5; a message of the client may name the URL, so it is not passed on
            const bool may_have_been_sent = failure.at != own::failure::stage::connecting;
            throw tokenkeep::transport_error(may_have_been_sent ? "no reply" : "no connection", may_have_been_sent);
        }
    };
}

#endif
