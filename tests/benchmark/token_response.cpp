// SPDX-License-Identifier: MIT
// What it costs to read the answer of a token endpoint, beside two readers of JSON that copy the same members out.
// Times are CPU time.
// needs: simdjson, nlohmann_json
#include "benchmark/program.hpp"

#include <tokenkeep/oauth/provider.hpp>

#include <nlohmann/json.hpp>
#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <memory>
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

struct sides {
    sides(std::size_t size, std::size_t id_claims)
        : response{
              .status = 200, .headers = {{"Content-Type", "application/json"}}, .body = answer_of(size, id_claims)} {
        require(response.body.size() == size, "the size of the answer");
    }

    const tokenkeep::oauth2_provider provider{};
    const token record{.refresh_token = "r-1"};
    const tokenkeep::http_response response;
    const simdjson::padded_string padded{response.body};
    simdjson::ondemand::parser parser{};
};

void add_size(std::size_t size, std::size_t id_claims) {
    const auto made = std::make_shared<sides>(size, id_claims);
    const auto add_side = [&](const char* name, auto read) {
        const auto number = [](std::size_t n) { return n; };
        const auto read_it = [=](sides& of, std::size_t) { require(!read(of).access_token.empty(), "access_token"); };
        add("read", name, size, 25,
            calls(
                5'000, [made]() -> sides& { return *made; }, number, read_it));
    };
    add_side("ours", [](sides& of) { return tokenkeep::read_token_response(of.provider, of.response, of.record); });
    add_side("simdjson", [](sides& of) { return read_with_simdjson(of.parser, of.padded); });
    add_side("nlohmann", [](sides& of) { return read_with_nlohmann(of.response.body); });
}

void add_all() {
    add_size(431, 0);
    add_size(851, 200);
    add_size(2'469, 900);
}

} // namespace

int main(int count, char** words) { return run(count, words, add_all); }
