// SPDX-License-Identifier: MIT
// An observer that counts what keepers tell, for Prometheus. To be copied.
// https://prometheus.io/docs/instrumenting/exposition_formats/
#ifndef TOKENKEEP_EXAMPLES_PROMETHEUS_HPP
#define TOKENKEEP_EXAMPLES_PROMETHEUS_HPP

#include <tokenkeep/tokenkeep.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Counts events by kind. One object serves all keepers of a program. Many threads may call it at once, and none waits.
///   prometheus_events events{"mailer"};
///   tokenkeep::keeper keep{store, transport, provider, {}, events};
///   answer.body = events.text(); // to GET /metrics, as text/plain; version=0.0.4
class prometheus_events {
  public:
    /// The label `program` of each line; none if it is empty.
    explicit prometheus_events(std::string_view program = {}) {
        if (program.empty()) return;
        label_ = ",program=\"";
        for (const char c : program) {
            if (c == '\\' || c == '"') label_ += '\\';
            c == '\n' ? label_.append("\\n") : label_.append(1, c);
        }
        label_ += '"';
    }

    void operator()(const tokenkeep::event& what) noexcept {
        const auto kind = static_cast<std::size_t>(what.kind);
        if (kind < counts_.size()) counts_[kind].fetch_add(1, std::memory_order_relaxed);
    }

    /// All counts in Prometheus's text format. The counts of other events may change meanwhile.
    std::string text() const {
        std::string lines = "# HELP tokenkeep_events_total What the keepers of tokens did.\n"
                            "# TYPE tokenkeep_events_total counter\n";
        for (std::size_t kind = 0; kind < names.size(); ++kind) {
            lines.append("tokenkeep_events_total{kind=\"").append(names[kind]).append("\"").append(label_).append("} ");
            lines.append(std::to_string(counts_[kind].load(std::memory_order_relaxed))).append("\n");
        }
        return lines;
    }

  private:
    /// In the order of tokenkeep::event_kind.
    static constexpr std::array<std::string_view, 18> names{
        "cache_hit",  "waited",  "adopted",         "seeded",    "marked",  "spent",
        "replayed",   "settled", "saved",           "not_saved", "dropped", "taken_back",
        "served_old", "refused", "outcome_unknown", "throttled", "revoked", "warning"};
    static_assert(names.size() == static_cast<std::size_t>(tokenkeep::event_kind::warning) + 1);

    std::array<std::atomic<std::uint64_t>, names.size()> counts_{};
    std::string label_{};
};

#endif
