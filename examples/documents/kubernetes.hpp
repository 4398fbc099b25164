// SPDX-License-Identifier: MIT
// All tokens in one Secret of a Kubernetes cluster, shared by its pods. To be copied, with base64.hpp
// and service.hpp.
// https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/
// https://kubernetes.io/docs/reference/using-api/api-concepts/ (resource versions, patches)
#ifndef TOKENKEEP_EXAMPLES_DOCUMENTS_KUBERNETES_HPP
#define TOKENKEEP_EXAMPLES_DOCUMENTS_KUBERNETES_HPP

#include "base64.hpp"
#include "service.hpp"

/// Which Secret.
struct kubernetes_secret {
    std::string server = "https://kubernetes.default.svc"; ///< The API server, as pods of the cluster see it.
    std::string kube_namespace = "default";
    std::string name = "tokenkeep";
    std::string key = "tokens"; ///< Of the Secret's data. Other keys, labels and annotations stay as they are.
};

/// A document of versions: a patch names the resourceVersion that it changes.
///   basic_document_store store{kubernetes_document(transport, token_of_pod, kubernetes_secret{.name = "tokens"})};
/// `credential()` gives the bearer token, as a secret; in a pod, the text of the file
/// /var/run/secrets/kubernetes.io/serviceaccount/token, which the cluster renews. The account needs get and patch on
/// the Secret, and create on Secrets unless somebody has made it: kubectl create secret generic tokenkeep.
///
///   the API server answers              | the document
///   ------------------------------------|-------------------------------------------------
///   404 to a read, or the key is absent | gives nullopt
///   409 (AlreadyExists, Conflict)       | save gives false
///   404 to a patch                      | save gives false, because the Secret was deleted
///   401, 403                            | throws errc::permissions
///   429, 5xx                            | throws errc::storage_failure; try later
template <tokenkeep::http_transport Transport, class Credential>
class kubernetes_document {
  public:
    /// The resourceVersion; empty if there is no Secret.
    using version = std::string;

    kubernetes_document(Transport transport, Credential credential, kubernetes_secret at)
        : transport_(std::move(transport)), credential_(std::move(credential)), at_(std::move(at)) {}

    std::pair<std::optional<tokenkeep::secret>, version> load_versioned() {
        const service::answer answer(name, transport_, request("GET", '/' + at_.name, "application/json", {}));
        if (answer.status() == 404) return {};
        if (answer.status() != 200) answer.refuse();
        version current = answer.at({"metadata", "resourceVersion"}).text();
        if (current.empty()) answer.corrupt();
        const auto data = answer.at({"data", at_.key});
        if (data.kind() == tokenkeep::text::json_kind::null) return {std::nullopt, std::move(current)};
        return {service::bytes_in(answer, data), std::move(current)};
    }

    bool save(std::string_view bytes, const version& expected) {
        const bool is_new = expected.empty();
        std::string body;
        body.reserve(bytes.size() / 3 * 4 + 512 + at_.name.size() + at_.key.size());
        body.append(is_new ? R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":)"
                           : R"({"metadata":{"resourceVersion":)");
        body.append(service::quoted(is_new ? at_.name : expected)).append(R"(},"data":{)");
        body.append(service::quoted(at_.key)).append(":");
        service::append_base64(body, bytes);
        body.append("}}");
        const service::answer answer(
            name, transport_,
            is_new ? request("POST", {}, "application/json", std::move(body))
                   : request("PATCH", '/' + at_.name, "application/merge-patch+json", std::move(body)),
            true);
        if (answer.status() == (is_new ? 201 : 200)) return true;
        if (answer.status() == 409 || (!is_new && answer.status() == 404)) return false;
        answer.refuse();
    }

    /// The data of a Secret may have 1 MiB. In base64, this is what a transport can read that cuts answers at 1 MiB.
    std::size_t capacity() const { return 700 * 1024; }

  private:
    static constexpr const char* name = "Kubernetes";

    tokenkeep::http_request request(const char* method, const std::string& path, const char* type, std::string body) {
        tokenkeep::http_request request{.method = method,
                                        .url =
                                            at_.server + "/api/v1/namespaces/" + at_.kube_namespace + "/secrets" + path,
                                        .headers = {{"Content-Type", type}},
                                        .body = std::move(body)};
        request.headers.push_back(service::header_of("Authorization", "Bearer ", credential_()));
        return request;
    }

    Transport transport_;
    Credential credential_;
    kubernetes_secret at_;
};

#endif
