// SPDX-License-Identifier: MIT
#include <tokenkeep/oauth/response.hpp>

#include <tokenkeep/zoho/provider.hpp>

#include "support/catch.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
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

/// How the data sets name the reasons.
std::string name_of(response_reason reason) {
    constexpr const char* names[] = {"", "json", "missing_access_token", "type", "charset", "status"};
    return names[static_cast<std::size_t>(reason)];
}

/// How the data sets name what became of an answer.
std::string class_of(const response_error& refusal) {
    if (refusal.reason() != response_reason::none) return "reject:" + name_of(refusal.reason());
    if (refusal.status() == 429) return "error:rate_limited";
    return "error:" + (refusal.server_code().empty() ? "unknown" : refusal.server_code());
}

std::string class_of(const token_response& answer) {
    if (answer.access_token.empty()) return "keeps_refresh:" + name_of(answer.missing_access_token);
    return answer.warnings.empty() ? "accept" : "accept_warn";
}

std::string name_of(std::error_code code) {
    if (code == errc::reauthorization_required) return "reauthorization_required";
    if (code == errc::client_rejected) return "client_rejected";
    if (code == errc::request_rejected) return "request_rejected";
    if (code == errc::server_unavailable) return "server_unavailable";
    return code.message();
}

bool is_for_zoho(const nlohmann::json& one) {
    const std::string source = one["source"], body = one["body"];
    return source.rfind("Zoho", 0) == 0 || body.find("\"api_domain\"") != std::string::npos ||
           body.find("\"expires_in_sec\"") != std::string::npos;
}

std::string bytes_of(const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return bytes;
}

/// One case of a data set as a response.
http_response response_of(const nlohmann::json& one) {
    http_response response = json(one["status"], one["body"], one["content_type"]);
    if (one.contains("body_hex")) response.body = bytes_of(one["body_hex"]);
    if (one.contains("headers"))
        for (const auto& [name, value] : one["headers"].items()) response.headers.push_back({name, value});
    return response;
}

/// The cases of both data sets.
std::vector<nlohmann::json> cases() {
    std::vector<nlohmann::json> all;
    for (const char* file : {"/token_responses.json", "/real_answers.json"})
        for (const auto& one : nlohmann::json::parse(std::ifstream(std::string(TOKENKEEP_TEST_DATA) + file)))
            all.push_back(one);
    return all;
}

/// The requests of the cases are sent at this moment.
constexpr timestamp sent = std::chrono::sys_days(std::chrono::year(2026) / 11 / 28) + 15h + 30min + 30s;
constexpr std::chrono::milliseconds previous = 30min;

void check_fields(const nlohmann::json& values, const token_response& answer, const token& after) {
    if (values.contains("access")) CHECK(after.access_token == secret(values["access"].get<std::string>()));
    if (values.contains("refresh")) {
        const std::string refresh = values["refresh"] == "<old>" ? "old refresh" : values["refresh"];
        CHECK(after.refresh_token == secret(refresh));
    }
    if (values.contains("scope")) CHECK(after.scope == values["scope"]);
    if (values.contains("expires_in")) {
        const auto& said = values["expires_in"];
        const auto life = said == "previous" ? previous : std::chrono::milliseconds(1s * said.get<int>());
        CHECK(after.expires_at == sent + life);
    }
    if (values.contains("expires_at"))
        CHECK(after.expires_at == timestamp(1s * values["expires_at"].get<std::int64_t>()));
    if (values.contains("refresh_expires_in")) {
        const auto& said = values["refresh_expires_in"];
        CHECK(answer.refresh_expires_in == 1s * (said.is_null() ? 0 : said.get<int>()));
    }
}

} // namespace

