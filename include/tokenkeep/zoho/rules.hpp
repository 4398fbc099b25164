// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ZOHO_RULES_HPP
#define TOKENKEEP_ZOHO_RULES_HPP

#include <tokenkeep/rules.hpp>

namespace tokenkeep { inline namespace v0 { namespace zoho {

/// Applies only to a probe that has a client id and a client secret. The secret is not compared.
template <class Rule>
struct needs_client_credentials : Rule {
    static bool applies(const token& probe) {
        return !probe.client_id.empty() && !probe.client_secret.empty() && Rule::applies(probe);
    }
};

/// The chain for programs that share tokens with Zoho's SDKs: id, user, access token, grant, refresh token. It differs
/// from theirs in that the id is asked first, in that a client named in the probe binds, and in that the first rule
/// that applies is final.
struct rules : first_applicable<by_id, same_client<by_user>, same_client<by_access_token>,
                                same_client<needs_client_credentials<by_grant_token>>,
                                same_client<needs_client_credentials<by_refresh_token>>> {};

}}} // namespace tokenkeep::v0::zoho

#endif
