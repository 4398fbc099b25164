// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_SEALED_CODEC_HPP
#define TOKENKEEP_DETAIL_STORE_SEALED_CODEC_HPP

#include <tokenkeep/document.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/sealer.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/base64url.hpp>
#include <tokenkeep/text/form.hpp>
#include <tokenkeep/text/sha256.hpp>
#include <tokenkeep/token.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// What lies in a document if its store has a sealer. First the words, then the bytes.
//
//   plain text   What the codec makes of all rows.
//   sealed text  What the sealer makes of the plain text.
//   key id       The name of the key, as the sealer gives it. Everybody can read it.
//   check        Shows whether the rest is as it was written. So a document that is damaged is not taken for one that
//                needs another sealer. Those who change the document can write a new check. The sealer notices that.
//
// The bytes. It is text, because some documents hold only text: one line of five words, with one space between them.
//
//   tokenkeep-sealed   No plain document begins with this.
//   1                  The version of the format.
//   KEY-ID             As text::form_encode writes it. It may be empty.
//   SEALED-TEXT        As text::to_base64url writes it.
//   CHECK              The first 16 hex digits of the SHA-256 of all that precedes it, the last space too.
//
// White space behind the last word means nothing. Later versions have the first two words and the check too. The
// associated data is "tokenkeep document 1", so no sealed row of a file is taken for a document.

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The parts of a sealed document that a sealer needs.
struct sealed_document {
    static constexpr std::string_view beginning = "tokenkeep-sealed ";
    static constexpr std::string_view version = "1";
    static constexpr std::string_view associated = "tokenkeep document 1";

    std::string key_id{};
    std::string sealed{};

    static std::string check_of(std::string_view text) { return text::sha256_hex(text).substr(0, 16); }

    std::string to_text() const {
        std::string out(beginning);
        out.append(version).append(" ").append(text::form_encode(key_id)).append(" ");
        out.append(text::to_base64url(sealed)).append(" ");
        out.append(check_of(out)).append("\n");
        return out;
    }

    /// The reverse, for a text that begins as a sealed document. Throws errc::storage_corrupt or
    /// errc::unsupported_version.
    static sealed_document from_text(std::string_view text) {
        text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
        const std::size_t check_at = text.rfind(' ') + 1;
        const std::string_view before = text.substr(0, check_at);
        if (before.size() < beginning.size() || text.substr(check_at) != check_of(before)) throw damaged();
        std::string_view rest = before.substr(beginning.size());
        const auto take_word = [&] {
            const std::string_view word = rest.substr(0, rest.find(' '));
            rest.remove_prefix((std::min)(word.size() + 1, rest.size()));
            return word;
        };
        if (take_word() != version)
            throw error(errc::unsupported_version, "tokenkeep: a newer version of the library sealed the document");
        std::string key_id = form_decoded(take_word());
        std::optional<std::string> sealed = text::from_base64url(take_word());
        if (!sealed || !rest.empty()) throw damaged();
        return {std::move(key_id), *std::move(sealed)};
    }

    static error damaged() {
        return error(errc::storage_corrupt, "tokenkeep: the sealed document is damaged or cut off, and stays as it is; "
                                            "restore it from a backup");
    }
};

/// A codec whose documents are sealed, if there is a sealer. Its functions may be called from many threads at once, if
/// those of the sealer may.
template <class Codec, class Sealer>
class sealed_codec {
  public:
    static constexpr bool seals = !std::is_same_v<Sealer, no_seal>;

    explicit sealed_codec(Sealer sealer) : sealer_(std::move(sealer)) {}

    /// How many bytes of the document are needed for so many bytes of tokens.
    static constexpr std::size_t size_of(std::size_t plain) noexcept { return seals ? (plain + 2) / 3 * 4 : plain; }

    /// Whether another key than the sealer's first one has sealed the document.
    bool has_other_key(std::string_view document) const {
        if constexpr (seals)
            return document.starts_with(sealed_document::beginning) &&
                   sealed_document::from_text(document).key_id != std::string(sealer_.key_id());
        else
            return false;
    }

    secret encode(const std::vector<token>& rows) const {
        if constexpr (seals) {
            const secret plain = Codec::encode(rows);
            sealed_document document{.key_id = sealer_.key_id()};
            document.sealed = secret(sealer_.seal(plain.reveal(), sealed_document::associated)).reveal();
            return secret(document.to_text());
        } else {
            return Codec::encode(rows);
        }
    }

    /// Throws errc::permissions if this sealer cannot open the document, if it is sealed and there is no sealer, or the
    /// reverse.
    std::vector<token> decode(std::string_view document) const {
        const bool is_sealed = document.starts_with(sealed_document::beginning);
        if constexpr (seals) {
            if (is_sealed) return Codec::decode(opened(document).reveal());
            (void)Codec::decode(document); // if it is not a plain document either, the codec says what is wrong with it
            throw error(errc::permissions, "tokenkeep: the document is not sealed, and this store has a sealer; make "
                                           "the store without one, or migrate() its tokens into a new document");
        } else {
            if (!is_sealed) return Codec::decode(document);
            throw error(errc::permissions, "tokenkeep: the document is sealed; make the store with the sealer that "
                                           "sealed it, or migrate() its tokens into a new document");
        }
    }

  private:
    secret opened(std::string_view document) const {
        const auto [key_id, sealed] = sealed_document::from_text(document);
        std::optional<secret> plain = sealer_.open(sealed, sealed_document::associated, key_id);
        if (plain) return *std::move(plain);
        throw error(errc::permissions, "tokenkeep: this sealer cannot open the document, which names the key \"" +
                                           text::form_encode(key_id) + "\"; use the sealer that sealed it");
    }

    Sealer sealer_;
};

template <class Codec>
concept refuses_sealer = requires {
    requires Codec::refuses_sealer;
};

/// Says in a sentence that the documents of a codec cannot be sealed.
template <class Codec, class Sealer>
consteval bool explain_sealed_codec() {
    static_assert(std::is_same_v<Sealer, no_seal> || !refuses_sealer<Codec>,
                  "tokenkeep: other programs read the documents of this codec, and cannot open sealed ones: take a "
                  "policy without a sealer, or json_codec; see the concept document_codec");
    return true;
}

}}} // namespace tokenkeep::v1::detail

#endif
