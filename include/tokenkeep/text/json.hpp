// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_JSON_HPP
#define TOKENKEEP_TEXT_JSON_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/text/json_reader.hpp>
#include <tokenkeep/text/json_string.hpp>
#include <tokenkeep/text/json_value.hpp>

#include <cstddef>
#include <string_view>

namespace tokenkeep { inline namespace v1 { namespace text {

/// The result of parse_json. It converts to true if there is no fault.
struct json_result {
    json_fault fault = json_fault::none;
    std::size_t offset = 0; ///< The byte at which the fault was found.
    json_value value{};     ///< JSON null if there is a fault.

    explicit operator bool() const noexcept { return fault == json_fault::none; }
};

/// Reads a whole text as strict JSON (RFC 8259). It must be UTF-8 without a byte order mark and without lone
/// surrogates. No object may repeat a name. Brackets may be nested at most json_depth_limit deep. The text may have at
/// most `size_limit` bytes. The value refers to `text`, which must stay alive. A fault has a position, and no text. The
/// time grows in proportion to the text; the names of a large object are sorted.
///   if (json_result read = parse_json(body)) return read.value.find("access_token");
inline json_result parse_json(std::string_view text, std::size_t size_limit = std::size_t{1} << 30) {
    if (text.size() > size_limit) return {json_fault::size, size_limit, {}};
    detail::json_reader reader(text);
    const json_fault fault = reader.read();
    return {fault, fault == json_fault::none ? 0 : reader.offset(), reader.value()};
}

}}} // namespace tokenkeep::v1::text

#endif
