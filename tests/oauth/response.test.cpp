// SPDX-License-Identifier: MIT
#include <tokenkeep/oauth/response.hpp>

#include <tokenkeep/zoho/provider.hpp>

#include "support/catch.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

using namespace tokenkeep;
using namespace std::chrono_literals;

namespace {

http_response json(int status, std::string body, std::string type = "application/json") {
    http_response response{.status = status, .body = std::move(body)};
    if (!type.empty()) response.headers.push_back({"content-TYPE", std::move(type)});
    return response;
}

token_response read(std::string body) { return read_token_response(json(200, std::move(body)), {}); }

/// What is thrown for an answer that brings nothing.
response_error refused(const http_response& response, const token& record = {}) {
    try {
        (void)read_token_response(response, record);
    } catch (const response_error& refusal) {
        return refusal;
    }
    FAIL("it was accepted");
    throw; // not reached
}

/// How the data set names what became of an answer.
std::string class_of(const response_error& refusal, int status) {
    constexpr const char* reasons[] = {"",     "form_body", "content_type", "json", "duplicate", "missing_access_token",
                                       "type", "charset",   "status"};
    if (refusal.reason() != response_reason::none)
        return std::string("reject:") + reasons[static_cast<std::size_t>(refusal.reason())];
    if (status == 429) return "error:rate_limited";
    return "error:" + (refusal.server_code().empty() ? "unknown" : refusal.server_code());
}

bool is_for_zoho(const nlohmann::json& one) {
    const std::string source = one["source"], body = one["body"];
    return source.rfind("Zoho", 0) == 0 || body.find("\"api_domain\"") != std::string::npos ||
           body.find("\"expires_in_sec\"") != std::string::npos;
}

nlohmann::json cases() { return nlohmann::json::parse(std::ifstream(TOKENKEEP_TEST_DATA "/token_responses.json")); }

} // namespace

