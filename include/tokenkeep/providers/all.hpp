// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_PROVIDERS_ALL_HPP
#define TOKENKEEP_PROVIDERS_ALL_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

// The providers of thirty authorization servers. Opt-in: tokenkeep.hpp does not include them.
#include <tokenkeep/providers/atlassian.hpp>
#include <tokenkeep/providers/auth0.hpp>
#include <tokenkeep/providers/box.hpp>
#include <tokenkeep/providers/digitalocean.hpp>
#include <tokenkeep/providers/discord.hpp>
#include <tokenkeep/providers/dropbox.hpp>
#include <tokenkeep/providers/fitbit.hpp>
#include <tokenkeep/providers/github.hpp>
#include <tokenkeep/providers/gitlab.hpp>
#include <tokenkeep/providers/google.hpp>
#include <tokenkeep/providers/hubspot.hpp>
#include <tokenkeep/providers/keycloak.hpp>
#include <tokenkeep/providers/linkedin.hpp>
#include <tokenkeep/providers/microsoft.hpp>
#include <tokenkeep/providers/notion.hpp>
#include <tokenkeep/providers/okta.hpp>
#include <tokenkeep/providers/quickbooks.hpp>
#include <tokenkeep/providers/reddit.hpp>
#include <tokenkeep/providers/salesforce.hpp>
#include <tokenkeep/providers/shopify.hpp>
#include <tokenkeep/providers/slack.hpp>
#include <tokenkeep/providers/spotify.hpp>
#include <tokenkeep/providers/strava.hpp>
#include <tokenkeep/providers/tiktok.hpp>
#include <tokenkeep/providers/twitch.hpp>
#include <tokenkeep/providers/wechat.hpp>
#include <tokenkeep/providers/withings.hpp>
#include <tokenkeep/providers/x.hpp>
#include <tokenkeep/providers/xero.hpp>
#include <tokenkeep/providers/zoom.hpp>

#endif
