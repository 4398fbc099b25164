// SPDX-License-Identifier: MIT
// Providers that sign a JSON Web Token with a private key, where others send a client secret: a service account of
// Google, DocuSign or Salesforce (RFC 7523 2.1), and private_key_jwt (RFC 7523 2.2, OpenID Connect Core 9). To be
// copied and adapted. Link with libcrypto of OpenSSL 3.
#ifndef TOKENKEEP_EXAMPLES_JWT_HPP
#define TOKENKEEP_EXAMPLES_JWT_HPP

#include <tokenkeep/tokenkeep.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

namespace jwt {

namespace detail {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* owned) const noexcept {
        Free(owned);
    }
};
template <class T, auto Free>
using owned = std::unique_ptr<T, freed_by<Free>>;

/// Takes away what OpenSSL adds to this thread's queue of errors in a scope.
class openssl_errors {
  public:
    openssl_errors() noexcept { ERR_set_mark(); }
    openssl_errors(const openssl_errors&) = delete;
    openssl_errors& operator=(const openssl_errors&) = delete;
    ~openssl_errors() { ERR_pop_to_mark(); }
};

inline unsigned char* bytes_of(char* text) noexcept { return reinterpret_cast<unsigned char*>(text); }
inline const unsigned char* bytes_of(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}

inline void require(bool has_worked) {
    if (!has_worked) throw tokenkeep::error(tokenkeep::errc::storage_failure, "tokenkeep: OpenSSL cannot sign");
}
[[noreturn]] inline void refuse(const std::string& sentence) {
    throw tokenkeep::error(tokenkeep::errc::request_rejected, "tokenkeep: " + sentence);
}

/// Overwrites a text that was secret.
inline void wipe(std::string& text) noexcept {
    volatile char* at = text.data();
    for (std::size_t left = text.size(); left > 0; --left) *at++ = 0;
    text.clear();
}

/// Adds a signed JWT to the form of a request.
inline void append_to_form(tokenkeep::http_request& request, std::string_view pairs, const tokenkeep::secret& jwt) {
    std::string form;
    form.reserve(request.body.size() + pairs.size() + jwt.size());
    form.append(request.body).append(pairs).append(jwt.reveal());
    wipe(request.body);
    request.body = std::move(form);
}

} // namespace detail

/// A private key that signs. An RSA key of 2048 bits or more signs RS256 (RFC 7518 3.3); a P-256 key signs ES256 (3.4).
///   jwt::signing_key key{jwt::read_secret_file("/etc/my-app/key.pem"), "the id of the key at the server"};
///
/// Copies share one key, and many threads may sign with it at once. OpenSSL wipes it at its end. But while OpenSSL 3.0
/// reads a key, it frees copies without wiping them.
class signing_key {
  public:
    /// The key in a PEM text. Throws errc::request_rejected if there is none that can sign; the message says why, and
    /// has nothing of the key.
    explicit signing_key(const tokenkeep::secret& pem, std::string key_id = {}) : key_id_(std::move(key_id)) {
        const detail::openssl_errors errors;
        const std::string_view lines = pem.empty() ? " " : pem.reveal(); // OpenSSL takes no empty text
        const detail::owned<BIO, BIO_free> text(BIO_new_mem_buf(lines.data(), static_cast<int>(lines.size())));
        detail::require(text != nullptr);
        bool has_passphrase = false;
        const auto give_none = [](char*, int, int, void* asked) { // OpenSSL's own function asks on the terminal
            *static_cast<bool*>(asked) = true;
            return -1;
        };
        key_.reset(PEM_read_bio_PrivateKey(text.get(), nullptr, give_none, &has_passphrase), EVP_PKEY_free);
        if (has_passphrase)
            detail::refuse("the private key has a passphrase; write it without one, into a file that only this program "
                           "can read: openssl pkcs8 -topk8 -nocrypt -in KEY -out NEW");
        if (!key_)
            detail::refuse("this is not a private key in PEM, which begins with -----BEGIN PRIVATE KEY-----; its lines "
                           "must end in line feeds, not in the letters \\n");
        std::array<char, 32> curve{};
        std::size_t size = 0;
        const bool is_ec = EVP_PKEY_is_a(key_.get(), "EC") == 1 &&
                           EVP_PKEY_get_group_name(key_.get(), curve.data(), curve.size(), &size) == 1;
        is_es256_ = is_ec && std::string_view(curve.data(), size) == "prime256v1";
        const bool is_rs256 = EVP_PKEY_is_a(key_.get(), "RSA") == 1 && EVP_PKEY_get_bits(key_.get()) >= 2048;
        if (!is_es256_ && !is_rs256)
            detail::refuse("this private key signs neither RS256 nor ES256; use an RSA key of 2048 bits or more, or a "
                           "P-256 key");
    }

