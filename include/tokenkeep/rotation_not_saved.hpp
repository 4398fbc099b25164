// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ROTATION_NOT_SAVED_HPP
#define TOKENKEEP_ROTATION_NOT_SAVED_HPP

#include <tokenkeep/error.hpp>
#include <tokenkeep/token.hpp>

#include <memory>
#include <utility>

namespace tokenkeep { inline namespace v0 {

/// The server gave new tokens and the store would not take them. The old refresh token is spent, so the new record is
/// here; the keeper keeps it too, with the lock, and saves it before anything else is spent.
class rotation_not_saved_error : public error {
  public:
    explicit rotation_not_saved_error(token record)
        : error(errc::rotation_not_saved, "tokenkeep: new tokens came and could not be saved"),
          record_(std::make_shared<const token>(std::move(record))) {}

    const token& record() const noexcept { return *record_; }

  private:
    std::shared_ptr<const token> record_; // exceptions are copied; the tokens are not
};

}} // namespace tokenkeep::v0

#endif