TEST_CASE("response: each of the collected answers is taken or refused as it should be", "[oauth]") {
    const oauth2_provider plain;
    const zoho::provider zoho{zoho::us};
    const token record{
        .client_secret = "old client secret", .refresh_token = "old refresh", .access_token = "old access"};
    const timestamp sent{std::chrono::seconds(1'700'000'000)};
    const nlohmann::json all = cases();
    REQUIRE(all.size() == 65);
    for (const auto& one : all) {
        CAPTURE(one["id"], one["source"], one["note"]);
        const http_response response = json(one["status"], one["body"], one["content_type"]);
        const std::string expected = one["expect"];
        std::string became;
        try {
            const token_response answer = is_for_zoho(one) ? read_token_response(zoho, response, record)
                                                           : read_token_response(plain, response, record);
            became = answer.warnings.empty() ? "accept" : "accept_warn";
            CHECK_FALSE(answer.access_token.empty());

            const auto body = nlohmann::json::parse(response.body);
            CHECK(answer.access_token == secret(body["access_token"].get<std::string>()));
            const auto& values = one["fields"];
            const token after = apply_response(record, answer, sent);
            if (values.contains("refresh")) {
                const std::string refresh = values["refresh"] == "<old>" ? "old refresh" : values["refresh"];
                CHECK(after.refresh_token == secret(refresh));
            }
            if (values.contains("expires_in")) {
                const auto life = std::chrono::seconds(values["expires_in"].get<int>());
                REQUIRE(answer.expires_in.has_value());
                CHECK(*answer.expires_in == life);
                CHECK(after.expires_at == sent + life);
            }
            if (body.contains("scope") && body["scope"].is_string()) CHECK(answer.scope == body["scope"]);
            if (body.contains("api_domain")) CHECK(answer.api_domain == body["api_domain"]);
        } catch (const response_error& refusal) {
            became = class_of(refusal, response.status);
            if (became == "reject:status")
                CHECK(refusal.code() == (response.status == 404 ? errc::request_rejected : errc::server_unavailable));
            else if (became.rfind("reject:", 0) == 0)
                CHECK(refusal.code() == errc::malformed_response);
            if (expected == "error:*" && became.rfind("error:", 0) == 0) became = expected;
        }
        CHECK(became == expected);
    }
}

TEST_CASE("response: a code of the server's means what the RFCs say", "[oauth]") {
    const std::pair<const char*, errc> rows[] = {{"invalid_grant", errc::reauthorization_required},
                                                 {"invalid_client", errc::client_rejected},
                                                 {"unauthorized_client", errc::client_rejected},
                                                 {"invalid_request", errc::request_rejected},
                                                 {"invalid_scope", errc::request_rejected},
                                                 {"unsupported_grant_type", errc::request_rejected},
                                                 {"access_denied", errc::request_rejected},
                                                 {"never heard of", errc::request_rejected},
                                                 {"slow_down", errc::throttled},
                                                 {"rate_limited", errc::throttled},
                                                 {"too_many_requests", errc::throttled},
                                                 {"temporarily_unavailable", errc::server_unavailable},
                                                 {"server_error", errc::server_unavailable}};
    for (const auto& [name, code] : rows) {
        for (const int status : {200, 400, 401, 403}) {
            CAPTURE(name, status);
            const response_error refusal = refused(json(status, std::string("{\"error\":\"") + name + "\"}"));
            CHECK(refusal.code() == code);
            CHECK(refusal.server_code() == name);
            CHECK(refusal.certainly_refused());
            CHECK(refusal.reason() == response_reason::none);
        }
    }
}

TEST_CASE("response: what() names a code only if everybody knows it", "[oauth]") {
    CHECK_THAT(refused(json(400, R"({"error":"invalid_grant"})")).what(), ContainsSubstring("invalid_grant"));
    CHECK_THAT(refused(json(400, R"({"error":"home_made"})")).what(), !ContainsSubstring("home_made"));
}

TEST_CASE("response: the server's code is passed on only where it is harmless", "[oauth]") {
    const auto code = [](const std::string& written, const token& record = {}) {
        return refused(json(400, "{\"error\":\"" + written + "\"}"), record).server_code();
    };
    CHECK(code("a code") == "a code");
    CHECK(code("!#[]~") == "!#[]~");
    CHECK(code("invalid_gran\\u0074") == "invalid_grant");
    CHECK(code(std::string(64, 'x')) == std::string(64, 'x'));
    for (const std::string& bad :
         {std::string(65, 'x'), std::string(100'000, 'x'), std::string("a\\nb"), std::string("a\\u001b[31m"),
          std::string("a\\\"b"), std::string("a\\\\b"), std::string("\\u00e9"), std::string("\\u007f")}) {
        CAPTURE(bad);
        CHECK(code(bad).empty());
    }
    const token record{
        .client_secret = "hush", .refresh_token = "r-1", .access_token = "a-1", .grant_token = "g-1", .extra = "{x}"};
    for (const char* leak : {"hush", "bad r-1", "a-1!", "xg-1x", "{x}"}) {
        CAPTURE(leak);
        CHECK(code(leak, record).empty());
        CHECK(code(leak) == leak);
    }
    CHECK(code("hus", record) == "hus");
}

TEST_CASE("response: only what the server certainly did not spend is certainly refused", "[oauth]") {
    CHECK(refused(json(429, "")).certainly_refused());
    CHECK(refused(json(429, "<html>", "text/html")).certainly_refused());
    CHECK(refused(json(404, "")).certainly_refused());
    CHECK(refused(json(404, "<html>", "text/html")).certainly_refused());
    for (const http_response& doubt : {json(500, R"({"error":"invalid_grant"})"),
                                       json(503, R"({"error":"temporarily_unavailable"})"),
                                       json(502, "<html>", "text/html"),
                                       json(599, ""),
                                       json(200, ""),
                                       json(200, "{\"access_tok"),
                                       json(200, "{}"),
                                       json(200, "<html>", "text/html"),
                                       json(200, R"({"access_token":1})"),
                                       json(200, R"({"error":{"code":1}})"),
                                       json(400, R"({"error":["x"]})"),
                                       json(400, "{}"),
                                       json(400, ""),
                                       json(401, "<html>", "text/html"),
                                       json(403, R"({"message":"no"})"),
                                       json(400, R"({"error":"invalid_grant"})", "text/html"),
                                       json(301, ""),
                                       json(302, R"({"error":"invalid_grant"})"),
                                       json(307, ""),
                                       json(0, ""),
                                       json(100, "{}"),
                                       json(600, "{}")}) {
        CAPTURE(doubt.status, doubt.body);
        CHECK_FALSE(refused(doubt).certainly_refused());
    }
}

TEST_CASE("response: a status is what it is before the body is looked at", "[oauth]") {
    const std::string tokens = R"({"access_token":"t","token_type":"Bearer"})";
    for (const int status : {500, 502, 503, 504, 599})
        CHECK(refused(json(status, tokens)).code() == errc::server_unavailable);
    for (const int status : {301, 302, 303, 307, 308, 304}) {
        CHECK(refused(json(status, tokens)).code() == errc::request_rejected);
        CHECK(refused(json(status, tokens)).reason() == response_reason::status);
    }
    for (const int status : {0, 100, 199, 600, -1})
        CHECK(refused(json(status, tokens)).code() == errc::malformed_response);
    for (const int status : {400, 401, 404, 418}) {
        CHECK(refused(json(status, tokens)).code() == errc::request_rejected);
        CHECK(class_of(refused(json(status, tokens)), status) == "error:unknown");
    }
    CHECK(refused(json(429, tokens)).code() == errc::throttled);
    CHECK(refused(json(429, R"({"error":"invalid_grant"})")).code() == errc::throttled);
    for (const char* body : {"", "[]", "\"x\"", "<html>", "{\"error\":", "null"}) {
        CAPTURE(body);
        CHECK(refused(json(400, body)).reason() == response_reason::status);
        CHECK(refused(json(200, body)).reason() == response_reason::json);
    }
    CHECK(read_token_response(json(201, tokens), {}).access_token == secret("t"));
}

TEST_CASE("response: Retry-After goes with every refusal", "[oauth]") {
    for (const int status : {429, 503, 400}) {
        http_response response = json(status, R"({"error":"slow_down"})");
        CHECK(refused(response).retry_after() == 0s);
        response.headers.push_back({"Retry-After", "17"});
        CHECK(refused(response).retry_after() == 17s);
    }
}

TEST_CASE("response: JSON comes as JSON, or without saying what it is", "[oauth]") {
    const std::string tokens = R"({"access_token":"t","token_type":"Bearer"})";
    for (const char* type : {"", "application/json", "Application/JSON; charset=UTF-8",
                             "application/json;charset=utf-8", "application/json ", "application/token+json"}) {
        CAPTURE(type);
        CHECK(read_token_response(json(200, tokens, type), {}).access_token == secret("t"));
    }
    for (const char* type : {"text/html", "text/plain", "text/json", "application/jsonp", "application/", "json",
                             "text/x+json", "+json", "*/*"}) {
        CAPTURE(type);
        CHECK(refused(json(200, tokens, type)).reason() == response_reason::content_type);
    }
    CHECK(refused(json(200, tokens, "application/x-www-form-urlencoded")).reason() == response_reason::form_body);
    for (const char* form : {"access_token=t", "a=&b=", "a=b&c=d%20e", "error=x y", "a=b&"})
        CHECK(refused(json(200, form, "text/plain; charset=utf-8")).reason() == response_reason::form_body);
    for (const char* text : {"", "a", "=b", "a=b&c", "{\"a\":\"b=c\"}", "<a href=x>", "a b=c"}) {
        CAPTURE(text);
        CHECK(refused(json(200, text, "text/plain")).reason() == response_reason::content_type);
    }
}

TEST_CASE("response: hostile bodies are refused, whatever is in them", "[oauth]") {
    std::string deep(100'000, '[');
    CHECK(refused(json(200, deep)).reason() == response_reason::json);
    const std::string start = R"({"access_token":"t","token_type":"Bearer","x":")";
    const std::size_t limit = std::size_t{1} << 20;
    CHECK(read_token_response(json(200, start + std::string(limit - start.size() - 2, 'x') + "\"}"), {})
              .warnings.empty());
    CHECK(refused(json(200, start + std::string(limit - start.size() - 1, 'x') + "\"}")).reason() ==
          response_reason::json);
    CHECK(refused(json(200, "\xef\xbb\xbf{\"access_token\":\"t\"}")).reason() == response_reason::json);
    CHECK(refused(json(200, "{\"access_token\":\"t\",\"x\":\"\xff\"}")).reason() == response_reason::json);
    CHECK(refused(json(200, R"({"access_token":"t","x":{"a":1,"a":2}})")).reason() == response_reason::duplicate);
    CHECK(refused(json(200, R"({"access_token":"t","acces\u0073_token":"u"})")).reason() == response_reason::duplicate);
    CHECK(refused(json(200, R"([{"a":1,"a":2}])")).reason() == response_reason::duplicate);
    CHECK(refused(json(400, R"({"error":"invalid_grant","error":"x"})")).reason() == response_reason::duplicate);
    CHECK(refused(json(400, R"([{"a":1,"a":2}])")).reason() == response_reason::status);
}

TEST_CASE("response: tokens are printable ASCII", "[oauth]") {
    CHECK(read(R"({"access_token":" !\"\\~"})").access_token == secret(" !\"\\~"));
    CHECK(read(R"({"access_token":"\u0041\/"})").access_token == secret("A/"));
    const std::string big(65'536, 'x');
    CHECK(read("{\"access_token\":\"" + big + "\"}").access_token == secret(big));
    for (const char* bad : {"\\u0000", "a\\r\\nb", "\\u007f", "\xc3\xa9", "\\u00e9", "\\t"}) {
        CAPTURE(bad);
        CHECK(refused(json(200, "{\"access_token\":\"" + std::string(bad) + "\"}")).reason() ==
              response_reason::charset);
        const token_response answer =
            read("{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"refresh_token\":\"" + std::string(bad) + "\"}");
        CHECK(answer.refresh_token.empty());
        CHECK(answer.warnings.size() == 1);
    }
    for (const char* odd : {"1", "true", "[]", "{}", "[\"r\"]"}) {
        CHECK(refused(json(200, "{\"access_token\":" + std::string(odd) + "}")).reason() == response_reason::type);
        CHECK(read("{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"refresh_token\":" + std::string(odd) + "}")
                  .warnings.size() == 1);
    }
    for (const char* absent : {"null", "\"\""}) {
        CHECK(refused(json(200, "{\"access_token\":" + std::string(absent) + "}")).reason() ==
              response_reason::missing_access_token);
        CHECK(read("{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"error\":" + std::string(absent) +
                   ",\"refresh_token\":" + absent + "}")
                  .warnings.empty());
    }
}

TEST_CASE("response: an odd lifetime is a warning and never loses the tokens", "[oauth]") {
    struct row {
        const char* written;
        std::optional<std::chrono::milliseconds> life;
        bool warned;
    };
    constexpr std::chrono::milliseconds ten_years = 24h * 3650;
    for (const row& r : {row{"3600", 3600s, false},
                         row{"\"3600\"", 3600s, false},
                         row{"1", 1s, false},
                         row{"\"0060\"", 60s, false},
                         row{"315360000", ten_years, false},
                         row{"315360001", ten_years, true},
                         row{"\"\"", std::nullopt, false},
                         row{"2147483648", ten_years, true},
                         row{"9223372036854775807", ten_years, true},
                         row{"9223372036854775808", ten_years, true},
                         row{"\"99999999999999999999999\"", ten_years, true},
                         row{"1e20", ten_years, true},
                         row{"1.5E+10", ten_years, true},
                         row{"1e999", ten_years, true},
                         row{"0", std::nullopt, true},
                         row{"\"0\"", std::nullopt, true},
                         row{"-0", std::nullopt, true},
                         row{"-1", 0ms, true},
                         row{"\"-1\"", 0ms, true},
                         row{"-9223372036854775809", 0ms, true},
                         row{"null", std::nullopt, true},
                         row{"false", std::nullopt, true},
                         row{"true", std::nullopt, true},
                         row{"\"zzz\"", std::nullopt, true},
                         row{"{}", std::nullopt, true},
                         row{"[3600]", std::nullopt, true},
                         row{"3600.5", std::nullopt, true},
                         row{"3600.0", std::nullopt, true},
                         row{"1e-20", std::nullopt, true},
                         row{"1e3", std::nullopt, true},
                         row{"1e0", std::nullopt, true},
                         row{"0e99", std::nullopt, true},
                         row{"-1e20", std::nullopt, true},
                         row{"\"1e20\"", std::nullopt, true},
                         row{"\" 60\"", std::nullopt, true},
                         row{"\"60 \"", std::nullopt, true},
                         row{"\"+60\"", std::nullopt, true},
                         row{"\"0x10\"", std::nullopt, true},
                         row{"\"60.0\"", std::nullopt, true},
                         row{"\"-\"", std::nullopt, true}}) {
        CAPTURE(r.written);
        const token_response answer =
            read(R"({"access_token":"t","refresh_token":"r","token_type":"bearer","expires_in":)" +
                 std::string(r.written) + "}");
        CHECK(answer.expires_in == r.life);
        CHECK(answer.warnings.size() == (r.warned ? 1 : 0));
        CHECK(answer.refresh_token == secret("r"));
    }
    CHECK_FALSE(read(R"({"access_token":"t"})").expires_in.has_value());
}

TEST_CASE("response: what is said beside the tokens is taken, or ignored with a warning", "[oauth]") {
    const auto warnings = [](const char* member) {
        return read(R"({"access_token":"t",)" + std::string(member) + "}").warnings.size();
    };
    CHECK(warnings(R"("token_type":"bEaReR")") == 0);
    CHECK(warnings(R"("token_type":"mac")") == 1);
    CHECK(warnings(R"("token_type":"")") == 1);
    CHECK(warnings(R"("token_type":null)") == 1);
    CHECK(warnings(R"("token_type":7)") == 1);
    CHECK(warnings(R"("token_type":"bearer","scope":["a"])") == 1);
    CHECK(warnings(R"("token_type":"bearer","scope":7)") == 1);
    CHECK(warnings(R"("token_type":"bearer","scope":null)") == 0);
    CHECK(warnings(R"("token_type":"bearer","api_domain":{})") == 1);
    const token_response answer =
        read(R"({"access_token":"t","token_type":"mac","scope":"a b","api_domain":"https://api.example"})");
    CHECK(answer.token_type == "mac");
    CHECK(answer.scope == "a b");
    CHECK(answer.api_domain == "https://api.example");
    CHECK(answer.extra.empty());
}

TEST_CASE("response: members without a place go into extra, as they came", "[oauth]") {
    const auto extra = [](const char* members) {
        return std::string(
            read(R"({"access_token":"t","token_type":"bearer")" + std::string(members) + "}").extra.reveal());
    };
    CHECK(extra("").empty());
    CHECK(extra(R"(,"x":null,"y":"")").empty());
    CHECK(extra(R"(,"id_token":"a.b.c")") == R"({"id_token":"a.b.c"})");
    CHECK(extra(R"( , "a\n" : [ 1, {"b":2} ] , "scope":"s", "z" : -1.5 )") == R"({"a\n":[ 1, {"b":2} ],"z":-1.5})");
    CHECK(extra(R"(,"expires_in_sec":3600)") == R"({"expires_in_sec":3600})");
    CHECK(extra(R"(,"error":null,"error_description":"d")") == R"({"error_description":"d"})");
}

TEST_CASE("response: after a refresh the record has what came and keeps what did not", "[oauth]") {
    const timestamp sent{std::chrono::seconds(1'700'000'000)};
    const token old{.user_name = "ada",
                    .client_id = "app",
                    .client_secret = "s",
                    .refresh_token = "r0",
                    .access_token = "a0",
                    .grant_token = "g",
                    .redirect_url = "https://r",
                    .api_domain = "https://api",
                    .scope = "old scope",
                    .token_type = "bearer",
                    .expires_at = sent - 1h,
                    .issued_at = sent - 2h,
                    .status = "spend x",
                    .seed = "seed",
                    .extra = "{\"x\":1}",
                    .id = "7"};
    SECTION("little came") {
        token expected = old;
        expected.access_token = "a1";
        expected.expires_at.reset();
        expected.issued_at = sent;
        expected.status.clear();
        CHECK(apply_response(old, {.access_token = "a1"}, sent) == expected);
        expected.refresh_token.clear();
        expected.extra.clear();
        CHECK(apply_response(old, {.access_token = "a1"}, sent, grant_kind::authorization_code) == expected);
    }
    SECTION("all came") {
        const token_response answer{.access_token = "a1",
                                    .refresh_token = "r1",
                                    .token_type = "Bearer",
                                    .scope = "s1",
                                    .api_domain = "https://b",
                                    .expires_in = 90s,
                                    .extra = "{}"};
        token expected = old;
        expected.access_token = "a1";
        expected.refresh_token = "r1";
        expected.token_type = "Bearer";
        expected.scope = "s1";
        expected.api_domain = "https://b";
        expected.expires_at = sent + 90s;
        expected.issued_at = sent;
        expected.status.clear();
        expected.extra = "{}";
        CHECK(apply_response(old, answer, sent) == expected);
        CHECK(apply_response(old, answer, sent, grant_kind::authorization_code) == expected);
    }
    SECTION("a lifetime that is over already ends when it began") {
        const token_response answer = read(R"({"access_token":"a1","expires_in":-5})");
        CHECK(apply_response(old, answer, sent).expires_at == sent);
    }
}

TEST_CASE("response: no failure and no warning carries a secret or a body", "[oauth]") {
    const token record{.client_secret = "sentinelS",
                       .refresh_token = "sentinelR",
                       .access_token = "sentinelA",
                       .grant_token = "sentinelG",
                       .extra = "sentinelX"};
    std::vector<http_response> answers;
    for (const auto& one : cases()) {
        std::string body = one["body"];
        answers.push_back(json(one["status"], body, one["content_type"]));
        // The same with a secret wherever the body has text of its own.
        for (const char* word :
             {"invalid_request", "Sign in", "stuff happened", "zzz", "user", "90d", "access_token", "error"}) {
            if (const auto at = body.find(word); at != std::string::npos) {
                std::string echo = body;
                answers.push_back(
                    json(one["status"], echo.replace(at, std::string(word).size(), "sentinelR"), one["content_type"]));
            }
        }
    }
    for (const char* leak : {"sentinelS", "sentinelR", "sentinelA", "sentinelG", "sentinelX"}) {
        for (const int status : {200, 302, 400, 404, 429, 500}) {
            answers.push_back(json(status, std::string("{\"error\":\"") + leak + "\"}"));
            answers.push_back(
                json(status, std::string("{\"error\":\"bad ") + leak + "\",\"error_description\":\"" + leak + "\"}"));
            answers.push_back(json(status, std::string("{\"access_token\":\"\\n") + leak + "\"}"));
            answers.push_back(json(status, leak));
            answers.push_back(json(status, leak, leak));
            answers.push_back(json(status, std::string("{\"access_token\":\"t\",\"expires_in\":\"") + leak +
                                               "\",\"token_type\":\"" + leak + "\",\"scope\":[\"" + leak +
                                               "\"],\"refresh_token\":[\"" + leak + "\"]}"));
        }
    }
    std::size_t failures = 0;
    for (const http_response& response : answers) {
        CAPTURE(response.status, response.body);
        const auto check = [&](const auto& provider) {
            try {
                for (const std::string& warning : read_token_response(provider, response, record).warnings)
                    CHECK_THAT(warning, !ContainsSubstring("sentinel"));
            } catch (const response_error& refusal) {
                ++failures;
                CHECK_THAT(refusal.what(), !ContainsSubstring("sentinel"));
                CHECK_THAT(refusal.server_code(), !ContainsSubstring("sentinel"));
                for (const char* piece : {"html", "stuff", "t\\", "broken"})
                    CHECK_THAT(refusal.what(), !ContainsSubstring(piece));
            }
            try {
                read_revoke_response(provider, response);
            } catch (const response_error& refusal) {
                CHECK_THAT(refusal.what(), !ContainsSubstring("sentinel"));
                CHECK_THAT(refusal.server_code(), !ContainsSubstring("sentinel"));
            }
        };
        check(oauth2_provider{});
        check(zoho::provider{zoho::eu});
    }
    CHECK(failures > 250);
}
