// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_MEMORY_NUMBER_CAST_HPP
#define TOKENKEEP_MEMORY_NUMBER_CAST_HPP

namespace tokenkeep { inline namespace v1 { namespace detail {

/// A static_cast between numbers whose types are the same on some platforms. There g++ would call the cast useless
/// (-Wuseless-cast).
template <class To, class From>
constexpr To number_cast(From number) noexcept {
    return static_cast<To>(number);
}

}}} // namespace tokenkeep::v1::detail

#endif
