// SPDX-License-Identifier: MIT
// What it costs to read the answer of a token endpoint, beside two readers of JSON that copy the same members out.
// needs: simdjson, nlohmann_json
#include "benchmark/measuring.hpp"

#include <tokenkeep/oauth/provider.hpp>

#include <nlohmann/json.hpp>
#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace measuring;

/// A text of so many bytes in the characters of base64url.
std::string encoded(std::size_t size) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string made;
    for (std::size_t n = 0; n < size; ++n) made += digits[scattered(n, digits.size())];
    return made;
}

/// A JSON web token whose claims have so many characters.
std::string web_token(std::size_t claims) {
    return "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9." + encoded(claims) + "." + encoded(86);
}

/// An answer of `size` bytes. Its access token is as long as it takes. If there is an ID token, its claims have
/// `id_claims` characters.
std::string answer_of(std::size_t size, std::size_t id_claims) {
    const std::string begin = R"({"access_token":")";
    std::string end = R"(","token_type":"Bearer","expires_in":3600,"refresh_token":")" + encoded(64) +
                      R"(","scope":"openid profile email offline_access")";
    if (id_claims != 0) end += R"(,"id_token":")" + web_token(id_claims) + "\"";
    end += "}";
    return begin + web_token(size - begin.size() - end.size() - web_token(0).size()) + end;
}

/// The members that a token_response has, as strings of the standard library.
struct copied {
    std::string access_token{}, refresh_token{}, token_type{}, scope{}, id_token{};
    std::int64_t expires_in = 0;
};

/// Reads with a parser and a padded buffer that are there already.
copied read_with_simdjson(simdjson::ondemand::parser& parser, const simdjson::padded_string& body) {
    copied answer;
    simdjson::ondemand::document document = parser.iterate(body);
    for (simdjson::ondemand::field member : document.get_object()) {
        const std::string_view name = member.unescaped_key();
        const auto copy = [&](std::string& text) { text = std::string_view(member.value().get_string()); };
        if (name == "access_token")
            copy(answer.access_token);
        else if (name == "refresh_token")
            copy(answer.refresh_token);
        else if (name == "token_type")
            copy(answer.token_type);
        else if (name == "scope")
            copy(answer.scope);
        else if (name == "id_token")
            copy(answer.id_token);
        else if (name == "expires_in")
            answer.expires_in = member.value().get_int64();
    }
    return answer;
}

copied read_with_nlohmann(const std::string& body) {
    const nlohmann::json read = nlohmann::json::parse(body);
    return {.access_token = read.at("access_token"),
            .refresh_token = read.at("refresh_token"),
            .token_type = read.at("token_type"),
            .scope = read.at("scope"),
            .id_token = read.value("id_token", ""),
            .expires_in = read.at("expires_in")};
}

void compare(std::size_t size, std::size_t id_claims, std::size_t rounds, std::size_t calls) {
    const tokenkeep::oauth2_provider provider;
    const token record{.refresh_token = "r-1"};
    const tokenkeep::http_response response{
        .status = 200, .headers = {{"Content-Type", "application/json"}}, .body = answer_of(size, id_claims)};
    require(response.body.size() == size, "the size of the answer");
    const simdjson::padded_string padded(response.body);
    simdjson::ondemand::parser parser;

    const auto mean = [calls](auto read) {
        return [calls, read] {
            const double taken = seconds_of([&] {
                for (std::size_t n = 0; n < calls; ++n) require(!read().access_token.empty(), "the access token");
            });
            return taken / static_cast<double>(calls);
        };
    };
    const turns took =
        alternate(rounds, {mean([&] { return tokenkeep::read_token_response(provider, response, record); }),
                           mean([&] { return read_with_simdjson(parser, padded); }),
                           mean([&] { return read_with_nlohmann(response.body); })});
    std::printf("%5zu bytes: read_token_response %6.0f ns, simdjson %6.0f ns, nlohmann %6.0f ns; "
                "%.2f of simdjson, %.3f of nlohmann\n",
                size, median(took[0]) * 1e9, median(took[1]) * 1e9, median(took[2]) * 1e9, ratio(took[0], took[1]),
                ratio(took[0], took[2]));
}

} // namespace

int main(int count, char** words) {
    const bool quick = count > 1 && std::string_view(words[1]) == "--quick";
    const std::size_t rounds = quick ? 3 : 201, calls = quick ? 10 : 1'000;
    compare(431, 0, rounds, calls);
    compare(851, 200, rounds, calls);
    compare(2'469, 900, rounds, calls);
    return EXIT_SUCCESS;
}
