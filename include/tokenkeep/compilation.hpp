// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_COMPILATION_HPP
#define TOKENKEEP_COMPILATION_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/version.hpp>

// How the library is compiled. src.hpp says how a program chooses.
//
//   in a file of a program that                                   | functions | the usual stores
//   --------------------------------------------------------------|-----------|------------------------
//   is header-only (the default)                                  | inline    | instantiated where used
//   is compiled with TOKENKEEP_SEPARATE_COMPILATION               | declared  | `extern template`
//   is compiled so, and includes src.hpp, which defines           | defined   | instantiated
//   TOKENKEEP_SOURCE                                              |           |
//
// For this, a header of the library does two things. It puts the definitions of functions that are not templates
// between `#ifdef TOKENKEEP_INLINE` and `#endif`; only headers that tokenkeep.hpp includes can have such functions. It
// defines the members of a store outside the class, without `inline`: compilers instantiate inline members in spite of
// `extern template`.

#if !defined(TOKENKEEP_SEPARATE_COMPILATION)
#define TOKENKEEP_INLINE inline
#define TOKENKEEP_INSTANTIATE(...) static_assert(true)
#elif defined(TOKENKEEP_SOURCE)
#define TOKENKEEP_INLINE
#define TOKENKEEP_INSTANTIATE(...) template class __VA_ARGS__
#else
#define TOKENKEEP_INSTANTIATE(...) extern template class __VA_ARGS__
#endif

namespace tokenkeep { inline namespace v1 { namespace detail {

// The linker refuses a program if its parts were compiled in different ways. A part that is header-only defines the
// symbol compiled_with_and_without_TOKENKEEP_SEPARATE_COMPILATION as a usual object. The file that includes src.hpp
// defines it as an object of each thread. Linkers do not accept both.
#if !defined(TOKENKEEP_SEPARATE_COMPILATION)
[[gnu::used, gnu::visibility("hidden")]] //
inline constexpr char compiled_with_and_without_TOKENKEEP_SEPARATE_COMPILATION = 0;
#elif defined(TOKENKEEP_SOURCE)
[[gnu::visibility("hidden")]] //
constinit thread_local char compiled_with_and_without_TOKENKEEP_SEPARATE_COMPILATION = 0;
#endif

// Every other part needs a symbol of its version, which only the file that includes src.hpp defines.
template <int Major, int Minor, int Patch>
struct library_of_version {
    static const char compiled_by_the_file_that_includes_src_hpp;
    [[gnu::used, gnu::retain]] static inline const char* const needed = &compiled_by_the_file_that_includes_src_hpp;
};
using this_library = library_of_version<TOKENKEEP_VERSION_MAJOR, TOKENKEEP_VERSION_MINOR, TOKENKEEP_VERSION_PATCH>;
#if defined(TOKENKEEP_SOURCE)
template <>
const char this_library::compiled_by_the_file_that_includes_src_hpp = 0;
#elif defined(TOKENKEEP_SEPARATE_COMPILATION)
[[gnu::used]] inline constexpr const void* needs_src_hpp = &this_library::needed;
#endif

}}} // namespace tokenkeep::v1::detail

#endif
