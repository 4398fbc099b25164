// SPDX-License-Identifier: MIT
// All tokens in one secret of HashiCorp Vault, in its KV secrets engine version 2, shared by machines. To be copied,
// with service.hpp.
// https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
#ifndef TOKENKEEP_EXAMPLES_DOCUMENTS_VAULT_HPP
#define TOKENKEEP_EXAMPLES_DOCUMENTS_VAULT_HPP

#include "service.hpp"

/// Which secret. Names are written as in a URL: escape what a path cannot hold.
struct vault_secret {
    std::string address{};             ///< https://vault.example:8200
    std::string mount = "secret";      ///< Where the engine is mounted.
    std::string path = "tokenkeep";    ///< team/app/tokenkeep
    std::string vault_namespace{};     ///< Of Vault Enterprise. Empty if there is none.
    std::size_t capacity = 256 * 1024; ///< Half an entry in Consul (512 KiB), because JSON in JSON may grow twofold.
};

/// A document of versions: a write names the version that it replaces (check-and-set), and 0 if there is none.
///   basic_document_store store{vault_document(transport, [&] { return vault_token; }, vault_secret{.address = url})};
/// `credential()` gives the Vault token, as a secret. Its policy needs create, read and update on MOUNT/data/PATH.
///
///   Vault answers                     | the document
///   ----------------------------------|---------------------------------------------------------------------
///   404                               | gives nullopt; a version that was deleted still has its number
///   400, check-and-set did not match  | save gives false
///   403                               | throws errc::permissions
///   429, 5xx (503: sealed)            | throws errc::storage_failure; try later
///
/// Old versions stay readable in Vault until max_versions (10 unless it is set) overtakes them.
template <tokenkeep::http_transport Transport, class Credential>
class vault_document {
  public:
    using version = std::int64_t;

    vault_document(Transport transport, Credential credential, vault_secret at)
        : transport_(std::move(transport)), credential_(std::move(credential)), at_(std::move(at)) {}

    std::pair<std::optional<tokenkeep::secret>, version> load_versioned() {
        const service::answer answer("Vault", transport_, request("GET", {}));
        const version current = answer.at({"data", "metadata", "version"}).integer().value_or(0);
        if (answer.status() == 404) return {std::nullopt, current};
        if (answer.status() != 200) answer.refuse();
        return {answer.secret_in(answer.at({"data", "data", "tokens"})), current};
    }

    bool save(std::string_view bytes, version expected) {
        std::string body;
        body.reserve(2 * bytes.size() + 128);
        body.append(R"({"options":{"cas":)").append(std::to_string(expected)).append(R"(},"data":{"tokens":)");
        tokenkeep::text::append_json_string(body, bytes);
        body.append("}}");
        const service::answer answer("Vault", transport_, request("POST", std::move(body)), true);
        if (answer.status() == 200) return true;
        if (answer.status() == 400 && has_lost_the_race(answer)) return false;
        answer.refuse();
    }

    std::size_t capacity() const { return at_.capacity; }

  private:
    tokenkeep::http_request request(const char* method, std::string body) {
        tokenkeep::http_request request{
            .method = method, .url = at_.address + "/v1/" + at_.mount + "/data/" + at_.path, .body = std::move(body)};
        request.headers.push_back(service::header_of("X-Vault-Token", "", credential_()));
        if (!at_.vault_namespace.empty()) request.headers.push_back({"X-Vault-Namespace", at_.vault_namespace});
        if (!request.body.empty()) request.headers.push_back({"Content-Type", "application/json"});
        return request;
    }

    static bool has_lost_the_race(const service::answer& answer) {
        bool found = false;
        answer.at({"errors"}).for_each_element([&](const auto& reason) {
            found = found || reason.text().find("check-and-set parameter did not match") != std::string::npos;
        });
        return found;
    }

    Transport transport_;
    Credential credential_;
    vault_secret at_;
};

#endif
