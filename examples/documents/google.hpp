// SPDX-License-Identifier: MIT
// All tokens in one secret of Google Cloud Secret Manager, shared by machines. To be copied, with base64.hpp
// and service.hpp.
// https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets
// https://cloud.google.com/secret-manager/docs/etags
#ifndef TOKENKEEP_EXAMPLES_DOCUMENTS_GOOGLE_HPP
#define TOKENKEEP_EXAMPLES_DOCUMENTS_GOOGLE_HPP

#include "base64.hpp"
#include "service.hpp"

/// Which secret. Its version aliases belong to this program.
struct google_secret {
    std::string project{};
    std::string name = "tokenkeep";
    std::string api = "https://secretmanager.googleapis.com/v1"; ///< Or the endpoint of a region.
};

/// The state of a secret. Without an etag there is no secret; without `current` it has no tokens yet.
struct google_version {
    std::string etag{}, current{}, former{}; ///< The numbers of the versions that have the two aliases.
};

/// A document of versions. addVersion compares nothing, so a save takes two steps: it adds a version, and then moves
/// the alias `tokenkeep` to it with a patch of the secret that names the etag. If somebody was faster, the patch is
/// refused, and the save destroys the version that it has added. The alias `tokenkeep-former` keeps the version before
/// readable, for those who have just read the secret; the version before that is destroyed.
///   basic_document_store store{google_document(transport, [&] { return keep.access_token(me); },
///                                              google_secret{.project = "my-project"})};
/// `credential()` gives an access token with the scope https://www.googleapis.com/auth/cloud-platform, as a secret.
/// Its owner needs roles/secretmanager.admin on the secret.
///
///   Secret Manager answers                        | the document
///   ----------------------------------------------|-----------------------------------------------------------
///   404, or there is no alias                     | gives nullopt
///   400 FAILED_PRECONDITION, 409 ABORTED          | save gives false
///   409 ALREADY_EXISTS to a create                | save gives false
///   401, 403                                      | throws errc::permissions
///   429, 5xx                                      | throws errc::storage_failure; try later
///
/// Reads of a secret are eventually consistent ("typically within minutes"): a look-up may give an older list, and a
/// change waits until its read is new enough, or throws errc::lock_timeout. No change is lost.
template <tokenkeep::http_transport Transport, class Credential>
class google_document {
  public:
    google_document(Transport transport, Credential credential, google_secret at)
        : transport_(std::move(transport)), credential_(std::move(credential)), at_(std::move(at)) {}

    std::pair<std::optional<tokenkeep::secret>, google_version> load_versioned() {
        for (int tries = 0;; ++tries) {
            const service::answer secret = ask("GET", '/' + at_.name);
            if (secret.status() == 404) return {};
            if (secret.status() != 200) secret.refuse();
            google_version version{.etag = secret.at({"etag"}).text(),
                                   .current = secret.at({"versionAliases", "tokenkeep"}).text(),
                                   .former = secret.at({"versionAliases", "tokenkeep-former"}).text()};
            if (version.etag.empty()) secret.corrupt();
            if (version.current.empty()) return {std::nullopt, std::move(version)};
            const service::answer value = ask("GET", version_path(version.current) + ":access");
            if (value.status() == 200)
                return {service::bytes_in(value, value.at({"payload", "data"})), std::move(version)};
            const bool was_destroyed = value.status() == 400; // by two saves in between
            if (!was_destroyed || tries == 9) value.refuse();
        }
    }

    bool save(std::string_view bytes, google_version expected) {
        if (expected.etag.empty()) {
            const service::answer made = ask("POST", "?secretId=" + at_.name, R"({"replication":{"automatic":{}}})");
            if (made.status() == 409) return false;
            if (made.status() != 200) made.refuse();
            expected.etag = made.at({"etag"}).text();
        }
        const std::string added = add_version(bytes);
        std::string aliases = R"({"tokenkeep":)" + service::quoted(added);
        if (!expected.current.empty()) aliases += R"(,"tokenkeep-former":)" + service::quoted(expected.current);
        const service::answer moved =
            ask("PATCH", '/' + at_.name + "?updateMask=versionAliases",
                R"({"etag":)" + service::quoted(expected.etag) + R"(,"versionAliases":)" + aliases + "}}");
        if (moved.status() == 200) {
            destroy(expected.former);
            return true;
        }
        const bool lost = moved.at({"error", "status"}).is_text("FAILED_PRECONDITION") || moved.status() == 409;
        if (!lost) moved.refuse();
        destroy(added);
        return false;
    }

    /// A version may have 64 KiB: https://cloud.google.com/secret-manager/quotas
    std::size_t capacity() const { return 65'536; }

  private:
    std::string version_path(const std::string& number) const { return '/' + at_.name + "/versions/" + number; }

    /// The number of the new version.
    std::string add_version(std::string_view bytes) {
        std::string body;
        body.reserve(bytes.size() / 3 * 4 + 64);
        body.append(R"({"payload":{"data":)");
        service::append_base64(body, bytes);
        body.append("}}");
        const service::answer added = ask("POST", '/' + at_.name + ":addVersion", std::move(body));
        if (added.status() != 200) added.refuse();
        const std::string name = added.at({"name"}).text();
        return name.substr(name.rfind('/') + 1);
    }

    /// If this fails, a version is left over that is never read.
    void destroy(const std::string& number) noexcept {
        try {
            if (!number.empty()) ask("POST", version_path(number) + ":destroy", "{}");
        } catch (...) {
        }
    }

    service::answer ask(const char* method, const std::string& path, std::string body = {}) {
        const bool changes = !body.empty();
        tokenkeep::http_request request{.method = method,
                                        .url = at_.api + "/projects/" + at_.project + "/secrets" + path,
                                        .headers = {{"Content-Type", "application/json"}},
                                        .body = std::move(body)};
        request.headers.push_back(service::header_of("Authorization", "Bearer ", credential_()));
        return {"Google Secret Manager", transport_, std::move(request), changes};
    }

    Transport transport_;
    Credential credential_;
    google_secret at_;
};

#endif
