// SPDX-License-Identifier: MIT
// A transport over Boost.Beast, 1.74 or newer, to be copied and adapted. Link with OpenSSL (-lssl -lcrypto).
#ifndef TOKENKEEP_EXAMPLES_TRANSPORTS_BEAST_HPP
#define TOKENKEEP_EXAMPLES_TRANSPORTS_BEAST_HPP

#include <tokenkeep/tokenkeep.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility> // Asio 1.74 uses it without including it

#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>

/// Sends each request over a connection of its own, so that one object serves any number of threads.
///
/// It keeps the duties of a transport: it verifies certificates and host names, gives redirects as they are, and limits
/// the answer: its headers and its body have at most max_answer bytes each. Only asynchronous steps can be limited in
/// time, so the caller starts those and runs them, one after another. A failure counts as "not sent" until the request
/// is about to be written. Messages are those of Boost's error codes, which contain no URL, header or body.
class beast_transport {
  public:
    static constexpr std::size_t max_answer = 1024 * 1024;

    /// Trusts the certificates of the system, or those in a PEM file: `beast_transport transport{"/etc/our-ca.pem"};`
    explicit beast_transport(std::string ca_file = {}) : ca_file_(std::move(ca_file)) {}

    /// Throws tokenkeep::transport_error if there is no answer.
    tokenkeep::http_response operator()(const tokenkeep::http_request& request) const {
        const auto end = clock::now() + std::min<std::chrono::milliseconds>(request.timeout, std::chrono::hours(24));
        const auto url = tokenkeep::text::parse_url(request.url);
        std::string lines = request.method;
        for (const auto& [name, value] : request.headers) lines += name + value;
        if (!url || lines.find_first_of(std::string_view("\r\n\0", 3)) != lines.npos)
            throw tokenkeep::transport_error("the URL, the method or a header is not one of HTTP", false);
        boost::beast::http::request<boost::beast::http::string_body> message;
        message.method_string(request.method);
        message.target((url->target.starts_with('/') ? "" : "/") + std::string(url->target));
        for (const auto& [name, value] : request.headers) message.insert(name, value);
        message.set(boost::beast::http::field::host, std::string(url->host.data(), url->target.data()));
        message.keep_alive(false);
        message.body() = request.body;
        message.prepare_payload();

        boost::asio::io_context context;
        const auto run = [&context, end](auto start) {
            boost::system::error_code failure = boost::asio::error::timed_out;
            start([&failure](boost::system::error_code code, auto&&...) { failure = code; });
            context.restart();
            context.run_until(end);
            if (failure) throw boost::system::system_error(failure);
        };
        bool may_have_been_sent = false;
        try {
            const std::string host(tokenkeep::text::trim(url->host, "[]"));
            const addresses found = look_up(host, std::string(tokenkeep::text::port_of(*url)), end);
            boost::asio::ip::tcp::socket plain(context);
            run([&](auto done) { boost::asio::async_connect(plain, found, done); });
            if (tokenkeep::text::equal_ignoring_case(url->scheme, "http"))
                return exchange(plain, run, message, may_have_been_sent);
            boost::asio::ssl::context tls(boost::asio::ssl::context::tls_client);
            ca_file_.empty() ? tls.set_default_verify_paths() : tls.load_verify_file(ca_file_);
            boost::asio::ssl::stream<boost::asio::ip::tcp::socket&> secured(plain, tls);
            secured.set_verify_mode(boost::asio::ssl::verify_peer);
            secured.set_verify_callback(boost::asio::ssl::host_name_verification(host));
            SSL_set_tlsext_host_name(secured.native_handle(), host.c_str());
            run([&](auto done) { secured.async_handshake(secured.client, done); });
            return exchange(secured, run, message, may_have_been_sent);
        } catch (const boost::system::system_error& failure) {
            throw tokenkeep::transport_error(failure.code().message(), may_have_been_sent);
        }
    }

  private:
    using clock = std::chrono::steady_clock;
    using addresses = boost::asio::ip::tcp::resolver::results_type;

    /// A look-up cannot be limited in time, so another thread does it. If it takes too long, that is left to itself.
    static addresses look_up(const std::string& host, const std::string& port, clock::time_point end) {
        std::packaged_task<addresses()> task([host, port] {
            boost::asio::io_context context;
            return boost::asio::ip::tcp::resolver(context).resolve(host, port);
        });
        std::future<addresses> found = task.get_future();
        std::thread(std::move(task)).detach();
        if (found.wait_until(end) == std::future_status::ready) return found.get();
        throw tokenkeep::transport_error("the host was not found in time", false);
    }

    static tokenkeep::http_response exchange(auto& stream, auto run, const auto& message, bool& may_have_been_sent) {
        may_have_been_sent = true;
        run([&](auto done) { async_write(stream, message, done); });
        boost::beast::flat_buffer buffer;
        std::optional<boost::beast::http::response_parser<boost::beast::http::string_body>> answer;
        do { // the answers before the last are provisional
            answer.emplace().header_limit(max_answer);
            answer->body_limit(max_answer);
            answer->skip(message.method() == boost::beast::http::verb::head);
            run([&](auto done) { async_read_header(stream, buffer, *answer, done); });
        } while (answer->get().result_int() < 200);
        run([&](auto done) { async_read(stream, buffer, *answer, done); });
        tokenkeep::http_response response{.status = static_cast<int>(answer->get().result_int())};
        for (const auto& header : answer->get())
            response.headers.push_back({std::string(header.name_string()), std::string(header.value())});
        response.body = std::move(answer->get().body());
        return response;
    }

    std::string ca_file_;
};

#endif
