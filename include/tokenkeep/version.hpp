// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_VERSION_HPP
#define TOKENKEEP_VERSION_HPP

// The version of the library, by semantic versioning. The inline namespace v0 gets another name whenever the binary
// interface changes, so that two versions in one program do not mix.
#define TOKENKEEP_VERSION_MAJOR 0
#define TOKENKEEP_VERSION_MINOR 1
#define TOKENKEEP_VERSION_PATCH 0

namespace tokenkeep { inline namespace v0 {

/// The same as a value: `library_version.major_number`.
inline constexpr struct {
    int major_number, minor_number, patch_number;
} library_version{TOKENKEEP_VERSION_MAJOR, TOKENKEEP_VERSION_MINOR, TOKENKEEP_VERSION_PATCH};

}} // namespace tokenkeep::v0

#endif
