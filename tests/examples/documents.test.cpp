// SPDX-License-Identifier: MIT
// The documents of examples/documents, each against a service in the process that answers as the service's pages say.
// etcd is also run for real: see etcd.test.cpp.
#include "documents/aws.hpp"
#include "documents/azure.hpp"
#include "documents/etcd.hpp"
#include "documents/google.hpp"
#include "documents/kubernetes.hpp"
#include "documents/vault.hpp"

#include "support/catch.hpp"
#include "support/laws.hpp"
#include "support/temporary.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <initializer_list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

using namespace tokenkeep;
using namespace std::chrono_literals;

namespace {

constexpr const char* credential = "hush-credential";

/// A piece of JSON that is a text. Other pieces are written as they are, with ' for ".
struct text_value {
    std::string_view value;
};
void append_json(std::string& out, std::string_view piece) {
    for (const char c : piece) out += c == '\'' ? '"' : c;
}
void append_json(std::string& out, text_value piece) { text::append_json_string(out, piece.value); }
template <class... Pieces>
http_response answer_of(int status, Pieces... pieces) {
    http_response answer{.status = status};
    (append_json(answer.body, pieces), ...);
    return answer;
}

/// A member of a member of the request's body; JSON null if there is none.
text::json_value member_of(const http_request& request, std::initializer_list<std::string_view> path) {
    text::json_value value = text::parse_json(request.body).value;
    for (const std::string_view name : path) value = value.find(name).value_or(text::json_value());
    return value;
}
std::string text_of(const http_request& request, std::initializer_list<std::string_view> path) {
    return member_of(request, path).text();
}

/// A service whose next answers a test can choose. After those it does what its pages say.
template <class Service>
class scripted {
  public:
    http_response operator()(const http_request& request) {
        const std::lock_guard lock(mutex);
        if (unreachable) throw transport_error("no answer", may_have_been_sent);
        if (next.empty()) return service.answer(request);
        const http_response given = next.front();
        next.pop_front();
        return given;
    }

    std::mutex mutex{};
    Service service{};
    std::deque<http_response> next{};
    bool unreachable = false, may_have_been_sent = true;
};

secret give_credential() { return credential; }

bool is_bearer(const http_request& request) {
    return find_header(request.headers, "Authorization") == "Bearer " + std::string(credential);
}

/// https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2 ("Read secret version", "Create/update secret"); the
/// conflict: https://developer.hashicorp.com/vault/docs/secrets/kv/kv-v2/cookbook/patch-data
struct vault {
    static auto document(scripted<vault>& at) {
        return vault_document(std::ref(at), give_credential,
                              vault_secret{.address = "https://vault.example:8200", .path = "team/tokens"});
    }

    http_response answer(const http_request& request) {
        if (find_header(request.headers, "X-Vault-Token") != credential)
            return answer_of(403, "{'errors':['permission denied']}");
        if (request.url != "https://vault.example:8200/v1/secret/data/team/tokens")
            return answer_of(404, "{'errors':['no handler for route']}");
        const std::string number = std::to_string(version);
        const std::string end = ",'metadata':{'deletion_time':'','destroyed':false,'version':" + number + "}}}";
        if (request.method == "GET") {
            if (version == 0) return answer_of(404, "{'errors':[]}");
            if (is_deleted) return answer_of(404, "{'data':{'data':null", end);
            return answer_of(200, "{'data':{'data':{'", member, "':", text_value{data}, "}", end);
        }
        if (member_of(request, {"options", "cas"}).raw() != number)
            return answer_of(400, "{'errors':['check-and-set parameter did not match the current version']}");
        data = text_of(request, {"data", "tokens"});
        is_deleted = false;
        return answer_of(200, "{'data':{'version':", std::to_string(++version), "}}");
    }
    void damage() { member = "password"; }

    std::string data{}, member = "tokens";
    int version = 0;
    bool is_deleted = false;
};

/// https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/
/// https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
struct kubernetes {
    static auto document(scripted<kubernetes>& at) {
        return kubernetes_document(std::ref(at), give_credential, kubernetes_secret{});
    }

