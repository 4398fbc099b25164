// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_VERSION_HPP
#define TOKENKEEP_VERSION_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

// The version of the library, by semantic versioning. The inline namespace v1 gets another name whenever the binary
// interface changes, so that two versions in one program do not mix.
#define TOKENKEEP_VERSION_MAJOR 0
#define TOKENKEEP_VERSION_MINOR 2
#define TOKENKEEP_VERSION_PATCH 0

namespace tokenkeep { inline namespace v1 {

/// The same as a value: `library_version.major_number`.
inline constexpr struct {
    int major_number, minor_number, patch_number;
} library_version{TOKENKEEP_VERSION_MAJOR, TOKENKEEP_VERSION_MINOR, TOKENKEEP_VERSION_PATCH};

}} // namespace tokenkeep::v1

#endif