    const std::string& key_id() const noexcept { return key_id_; }
    std::string_view algorithm() const noexcept { return is_es256_ ? "ES256" : "RS256"; }

    /// The signature of a text, in base64url. Throws errc::storage_failure if OpenSSL has no memory.
    tokenkeep::secret signature_of(std::string_view text) const {
        const detail::openssl_errors errors;
        const detail::owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
        std::size_t size = 0;
        const auto sign = [&](char* out) {
            return EVP_DigestSign(context.get(), detail::bytes_of(out), &size, detail::bytes_of(text), text.size()) ==
                   1;
        };
        detail::require(context && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1);
        detail::require(sign(nullptr));
        tokenkeep::secret signature = tokenkeep::secret::build(size, [&](char* out) {
            detail::require(sign(out));
            return size;
        });
        if (is_es256_) signature = without_der(signature);
        std::string digits = tokenkeep::text::to_base64url(signature.reveal());
        signature = digits;
        detail::wipe(digits);
        return signature;
    }

  private:
    /// The two numbers of a signature, each in 32 bytes (RFC 7518 3.4).
    static tokenkeep::secret without_der(const tokenkeep::secret& der) {
        const unsigned char* at = detail::bytes_of(der.reveal());
        const detail::owned<ECDSA_SIG, ECDSA_SIG_free> numbers(
            d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
        detail::require(numbers != nullptr);
        return tokenkeep::secret::build(64, [&](char* out) {
            detail::require(BN_bn2binpad(ECDSA_SIG_get0_r(numbers.get()), detail::bytes_of(out), 32) == 32 &&
                            BN_bn2binpad(ECDSA_SIG_get0_s(numbers.get()), detail::bytes_of(out + 32), 32) == 32);
            return std::size_t{64};
        });
    }

    std::shared_ptr<EVP_PKEY> key_{};
    std::string key_id_;
    bool is_es256_ = false;
};

/// What a token says (RFC 7519 4.1, RFC 7523 3). A text that is empty is left out.
struct claims {
    std::string iss{}, sub{}, aud{}, scope{}, jti{};
    tokenkeep::timestamp iat{}, exp{};

