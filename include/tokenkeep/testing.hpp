// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_HPP
#define TOKENKEEP_TESTING_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

// For the tests of your program: the tools that the tests of this library use themselves.

#include <tokenkeep/tokenkeep.hpp>

#include <tokenkeep/testing/fake_server.hpp>         // an authorization server inside the test, with faults on demand
#include <tokenkeep/testing/fake_server_options.hpp> // its settings, its faults and its log
#include <tokenkeep/testing/simulated_files.hpp>     // files whose calls fail, and what a power failure leaves of them
#include <tokenkeep/testing/store_laws.hpp>          // tests whether a store of your own does what a store must do
#include <tokenkeep/testing/virtual_clock.hpp>       // a clock that only the test moves

#endif
