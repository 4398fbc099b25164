// SPDX-License-Identifier: MIT
// A secret cannot be printed by accident.
// expect: tokenkeep: a secret is not printed; use reveal()
#include <tokenkeep/secret.hpp>

#include <iostream>

void show(const tokenkeep::secret& access) {
#ifdef MISTAKE
    std::cout << access;
#else
    std::cout << access.fingerprint();
#endif
}
