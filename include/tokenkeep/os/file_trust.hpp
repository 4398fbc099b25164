// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_OS_FILE_TRUST_HPP
#define TOKENKEEP_OS_FILE_TRUST_HPP

namespace tokenkeep { inline namespace v1 {

/// What a policy accepts that stores in files otherwise refuse. Its members have the names of the policy's; see
/// defaults. Stores give it to files, documents and connections that have a member `trust(const file_trust&)`.
struct file_trust {
    bool follows_link = false; ///< A symbolic link in the place of the file.
    bool trusts_group = false; ///< A directory that its group can write.
};

}} // namespace tokenkeep::v1

#endif
