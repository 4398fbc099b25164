// SPDX-License-Identifier: MIT
// All tokens in one key of etcd, version 3.4 or newer, over its JSON gateway, shared by machines. To be copied, with
// base64.hpp and service.hpp.
// https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/
// https://etcd.io/docs/v3.4/dev-guide/api_reference_v3/
#ifndef TOKENKEEP_EXAMPLES_DOCUMENTS_ETCD_HPP
#define TOKENKEEP_EXAMPLES_DOCUMENTS_ETCD_HPP

#include "base64.hpp"
#include "service.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>

/// Which key of which cluster.
struct etcd_key {
    std::string endpoint{}; ///< https://etcd.example:2379
    std::string key = "tokenkeep/tokens";
    /// How long a lock lasts if its holder does not come back: as long as the keeper's lock_timeout and save_timeout.
    std::chrono::seconds lease{90};
    /// In base64, this is what a transport can read that cuts answers at 1 MiB. etcd takes 1.5 MiB in a request.
    std::size_t capacity = 700 * 1024;
};

/// A document of versions with locks. The version is the mod_revision of the key: a save is a transaction that compares
/// it, and 0 means that there is no key. The lock of a name is a key that ends with its lease. If the holder is away
/// longer than the lease, somebody else gets the lock. Because every save compares, no change is lost then.
///   basic_document_store store{etcd_document(transport, [] { return secret(); }, etcd_key{.endpoint = url})};
/// `credential()` gives the token of /v3/auth/authenticate, as a secret; an empty one if etcd asks for none. Its user
/// needs a role with readwrite on the key and on the keys that begin with it and a slash.
///
///   etcd answers                          | the document
///   --------------------------------------|--------------------------------------------------
///   no kvs                                | gives nullopt
///   succeeded is not true                 | save gives false
///   401, 403, 400 "user name is empty"    | throws errc::permissions
///   429 (its space is used up), 5xx       | throws errc::storage_failure; try later
template <tokenkeep::http_transport Transport, class Credential>
class etcd_document {
    class client;
    class lease;

  public:
    static constexpr bool lock_may_lapse = true;
    using version = std::int64_t;

    /// A lock that is held. Any thread may release it.
    struct guard {
        std::unique_ptr<lease> held{};

        /// Lets the lock last for that time from now, if it has not ended. etcd counts whole seconds.
        void renew(std::chrono::milliseconds time) {
            if (held) held->renew(std::chrono::ceil<std::chrono::seconds>(time));
        }
    };

    etcd_document(Transport transport, Credential credential, etcd_key at)
        : client_(std::make_shared<client>(std::move(transport), std::move(credential), std::move(at))) {}

    std::pair<std::optional<tokenkeep::secret>, version> load_versioned() {
        const service::answer answer = client_->ask("/v3/kv/range", R"({"key":)" + base64(client_->at.key) + "}");
        std::pair<std::optional<tokenkeep::secret>, version> found{};
        answer.at({"kvs"}).for_each_element([&](tokenkeep::text::json_value row) {
            found.second = number(row.find("mod_revision"));
            found.first = service::bytes_in(answer, row.find("value").value_or(tokenkeep::text::json_value()));
        });
        return found;
    }

    bool save(std::string_view bytes, version expected) {
        std::string body;
        body.reserve(bytes.size() / 3 * 4 + 4 * client_->at.key.size() + 512);
        body.append(put_if("MOD", "mod_revision", expected, client_->at.key)).append(R"(,"value":)");
        service::append_base64(body, bytes);
        body.append("}}]}");
        return succeeded(client_->ask("/v3/kv/txn", std::move(body), true));
    }

    std::size_t capacity() const { return client_->at.capacity; }