    static http_response failure(int code, const char* reason) {
        return answer_of(code, "{'kind':'Status','status':'Failure','reason':'", reason, "'}");
    }
    http_response answer(const http_request& request) {
        const std::string all = "https://kubernetes.default.svc/api/v1/namespaces/default/secrets";
        if (!is_bearer(request)) return failure(401, "Unauthorized");
        if (request.method == "GET" && request.url == all + "/tokenkeep")
            return exists ? whole(200) : failure(404, "NotFound");
        if (request.method == "POST" && request.url == all) {
            if (exists) return failure(409, "AlreadyExists");
            if (text_of(request, {"metadata", "name"}) != "tokenkeep") return failure(422, "Invalid");
            exists = true;
            return change(request, 201);
        }
        if (request.method != "PATCH" || request.url != all + "/tokenkeep" ||
            find_header(request.headers, "Content-Type") != "application/merge-patch+json")
            return failure(405, "MethodNotAllowed");
        if (!exists) return failure(404, "NotFound");
        if (text_of(request, {"metadata", "resourceVersion"}) != std::to_string(revision))
            return failure(409, "Conflict");
        return change(request, 200);
    }
    http_response change(const http_request& request, int status) {
        member_of(request, {"data"}).for_each_member([&](text::json_value name, text::json_value value) {
            data[name.text()] = value.text();
        });
        ++revision;
        return whole(status);
    }
    http_response whole(int status) const {
        http_response answer = answer_of(status, "{'kind':'Secret','metadata':{'name':'tokenkeep','resourceVersion':'",
                                         std::to_string(revision), "'},'data':{");
        for (const auto& [name, value] : data)
            answer.body += (answer.body.back() == '{' ? "\"" : ",\"") + name + "\":\"" + value + '"';
        answer.body += "}}";
        return answer;
    }
    void damage() { data["tokens"] = "?"; }

    std::map<std::string, std::string> data{};
    bool exists = false;
    int revision = 1000;
};

/// https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets (create, get, patch, addVersion) and
/// .versions (access, destroy); https://cloud.google.com/secret-manager/docs/etags (the conflict)
struct google {
    static auto document(scripted<google>& at) {
        return google_document(std::ref(at), give_credential, google_secret{.project = "p"});
    }

    static http_response failure(int code, const char* status) {
        return answer_of(code, "{'error':{'code':", std::to_string(code), ",'status':'", status, "'}}");
    }
    http_response answer(const http_request& request) {
        const std::string all = "https://secretmanager.googleapis.com/v1/projects/p/secrets";
        if (!is_bearer(request)) return failure(401, "UNAUTHENTICATED");
        if (!request.url.starts_with(all)) return failure(404, "NOT_FOUND");
        const std::string path = request.url.substr(all.size());
        if (request.method == "POST" && path == "?secretId=tokenkeep") {
            if (revision != 0) return failure(409, "ALREADY_EXISTS");
            if (member_of(request, {"replication", "automatic"}).raw() != "{}") return failure(400, "INVALID_ARGUMENT");
            ++revision;
            return whole();
        }
        if (revision == 0) return failure(404, "NOT_FOUND");
        if (request.method == "GET" && path == "/tokenkeep") return whole();
        if (request.method == "POST" && path == "/tokenkeep:addVersion") {
            const std::string number = std::to_string(versions.size() + 1);
            versions[number] = text_of(request, {"payload", "data"});
            return answer_of(200, "{'name':'projects/1/secrets/tokenkeep/versions/", number, "','state':'ENABLED'}");
        }
        if (request.method == "PATCH" && path == "/tokenkeep?updateMask=versionAliases") {
            if (text_of(request, {"etag"}) != etag()) return failure(400, "FAILED_PRECONDITION");
            aliases.clear();
            member_of(request, {"versionAliases"}).for_each_member([&](text::json_value name, text::json_value number) {
                aliases[name.text()] = number.text();
            });
            ++revision;
            return whole();
        }
        const std::string number = path.substr(20, path.find(':') - 20);
        if (!versions.contains(number)) return failure(404, "NOT_FOUND");
        if (request.method == "POST" && path.ends_with(":destroy")) {
            for (const auto& [alias, of] : aliases) destroyed_in_use = destroyed_in_use || of == number;
            versions[number] = std::nullopt;
            return answer_of(200, "{'state':'DESTROYED'}");
        }
        if (!versions[number]) return failure(400, "FAILED_PRECONDITION");
        return answer_of(200, "{'payload':{'data':", text_value{*versions[number]}, "}}");
    }
    std::string etag() const { return "\"16" + std::to_string(revision) + '"'; }
    http_response whole() const {
        http_response answer = answer_of(200, "{'name':'projects/1/secrets/tokenkeep','etag':", text_value{etag()});
        if (!aliases.empty()) answer.body += ",\"versionAliases\":{";
        for (const auto& [name, number] : aliases)
            answer.body += (answer.body.back() == '{' ? "\"" : ",\"") + name + "\":\"" + number + '"';
        answer.body += aliases.empty() ? "}" : "}}";
        return answer;
    }
    void damage() { versions[aliases["tokenkeep"]] = "?"; }
    long readable() const {
        return std::count_if(versions.begin(), versions.end(),
                             [](const auto& each) { return each.second.has_value(); });
    }

