// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_SRC_HPP
#define TOKENKEEP_SRC_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

// The library compiled once. A program is header-only unless it asks for this; it then compiles in a quarter of the
// time, and behaves the same. To compile the library once:
//   1. Define TOKENKEEP_SEPARATE_COMPILATION for every file of the program: c++ -DTOKENKEEP_SEPARATE_COMPILATION ...
//   2. Include this header in one file of the program, before every other header of the library:
//        #include <tokenkeep/src.hpp>
//        #include <tokenkeep/sqlite.hpp>   // only if the program uses sqlite_store: it is then compiled here too
// With CMake, tokenkeep::compiled does both: link it instead of tokenkeep::tokenkeep. It has no store that needs a
// client library. A program that uses one has this line in one of its files:
//        template class tokenkeep::sql_store<tokenkeep::sqlite_connection>;
//
// Compiled once are file_store, memory_store, the stores of sqlite.hpp, mysql.hpp and postgres.hpp with the default
// policy, what a keeper does, and the functions of the protocol. A store with a policy of yours is compiled in each
// file that uses it, as in a header-only program; `extern template class tokenkeep::basic_file_store<ours>;` in these
// files and `template class tokenkeep::basic_file_store<ours>;` in one of them change that.
//
// If some files of a program are compiled with TOKENKEEP_SEPARATE_COMPILATION and some without, or by another version
// of the library, or if no file includes this header, the program does not link. The linker then names
// compiled_with_and_without_TOKENKEEP_SEPARATE_COMPILATION or compiled_by_the_file_that_includes_src_hpp.

#if !defined(TOKENKEEP_SEPARATE_COMPILATION)
#error "tokenkeep/src.hpp: define TOKENKEEP_SEPARATE_COMPILATION for every file of the program"
#elif defined(TOKENKEEP_COMPILATION_HPP)
#error "tokenkeep/src.hpp: include it before every other header of tokenkeep in its file"
#endif
#define TOKENKEEP_SOURCE

#include <tokenkeep/tokenkeep.hpp>

#endif
