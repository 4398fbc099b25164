// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_SEALER_PASSPHRASE_HPP
#define TOKENKEEP_DETAIL_SEALER_PASSPHRASE_HPP

#include <tokenkeep/error.hpp>
#include <tokenkeep/key_ring.hpp>
#include <tokenkeep/key_source.hpp>
#include <tokenkeep/os/os.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/base64url.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace tokenkeep { inline namespace v1 { namespace detail {

// How a document says by which means a key is computed from a passphrase. The algorithm and its three numbers are its
// cost; the salt are 16 random bytes as base64url; the check is the id of the key (see key_ring), by which a wrong
// passphrase is noticed. One line:
//   tokenkeep-passphrase 1 ALGORITHM NUMBER NUMBER NUMBER SALT CHECK

inline constexpr std::string_view passphrase_title = "tokenkeep-passphrase", passphrase_version = "1";
inline constexpr std::size_t salt_size = 16;

using passphrase_cost = std::array<std::uint64_t, 3>;

struct passphrase_line {
    std::string algorithm{};
    passphrase_cost cost{};
    std::string salt{}; ///< The bytes.
    std::string check{};
};

inline std::string line_of(const passphrase_line& line) {
    std::string text = std::string(passphrase_title) + " " + std::string(passphrase_version) + " " + line.algorithm;
    for (const std::uint64_t number : line.cost) text += " " + std::to_string(number);
    return text + " " + text::to_base64url(line.salt) + " " + line.check + "\n";
}

inline passphrase_line read_passphrase_line(std::string_view text) {
    const bool is_ours = next_word(text) == passphrase_title;
    const std::string_view version = next_word(text);
    if (is_ours && !version.empty() && version != passphrase_version)
        throw error(errc::unsupported_version, "tokenkeep: a newer version of the library wrote the parameters of the "
                                               "passphrase");
    passphrase_line line;
    line.algorithm = next_word(text);
    bool is_good = is_ours && !version.empty() && !line.algorithm.empty();
    for (std::uint64_t& number : line.cost) {
        const std::string_view word = next_word(text);
        const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), number);
        is_good = is_good && failure == std::errc() && end == word.data() + word.size();
    }
    const std::optional<std::string> salt = text::from_base64url(next_word(text));
    line.check = next_word(text);
    if (!is_good || !salt || salt->size() != salt_size || line.check.empty() || !next_word(text).empty())
        throw error(errc::storage_corrupt, "tokenkeep: the document of the passphrase has something else than its "
                                           "parameters in it, which was left as it is");
    line.salt = *salt;
    return line;
}

/// The key that a passphrase means, by the parameters in the document. If there is no document, they are made first, of
/// this cost. The algorithm has a name, says whether a cost is one that it takes, and computes the key.
template <class Algorithm, class Document>
secret passphrase_key(Document& document, const secret& passphrase, const passphrase_cost& cost_if_new) {
    if (passphrase.empty()) throw error(errc::request_rejected, "tokenkeep: the passphrase is empty");
    std::string_view name = Algorithm::name;
    if (!Algorithm::takes(cost_if_new))
        throw error(errc::request_rejected, "tokenkeep: " + std::string(name) + " does not take this cost");
    std::optional<secret> made;
    const secret text = load_or_make(document, [&] {
        passphrase_line line{.algorithm = std::string(name), .cost = cost_if_new, .salt = std::string(salt_size, '\0')};
        random_bytes(line.salt.data(), line.salt.size());
        made = Algorithm::compute(passphrase, line.salt, line.cost);
        line.check = key_id_of(*made);
        return secret(line_of(line));
    });
    const passphrase_line line = read_passphrase_line(text.reveal());
    if (made && key_id_of(*made) == line.check) return std::move(*made);
    if (line.algorithm != name)
        throw error(errc::request_rejected, "tokenkeep: the key of this passphrase is computed by " + line.algorithm +
                                                ", and this function uses " + std::string(name) +
                                                "; see openssl_passphrase_key and sodium_passphrase_key");
    if (!Algorithm::takes(line.cost))
        throw error(errc::storage_corrupt, "tokenkeep: the document of the passphrase has a cost that " +
                                               std::string(name) + " does not take");
    secret key = Algorithm::compute(passphrase, line.salt, line.cost);
    if (key_id_of(key) != line.check)
        throw error(errc::permissions, "tokenkeep: this passphrase is not the one with which this document was made");
    return key;
}

}}} // namespace tokenkeep::v1::detail

#endif
