// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_ZOHO_RULES_HPP
#define TOKENKEEP_ZOHO_RULES_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

#include <tokenkeep/rules.hpp>

namespace tokenkeep { inline namespace v1 { namespace zoho {

/// A rule that applies only if the probe has a client id and a client secret. The secret is not compared with the
/// row's.
///   using grant_rule = same_client_id<zoho::needs_client_credentials<by_grant_token>>;
template <class Rule>
struct needs_client_credentials : Rule {
    template <class Probe = token>
        requires detail::can_apply_to<Rule, Probe>
    static bool applies(const Probe& probe) {
        using detail::has_text;
        return has_text<&token::client_id>(probe) && has_text<&token::client_secret>(probe) && Rule::applies(probe);
    }
};

/// The matching rules for programs that share tokens with Zoho's SDKs: id, user, access token, grant token, refresh
/// token. They differ from the SDKs' own in three ways: the id comes first; if the probe names a client_id, only rows
/// of that client match; and the first rule that applies is final, even if it finds nothing. They do not compare
/// labels, because the SDKs do not keep them.
struct rules : first_applicable<by_id, same_client_id<by_user>, same_client_id<by_access_token>,
                                same_client_id<needs_client_credentials<by_grant_token>>,
                                same_client_id<needs_client_credentials<by_refresh_token>>> {};

}}} // namespace tokenkeep::v1::zoho

#endif