    std::map<std::string, std::string> aliases{};
    std::map<std::string, std::optional<std::string>> versions{};
    int revision = 0;
    bool destroyed_in_use = false;
};

/// https://docs.aws.amazon.com/secretsmanager/latest/apireference/ (CreateSecret, GetSecretValue, PutSecretValue,
/// UpdateSecretVersionStage)
struct aws {
    static auto document(scripted<aws>& at) {
        const auto keys = [] {
            return aws_credentials{.access_key_id = "AKIDEXAMPLE", .secret_access_key = credential};
        };
        return aws_document(std::ref(at), keys, aws_secret{.region = "eu-west-1"});
    }

    static http_response failure(const char* type) {
        return answer_of(400, "{'__type':'", type, "','Message':'in words'}");
    }
    http_response answer(const http_request& request) {
        if (request.url != "https://secretsmanager.eu-west-1.amazonaws.com/" || request.method != "POST" ||
            find_header(request.headers, "Content-Type") != "application/x-amz-json-1.1")
            return failure("UnknownOperationException");
        if (!find_header(request.headers, "Authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"))
            return failure("MissingAuthenticationToken");
        const std::string_view target = find_header(request.headers, "X-Amz-Target");
        if (target == "secretsmanager.CreateSecret") {
            if (exists) return failure("ResourceExistsException");
            exists = true;
            return put(request, "AWSCURRENT");
        }
        if (!exists) return failure("ResourceNotFoundException");
        if (target == "secretsmanager.PutSecretValue") {
            std::string stage;
            member_of(request, {"VersionStages"}).for_each_element([&](auto each) { stage = each.text(); });
            return put(request, versions.empty() ? "AWSCURRENT" : stage);
        }
        if (target == "secretsmanager.UpdateSecretVersionStage") {
            std::string& holder = labels[text_of(request, {"VersionStage"})];
            if (!holder.empty() && holder != text_of(request, {"RemoveFromVersionId"}))
                return failure("com.amazonaws.secretsmanager#InvalidParameterException");
            holder = text_of(request, {"MoveToVersionId"});
            return answer_of(200, "{'Name':'tokenkeep'}");
        }
        const std::string current = labels["AWSCURRENT"];
        if (current.empty()) return failure("ResourceNotFoundException");
        return answer_of(200, "{'VersionId':'", current, "','", member, "':", text_value{versions[current]}, "}");
    }
    http_response put(const http_request& request, const std::string& stage) {
        const std::string id = text_of(request, {"ClientRequestToken"});
        if (id.size() < 32 || id.size() > 64) return failure("InvalidParameterException");
        if (versions.contains(id)) return failure("ResourceExistsException");
        versions[id] = text_of(request, {"SecretString"});
        labels[stage] = id;
        return answer_of(200, "{'VersionId':'", id, "'}");
    }
    void damage() { member = "SecretBinary"; }

    std::map<std::string, std::string> versions{}, labels{};
    std::string member = "SecretString";
    bool exists = false;
};

/// https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret and .../set-secret/set-secret
struct azure {
    static auto document(scripted<azure>& at) {
        return azure_document(std::ref(at), give_credential, azure_secret{.vault = "https://v.vault.azure.net"});
    }

    http_response answer(const http_request& request) {
        if (!is_bearer(request)) return answer_of(401, "{'error':{'code':'Unauthorized'}}");
        if (request.url != "https://v.vault.azure.net/secrets/tokenkeep?api-version=7.4") return {.status = 400};
        if (request.method == "PUT") value = text_of(request, {"value"});
        if (!value) return answer_of(404, "{'error':{'code':'SecretNotFound'}}");
        return answer_of(200, "{'", member, "':", text_value{*value}, "}");
    }
    void damage() { member = "key"; }

