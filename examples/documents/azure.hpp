// SPDX-License-Identifier: MIT
// All tokens in one secret of Azure Key Vault. To be copied, with service.hpp.
// https://learn.microsoft.com/rest/api/keyvault/secrets/set-secret/set-secret
// https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret
#ifndef TOKENKEEP_EXAMPLES_DOCUMENTS_AZURE_HPP
#define TOKENKEEP_EXAMPLES_DOCUMENTS_AZURE_HPP

#include "service.hpp"

/// Which secret.
struct azure_secret {
    std::string vault{};            ///< https://my-vault.vault.azure.net
    std::string name = "tokenkeep"; ///< Letters, digits and hyphens.
};

/// A plain document: Key Vault has no conditional write. Set Secret takes neither an ETag nor a version that it would
/// compare, and makes the new version the current one in any case. So only one program may write. If several machines
/// share the tokens, use a service that compares.
///   basic_document_store store{azure_document(transport, [&] { return keep.access_token(service); },
///                                             azure_secret{.vault = "https://my-vault.vault.azure.net"})};
/// `credential()` gives an access token for the scope https://vault.azure.net/.default, as a secret. Its owner needs
/// the role Key Vault Secrets Officer.
///
///   Key Vault answers              | the document
///   -------------------------------|-----------------------------------------------------------------------
///   404 (SecretNotFound)           | gives nullopt
///   401, 403                       | throws errc::permissions
///   409 (deleted but recoverable)  | throws errc::storage_failure; recover or purge the secret
///   429, 5xx                       | throws errc::storage_failure; try later
///
/// Each save makes a version, and old versions stay readable: delete or disable them from time to time.
template <tokenkeep::http_transport Transport, class Credential>
class azure_document {
  public:
    azure_document(Transport transport, Credential credential, azure_secret at)
        : transport_(std::move(transport)), credential_(std::move(credential)), at_(std::move(at)) {}

    std::optional<tokenkeep::secret> load() {
        const service::answer answer("Azure Key Vault", transport_, request("GET", {}));
        if (answer.status() == 404) return std::nullopt;
        if (answer.status() != 200) answer.refuse();
        return answer.secret_in(answer.at({"value"}));
    }

    void save(std::string_view bytes) {
        std::string body;
        body.reserve(2 * bytes.size() + 128);
        body.append(R"({"contentType":"application/json","value":)");
        tokenkeep::text::append_json_string(body, bytes);
        body.append("}");
        const service::answer answer("Azure Key Vault", transport_, request("PUT", std::move(body)), true);
        if (answer.status() != 200) answer.refuse();
    }

    /// A value may have 25 kB: https://learn.microsoft.com/azure/key-vault/secrets/about-secrets
    std::size_t capacity() const { return 25'000; }

  private:
    tokenkeep::http_request request(const char* method, std::string body) {
        tokenkeep::http_request request{.method = method,
                                        .url = at_.vault + "/secrets/" + at_.name + "?api-version=7.4",
                                        .headers = {{"Content-Type", "application/json"}},
                                        .body = std::move(body)};
        request.headers.push_back(service::header_of("Authorization", "Bearer ", credential_()));
        return request;
    }

    Transport transport_;
    Credential credential_;
    azure_secret at_;
};

#endif
