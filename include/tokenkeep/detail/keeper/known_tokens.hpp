// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_KEEPER_KNOWN_TOKENS_HPP
#define TOKENKEEP_DETAIL_KEEPER_KNOWN_TOKENS_HPP

#include <tokenkeep/clock.hpp>
#include <tokenkeep/detail/keeper/published.hpp>
#include <tokenkeep/detail/store/read_lock.hpp>
#include <tokenkeep/detail/store/row_view.hpp>
#include <tokenkeep/os/fair_mutex.hpp>

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

/// The name under which known_tokens keeps a probe: its texts, each with its length. Two different probes have
/// different names. Nullopt if the probe has a secret or a time, which are not kept.
inline std::optional<std::string> name_of_probe(const token& probe) {
    std::string name;
    for (const field& each : fields) {
        if (each.time != nullptr ? (probe.*each.time).has_value()
                                 : each.secret_text != nullptr && !(probe.*each.secret_text).empty())
            return std::nullopt;
        const std::string_view text = each.text != nullptr ? std::string_view(probe.*each.text) : std::string_view();
        name.append(std::to_string(text.size())).append(":").append(text);
    }
    return name;
}

/// The access tokens that a keeper has given last, by the probes that were asked for. They take the place of a store
/// that may block. Nothing is kept before find is called for the first time. Up to 65,536 probes are known; then those
/// without a current token are forgotten, or all.
class known_tokens {
  public:
    /// The token that is known for the probe, if it is current. One that is not is forgotten.
    std::optional<secret> find(const token& probe, deadline now) {
        is_used_.store(true, std::memory_order_relaxed);
        const std::optional<std::string> name = name_of_probe(probe);
        if (!name) return std::nullopt;
        {
            const read_lock lock(mutex_);
            const auto found = by_name_.find(*name);
            if (found == by_name_.end()) return std::nullopt;
            if (is_current(found->second, now)) return found->second->access_token;
        }
        const std::lock_guard lock(mutex_);
        if (const auto found = by_name_.find(*name); found != by_name_.end() && !is_current(found->second, now))
            by_name_.erase(found);
        return std::nullopt;
    }

    /// What was last noted for the probe; null if nothing was. Nullopt if nothing would be kept for it: find was never
    /// called, or the probe has a secret or a time.
    std::optional<std::shared_ptr<const pinned_token>> last(const token& probe) {
        if (!is_used_.load(std::memory_order_relaxed)) return std::nullopt;
        const std::optional<std::string> name = name_of_probe(probe);
        if (!name) return std::nullopt;
        const read_lock lock(mutex_);
        const auto found = by_name_.find(*name);
        return found == by_name_.end() ? nullptr : found->second;
    }

    /// Keeps the token for the probe.
    void note(const token& probe, const std::shared_ptr<const pinned_token>& seen, deadline now) {
        if (!is_used_.load(std::memory_order_relaxed)) return;
        const std::optional<std::string> name = name_of_probe(probe);
        if (!name) return;
        const std::lock_guard lock(mutex_);
        if (by_name_.size() >= most) forget(now);
        by_name_.insert_or_assign(*name, seen);
    }

  private:
    static constexpr std::size_t most = 65'536;

    /// So much goes that the next call is far away.
    void forget(deadline now) {
        std::erase_if(by_name_, [&](const auto& each) { return !is_current(each.second, now); });
        if (by_name_.size() >= most / 4 * 3) by_name_.clear();
    }

    fair_mutex mutex_{};
    std::map<std::string, std::shared_ptr<const pinned_token>> by_name_{};
    std::atomic<bool> is_used_{false};
};

}}} // namespace tokenkeep::v1::detail

#endif