TEST_CASE("response: each of the collected answers is taken or refused as it should be", "[oauth]") {
    const oauth2_provider plain;
    const zoho::provider zoho{zoho::us};
    const token record{.client_secret = "old client secret",
                       .refresh_token = "old refresh",
                       .access_token = "old access",
                       .expires_at = sent + 5s,
                       .issued_at = sent + 5s - previous};
    const auto all = cases();
    REQUIRE(all.size() == 65 + 57);
    for (const auto& one : all) {
        CAPTURE(one["id"], one["source"]);
        const http_response response = response_of(one);
        const auto& values = one["fields"];
        try {
            const token_response answer = is_for_zoho(one) ? read_token_response(zoho, response, record)
                                                           : read_token_response(plain, response, record);
            CHECK(class_of(answer) == one["expect"]);
            check_fields(values, answer, apply_response(record, answer, sent));
        } catch (const response_error& refusal) {
            CAPTURE(refusal.what());
            CHECK(class_of(refusal) == one["expect"]);
            CHECK(refusal.status() == response.status);
            if (values.contains("errc")) CHECK(name_of(refusal.code()) == values["errc"]);
            if (values.contains("certainly_refused")) CHECK(refusal.certainly_refused() == values["certainly_refused"]);
            if (values.contains("retry_after_ms"))
                CHECK(find_retry_after(response, sent) ==
                      std::chrono::milliseconds(values["retry_after_ms"].get<int>()));
        }
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
                                                 {"BAD_refresh_Token", errc::reauthorization_required},
                                                 {"incorrect_client_credentials", errc::client_rejected},
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
            CHECK(refusal.certainly_refused() == (code != errc::server_unavailable));
            CHECK(refusal.reason() == response_reason::none);
            CHECK_FALSE(refusal.is_unexplained());
        }
    }
}

TEST_CASE("response: an unexplained refusal is known by its status, and certain", "[oauth]") {
    for (const char* body :
         {"", "no", "[]", "{}", R"({"error":"home_made"})", R"({"error":401})", R"({"message":"no"})",
          R"({"error":["invalid_grant"]})", R"({"status":400})", R"({"errors":[]})"}) {
        for (const int status : {400, 401, 403, 404, 405, 418, 451}) {
            CAPTURE(body, status);
            const response_error refusal = refused(json(status, body));
            CHECK(refusal.code() == (status == 401 ? errc::client_rejected : errc::request_rejected));
            CHECK(refusal.is_unexplained());
            CHECK(refusal.certainly_refused());
            CHECK(refusal.reason() == response_reason::none);
            CHECK_THAT(refusal.what(), ContainsSubstring("with status " + std::to_string(status)));
        }
    }
}

TEST_CASE("response: a code may stand inside an object, and known ones elsewhere", "[oauth]") {
    const auto meaning = [](const char* body, int status = 400) { return refused(json(status, body)).code(); };
    for (const char* name : {"code", "type", "error", "errorType", "status", "message"}) {
        CAPTURE(name);
        const std::string body = "{\"error\":{\"x\":1,\"" + std::string(name) + "\":\"Invalid_Grant\"}}";
        CHECK(meaning(body.c_str()) == errc::reauthorization_required);
        CHECK(refused(json(200, body)).server_code() == "Invalid_Grant");
    }
    const char* second = R"({"error":{"code":"home_made","message":"token_revoked"}})";
    CHECK(refused(json(400, second)).server_code() == "token_revoked");
    CHECK(refused(json(400, R"({"error":{"code":7,"status":"ODD","message":"a sentence"}})")).server_code() == "ODD");
    for (const char* name : {"status", "code", "name", "message"}) {
        CAPTURE(name);
        const std::string known = "{\"" + std::string(name) + "\":\"BAD_REFRESH_TOKEN\"}";
        const std::string unknown = "{\"" + std::string(name) + "\":\"home_made\"}";
        for (const int status : {200, 400, 403})
            CHECK(meaning(known.c_str(), status) == errc::reauthorization_required);
        CHECK(refused(json(400, unknown)).server_code().empty());
        CHECK(meaning(unknown.c_str(), 200) == errc::malformed_response);
    }
    CHECK(meaning(R"({"errors":[{"code":"invalid_client"}]})") == errc::client_rejected);
    CHECK(meaning(R"({"errors":["invalid_grant"]})") == errc::reauthorization_required);
    CHECK(meaning(R"({"errors":[{},{"code":"invalid_client"}]})") == errc::request_rejected);
    // Beside usable tokens only `error` refuses.
    CHECK(read(R"({"access_token":"t","token_type":"bearer","message":"invalid_grant"})").warnings.empty());
}

TEST_CASE("response: what() names a code only if everybody knows it", "[oauth]") {
    CHECK_THAT(refused(json(400, R"({"error":"invalid_grant"})")).what(), ContainsSubstring("invalid_grant"));
    CHECK_THAT(refused(json(400, R"({"error":"home_made"})")).what(), !ContainsSubstring("home_made"));
}

