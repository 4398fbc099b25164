// SPDX-License-Identifier: MIT
// No block of memory that the documents of examples/documents free still holds a token or the credential of a service,
// whether the service takes the document, refuses it, or gives no answer.
#include "documents/aws.hpp"
#include "documents/azure.hpp"
#include "documents/etcd.hpp"
#include "documents/google.hpp"
#include "documents/kubernetes.hpp"
#include "documents/vault.hpp"

#include "support/searched_memory.hpp"

#include <cstdio>
#include <string>
#include <string_view>

namespace {

using namespace tokenkeep;

/// The secrets repeat three letters, so that their base64 repeats one of three groups, wherever they begin.
constexpr std::string_view marks[] = {"S3NS3N", "UzNOUzNO", "M05TM05T", "TlMzTlMz"};
constexpr const char* secret_text = R"({"tokens":"S3NS3NS3NS3NS3NS3NS3NS3NS3NS3NS3NS3N"})";

bool holds_secret(std::string_view block) {
    for (const std::string_view mark : marks)
        if (block.find(mark) != block.npos) return true;
    return false;
}

secret give_credential() { return "S3NS3NS3NS3NS3NS3NS3NS3N-credential"; }
aws_credentials give_keys() { return {"AKIDEXAMPLE", give_credential(), give_credential()}; }

enum class reply { accepts, refuses, is_lost };

/// One body that is a right answer to each request of every service.
struct any_service {
    reply how = reply::accepts;

    http_response operator()(const http_request& request) const {
        const tests::unwatched by_the_test;
        if (how == reply::is_lost) throw transport_error("lost");
        if (how == reply::refuses) return {.status = 403, .body = "{}"};
        const std::string plain = service::quoted(secret_text), coded = '"' + text::to_base64(secret_text) + '"';
        const bool makes = request.method == "POST" && request.url.ends_with("/secrets");
        return {.status = makes ? 201 : 200,
                .body = R"({"succeeded":true,"etag":"1","versionAliases":{"tokenkeep":"1"},"name":"/1","ID":"1",)"
                        R"("metadata":{"resourceVersion":"1"},"payload":{"data":)" +
                        coded + R"(},"kvs":[{"mod_revision":"1","value":)" + coded +
                        R"(}],"VersionId":"1","SecretString":)" + plain + R"(,"value":)" + plain +
                        R"(,"data":{"data":{"tokens":)" + plain + R"(},"metadata":{"version":1},"tokens":)" + coded +
                        "}}"};
    }
};

int passed = 0, failed = 0;

/// Saves and loads.
template <class Document>
void use(Document& document) {
    if constexpr (detail::is_versioned<Document>) {
        (void)document.save(secret_text, {}); // there is none
        const auto [text, version] = document.load_versioned();
        (void)document.save(secret_text, version);
    } else {
        document.save(secret_text);
        (void)document.load();
    }
    if constexpr (detail::can_lock<Document>) (void)document.lock("ada", {});
}

template <class Document>
void check(const char* name, reply how, Document document) {
    tests::leaks = 0;
    tests::freed = 0;
    tests::searching = true;
    bool has_thrown = false;
    try {
        use(document);
    } catch (const error&) {
        has_thrown = true;
    }
    tests::searching = false;
    const bool holds = tests::leaks == 0 && tests::freed > 0 && has_thrown == (how != reply::accepts);
    ++(holds ? passed : failed);
    if (!holds)
        std::printf("%s, reply %d: %d leaks, thrown: %d\n", name, static_cast<int>(how), tests::leaks, has_thrown);
}

} // namespace

int main() {
    tests::holds_secret = holds_secret;
    for (const reply how : {reply::accepts, reply::refuses, reply::is_lost}) {
        const any_service service{how};
        check("vault", how, vault_document(service, give_credential, vault_secret{}));
        check("kubernetes", how, kubernetes_document(service, give_credential, kubernetes_secret{}));
        check("google", how, google_document(service, give_credential, google_secret{}));
        check("azure", how, azure_document(service, give_credential, azure_secret{}));
        check("aws", how, aws_document(service, give_keys, aws_secret{.region = "eu-west-1"}));
        check("etcd", how, etcd_document(service, give_credential, etcd_key{}));
    }
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 && passed == 18 ? 0 : 1;
}