    std::optional<std::string> value{};
    std::string member = "value";
};

/// https://etcd.io/docs/v3.4/dev-guide/api_reference_v3/ and .../api_grpc_gateway/
struct etcd {
    static auto document(scripted<etcd>& at) {
        return etcd_document(std::ref(at), give_credential, etcd_key{.endpoint = "https://etcd.example:2379"});
    }

    struct row {
        std::string value{}, lease{};
        int created = 0, modified = 0;
    };
    http_response answer(const http_request& request) {
        const std::string cluster = "https://etcd.example:2379";
        if (find_header(request.headers, "Authorization") != credential)
            return answer_of(401, "{'error':'etcdserver: invalid auth token','code':16}");
        std::erase_if(rows,
                      [&](const auto& each) { return !each.second.lease.empty() && ends[each.second.lease] <= now(); });
        if (request.url == cluster + "/v3/kv/range") {
            const auto found = rows.find(text_of(request, {"key"}));
            if (found == rows.end()) return answer_of(200, "{'header':{}}");
            if (member_of(request, {"count_only"}).raw() == "true") return answer_of(200, "{'count':'1'}");
            return answer_of(200, "{'kvs':[{'mod_revision':'", std::to_string(found->second.modified),
                             "','value':", text_value{found->second.value}, "}],'count':'1'}");
        }
        if (request.url == cluster + "/v3/kv/txn") return transact(request);
        if (request.url == cluster + "/v3/lease/grant") {
            const std::string id = std::to_string(++leases);
            ends[id] = now() + std::chrono::seconds(member_of(request, {"TTL"}).integer().value());
            return answer_of(200, "{'ID':'", id, "'}");
        }
        if (request.url != cluster + "/v3/lease/revoke") return {.status = 404};
        std::erase_if(rows, [&](const auto& each) { return each.second.lease == text_of(request, {"ID"}); });
        return answer_of(200, "{'header':{}}");
    }
    http_response transact(const http_request& request) {
        text::json_value compare, success;
        member_of(request, {"compare"}).for_each_element([&](auto each) { compare = each; });
        member_of(request, {"success"}).for_each_element([&](auto each) { success = each; });
        const auto put = success.find("requestPut").value();
        const auto text_in = [](text::json_value of, const char* name) {
            return of.find(name).value_or(text::json_value()).text();
        };
        const auto found = rows.find(text_in(compare, "key"));
        const bool by_creation = text_in(compare, "target") == "CREATE";
        const int number = found == rows.end() ? 0 : by_creation ? found->second.created : found->second.modified;
        if (text_in(compare, by_creation ? "create_revision" : "mod_revision") != std::to_string(number))
            return answer_of(200, "{'responses':[]}"); // a false is left out
        row& changed = rows[text_in(put, "key")];
        changed.value = text_in(put, "value");
        changed.lease = text_in(put, "lease");
        changed.modified = ++revision;
        if (changed.created == 0) changed.created = revision;
        return answer_of(200, "{'header':{'revision':'", std::to_string(revision), "'},'succeeded':true}");
    }
    void damage() { rows.begin()->second.value = "?"; }
    static deadline now() { return std::chrono::steady_clock::now(); }