TEST_CASE("response: the server's code is passed on only where it is harmless", "[oauth]") {
    const auto code = [](const std::string& written, const token& record = {}) {
        return refused(json(400, "{\"error\":\"" + written + "\"}"), record).server_code();
    };
    CHECK(code("a.Code-1_") == "a.Code-1_");
    CHECK(code("invalid_gran\\u0074") == "invalid_grant");
    CHECK(code(std::string(64, 'x')) == std::string(64, 'x'));
    for (const std::string& bad :
         {std::string(65, 'x'), std::string(100'000, 'x'), std::string("a\\nb"), std::string("a\\u001b[31m"),
          std::string("a\\\"b"), std::string("a\\\\b"), std::string("\\u00e9"), std::string("\\u007f"),
          std::string("a code"), std::string("a:b"), std::string("<b>"), std::string("\\ud800"),
          std::string("a\xff")}) {
        CAPTURE(bad);
        CHECK(code(bad).empty());
    }
    const token record{
        .client_secret = "hush", .refresh_token = "r-1", .access_token = "a-1", .grant_token = "g-1", .extra = "xx"};
    for (const char* leak : {"hush", "bad.r-1", "a-1_", "xg-1x", "xx"}) {
        CAPTURE(leak);
        CHECK(code(leak, record).empty());
        CHECK(code(leak) == leak);
    }
    CHECK(code("hus", record) == "hus");
}

TEST_CASE("response: only what the server certainly did not spend is certainly refused", "[oauth]") {
    for (const http_response& certain :
         {json(429, ""), json(429, "<html>", "text/html"), json(404, ""), json(400, "{}"),
          json(401, "<html>", "text/html"), json(403, R"({"message":"no"})"), json(400, R"({"error":["x"]})"),
          json(301, ""), json(307, ""), json(302, R"({"error":"invalid_grant"})"),
          json(200, R"({"error":"home_made"})")}) {
        CAPTURE(certain.status, certain.body);
        CHECK(refused(certain).certainly_refused());
    }
    for (const http_response& doubt :
         {json(500, R"({"error":"invalid_grant"})"), json(503, R"({"error":"temporarily_unavailable"})"),
          json(400, R"({"error":"server_error"})"), json(200, R"({"error":"temporarily_unavailable"})"), json(408, ""),
          json(502, "<html>", "text/html"), json(599, ""), json(200, ""), json(200, "{\"access_tok"), json(200, "{}"),
          json(200, "<html>", "text/html"), json(200, R"({"access_token":1})"), json(200, R"({"error":{"code":1}})"),
          json(0, ""), json(100, "{}"), json(600, "{}")}) {
        CAPTURE(doubt.status, doubt.body);
        CHECK_FALSE(refused(doubt).certainly_refused());
    }
}

TEST_CASE("response: a status is what it is before the body is looked at", "[oauth]") {
    const std::string tokens = R"({"access_token":"t","token_type":"Bearer"})";
    for (const int status : {408, 500, 502, 503, 504, 599})
        CHECK(refused(json(status, tokens)).code() == errc::server_unavailable);
    for (const int status : {301, 302, 303, 307, 308, 304}) {
        CHECK(refused(json(status, tokens)).code() == errc::request_rejected);
        CHECK(refused(json(status, tokens)).reason() == response_reason::status);
    }
    for (const int status : {0, 100, 199, 600, -1})
        CHECK(refused(json(status, tokens)).code() == errc::malformed_response);
    CHECK(refused(json(429, tokens)).code() == errc::throttled);
    CHECK(refused(json(429, R"({"error":"invalid_grant"})")).code() == errc::throttled);
    CHECK(refused(json(429, R"({"error":"invalid_grant"})")).server_code() == "invalid_grant");
    for (const char* body : {"", "[]", "\"x\"", "<html>", "{\"error\":", "null"}) {
        CAPTURE(body);
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

TEST_CASE("response: the body is known by its shape, and its content type is decoration", "[oauth]") {
    const std::string tokens = R"({"access_token":"t","token_type":"Bearer"})";
    for (const char* type : {"", "application/json", "Application/JSON; charset=UTF-8",
                             "application/json;charset=utf-8", "application/json ", "application/token+json"}) {
        CAPTURE(type);
        CHECK(read_token_response(json(200, tokens, type), {}).warnings.empty());
    }
    for (const char* type : {"text/html", "text/plain", "text/json", "application/jsonp", "application/", "json",
                             "text/x+json", "+json", "*/*", "application/x-www-form-urlencoded"}) {
        CAPTURE(type);
        const token_response answer = read_token_response(json(200, tokens, type), {});
        CHECK(answer.access_token == secret("t"));
        CHECK(answer.warnings.size() == 1);
    }
    const token_response marked = read_token_response(json(200, " \xef\xbb\xbf\r\n" + tokens + "\n"), {});
    CHECK(marked.access_token == secret("t"));
    CHECK(marked.warnings.size() == 1);
}

TEST_CASE("response: a form with tokens or an error is read, whatever its type", "[oauth]") {
    const auto form = [](const char* body) { return read_token_response(json(200, body, "text/plain"), {}); };
    const token_response answer =
        form("access_token=a%2Bt&refresh_token=r&token_type=bearer&expires_in=90&scope=a+b%20c&id_token=%22x%22");
    CHECK(answer.access_token == secret("a+t"));
    CHECK(answer.refresh_token == secret("r"));
    CHECK(answer.expires_in == 90s);
    CHECK(answer.scope == "a b c");
    CHECK(answer.extra == secret(R"({"id_token":"\"x\""})"));
    CHECK(answer.warnings.size() == 1);
    CHECK(form("&access_token=t&token_type=bearer&flag&").warnings.size() == 1);
    // What cannot be decoded costs its member.
    for (const char* bad : {"scope=%", "scope=%4", "scope=%zz", "scope=%ff", "sc%ffope=a"}) {
        CAPTURE(bad);
        const token_response odd =
            form(("access_token=t&token_type=bearer&refresh_token=r&" + std::string(bad)).c_str());
        CHECK(odd.refresh_token == secret("r"));
        CHECK(odd.scope.empty());
        CHECK(odd.warnings.size() == 2);
    }
    CHECK(refused(json(200, "error=invalid_grant")).code() == errc::reauthorization_required);
    CHECK(refused(json(400, "error=bad_verification_code&x", "text/html")).server_code() == "bad_verification_code");
    for (const char* text :
         {"a", "=b", "a=b", "<a href=?error=x>", "access token=t", "{\"a\":\"b=c\"}", "a b=c&error=x"}) {
        CAPTURE(text);
        CHECK(refused(json(200, text)).code() == errc::malformed_response);
    }
}

TEST_CASE("response: only the structure can make an answer unreadable", "[oauth]") {
    std::string deep(100'000, '[');
    CHECK(refused(json(200, deep)).reason() == response_reason::json);
    CHECK(refused(json(200, "{\"a\":" + deep)).reason() == response_reason::json);
    const std::string start = R"({"access_token":"t","token_type":"Bearer","x":")";
    const std::size_t limit = std::size_t{1} << 20;
    CHECK(read_token_response(json(200, start + std::string(limit - start.size() - 2, 'x') + "\"}"), {})
              .warnings.empty());
    CHECK(refused(json(200, start + std::string(limit - start.size() - 1, 'x') + "\"}")).reason() ==
          response_reason::json);
    for (const char* broken : {"", ",", ",}", ":", "]", "\"", "\"x", "\"x\"", "\"x\":", "\"x\":,", "\"x\":1 2",
                               "\"x\":[1", "\"x\":[1,]", "\"x\":{,}", "\"x\":'", "\"x\":\"\\\""}) {
        CAPTURE(broken);
        const std::string body = "{\"refresh_token\":\"r\"," + std::string(broken);
        CHECK(refused(json(200, body)).reason() == response_reason::json);
        CHECK((*broken == '\0' || refused(json(200, body + "]")).reason() == response_reason::json));
    }
    // Each of these costs its own member, with a warning, and no other.
    for (const char* bad : {"\"\xff\"",
                            "\"\xe9t\xe9\"",
                            "\"\\ud800\"",
                            "\"\\udc00x\"",
                            "\"\\ud800\\u0041\"",
                            "\"\\x41\"",
                            "\"\\u12\"",
                            "\"a\nb\"",
                            "\"\\u",
                            "NaN",
                            "-",
                            "01",
                            "+1",
                            ".5",
                            "1.",
                            "0x10",
                            "True",
                            "nul",
                            "nulll",
                            "'x'",
                            "{\"a\":1,\"a\":1}",
                            "[{\"b\":{\"a\":\"\xff\"}}]",
                            "[[\"\\ud800\"]]",
                            "{\"\xff\":1}"}) {
        CAPTURE(bad);
        const std::string value = bad == std::string("\"\\u") ? "\"\\u\"" : bad;
        const token_response answer = read(R"({"access_token":"t","token_type":"Bearer","user":)" + value +
                                           R"(,"refresh_token":"r","x":{"a":1}})");
        CHECK(answer.access_token == secret("t"));
        CHECK(answer.refresh_token == secret("r"));
        CHECK(answer.extra == secret(R"({"x":{"a":1}})"));
        CHECK(answer.warnings.size() == 1);
    }
    CHECK(read("{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"us\xff\":1,\"y\":2}").extra == secret("{\"y\":2}"));
}

TEST_CASE("response: of a repeated member the last usable one counts", "[oauth]") {
    const auto with = [](const char* members) {
        return read(R"({"token_type":"bearer",)" + std::string(members) + "}");
    };
    token_response answer =
        with(R"("access_token":"a","refresh_token":"r1","refresh_token":"r2","acces\u0073_token":"b")");
    CHECK(answer.access_token == secret("b"));
    CHECK(answer.refresh_token == secret("r2"));
    CHECK(answer.warnings.size() == 1);
    for (const char* unusable : {"null", "\"\"", "7", "\"a b\"", "\"\xff\"", "\"\\ud800\"", "[]"}) {
        CAPTURE(unusable);
        answer =
            with(("\"access_token\":\"a\",\"refresh_token\":\"r1\",\"expires_in\":9,\"scope\":\"s\",\"access_token\":" +
                  std::string(unusable) + ",\"refresh_token\":" + unusable + ",\"expires_in\":true,\"scope\":8")
                     .c_str());
        CHECK(answer.access_token == secret("a"));
        CHECK(answer.refresh_token == secret("r1"));
        CHECK(answer.expires_in == 9s);
        CHECK(answer.scope == "s");
    }
    CHECK(with(R"("access_token":"a","x":1,"y":2,"x":3)").extra == secret(R"({"y":2,"x":3})"));
    std::string many = R"("access_token":"a")";
    for (int i = 0; i < 40; ++i) many += ",\"m" + std::to_string(i % 20) + "\":" + std::to_string(i);
    CHECK_THAT(std::string(with(many.c_str()).extra.reveal()), StartsWith(R"({"m0":20,"m1":21,)"));
    CHECK(refused(json(400, R"({"error":"invalid_grant","error":null})")).code() == errc::reauthorization_required);
}

TEST_CASE("response: tokens are visible ASCII, and white space around them is cut off", "[oauth]") {
    CHECK(read(R"({"access_token":"!\"\\~"})").access_token == secret("!\"\\~"));
    CHECK(read(R"({"access_token":"\u0041\/"})").access_token == secret("A/"));
    const std::string big(65'536, 'x');
    CHECK(read("{\"access_token\":\"" + big + "\"}").access_token == secret(big));
    for (const char* blank : {" t", "t ", "\\tt\\r\\n", "\\n t"}) {
        const token_response answer =
            read(R"({"token_type":"bearer","access_token":"t","refresh_token":")" + std::string(blank) + "\"}");
        CHECK(answer.refresh_token == secret("t"));
        CHECK(answer.warnings.size() == 1);
    }
    for (const char* bad :
         {"\\u0000", "a\\r\\nb", "\\u007f", "t\x7f", "\xc3\xa9", "\\u00e9", "a b", "a\\tb", "\\ud800", "t\xff"}) {
        CAPTURE(bad);
        CHECK(refused(json(200, "{\"access_token\":\"" + std::string(bad) + "\"}")).reason() ==
              response_reason::charset);
        const token_response answer =
            read("{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"refresh_token\":\"" + std::string(bad) + "\"}");
        CHECK(answer.refresh_token.empty());
        CHECK_FALSE(answer.warnings.empty());
    }
    for (const char* odd : {"1", "true", "[]", "{}", "[\"r\"]"}) {
        CHECK(refused(json(200, "{\"access_token\":" + std::string(odd) + "}")).reason() == response_reason::type);
        CHECK(read("{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"refresh_token\":" + std::string(odd) + "}")
                  .warnings.size() == 1);
    }
    for (const char* absent : {"null", "\"\"", "\" \\n\""}) {
        CHECK(refused(json(200, "{\"access_token\":" + std::string(absent) + "}")).reason() ==
              response_reason::missing_access_token);
    }
}

TEST_CASE("response: a refresh token that came without an access token is never lost", "[oauth]") {
    const token row{.refresh_token = "r0",
                    .access_token = "a0",
                    .scope = "s0",
                    .expires_at = sent + 1min,
                    .issued_at = sent - 1h,
                    .status = "spend x",
                    .extra = R"({"x":1,"y":2})"};
    for (const char* odd : {"null", "\"\"", "7", "\"error: a b\"", "\"\\ud800\"", "[]", "NaN"}) {
        CAPTURE(odd);
        const token_response answer = read("{\"access_token\":" + std::string(odd) +
                                           R"(,"refresh_token":"r1","scope":"s1","expires_in":9,"x":3})");
        CHECK(answer.access_token.empty());
        CHECK(answer.missing_access_token != response_reason::none);
        token expected = row;
        expected.refresh_token = "r1";
        expected.extra = R"({"y":2,"x":3})";
        expected.status.clear();
        CHECK(apply_response(row, answer, sent) == expected);
        const token login = apply_response(row, answer, sent, grant_kind::authorization_code);
        CHECK(login.access_token.empty());
        CHECK(login.refresh_token == secret("r1"));
        CHECK_FALSE(login.expires_at);
    }
}

TEST_CASE("response: a lifetime is a number, a text of one, or a moment", "[oauth]") {
    struct row {
        const char* written;
        std::optional<std::chrono::milliseconds> life;
        bool warned;
    };
    constexpr std::chrono::milliseconds ten_years = 24h * 3650;
    const timestamp in_2033{1'999'999'999s};
    for (const row& r : {row{"3600", 3600s, false},
                         row{"\"3600\"", 3600s, false},
                         row{"1", 1s, false},
                         row{"\"0060\"", 60s, false},
                         row{"\" +60\"", 60s, false},
                         row{"3600.0", 3600s, false},
                         row{"3600.9", 3600s, false},
                         row{"3.6e3", 3600s, false},
                         row{"\"36E+2\"", 3600s, false},
                         row{"36000e-1", 3600s, false},
                         row{"315360000", ten_years, false},
                         row{"315360001", ten_years, true},
                         row{"1000000000", ten_years, true},
                         row{"1999999999", in_2033 - sent, true},
                         row{"1999999999000", in_2033 - sent, true},
                         row{"\"2033-05-18T03:33:19Z\"", in_2033 - sent, true},
                         row{"\"2033-05-18 05:33:19.5+02:00\"", in_2033 - sent, true},
                         row{"\"Wed, 18 May 2033 03:33:19 GMT\"", in_2033 - sent, true},
                         row{"9223372036854775807", ten_years, true},
                         row{"\"99999999999999999999999\"", ten_years, true},
                         row{"1e20", ten_years, true},
                         row{"1e999", ten_years, true},
                         row{"null", std::nullopt, false},
                         row{"\"\"", std::nullopt, false},
                         row{"0", std::nullopt, true},
                         row{"-0", std::nullopt, true},
                         row{"0.9", std::nullopt, true},
                         row{"1e-20", std::nullopt, true},
                         row{"-1", std::nullopt, true},
                         row{"\"-1\"", std::nullopt, true},
                         row{"-9223372036854775809", std::nullopt, true},
                         row{"false", std::nullopt, true},
                         row{"\"zzz\"", std::nullopt, true},
                         row{"{}", std::nullopt, true},
                         row{"[3600]", std::nullopt, true},
                         row{"\"0x10\"", std::nullopt, true},
                         row{"\"60 s\"", std::nullopt, true},
                         row{"\"1e\"", std::nullopt, true},
                         row{"\".\"", std::nullopt, true},
                         row{"\"2100-01-01-abc\"", std::nullopt, true}}) {
        CAPTURE(r.written);
        const token_response answer =
            read(R"({"access_token":"t","refresh_token":"r","token_type":"bearer","expires_in":)" +
                 std::string(r.written) + "}");
        const auto expected = r.life ? std::optional(sent + *r.life) : std::nullopt;
        CHECK(apply_response({}, answer, sent).expires_at == expected);
        CHECK(answer.warnings.size() == (r.warned ? 1 : 0));
        CHECK(answer.refresh_token == secret("r"));
    }
}

TEST_CASE("response: if there is no lifetime, other members, the one before, and the provider's are asked in turn",
          "[oauth]") {
    const auto life = [](const char* members, const token& before = {}, grant_kind given = grant_kind::refresh_token) {
        const oauth2_provider provider{.default_lifetime = 77s};
        const std::string body = R"({"access_token":"t","token_type":"bearer")" + std::string(members) + "}";
        const token after = apply_response(before, read_token_response(provider, json(200, body), before), sent, given);
        return after.expires_at ? (*after.expires_at - sent) / 1s : -1;
    };
    const token before{.expires_at = sent, .issued_at = sent - 50s};
    const std::int64_t to_2033 = (timestamp(1'999'999'999s) - sent) / 1s;
    CHECK(life(R"(,"expires_in":9,"expires_on":1999999999)", before) == 9);
    for (const char* odd :
         {"", ",\"expires_in\":0", ",\"expires_in\":-1", ",\"expires_in\":\"x\"", ",\"expires_in\":1100000000"}) {
        for (const char* name : {"expires_on", "expires_at", "expires"}) {
            CAPTURE(odd, name);
            if (odd != std::string(",\"expires_in\":1100000000"))
                CHECK(life((odd + (",\"" + std::string(name)) + "\":\"1999999999\"").c_str(), before) == to_2033);
        }
        CHECK(life(odd, before) == 50);
        CHECK(life(odd, before, grant_kind::authorization_code) == 77);
        CHECK(life(odd) == 77);
    }
    CHECK(life(R"(,"expires_at":5184000)", before) == 50); // 1970
    CHECK(life(R"(,"expires_at":"2033-05-18T03:33:19Z")", before) == to_2033);
    CHECK(life(R"(,"expires_at":1999999999000)", before) == to_2033);
    CHECK(life(R"(,"expires_on":"x","expires_at":1999999999)", before) == to_2033);
    // A moment counts against the server's own clock.
    http_response response = json(200, R"({"access_token":"t","expires_at":"2033-05-18T03:33:19Z"})");
    response.headers.push_back({"Date", "Wed, 18 May 2033 03:33:09 GMT"});
    CHECK(apply_response({}, read_token_response(response, {}), sent).expires_at == sent + 10s);
    response.headers.back().value = "Wed, 18 May 2033 03:33:19 GMT";
    CHECK(apply_response(before, read_token_response(response, {}), sent).expires_at == sent + 50s);
}

TEST_CASE("response: the refresh token's own lifetime is read", "[oauth]") {
    const auto end = [](const char* members) {
        return read(R"({"access_token":"t","token_type":"bearer")" + std::string(members) + "}");
    };
    for (const char* name : {"refresh_token_expires_in", "refresh_expires_in", "x_refresh_token_expires_in"}) {
        CHECK(end((",\"" + std::string(name) + "\":\"90.0\"").c_str()).refresh_expires_in == 90s);
        CHECK(end((",\"" + std::string(name) + "\":0").c_str()).refresh_expires_in == 0s);
        CHECK(end((",\"" + std::string(name) + "\":1999999999").c_str()).refresh_expires_at ==
              timestamp(1'999'999'999s));
        CHECK(end((",\"" + std::string(name) + "\":-1").c_str()).warnings.size() == 1);
    }
    CHECK_FALSE(end("").refresh_expires_in);
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
    CHECK(warnings(R"("token_type":"bearer","scope":["a"])") == 0);
    CHECK(warnings(R"("token_type":"bearer","scope":["a",7])") == 1);
    CHECK(warnings(R"("token_type":"bearer","error":false)") == 1);
    CHECK(warnings(R"("token_type":"bearer","error":{"code":7})") == 1);
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
                    .refresh_expires_at = sent + 48h,
                    .logged_in_at = sent - 3h,
                    .used_at = sent - 2h,
                    .code_verifier = "verifier",
                    .label = "eu",
                    .former = "0123456789abcdef",
                    .id = "7"};
    SECTION("little came") {
        token expected = old;
        expected.access_token = "a1";
        expected.expires_at = sent + 1h; // as long as the one before
        expected.issued_at = sent;
        expected.status.clear();
        CHECK(apply_response(old, {.access_token = "a1"}, sent) == expected);
        expected.expires_at.reset();
        expected.refresh_token.clear();
        expected.extra.clear();
        expected.refresh_expires_at.reset();
        expected.code_verifier.clear();
        expected.logged_in_at = expected.used_at = sent;
        CHECK(apply_response(old, {.access_token = "a1"}, sent, grant_kind::authorization_code) == expected);
    }
    SECTION("all came") {
        const token_response answer{.access_token = "a1",
                                    .refresh_token = "r1",
                                    .token_type = "Bearer",
                                    .scope = "s1",
                                    .api_domain = "https://b",
                                    .expires_in = 90s,
                                    .extra = R"({"x":2,"y":3})"};
        token expected = old;
        expected.access_token = "a1";
        expected.refresh_token = "r1";
        expected.token_type = "Bearer";
        expected.scope = "s1";
        expected.expires_at = sent + 90s;
        expected.issued_at = sent;
        expected.status.clear();
        expected.extra = R"({"x":2,"y":3})";
        expected.refresh_expires_at.reset(); // that of the old refresh token
        CHECK(apply_response(old, answer, sent) == expected);
        expected.code_verifier.clear();
        expected.logged_in_at = expected.used_at = sent;
        CHECK(apply_response(old, answer, sent, grant_kind::authorization_code) == expected);
        token more = old;
        more.extra = R"({"w":0,"x":1})";
        CHECK(apply_response(more, answer, sent).extra == secret(R"({"w":0,"x":2,"y":3})"));
        CHECK(apply_response(more, answer, sent, grant_kind::authorization_code).extra == secret(R"({"x":2,"y":3})"));
    }
}

TEST_CASE("response: an api_domain that a record has stays, unless the provider names it as replaced", "[oauth]") {
    const auto after = [](const char* had, const char* came, const char* replaced, grant_kind given) {
        const token_response answer{.access_token = "a1", .api_domain = came, .replaced_api_domain = replaced};
        return apply_response({.access_token = "a0", .api_domain = had}, answer, sent, given).api_domain;
    };
    for (const grant_kind given : {grant_kind::refresh_token, grant_kind::authorization_code}) {
        CHECK(after("", "https://b", "", given) == "https://b");
        CHECK(after("https://api", "https://b", "", given) == "https://api");
        CHECK(after("https://api", "", "https://api", given) == "https://api");
        CHECK(after("https://api", "https://b", "https://api", given) == "https://b");
        CHECK(after("https://own", "https://b", "https://api", given) == "https://own"); // changed meanwhile
        CHECK(after("", "https://b", "https://api", given).empty());                     // changed meanwhile
    }
}

TEST_CASE("response: when the refresh token ends goes with the refresh token", "[oauth]") {
    struct row {
        const char* members;
        std::optional<timestamp> at_refresh, at_login;
    };
    const timestamp old_end = sent + 48h;
    const token before{.refresh_token = "r0", .access_token = "a0", .refresh_expires_at = old_end};
    const row table[] = {
        {R"()", old_end, std::nullopt},
        {R"(,"refresh_token":"r0")", old_end, std::nullopt},
        {R"(,"refresh_token":"r1")", std::nullopt, std::nullopt},
        {R"(,"refresh_token":"r1","refresh_token_expires_in":3600)", sent + 1h, sent + 1h},
        {R"(,"refresh_token":"r0","refresh_expires_in":"3600")", sent + 1h, sent + 1h},
        {R"(,"x_refresh_token_expires_in":3600)", sent + 1h, sent + 1h},
        {R"(,"refresh_token":"r0","refresh_expires_in":0)", std::nullopt, std::nullopt}, // without end
        {R"(,"refresh_token":"r1","refresh_expires_in":0)", std::nullopt, std::nullopt},
        {R"(,"refresh_token":"r0","refresh_expires_in":"soon")", old_end, std::nullopt},
    };
    for (const row& one : table) {
        CAPTURE(one.members);
        const token_response answer = read(R"({"access_token":"a1","expires_in":60)" + std::string(one.members) + "}");
        CHECK(apply_response(before, answer, sent).refresh_expires_at == one.at_refresh);
        CHECK(apply_response(before, answer, sent, grant_kind::authorization_code).refresh_expires_at == one.at_login);
    }
    // A moment counts by the server's clock, which may be wrong.
    const token_response moment{.access_token = "a1", .refresh_expires_at = sent + 26h, .date = sent + 2h};
    CHECK(apply_response(before, moment, sent).refresh_expires_at == sent + 24h);
    const token_response past{.access_token = "a1", .refresh_expires_at = sent - 1h};
    CHECK(apply_response(before, past, sent).refresh_expires_at == old_end);
    // Without an access token, the refresh token and its end are kept all the same.
    const token_response half{.refresh_token = "r1", .refresh_expires_in = 2h};
    CHECK(apply_response(before, half, sent).refresh_expires_at == sent + 2h);
    CHECK(apply_response(before, half, sent).access_token == before.access_token);
}

TEST_CASE("response: no failure and no warning carries a secret or a body", "[oauth]") {
    const token record{.client_secret = "sentinelS",
                       .refresh_token = "sentinelR",
                       .access_token = "sentinelA",
                       .grant_token = "sentinelG",
                       .extra = "sentinelX"};
    std::vector<http_response> answers;
    for (const auto& one : cases()) {
        std::string body = response_of(one).body;
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