    /// Begins ten seconds ago: the server's clock may be behind this one.
    ///   jwt::claims said = jwt::claims::valid_for(std::chrono::minutes(2));
    static claims valid_for(std::chrono::seconds time) {
        const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
        const tokenkeep::timestamp begin = now - std::chrono::seconds(10);
        return {.iat = begin, .exp = begin + time};
    }
};

/// A signed token (RFC 7515 7.1). Whoever has it can use it until it expires, so it is a secret.
///   tokenkeep::secret token = jwt::sign(key, said);
inline tokenkeep::secret sign(const signing_key& key, const claims& said) {
    std::string header, payload;
    const auto add = [](std::string& json, std::string_view name, std::string_view value) {
        if (value.empty()) return;
        json += json.empty() ? '{' : ',';
        tokenkeep::text::append_json_string(json, name);
        json += ':';
        tokenkeep::text::append_json_string(json, value);
    };
    const auto add_time = [&payload](std::string_view name, tokenkeep::timestamp at) {
        const auto seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
        payload.append(payload.empty() ? "{\"" : ",\"").append(name).append("\":").append(std::to_string(seconds));
    };
    add(header, "alg", key.algorithm());
    add(header, "typ", "JWT");
    add(header, "kid", key.key_id());
    add(payload, "iss", said.iss);
    add(payload, "sub", said.sub);
    add(payload, "aud", said.aud);
    add(payload, "scope", said.scope);
    add(payload, "jti", said.jti);
    add_time("iat", said.iat);
    add_time("exp", said.exp);
    using tokenkeep::text::to_base64url;
    const std::string text = to_base64url(header + '}') + '.' + to_base64url(payload + '}');
    const tokenkeep::secret signature = key.signature_of(text);
    return tokenkeep::secret::build(text.size() + 1 + signature.size(), [&](char* out) {
        const std::size_t dot = text.copy(out, text.size());
        out[dot] = '.';
        return dot + 1 + signature.reveal().copy(out + dot + 1, signature.size());
    });
}

/// A server that gives a token of the client itself for a signed JWT (RFC 7523 2.1). The client's id is the claim iss.
///   jwt::bearer_provider docusign{{.token_endpoint = "https://account.docusign.com/oauth/token", .client_id = "..."},
///                                 key, "account.docusign.com"};
///   tokenkeep::keeper keep{store, transport, docusign};
///   keep.access_token({.label = "the user's id", .scope = "signature impersonation"});
///
///   in the probe | claim
///   -------------|---------------------------------------------------------------------------------------------------
///   scope        | scope
///   label        | sub: the user for whom the token acts. Each has a token of its own. Without a label, there is none.
struct bearer_provider : tokenkeep::oauth2_provider {
    /// `audience` is the claim aud. If it is empty, that is the token endpoint.
    bearer_provider(tokenkeep::oauth2_provider server, signing_key key, std::string audience = {})
        : oauth2_provider(std::move(server)), key_(std::move(key)), audience_(std::move(audience)) {
        client_credentials = true;
    }

    tokenkeep::http_request client_credentials_request(const tokenkeep::token& record) const {
        claims said = claims::valid_for(std::chrono::hours(1)); // Google takes no more, and gives a token of one hour
        said.iss = record.client_id.empty() ? client_id : record.client_id;
        said.sub = record.label;
        said.aud = audience_.empty() ? token_endpoint : audience_;
        said.scope = record.scope;
        const tokenkeep::secret assertion = sign(key_, said);
        tokenkeep::client_endpoint endpoint{.url = token_endpoint,
                                            .parameters = parameters,
                                            .headers = headers,
                                            .allow_loopback_http = allow_loopback_http,
                                            .allow_plain_http = allow_plain_http};
        endpoint.parameters.push_back({"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"});
        tokenkeep::http_request request = tokenkeep::client_credentials_request(endpoint, {});
        detail::append_to_form(request, "&assertion=", assertion);
        return request;
    }

  private:
    signing_key key_;
    std::string audience_;
};

/// A client that proves who it is by a signed JWT in each request, in place of a client secret (RFC 7523 2.2).
///   jwt::private_key_provider server{{.token_endpoint = "https://login.example/token", .client_id = "my-app"}, key};
struct private_key_provider : tokenkeep::oauth2_provider {
    /// `audience` is the claim aud. If it is empty, that is the token endpoint, which OpenID Connect asks for. Some
    /// servers want the issuer.
    private_key_provider(tokenkeep::oauth2_provider server, signing_key key, std::string audience = {})
        : oauth2_provider(std::move(server)), key_(std::move(key)), audience_(std::move(audience)) {
        authentication = tokenkeep::client_authentication::none;
    }

