// SPDX-License-Identifier: MIT
// A secret cannot be printed by accident.
// expect: error:
// expect: operator<<
// expect: std::cout << access;
#include <tokenkeep/secret.hpp>

#include <iostream>

void show(const tokenkeep::secret& access) {
#ifdef MISTAKE
    std::cout << access;
#else
    std::cout << access.fingerprint();
#endif
}
