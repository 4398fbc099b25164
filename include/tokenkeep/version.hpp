// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_VERSION_HPP
#define TOKENKEEP_VERSION_HPP

/// The version of the library, by semantic versioning. The inline namespace changes with every break of the ABI.
#define TOKENKEEP_VERSION_MAJOR 0
#define TOKENKEEP_VERSION_MINOR 1
#define TOKENKEEP_VERSION_PATCH 0

namespace tokenkeep { inline namespace v0 {

inline constexpr struct {
    int major_number, minor_number, patch_number;
} library_version{TOKENKEEP_VERSION_MAJOR, TOKENKEEP_VERSION_MINOR, TOKENKEEP_VERSION_PATCH};

}} // namespace tokenkeep::v0

#endif
