// SPDX-License-Identifier: MIT
// Answers of a token endpoint, mutated by libFuzzer: the first byte chooses the status, the rest is the body. Nothing
// may crash or read outside, and no refresh token that can be used may be lost. The oracle is another reader of JSON.
#include <tokenkeep/tokenkeep.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace tokenkeep;

void demand(bool holds, const char* what, const std::string& body) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n%s\n", what, body.c_str());
    std::abort();
}

/// A refresh token as it may be sent: without the white space around it; nullopt if it cannot be one.
std::optional<std::string> usable(const std::string& written) {
    constexpr const char* blanks = " \t\r\n";
    const std::size_t first = written.find_first_not_of(blanks);
    if (first == std::string::npos) return std::nullopt;
    const std::string text = written.substr(first, written.find_last_not_of(blanks) - first + 1);
    for (const char c : text)
        if (c < 0x21 || c > 0x7e) return std::nullopt;
    return text;
}

/// What another reader of JSON sees of the outermost object.
struct members : nlohmann::json::json_sax_t {
    int depth = 0;
    std::string name{};
    std::optional<std::string> refresh_token{};
    bool has_error = false, is_object = false;

    bool scalar(const std::string* text) {
        if (depth != 1 || !is_object) return true;
        if (name == "refresh_token" && text != nullptr)
            if (const auto last = usable(*text)) refresh_token = last;
        if (name == "error" && text != nullptr && !text->empty()) has_error = true;
        return true;
    }
    bool null() override { return scalar(nullptr); }
    bool boolean(bool) override { return scalar(nullptr); }
    bool number_integer(number_integer_t) override { return scalar(nullptr); }
    bool number_unsigned(number_unsigned_t) override { return scalar(nullptr); }
    bool number_float(number_float_t, const string_t&) override { return scalar(nullptr); }
    bool string(string_t& text) override { return scalar(&text); }
    bool binary(binary_t&) override { return true; }
    bool open(bool object) {
        if (depth == 0) is_object = object;
        if (depth == 1 && is_object && name == "error" && object) has_error = true; // it may say something
        return ++depth < 64;
    }
    bool start_object(std::size_t) override { return open(true); }
    bool start_array(std::size_t) override { return open(false); }
    bool end_object() override { return --depth, true; }
    bool end_array() override { return --depth, true; }
    bool key(string_t& text) override {
        if (depth == 1) name = text;
        return true;
    }
    bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override { return false; }
};

std::optional<token_response> read(int status, const std::string& body) {
    try {
        return read_token_response(oauth2_provider{}, {.status = status, .body = body}, {.refresh_token = "r-1"});
    } catch (const response_error& refusal) {
        demand(is_passing(refusal) || !describe(refusal).empty(), "an error that says something", body);
        return std::nullopt;
    }
}

/// The bytes that can stand between quotes without ending the string.
std::string inside_quotes(std::string_view bytes) {
    std::string rest;
    for (const char c : bytes)
        if (c != '"' && c != '\\') rest += c;
    return rest;
}

/// The bytes that can stand in the place of a number.
std::string without_structure(std::string_view bytes) {
    std::string rest;
    for (const char c : bytes)
        if (static_cast<unsigned char>(c) > ' ' && std::string_view("{}[]\",:").find(c) == std::string_view::npos)
            rest += c;
    return rest;
}

void demand_refresh_token(const std::string& body, const std::string& expected) {
    const std::optional<token_response> answer = read(200, body);
    demand(answer && answer->refresh_token == secret(expected), "the refresh token is in the result", body);
    if (answer->extra.empty()) return;
    demand(bool(text::parse_json(answer->extra.reveal())), "extra is strict JSON", body);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr int statuses[] = {200, 201, 400, 401, 403, 429, 500};
    if (size == 0) return 0;
    const int status = statuses[data[0] % std::size(statuses)];
    const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);

    const std::optional<token_response> answer = read(status, body);
    if (answer) {
        demand(!answer->access_token.empty() || !answer->refresh_token.empty(), "a result has a token", body);
        demand(status < 300, "only a success brings tokens", body);
        (void)apply_response({.extra = "{\"x\":1}"}, *answer, timestamp{});
    }
    try {
        read_revoke_response({.status = status, .body = body});
        (void)read_token_response(zoho::provider{zoho::eu}, {.status = status, .body = body}, {});
    } catch (const response_error&) { // it is refused
    }

    members seen;
    // To the other reader a byte of zero is the end of the text.
    const bool is_json = body.find('\0') == std::string::npos && nlohmann::json::sax_parse(body, &seen);
    if (is_json && seen.is_object && !seen.has_error && seen.refresh_token && body.size() < (1u << 20))
        demand_refresh_token(body, *seen.refresh_token);
    // What stands in another member, or in the place of one, does not cost the refresh token.
    demand_refresh_token("{\"user\":\"" + inside_quotes(body) + "\",\"refresh_token\":\"r-2\"}", "r-2");
    demand_refresh_token("{\"refresh_token\":\"r-2\",\"user\":[1x" + without_structure(body) + "]}", "r-2");
    return 0;
}
