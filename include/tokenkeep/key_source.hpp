// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_KEY_SOURCE_HPP
#define TOKENKEEP_KEY_SOURCE_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

// Where the keys of a key_ring come from. Each function gives a key of 32 bytes, or throws:
//
//   the key is                          | function
//   ------------------------------------|----------------------------------------------------------
//   made now                            | make_key()
//   a text of your program              | key_from_text(text)
//   in a file that only you can read    | key_from_file(path)
//   in a variable of the environment    | key_from_environment(name)
//   in a keyring or a secrets manager   | key_from_document(document): made there at its first use
//   wrapped by a key management service | wrapped_key(document, wrap, unwrap)
//   computed from a passphrase          | sodium_passphrase_key in sodium_sealer.hpp, or
//                                       | openssl_passphrase_key in openssl_sealer.hpp
//
// No message of an error has a part of a key in it.

#include <tokenkeep/detail/store/abilities.hpp>
#include <tokenkeep/document.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/key_ring.hpp>
#include <tokenkeep/os/os.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/store.hpp>
#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/base64url.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace tokenkeep { inline namespace v1 {

namespace detail {

/// The bytes behind 64 hex digits; nullopt if the text is something else.
inline std::optional<secret> key_from_hex(std::string_view digits) {
    if (digits.size() != 2 * key_size) return std::nullopt;
    bool is_hex = true;
    const auto value = [&](char digit) {
        const int known = text::hex_value(digit);
        is_hex = is_hex && known >= 0;
        return static_cast<unsigned>(known);
    };
    secret key = secret::build(key_size, [&](char* out) {
        for (std::size_t i = 0; i < key_size; ++i)
            out[i] = static_cast<char>((value(digits[2 * i]) << 4 | value(digits[2 * i + 1])) & 0xff);
        return key_size;
    });
    if (!is_hex) return std::nullopt;
    return key;
}

/// The bytes behind 43 digits of base64url or base64, with or without a `=` behind them; nullopt if the text is
/// something else.
inline std::optional<secret> key_from_base64(std::string_view digits) {
    constexpr std::size_t count = 43;
    static_assert(size_of_base64url(count) == key_size);
    if (digits.size() == count + 1 && digits.back() == '=') digits.remove_suffix(1);
    if (digits.size() != count) return std::nullopt;
    const secret url = secret::build(count, [&](char* out) {
        for (const char digit : digits) *out++ = digit == '+' ? '-' : digit == '/' ? '_' : digit;
        return count;
    });
    bool is_base64 = false;
    secret key = secret::build(key_size, [&](char* out) {
        is_base64 = decode_base64url(url.reveal(), out);
        return key_size;
    });
    if (!is_base64) return std::nullopt;
    return key;
}

/// The key in a text; nullopt if the text is no key. Spaces and line breaks around it do not count.
inline std::optional<secret> read_key(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return std::nullopt;
    text = text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
    if (std::optional<secret> key = key_from_hex(text)) return key;
    return key_from_base64(text);
}

/// A key as 43 digits of base64url.
inline secret text_of_key(const secret& key) {
    std::string digits = text::to_base64url(key.reveal());
    const wipe_at_exit wiping(digits);
    return secret(digits);
}

inline constexpr const char* forms_of_key = "a key is 64 hex digits or 43 digits of base64url; make one with: "
                                            "(umask 077; openssl rand -base64 32 > FILE)";

template <class Text>
secret as_secret(Text& text) {
    if constexpr (std::is_same_v<Text, secret>) {
        return std::move(text);
    } else {
        const wipe_at_exit wiping(text);
        return secret(text);
    }
}

/// How long load_or_make waits for other programs.
inline constexpr std::chrono::seconds patience_of_first_use{30};

/// The text of the document. If there is no document, saves what `make()` gives, as a secret, and gives that. Programs
/// that do this at once all get the same text, if the document has versions or a lock.
template <class Document, class Make>
secret load_or_make(Document& document, Make make) {
    static_assert(explain_document<Document>() && explain_lock<Document>());
    const deadline until = std::chrono::steady_clock::now() + patience_of_first_use;
    if constexpr (is_versioned<Document>) {
        for (;;) {
            auto [text, version] = document.load_versioned();
            if (text) return as_secret(*text);
            secret made = make();
            if (document.save(made.reveal(), version)) return made;
            if (std::chrono::steady_clock::now() >= until)
                throw error(errc::lock_timeout, "tokenkeep: others change the document of the key all the time");
        }
    } else {
        const auto load = [&]() -> std::optional<secret> {
            auto text = document.load();
            if (!text) return std::nullopt;
            return as_secret(*text);
        };
        if (std::optional<secret> text = load()) return std::move(*text);
        const auto make_once = [&] {
            if (std::optional<secret> text = load()) return std::move(*text);
            const secret made = make();
            document.save(made.reveal());
            std::optional<secret> text = load();
            if (!text)
                throw error(errc::storage_failure,
                            "tokenkeep: the document does not give the key that was saved in it");
            return std::move(*text);
        };
        if constexpr (can_lock<Document>) {
            [[maybe_unused]] const auto others_wait = require_locked(document.lock(std::string(), until));
            return make_once();
        } else {
            return make_once();
        }
    }
}

/// The next word of a line; empty at its end.
inline std::string_view next_word(std::string_view& line) {
    constexpr std::string_view blanks = " \t\r\n";
    line.remove_prefix((std::min)(line.find_first_not_of(blanks), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(word.size());
    return word;
}

} // namespace detail

/// A new key: 32 random bytes from the system.
///   key_ring ring{make_key()};
inline secret make_key() {
    return secret::build(detail::key_size, [](char* out) {
        detail::random_bytes(out, detail::key_size);
        return detail::key_size;
    });
}

/// The key in a text: 64 hex digits, or 43 digits of base64url or base64. Throws errc::request_rejected if the text is
/// something else.
///   secret key = key_from_text(configuration.key);
inline secret key_from_text(const secret& text) {
    if (std::optional<secret> key = detail::read_key(text.reveal())) return std::move(*key);
    throw error(errc::request_rejected, std::string("tokenkeep: this text is not a key; ") + detail::forms_of_key);
}

/// The key in a file. The file has a text, as for key_from_text, or the 32 bytes themselves.
///   secret key = key_from_file("/etc/my-app/key");
/// Throws errc::permissions if others can read or write the file or write its directory, if it is a symbolic link or
/// has a second hard link, or if it belongs to another user; errc::request_rejected if there is no file, or no key in
/// it; errc::storage_failure if the file is a mount of its own. 32 bytes that are all printable are refused: they are a
/// word that somebody typed, or half a key in hex.
///
/// A file that systemd, Docker or Kubernetes provides often belongs to root, or is a link. Read it yourself, and give
/// its content to key_from_text.
inline secret key_from_file(const std::string& path) {
    const std::optional<secret> content = detail::read_secret_file(detail::absolute_path(path), {});
    if (!content) throw error(errc::request_rejected, "tokenkeep: there is no file " + path + " with a key");
    const std::string_view bytes = content->reveal();
    const bool is_text = std::all_of(bytes.begin(), bytes.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (bytes.size() == detail::key_size && !is_text) return *content;
    if (std::optional<secret> key = detail::read_key(bytes)) return std::move(*key);
    throw error(errc::request_rejected, "tokenkeep: the content of " + path + " is not a key; " + detail::forms_of_key);
}

/// The key in a variable of the environment, as a text; see key_from_text.
///   secret key = key_from_environment("MY_APP_KEY");
/// The variable stays. Children of the program inherit it, and other programs of the same user can read it. A file is
/// safer. Throws errc::request_rejected if there is no such variable, or no key in it.
inline secret key_from_environment(const std::string& name) {
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr) throw error(errc::request_rejected, "tokenkeep: the environment has no variable " + name);
    if (std::optional<secret> key = detail::read_key(value)) return std::move(*key);
    throw error(errc::request_rejected, "tokenkeep: the variable " + name + " is not a key; " + detail::forms_of_key);
}

/// The key in a document of its own, such as an item in the user's keyring. If there is no such document yet, a new key
/// is made and saved there first, as a text. So if the document gets lost, there is a new key, which opens nothing that
/// the old one has sealed.
///   keyring item{"my-app", "key"};
///   secret key = key_from_document(item);
/// Programs that begin at once get the same key if the document has versions or a lock (see document.hpp). With a
/// document that has neither, run one program first. Throws errc::storage_corrupt if the document has something else.
/// What the document throws passes through. Others cannot read a text_file that is made here. If somebody lets them
/// read it later, it is not refused; key_from_file refuses such a file. A person who can write it can put another
/// key there, and can then open what is sealed afterwards.
template <class Document>
secret key_from_document(Document& document) {
    const secret text = detail::load_or_make(document, [] { return detail::text_of_key(make_key()); });
    if (std::optional<secret> key = detail::read_key(text.reveal())) return std::move(*key);
    throw error(errc::storage_corrupt,
                std::string("tokenkeep: the document of the key has something else in it, which was left as it is; ") +
                    detail::forms_of_key);
}

/// The key of a store, wrapped by a key that stays in a key management service: envelope encryption. The document holds
/// the wrapped key. If there is no such document yet, a new key is made, wrapped and saved there first.
///   text_file file{"tokens.key"};
///   secret key = wrapped_key(file, [&](std::string_view plain) { return kms.encrypt(plain); },
///                            [&](std::string_view wrapped) { return kms.decrypt(wrapped); });
/// `wrap` gives the wrapped bytes, and `unwrap` the key that they hide: each as a secret or a std::string. Before a new
/// key is saved, `unwrap` must give it back. Programs that begin at once: see key_from_document.
///
/// Throws errc::storage_corrupt if the document has something else, and errc::permissions if `unwrap` gives another key
/// than was wrapped. What the document, `wrap` and `unwrap` throw passes through. A person who can write the document
/// and have a key wrapped can put a key of their own there, and can then open what is sealed afterwards.
///
/// The document is one line: `tokenkeep-wrapped-key 1 ID WRAPPED`. ID is the id of the key (see key_ring), and WRAPPED
/// are the wrapped bytes as base64url.
template <class Document, class Wrap, class Unwrap>
secret wrapped_key(Document& document, Wrap wrap, Unwrap unwrap) {
    constexpr std::string_view title = "tokenkeep-wrapped-key", version = "1";
    const auto unwrapped = [&](std::string_view id, std::string_view wrapped) {
        auto given = unwrap(wrapped);
        secret key = detail::as_secret(given);
        if (key.size() != detail::key_size || detail::key_id_of(key) != id)
            throw error(errc::permissions, "tokenkeep: unwrap gave another key than was wrapped; use the key of the "
                                           "service by which this document was made");
        return key;
    };
    const secret line = detail::load_or_make(document, [&] {
        const secret key = make_key();
        auto given = wrap(key.reveal());
        const secret wrapped = detail::as_secret(given);
        const std::string id = detail::key_id_of(key);
        unwrapped(id, wrapped.reveal());
        return secret(std::string(title) + " " + std::string(version) + " " + id + " " +
                      text::to_base64url(wrapped.reveal()) + "\n");
    });
    std::string_view rest = line.reveal();
    const bool is_ours = detail::next_word(rest) == title;
    const std::string_view its_version = detail::next_word(rest);
    const std::string id(detail::next_word(rest));
    const std::optional<std::string> wrapped = text::from_base64url(detail::next_word(rest));
    if (is_ours && !its_version.empty() && its_version != version)
        throw error(errc::unsupported_version, "tokenkeep: a newer version of the library wrapped this key");
    if (!is_ours || its_version.empty() || !wrapped || wrapped->empty() || !detail::next_word(rest).empty())
        throw error(errc::storage_corrupt, "tokenkeep: the document of the wrapped key has something else in it, which "
                                           "was left as it is");
    return unwrapped(id, *wrapped);
}

}} // namespace tokenkeep::v1

#endif