    std::map<std::string, row> rows{};
    std::map<std::string, deadline> ends{}; ///< Of leases.
    int revision = 1, leases = 0;
};

/// Without the limit of the service, because the laws save long values.
template <class Document>
struct roomy : Document {
    explicit roomy(Document document) : Document(std::move(document)) {}
    std::size_t capacity() const { return std::size_t{1} << 30; }
};

template <class Service>
using document_of = decltype(Service::document(std::declval<scripted<Service>&>()));
template <class Service>
using store_of = basic_document_store<document_of<Service>>;

static_assert(comparing_store<store_of<vault>> && comparing_store<store_of<kubernetes>> &&
              comparing_store<store_of<google>> && comparing_store<store_of<aws>> && comparing_store<store_of<etcd>>);
static_assert(!comparing_store<store_of<azure>>);
static_assert(locking_store<store_of<etcd>> && store_of<etcd>::lock_may_lapse && !store_of<vault>::lock_may_lapse);

/// What a document gives, versioned or not.
template <class Document>
std::optional<std::string> text_in(Document& document) {
    std::optional<secret> text;
    if constexpr (detail::is_versioned<Document>)
        text = document.load_versioned().first;
    else
        text = document.load();
    return text ? std::optional(std::string(text->reveal())) : std::nullopt;
}

/// Saves over what is there. False if another was faster.
template <class Document>
bool save_into(
    Document& document, std::string_view bytes, const std::function<void()>& between = [] {}) {
    if constexpr (detail::is_versioned<Document>) {
        const auto version = document.load_versioned().second;
        between();
        return document.save(bytes, version);
    } else {
        between();
        document.save(bytes);
        return true;
    }
}

/// What must not be in a message: what the requests of a service carry.
bool is_discreet(const std::string& words) {
    for (const char* hidden : {credential, "the tokens", "https://", "AKIDEXAMPLE", "in words"})
        if (words.find(hidden) != std::string::npos) return false;
    return words.starts_with("tokenkeep: ");
}

using comparing_services = std::tuple<vault, kubernetes, google, aws, etcd>;
using services = std::tuple<vault, kubernetes, google, aws, etcd, azure>;

} // namespace

TEMPLATE_LIST_TEST_CASE("documents: the store laws hold", "[documents][store_laws]", services) {
    std::deque<scripted<TestType>> made;
    const auto make = [&] { return basic_document_store(roomy(TestType::document(made.emplace_back()))); };
    const law_findings found = findings_about(make, {.only_utf8 = true});
    CHECK(found.breaches == std::vector<std::string>{});
    std::set<std::string> laws = laws_of_every_store + std::set<std::string>{"D1", "D2"};
    if (comparing_store<store_of<TestType>>) laws = laws + laws_of_comparing;
    if (locking_store<store_of<TestType>>) laws = laws + laws_of_locking + std::set<std::string>{"D3", "L1'", "L3'"};
    CHECK(found.tested == laws);
}