    /// Waits until the lock of that name is free; throws errc::lock_timeout if it is not free in time. The empty name
    /// needs no lock, because save compares.
    guard lock(const std::string& name, tokenkeep::deadline until) {
        if (name.empty()) return {};
        const std::string key = client_->at.key + "/lock/" + name;
        const std::string count = R"({"count_only":true,"key":)" + base64(key) + "}";
        for (std::chrono::milliseconds pause{2};; pause = std::min(2 * pause, std::chrono::milliseconds(100))) {
            if (number(client_->ask("/v3/kv/range", count).json().find("count")) == 0) {
                auto taken = std::make_unique<lease>(client_, key);
                if (taken->makes_key()) return {std::move(taken)};
            }
            const auto now = std::chrono::steady_clock::now();
            if (now >= until)
                throw tokenkeep::error(tokenkeep::errc::lock_timeout, "tokenkeep: the lock in etcd is not free");
            std::this_thread::sleep_until(std::min(until, now + pause));
        }
    }

  private:
    class client {
      public:
        client(Transport transport, Credential credential, etcd_key where)
            : at(std::move(where)), transport_(std::move(transport)), credential_(std::move(credential)) {}

        service::answer ask(const char* path, std::string body, bool changes = false) {
            tokenkeep::http_request request{.method = "POST",
                                            .url = at.endpoint + path,
                                            .headers = {{"Content-Type", "application/json"}},
                                            .body = std::move(body)};
            const tokenkeep::secret token = credential_();
            if (!token.empty()) request.headers.push_back(service::header_of("Authorization", "", token));
            service::answer answer("etcd", transport_, std::move(request), changes);
            const bool is_anonymous = answer.at({"error"}).is_text("etcdserver: user name is empty");
            if (is_anonymous) answer.forbid();
            if (answer.status() != 200) answer.refuse();
            return answer;
        }

        const etcd_key at;

      private:
        Transport transport_;
        Credential credential_;
    };

    /// A key that ends by itself, unless it is revoked before.
    class lease {
      public:
        lease(std::shared_ptr<client> of, std::string key)
            : client_(std::move(of)), key_(std::move(key)), id_(granted(client_->at.lease)) {}
        lease(const lease&) = delete;
        lease& operator=(const lease&) = delete;
        ~lease() { revoke(id_); }

        /// Makes the key, unless there is one. Whether it did.
        bool makes_key() {
            const service::answer answer = put(put_if("CREATE", "create_revision", 0, key_), id_);
            made_ = number(answer.at({"header"}).find("revision"));
            return succeeded(answer);
        }

        /// The key gets a new lease, if it still is the one that this object has made.
        void renew(std::chrono::seconds time) {
            std::string other = granted(time);
            if (succeeded(put(put_if("CREATE", "create_revision", made_, key_), other))) std::swap(id_, other);
            revoke(other);
        }

      private:
        std::string granted(std::chrono::seconds time) {
            return client_->ask("/v3/lease/grant", R"({"TTL":)" + std::to_string(time.count()) + "}").at({"ID"}).text();
        }
        service::answer put(const std::string& condition, const std::string& id) {
            return client_->ask("/v3/kv/txn", condition + R"(,"lease":")" + id + "\"}}]}");
        }
        void revoke(const std::string& id) noexcept {
            try {
                client_->ask("/v3/lease/revoke", R"({"ID":")" + id + "\"}");
            } catch (...) { // the lease ends by itself
            }
        }

        std::shared_ptr<client> client_;
        std::string key_, id_;
        version made_ = 0;
    };

    static std::string base64(std::string_view text) { return '"' + tokenkeep::text::to_base64(text) + '"'; }

    /// etcd writes large numbers as texts, and leaves out zeros.
    static version number(std::optional<tokenkeep::text::json_value> value) {
        return value ? std::strtoll(value->text().c_str(), nullptr, 10) : 0;
    }

    static bool succeeded(const service::answer& answer) { return answer.at({"succeeded"}).boolean().value_or(false); }

    /// The beginning of a transaction that puts a key if one of its numbers is the expected one.
    static std::string put_if(const char* target, const char* field, version expected, const std::string& key) {
        return R"({"compare":[{"result":"EQUAL","target":")" + std::string(target) + R"(","key":)" + base64(key) +
               ",\"" + field + "\":\"" + std::to_string(expected) + R"("}],"success":[{"requestPut":{"key":)" +
               base64(key);
    }

    std::shared_ptr<client> client_;
};

#endif
