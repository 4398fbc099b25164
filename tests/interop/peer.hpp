// SPDX-License-Identifier: MIT
// A token store of one of Zoho's SDKs, to be called like one of ours.
#ifndef TOKENKEEP_TESTS_INTEROP_PEER_HPP
#define TOKENKEEP_TESTS_INTEROP_PEER_HPP

#include <tokenkeep/container.hpp>
#include <tokenkeep/token.hpp>

#include "support/piped_process.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// What the SDK throws.
struct peer_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The script stores.mjs, with an SDK loaded: "nodejs" or "typescript".
class peer {
  public:
    explicit peer(const std::string& sdk)
        : process_({TOKENKEEP_TEST_INTEROP "/node", TOKENKEEP_TEST_INTEROP "/stores.mjs", sdk}) {}

    /// Makes the store that the calls after it mean, as a program of the SDK does when it starts.
    void open(const std::string& kind, const nlohmann::json& place) {
        ask({{"call", "open"}, {"kind", kind}, {"place", place}});
    }

    std::optional<tokenkeep::token> find_token(const tokenkeep::token& probe) {
        return from(ask({{"call", "find_token"}, {"token", to(probe)}}));
    }
    void save_token(const tokenkeep::token& record) { ask({{"call", "save_token"}, {"token", to(record)}}); }
    void delete_token(const std::string& id) { ask({{"call", "delete_token"}, {"id", id}}); }
    std::vector<tokenkeep::token> get_tokens() {
        std::vector<tokenkeep::token> rows;
        for (const nlohmann::json& row : ask({{"call", "get_tokens"}})) rows.push_back(*from(row));
        return rows;
    }
    void delete_tokens() { ask({{"call", "delete_tokens"}}); }
    std::optional<tokenkeep::token> find_token_by_id(const std::string& id) {
        return from(ask({{"call", "find_token_by_id"}, {"id", id}}));
    }

  private:
    static constexpr std::span columns = std::span(tokenkeep::fields).first<10>();

    nlohmann::json ask(const nlohmann::json& call) {
        process_.write(call.dump() + "\n");
        const auto answer = nlohmann::json::parse(process_.read_line());
        if (answer.contains("error")) throw peer_error(answer["error"].get<std::string>());
        return answer["result"];
    }

    static nlohmann::json to(const tokenkeep::token& row) {
        nlohmann::json values = nlohmann::json::object();
        for (const tokenkeep::field& f : columns)
            if (const std::string cell = tokenkeep::detail::write_cell(f, row); !cell.empty())
                values[std::string(f.name)] = cell;
        return values;
    }
    static std::optional<tokenkeep::token> from(const nlohmann::json& values) {
        if (values.is_null()) return std::nullopt;
        tokenkeep::token row;
        for (const tokenkeep::field& f : columns)
            if (const nlohmann::json& value = values.at(std::string(f.name)); !value.is_null())
                tokenkeep::detail::read_cell(f, row, value.get<std::string>());
        return row;
    }

    piped_process process_;
};

inline const auto sdks = {"nodejs", "typescript"};

/// The SDK, started once for the whole program, with a store of its there.
inline peer& at(const std::string& sdk, const std::string& kind, const nlohmann::json& place) {
    static peer nodejs("nodejs"), typescript("typescript");
    peer& chosen = sdk == "nodejs" ? nodejs : typescript;
    chosen.open(kind, place);
    return chosen;
}

#endif