TEMPLATE_LIST_TEST_CASE("documents: nothing at first, then what was saved last, byte for byte", "[documents]",
                        services) {
    scripted<TestType> service;
    auto document = TestType::document(service);
    CHECK(text_in(document) == std::nullopt);
    for (const std::string text : {"the tokens", "\"quoted\\\"\n\t", "\xc3\xa4 \xf0\x9f\x94\x91", "1234"}) {
        CHECK(save_into(document, text));
        CHECK(text_in(document) == text);
    }
    CHECK(document.capacity() >= 25'000);
    service.service.damage();
    CHECK(code_of([&] { text_in(document); }) == errc::storage_corrupt);
}

TEMPLATE_LIST_TEST_CASE("documents: a save over another version than the newest is refused and changes nothing",
                        "[documents]", comparing_services) {
    scripted<TestType> service;
    auto document = TestType::document(service), rival = TestType::document(service);
    CHECK_FALSE(save_into(document, "too late to make it", [&] { CHECK(save_into(rival, "first")); }));
    CHECK(text_in(document) == "first");
    CHECK_FALSE(save_into(document, "too late", [&] {
        CHECK(save_into(rival, "second"));
        CHECK(save_into(rival, "third"));
    }));
    CHECK(text_in(document) == "third");
    CHECK(save_into(document, "fourth"));
    CHECK(text_in(rival) == "fourth");
}

TEMPLATE_LIST_TEST_CASE("documents: two stores over one service lose no change", "[documents]", comparing_services) {
    scripted<TestType> service;
    store_of<TestType> one(TestType::document(service)), two(TestType::document(service));
    std::vector<std::thread> threads;
    for (int n = 0; n < 4; ++n)
        threads.emplace_back([&, n] {
            for (int i = 0; i < 10; ++i)
                (n % 2 == 0 ? one : two)
                    .save_token({.user_name = std::to_string(n * 100 + i), .client_id = "app", .access_token = "a"});
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(one.get_tokens().size() == 40);
    const token read = one.get_tokens()[0];
    token next = read;
    next.access_token = "two's";
    CHECK(two.replace_token(read, next));
    CHECK(!one.replace_token(read, read));
    CHECK(!one.remove_token(read));
}

TEMPLATE_LIST_TEST_CASE("documents: what a service refuses is a typed error without secrets", "[documents]", services) {
    scripted<TestType> service;
    auto document = TestType::document(service);
    REQUIRE(save_into(document, "the tokens"));
    struct {
        int status;
        errc code;
        const char* advice;
    } const cases[] = {
        {401, errc::permissions, "renew the credential"}, {403, errc::permissions, "renew the credential"},
        {429, errc::storage_failure, "try later"},        {500, errc::storage_failure, "try later"},
        {503, errc::storage_failure, "try later"},        {307, errc::storage_failure, "check the names"},
        {418, errc::storage_failure, "check the names"}};
    for (const auto& each : cases) {
        CAPTURE(each.status);
        const http_response refusal{.status = each.status,
                                    .headers = {{"Retry-After", "7"}},
                                    .body = R"({"__type":"Odd","errors":["the tokens"],"error":"in words"})"};
        const auto fails_as_told = [&](auto act) {
            try {
                act();
                FAIL("it succeeds");
            } catch (const error& failure) {
                CHECK(failure.code() == each.code);
                CHECK(failure.retry_after() == (each.code == errc::permissions ? 0s : 7s));
                CHECK(has_all(failure.what(), {each.advice, std::to_string(each.status)}));
                CHECK(is_discreet(failure.what()));
            }
        };
        fails_as_told([&] {
            service.next = {refusal};
            text_in(document);
        });
        fails_as_told([&] { save_into(document, "the tokens, again", [&] { service.next = {refusal}; }); });
        CHECK(text_in(document) == "the tokens");
    }
    for (const int status : {200, 404}) {
        service.next = {{.status = status, .body = "<html>in words"}};
        CHECK(code_of([&] { text_in(document); }) == errc::storage_failure); // it is not "there is no document"
    }
}

TEMPLATE_LIST_TEST_CASE("documents: without an answer a save that may have arrived is indeterminate", "[documents]",
                        services) {
    scripted<TestType> service;
    auto document = TestType::document(service);
    REQUIRE(save_into(document, "the tokens"));
    for (const bool may_have_been_sent : {false, true}) {
        const auto code = may_have_been_sent ? errc::indeterminate : errc::storage_failure;
        service.may_have_been_sent = may_have_been_sent;
        service.unreachable = true;
        CHECK(code_of([&] { text_in(document); }) == errc::storage_failure);
        service.unreachable = false;
        const auto save = [&] { save_into(document, "more", [&] { service.unreachable = true; }); };
        CHECK(code_of(save) == code);
        service.unreachable = false;
        const std::string words = words_of(save);
        CHECK(is_discreet(words));
        service.unreachable = false;
        CHECK(text_in(document) == "the tokens");
    }
}

TEST_CASE("documents: a version that Vault has deleted is no document, and is the one to be replaced", "[documents]") {
    scripted<vault> service;
    auto document = vault::document(service);
    CHECK(save_into(document, "first"));
    service.service.is_deleted = true;
    CHECK(text_in(document) == std::nullopt);
    CHECK(document.load_versioned().second == 1);
    CHECK(save_into(document, "second"));
    CHECK(text_in(document) == "second");
    CHECK(service.service.version == 2);
    service.next = {answer_of(400, "{'errors':['check-and-set parameter required for this call']}")};
    CHECK(code_of([&] { (void)document.save("third", 2); }) == errc::storage_failure);
}

TEST_CASE("documents: a Kubernetes Secret keeps what others have put beside the tokens", "[documents]") {
    scripted<kubernetes> service;
    service.service.exists = true;
    service.service.data = {{"other", "eA=="}};
    auto document = kubernetes::document(service);
    CHECK(text_in(document) == std::nullopt);
    CHECK(save_into(document, "the tokens"));
    CHECK(text_in(document) == "the tokens");
    CHECK(service.service.data["other"] == "eA==");
    CHECK_FALSE(save_into(document, "too late", [&] { service.service.exists = false; })); // somebody deletes it
}

TEST_CASE("documents: at Google two versions stay readable, and one that lost the race does not", "[documents]") {
    scripted<google> service;
    auto document = google::document(service), rival = google::document(service);
    for (int n = 0; n < 5; ++n) CHECK(save_into(document, std::to_string(n)));
    CHECK(service.service.readable() == 2);
    CHECK_FALSE(save_into(document, "late", [&] { CHECK(save_into(rival, "first")); }));
    CHECK(service.service.readable() == 2);
    CHECK(text_in(document) == "first");
    CHECK_FALSE(service.service.destroyed_in_use);
}

TEST_CASE("documents: a secret at AWS that was made without a value gets one", "[documents]") {
    scripted<aws> service;
    service.service.exists = true;
    auto document = aws::document(service);
    CHECK(text_in(document) == std::nullopt);
    CHECK(save_into(document, "the tokens"));
    CHECK(text_in(document) == "the tokens");
    for (const char* type : {"AccessDeniedException", "com.amazon.coral.service#UnrecognizedClientException",
                             "ExpiredTokenException", "InvalidSignatureException"}) {
        service.next = {aws::failure(type)};
        CHECK(code_of([&] { text_in(document); }) == errc::permissions);
    }
    service.next = {aws::failure("ThrottlingException")};
    CHECK(code_of([&] { text_in(document); }) == errc::storage_failure);
    service.next = {aws::failure("ThrottlingException")};
    CHECK(has_all(words_of([&] { text_in(document); }), {"try later"}));
}

TEST_CASE("documents: etcd gives the lock to the next when its lease is revoked or has ended", "[documents]") {
    scripted<etcd> service;
    auto document = etcd::document(service), other = etcd::document(service);
    const auto soon = [] { return std::chrono::steady_clock::now() + 30ms; };
    auto held = std::optional(document.lock("ada", soon()));
    CHECK(code_of([&] { (void)other.lock("ada", soon()); }) == errc::lock_timeout);
    CHECK(!code_of([&] { (void)other.lock("bob", soon()); }));
    std::thread([taken = std::move(held)]() mutable { taken.reset(); }).join();
    CHECK(service.service.rows.empty());
    auto lapsed = std::optional(document.lock("ada", soon()));
    const std::string before = service.service.rows.begin()->second.lease;
    lapsed->renew(1'500ms);
    CHECK(service.service.rows.begin()->second.lease != before);
    service.service.rows.clear(); // etcd ends the lease
    const auto next = other.lock("ada", soon());
    const std::string lease = service.service.rows.begin()->second.lease;
    lapsed->renew(1h);
    CHECK(service.service.rows.begin()->second.lease == lease);
    service.unreachable = true;
    lapsed.reset(); // throws nothing
    service.unreachable = false;
    CHECK(service.service.rows.size() == 1);
    service.next = {answer_of(400, "{'error':'etcdserver: user name is empty','code':3}")};
    CHECK(code_of([&] { text_in(document); }) == errc::permissions);
}

// The suite aws-sig-v4-test-suite that AWS publishes, whose keys are these examples.
TEST_CASE("documents: Signature Version 4 gives the published values", "[documents]") {
    aws_credentials keys{.access_key_id = "AKIDEXAMPLE",
                         .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};
    const std::chrono::sys_seconds moment{1'440'938'160s}; // 2015-08-30T12:36:00Z
    const auto signature = [&](http_request request) {
        request.url = "https://example.amazonaws.com/";
        sign_for_aws(request, keys, "us-east-1", "service", moment);
        CHECK(find_header(request.headers, "X-Amz-Date") == "20150830T123600Z");
        return std::string(find_header(request.headers, "Authorization"));
    };
    const auto expected = [](const std::string& names, const std::string& digits) {
        return "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" +
               names + ", Signature=" + digits;
    };
    CHECK(signature({.method = "GET"}) ==
          expected("host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"));
    CHECK(signature({.method = "POST"}) ==
          expected("host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"));
    CHECK(signature({.method = "POST", .headers = {{"My-Header1", "VALUE1"}}}) ==
          expected("host;my-header1;x-amz-date", "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"));
    CHECK(signature({.method = "POST",
                     .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                     .body = "Param1=value1"}) ==
          expected("content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"));
    keys.session_token = "AQoDYXdzEPT//////////"
                         "wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuw"
                         "thAx7mSEI/qkPpKPi/"
                         "kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHN"
                         "VXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+"
                         "scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxB"
                         "A==";
    CHECK(signature({.method = "POST"}) ==
          expected("host;x-amz-date;x-amz-security-token",
                   "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"));
}
