// SPDX-License-Identifier: MIT
// All tokens in one secret of AWS Secrets Manager, shared by machines. To be copied, with service.hpp.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html (the signature)
#ifndef TOKENKEEP_EXAMPLES_DOCUMENTS_AWS_HPP
#define TOKENKEEP_EXAMPLES_DOCUMENTS_AWS_HPP

#include "aws_signature.hpp"
#include "service.hpp"

#include <chrono>

/// Which secret.
struct aws_secret {
    std::string region{};           ///< eu-central-1
    std::string name = "tokenkeep"; ///< Or its ARN, if it exists.
};

/// A document of versions. PutSecretValue compares nothing, so a save takes two steps: it puts a version beside the
/// current one, and then moves the label AWSCURRENT from the version that was read. Secrets Manager refuses that if
/// the label is elsewhere by now.
///   basic_document_store store{aws_document(transport, [&] { return my_keys; }, aws_secret{.region = "eu-west-1"})};
/// `credential()` gives aws_credentials. They need secretsmanager:CreateSecret, GetSecretValue, PutSecretValue and
/// UpdateSecretVersionStage. Switch rotation off for this secret.
///
///   Secrets Manager answers                            | the document
///   ---------------------------------------------------|----------------------------------------
///   ResourceNotFoundException                          | gives nullopt
///   InvalidParameterException to the move of the label | save gives false
///   AccessDeniedException and the like                 | throws errc::permissions
///   ThrottlingException, 5xx                           | throws errc::storage_failure; try later
///
/// Secrets Manager keeps every version for a day, and not many more than 100. A refresh makes two, and a save that lost
/// the race makes one. So give each user a secret of their own, and use it for access tokens that live for an hour or
/// longer. Reads may be old for a moment; then a save is refused, and the store reads again.
template <tokenkeep::http_transport Transport, class Credential>
class aws_document {
  public:
    aws_document(Transport transport, Credential credential, aws_secret at)
        : transport_(std::move(transport)), credential_(std::move(credential)), at_(std::move(at)) {}

    /// The version is its id; empty if there is no secret.
    std::pair<std::optional<tokenkeep::secret>, std::string> load_versioned() {
        const service::answer answer = ask("GetSecretValue", R"({"SecretId":)" + service::quoted(at_.name) + "}");
        if (is(answer, "ResourceNotFoundException")) return {};
        if (answer.status() != 200) refuse(answer);
        return {answer.secret_in(answer.at({"SecretString"})), answer.at({"VersionId"}).text()};
    }

    bool save(std::string_view bytes, const std::string& expected) {
        const std::string id = tokenkeep::random_id()();
        if (expected.empty()) {
            const service::answer made = ask("CreateSecret", with_value("Name", id, bytes) + "}");
            if (made.status() == 200) return true;
            if (!is(made, "ResourceExistsException")) refuse(made); // it may exist without a value
        }
        const service::answer put =
            ask("PutSecretValue", with_value("SecretId", id, bytes) + R"(,"VersionStages":["TOKENKEEP"]})");
        if (is(put, "ResourceNotFoundException")) return false;
        if (put.status() != 200) refuse(put);
        const std::string from = expected.empty() ? "" : R"(,"RemoveFromVersionId":)" + service::quoted(expected);
        const service::answer moved =
            ask("UpdateSecretVersionStage", R"({"SecretId":)" + service::quoted(at_.name) + from +
                                                R"(,"VersionStage":"AWSCURRENT","MoveToVersionId":")" + id + "\"}");
        if (moved.status() == 200) return true;
        if (!is(moved, "InvalidParameterException")) refuse(moved);
        return load_versioned().second == id; // the first value of a secret gets the label at once
    }

    /// A value may have 64 KiB: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
    std::size_t capacity() const { return 65'536; }

  private:
    std::string with_value(const char* name, const std::string& id, std::string_view bytes) const {
        std::string body;
        body.reserve(2 * bytes.size() + at_.name.size() + 256);
        body.append("{\"").append(name).append("\":").append(service::quoted(at_.name));
        body.append(R"(,"ClientRequestToken":")").append(id).append(R"(","SecretString":)");
        tokenkeep::text::append_json_string(body, bytes);
        return body;
    }

    service::answer ask(const std::string& operation, std::string body) {
        tokenkeep::http_request request{.method = "POST",
                                        .url = "https://secretsmanager." + at_.region + ".amazonaws.com/",
                                        .headers = {{"Content-Type", "application/x-amz-json-1.1"},
                                                    {"X-Amz-Target", "secretsmanager." + operation}},
                                        .body = std::move(body)};
        sign_for_aws(request, credential_(), at_.region, "secretsmanager",
                     std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
        return {"AWS Secrets Manager", transport_, std::move(request), operation != "GetSecretValue"};
    }

    static bool is(const service::answer& answer, std::string_view type) {
        const std::string written = answer.at({"__type"}).text();
        return answer.status() != 200 && written.substr(written.find('#') + 1) == type;
    }

    /// https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html
    [[noreturn]] static void refuse(const service::answer& answer) {
        for (const char* type : {"AccessDeniedException", "ExpiredTokenException", "IncompleteSignature",
                                 "InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken",
                                 "NotAuthorized", "OptInRequired", "RequestExpired", "UnrecognizedClientException"})
            if (is(answer, type)) answer.forbid();
        if (is(answer, "ThrottlingException")) answer.fail("try later");
        answer.refuse();
    }

    Transport transport_;
    Credential credential_;
    aws_secret at_;
};

#endif
