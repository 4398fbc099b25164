// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TEXT_JSON_HPP
#define TOKENKEEP_TEXT_JSON_HPP

#include <tokenkeep/text/json_reader.hpp>
#include <tokenkeep/text/json_string.hpp>
#include <tokenkeep/text/json_value.hpp>

#include <cstddef>
#include <string_view>

namespace tokenkeep { inline namespace v0 { namespace text {

/// What parse_json found.
struct json_result {
    json_fault fault = json_fault::none;
    std::size_t offset = 0; ///< Where the fault was noticed, in bytes.
    json_value value{};     ///< Null if there is a fault.

    explicit operator bool() const noexcept { return fault == json_fault::none; }
};

/// Finds out once whether a text is JSON (RFC 8259), strictly: UTF-8 without a byte order mark, no lone surrogates,
/// no repeated names, at most json_depth_limit brackets deep and `size_limit` bytes long. Takes time in proportion to
/// the text, and a logarithm for names. The value refers to `text`. A fault never carries text, only its place.
inline json_result parse_json(std::string_view text, std::size_t size_limit = std::size_t{1} << 30) {
    if (text.size() > size_limit) return {json_fault::size, size_limit, {}};
    detail::json_reader reader(text);
    const json_fault fault = reader.read();
    return {fault, fault == json_fault::none ? 0 : reader.offset(), reader.value()};
}

}}} // namespace tokenkeep::v0::text

#endif
