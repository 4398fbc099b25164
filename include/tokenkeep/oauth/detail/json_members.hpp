// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OAUTH_DETAIL_JSON_MEMBERS_HPP
#define TOKENKEEP_OAUTH_DETAIL_JSON_MEMBERS_HPP

#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/json.hpp>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string_view>
#include <vector>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// Leaves, of all members of one name, the last one. The others keep their order.
inline void keep_last_of_each_name(std::vector<const json_reader::member*>& members) {
    std::vector<std::size_t> by_name(members.size());
    std::iota(by_name.begin(), by_name.end(), std::size_t{0});
    std::stable_sort(by_name.begin(), by_name.end(),
                     [&](std::size_t a, std::size_t b) { return members[a]->name < members[b]->name; });
    const json_reader::member* next = nullptr;
    for (std::size_t nth = by_name.size(); nth-- > 0;) {
        const json_reader::member*& own = members[by_name[nth]];
        const bool is_last = next == nullptr || next->name != own->name;
        next = own;
        if (!is_last) own = nullptr;
    }
    std::erase(members, nullptr);
}

/// Members as one JSON object, as they were written. Empty if there are none.
inline secret object_of(const std::vector<const json_reader::member*>& members) {
    if (members.empty()) return {};
    std::size_t size = 1;
    for (const json_reader::member* m : members) size += m->written.size() + m->value.raw().size() + 2;
    return secret::build(size, [&](char* out) {
        char* at = out;
        const auto put = [&at](std::string_view piece) { at = std::copy(piece.begin(), piece.end(), at); };
        for (const json_reader::member* m : members) {
            put(at == out ? "{" : ",");
            put(m->written);
            put(":");
            put(m->value.raw());
        }
        put("}");
        return static_cast<std::size_t>(at - out);
    });
}

/// Two JSON objects as one. If both have a member of one name, that of `fresh` counts. If `old` is not an object, the
/// result is `fresh`.
inline secret merged_objects(const secret& old, const secret& fresh) {
    if (old.empty()) return fresh;
    json_reader old_reader(old.reveal()), fresh_reader(fresh.reveal());
    const bool both = old_reader.read() == text::json_fault::none && fresh_reader.read() == text::json_fault::none &&
                      old_reader.value().kind() == text::json_kind::object &&
                      fresh_reader.value().kind() == text::json_kind::object;
    if (!both) return fresh;
    std::vector<const json_reader::member*> merged;
    for (const json_reader* reader : {&old_reader, &fresh_reader})
        for (const json_reader::member& m : reader->members()) merged.push_back(&m);
    keep_last_of_each_name(merged);
    return object_of(merged);
}

}}} // namespace tokenkeep::v1::detail

#endif
