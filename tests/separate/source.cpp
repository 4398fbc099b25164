// SPDX-License-Identifier: MIT
// The file of the program that compiles the library. With MISTAKE it includes another header first.
#ifdef MISTAKE
#include <tokenkeep/token.hpp>
#endif

#include <tokenkeep/src.hpp>
