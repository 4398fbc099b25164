// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_DETAIL_STORE_STORE_URL_HPP
#define TOKENKEEP_DETAIL_STORE_STORE_URL_HPP

#include <tokenkeep/error.hpp>
#include <tokenkeep/store.hpp>
#include <tokenkeep/text/ascii.hpp>
#include <tokenkeep/text/form.hpp>
#include <tokenkeep/text_file.hpp>

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace tokenkeep { inline namespace v1 { namespace detail {

template <class S>
concept has_scheme = requires {
    { S::scheme } -> std::convertible_to<std::string_view>;
};
template <class S>
concept has_from_url = requires(std::string_view what_follows) {
    { S::from_url(what_follows) } -> std::same_as<S>;
};
template <class S>
concept names_from_url = requires(std::string_view what_follows) {
    S::from_url(what_follows);
};
template <class S>
concept is_made_from_url = has_from_url<S> || std::constructible_from<S, std::string> || std::default_initializable<S>;

/// Gives a store the scheme of its document or connection or, over a text_file, that of its codec; see open_store.
template <class Place, class Codec = void>
struct named_by {};
template <has_scheme Place, class Codec>
struct named_by<Place, Codec> {
    static constexpr std::string_view scheme = Place::scheme;
};
template <class Place, has_scheme Codec>
    requires(!has_scheme<Place> && std::derived_from<Place, text_file>)
struct named_by<Place, Codec> {
    static constexpr std::string_view scheme = Codec::scheme;
};

/// Says in a sentence what a type lacks to be opened by a URL.
template <class S>
consteval bool explain_scheme() {
    static_assert(explain_token_store<S>());
    if constexpr (token_store<S>)
        static_assert(has_scheme<S>, "tokenkeep: a store that a URL opens needs a name for its scheme, as in "
                                     "`static constexpr std::string_view scheme = \"mine\";`; see open_store");
    if constexpr (token_store<S> && has_scheme<S> && names_from_url<S>)
        static_assert(has_from_url<S>, "tokenkeep: from_url of a store must give that store; a class that derives from "
                                       "a store needs a from_url of its own; see open_store");
    if constexpr (token_store<S> && has_scheme<S> && !names_from_url<S>)
        static_assert(is_made_from_url<S>, "tokenkeep: a store that a URL opens needs a constructor that takes what "
                                           "follows the scheme as a std::string, or from_url; see open_store");
    return true;
}

consteval bool are_distinct(std::initializer_list<std::string_view> names) {
    for (const std::string_view& name : names)
        for (const std::string_view* other = names.begin(); other != &name; ++other)
            if (name == *other) return false;
    return true;
}

inline error bad_store_url(const std::string& why) { return error(errc::request_rejected, "tokenkeep: " + why); }

inline error unknown_scheme(std::initializer_list<std::string_view> known) {
    std::string names;
    for (const std::string_view name : known) names.append(" ").append(name).append(":");
    return bad_store_url("the URL of the store must begin with one of these:" + names);
}

/// A URL that names a store, in two parts. Throws errc::request_rejected if it holds a password.
struct store_url {
    explicit store_url(std::string_view url) : scheme(url.substr(0, url.find(':'))) {
        if (scheme.size() < url.size())
            what_follows = url.substr(scheme.size() + 1);
        else
            scheme = {};
        if (has_scheme("postgresql")) scheme = "postgres"; // libpq takes both
        if (holds_password())
            throw bad_store_url(
                "the URL of the store holds a password, and logs would show it; keep it in a file, "
                "which postgres: finds in ~/.pgpass or by passfile=, mysql: by option_file=, and redis: by "
                "password_file=");
    }

    bool has_scheme(std::string_view name) const { return text::equal_ignoring_case(scheme, name); }

    std::string_view scheme{}, what_follows{};

  private:
    /// Readers of URLs differ in where user and password end if these contain / or ?, so both readings are looked at.
    bool holds_password() const {
        if (!what_follows.starts_with("//")) return false;
        const std::string_view rest = what_follows.substr(2);
        const std::string_view by_slash = user_of(rest.substr(0, rest.find('/')));
        const std::string_view by_query = user_of(rest.substr(0, rest.find('?')));
        for (const std::string_view user : {by_slash, by_query})
            if (user.find(':') != std::string_view::npos) return true;
        const std::size_t query = rest.find('?', by_slash.size());
        if (query == std::string_view::npos) return false;
        const auto pairs = text::from_form(rest.substr(query + 1));
        if (!pairs) throw bad_store_url("the options of the URL of the store are not UTF-8");
        for (const auto& [name, value] : *pairs)
            if (is_secret(text::to_lower(name))) return true;
        return false;
    }

    static std::string_view user_of(std::string_view authority) {
        const std::size_t at = authority.rfind('@');
        return authority.substr(0, at == std::string_view::npos ? 0 : at);
    }

    static bool is_secret(std::string_view option) {
        if (option.ends_with("file")) return false;
        for (const std::string_view part : {"password", "passwd", "pwd", "secret", "scram_client_key"})
            if (option.find(part) != std::string_view::npos) return true;
        return option == "pass";
    }
};

/// A path as a URL has it. file:///p and file:/p are the same path; file:p is relative.
inline std::string path_of(std::string_view what_follows) {
    if (what_follows.starts_with("///"))
        what_follows.remove_prefix(2);
    else if (what_follows.starts_with("//"))
        throw bad_store_url("a path follows the scheme of this store, as in file:name, file:/path or file:///path; "
                            "two slashes would name another machine");
    if (what_follows.empty()) throw bad_store_url("a path must follow the scheme of this store, as in file:name");
    return std::string(what_follows);
}

/// Makes the store from what follows the scheme.
template <class Store>
Store from_url(std::string_view what_follows) {
    if constexpr (has_from_url<Store>) {
        return Store::from_url(what_follows);
    } else if constexpr (std::constructible_from<Store, std::string>) {
        return Store(path_of(what_follows));
    } else {
        if (!what_follows.empty()) throw bad_store_url("nothing follows the scheme of this store");
        return Store();
    }
}

}}} // namespace tokenkeep::v1::detail

#endif