    tokenkeep::http_request exchange_request(const tokenkeep::token& record) const {
        return asserted(record, [&] { return oauth2_provider::exchange_request(record); });
    }
    tokenkeep::http_request refresh_request(const tokenkeep::token& record) const {
        return asserted(record, [&] { return oauth2_provider::refresh_request(record); });
    }
    tokenkeep::http_request client_credentials_request(const tokenkeep::token& record) const {
        return asserted(record, [&] { return oauth2_provider::client_credentials_request(record); });
    }
    tokenkeep::http_request device_authorization_request(const tokenkeep::token& record) const {
        return asserted(record, [&] { return oauth2_provider::device_authorization_request(record); });
    }
    tokenkeep::http_request device_token_request(const tokenkeep::token& record) const {
        return asserted(record, [&] { return oauth2_provider::device_token_request(record); });
    }
    std::optional<tokenkeep::http_request> revoke_request(const tokenkeep::token& record) const {
        if (revocation_endpoint.empty()) return std::nullopt;
        return asserted(record, [&] { return *oauth2_provider::revoke_request(record); });
    }

  private:
    /// The request that `make()` gives, with an assertion of its own: the server takes each jti once.
    template <class Make>
    tokenkeep::http_request asserted(const tokenkeep::token& record, Make make) const {
        claims said = claims::valid_for(std::chrono::minutes(2));
        said.iss = said.sub = record.client_id.empty() ? client_id : record.client_id;
        said.aud = audience_.empty() ? token_endpoint : audience_;
        std::array<char, 16> random{};
        detail::require(RAND_bytes(detail::bytes_of(random.data()), static_cast<int>(random.size())) == 1);
        said.jti = tokenkeep::text::to_base64url({random.data(), random.size()});
        const tokenkeep::secret assertion = sign(key_, said);
        tokenkeep::http_request request = make();
        detail::append_to_form(request,
                               "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
                               "&client_assertion=",
                               assertion);
        return request;
    }

    signing_key key_;
    std::string audience_;
};

/// The content of a file, such as a key. Links are followed, because systemd, Docker and Kubernetes provide secrets so.
///   tokenkeep::secret file = jwt::read_secret_file("service-account.json");
inline tokenkeep::secret read_secret_file(const std::string& path) {
    const detail::owned<std::FILE, std::fclose> file(std::fopen(path.c_str(), "rb"));
    if (!file) throw tokenkeep::file_error(tokenkeep::errc::storage_failure, "open", path, errno);
    std::setvbuf(file.get(), nullptr, _IONBF, 0); // a buffer would keep a copy
    constexpr std::size_t most = 65'536;
    return tokenkeep::secret::build(most, [&](char* out) { return std::fread(out, 1, most, file.get()); });
}

/// The service account of Google whose JSON file this is. Throws errc::request_rejected if it is another file.
/// https://developers.google.com/identity/protocols/oauth2/service-account
///   tokenkeep::keeper keep{store, transport, jwt::google_service_account(file)};
///   keep.access_token({.scope = "https://www.googleapis.com/auth/drive.readonly"});
/// With `.label = "ada@example.com"` the token acts for this user, if an administrator of the domain allows it.
inline bearer_provider google_service_account(const tokenkeep::secret& file) {
    const tokenkeep::text::json_value json = tokenkeep::text::parse_json(file.reveal()).value;
    const auto member = [&json](const char* name) {
        const std::optional<tokenkeep::text::json_value> value = json.find(name);
        if (value && value->kind() == tokenkeep::text::json_kind::string && value->text_size() > 0) return *value;
        detail::refuse(std::string("the file of the service account has no text ") + name +
                       "; create a key of type JSON in Google Cloud under IAM, Service Accounts, Keys");
    };
    if (!member("type").is_text("service_account"))
        detail::refuse("the type of this file is not service_account; create a key of type JSON in Google Cloud under "
                       "IAM, Service Accounts, Keys");
    const tokenkeep::text::json_value pem = member("private_key");
    const auto copy = [&pem](char* out) { return pem.copy_text(out); };
    return {{.token_endpoint = member("token_uri").text(), .client_id = member("client_email").text()},
            signing_key(tokenkeep::secret::build(pem.text_size(), copy), member("private_key_id").text())};
}

} // namespace jwt

#endif
