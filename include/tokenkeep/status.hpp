// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_STATUS_HPP
#define TOKENKEEP_STATUS_HPP

#include <tokenkeep/token.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tokenkeep { inline namespace v0 {

/// What is being done to the token that a status names.
enum class status_kind {
    none,     ///< Nothing.
    spend,    ///< It may have been sent.
    refused,  ///< The server has refused it.
    revoking, ///< The program is revoking it.
};

/// The field `status` of a record, taken apart: what is being done to one refresh token (or, while a login is under
/// way, to one grant token), which it names by fingerprint. About any other token it means nothing.
///
/// Stored as text, words separated by spaces:
///   spend FINGERPRINT FIRST-SENT LAST-SENT NONCE     the token may have been sent; LAST-SENT is - if nothing is in flight
///   dead FINGERPRINT refused | revoking              the server refused it; the program is revoking it
///   none [FINGERPRINT]                               a marker that was taken back; the same as empty. With a name: of a
///                                                    grant token that is in the row and was not exchanged
/// Text of any other form reads as none.
struct token_status {
    status_kind kind = status_kind::none;
    std::string fingerprint{};
    timestamp first_sent{};
    std::optional<timestamp> last_sent{};
    std::string nonce{};

    /// Whether this status is about that refresh or grant token.
    bool is_about(const secret& spent) const {
        return kind != status_kind::none && fingerprint == fingerprint_of(spent);
    }

    /// How a status names a token: the first 32 hex digits of its SHA-256.
    static std::string fingerprint_of(const secret& spent) { return text::sha256_hex(spent.reveal()).substr(0, 32); }
};

/// Reads the text of a record's `status`; never throws on bad text.
inline token_status read_status(std::string_view text) {
    const auto word = [&text] {
        const std::string_view head = text.substr(0, text.find(' '));
        text.remove_prefix(head.size() < text.size() ? head.size() + 1 : head.size());
        return head;
    };
    token_status status;
    const std::string_view form = word();
    status.fingerprint = word();
    if (form == "dead") {
        const std::string_view why = word();
        if (why == "refused" && text.empty()) status.kind = status_kind::refused;
        if (why == "revoking" && text.empty()) status.kind = status_kind::revoking;
    } else if (form == "spend") {
        const std::optional<timestamp> first = timestamp_from_text(word());
        const std::string_view last = word();
        status.last_sent = timestamp_from_text(last);
        status.nonce = word();
        if (first && (status.last_sent || last == "-") && !status.nonce.empty() && text.empty()) {
            status.first_sent = *first;
            status.kind = status_kind::spend;
        }
    }
    return status;
}

/// The reverse of read_status.
inline std::string to_status(const token_status& status) {
    switch (status.kind) {
    case status_kind::none: return status.fingerprint.empty() ? "none" : "none " + status.fingerprint;
    case status_kind::refused: return "dead " + status.fingerprint + " refused";
    case status_kind::revoking: return "dead " + status.fingerprint + " revoking";
    case status_kind::spend: break;
    }
    return "spend " + status.fingerprint + ' ' + to_text(status.first_sent) + ' ' +
           (status.last_sent ? to_text(*status.last_sent) : "-") + ' ' + status.nonce;
}

}} // namespace tokenkeep::v0

#endif
