// SPDX-License-Identifier: MIT
// A second unit that includes everything: whatever is not inline is defined twice in the test program, and fails to
// link.
#include <tokenkeep/tokenkeep.hpp>

#include <tokenkeep/testing.hpp>
