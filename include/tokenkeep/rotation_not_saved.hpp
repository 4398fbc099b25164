// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ROTATION_NOT_SAVED_HPP
#define TOKENKEEP_ROTATION_NOT_SAVED_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/error.hpp>
#include <tokenkeep/token.hpp>

#include <memory>
#include <utility>

namespace tokenkeep { inline namespace v1 {

/// The server issued new tokens and the store did not save them. The old refresh token is spent, so the new tokens
/// are in this exception. The keeper holds them too, and the lock on the identity, and saves them before it sends
/// anything else for this identity. A program need not do more than call again.
///   catch (const tokenkeep::rotation_not_saved_error& failure) { backup(failure.record()); }
class rotation_not_saved_error : public error {
  public:
    explicit rotation_not_saved_error(token record)
        : error(errc::rotation_not_saved, "tokenkeep: new tokens came and could not be saved"),
          record_(std::make_shared<const token>(std::move(record))) {}

    /// The row as it should be: with the new tokens. If there was no memory for that, the row with the refresh
    /// token that is spent; the keeper has the new tokens all the same.
    const token& record() const noexcept { return *record_; }

  private:
    std::shared_ptr<const token> record_; // exceptions are copied; the tokens are not
};

}} // namespace tokenkeep::v1

#endif
