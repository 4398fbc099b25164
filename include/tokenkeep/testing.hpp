// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTING_HPP
#define TOKENKEEP_TESTING_HPP

// What our own tests are made with, for tests of your own.

#include <tokenkeep/tokenkeep.hpp>

#include <tokenkeep/testing/fake_server.hpp>         // an authorization server in the process, with faults on demand
#include <tokenkeep/testing/fake_server_options.hpp> // its settings, its faults and its log
#include <tokenkeep/testing/simulated_files.hpp>     // files whose calls fail, and what a power failure leaves of them
#include <tokenkeep/testing/store_laws.hpp>          // the contract of a store, as a suite for any store
#include <tokenkeep/testing/virtual_clock.hpp>       // time that a test owns

#endif
