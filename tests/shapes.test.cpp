// SPDX-License-Identifier: MIT
// The Shape in the comment of each concept, word for word, compiled; and a test that no Shape is missing here and that
// none differs. Each copy stands between `// shape: FILE` and `// end`.
#include <tokenkeep/basic_store.hpp>
#include <tokenkeep/clock.hpp>
#include <tokenkeep/document_store.hpp>
#include <tokenkeep/file_store.hpp>
#include <tokenkeep/http.hpp>
#include <tokenkeep/oauth/authorization.hpp>
#include <tokenkeep/oauth/provider.hpp>
#include <tokenkeep/reseal.hpp>
#include <tokenkeep/rules.hpp>
#include <tokenkeep/sql_store.hpp>
#include <tokenkeep/store.hpp>

#include "support/catch.hpp"
#include "support/comments.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// clang-format off

struct my_rows {};

// shape: container.hpp
template <> struct tokenkeep::container_traits<my_rows> {
    template <class Visit>
    static void for_each(const my_rows& rows, Visit visit);
    static void insert_or_assign(my_rows& rows, const token& row);
    static void erase(my_rows& rows, const std::string& id);
};
// end

namespace shapes {

using namespace tokenkeep;

namespace of_clock {
// shape: clock.hpp
struct c {
    timestamp                             now();
    std::chrono::steady_clock::time_point steady_now();
    void sleep_until(std::chrono::steady_clock::time_point t);
    bool wait_until(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
                    std::chrono::steady_clock::time_point t, bool (*predicate)());
};
// end
}

namespace of_transport {
// shape: http.hpp
struct t {
    http_response operator()(const http_request& request);
};
// end
}

namespace of_rule {
// shape: rules.hpp
struct r {
    static constexpr auto key = &token::user_name;
    static bool applies(const token& probe);
};
// end
}

namespace of_chain {
// shape: rules.hpp
struct c {
    using list = rule_list<by_user>;
    template <class Look>
    static auto find(const token& probe, Look&& look);
};
// end
template <class Look>
auto c::find(const token&, Look&& look) { return look(by_user{}); }
}

namespace of_store {
// shape: store.hpp
struct s {
    std::optional<token> find_token(const token& probe);
    void                 save_token(const token& record);
    void                 delete_token(const std::string& id);
    std::vector<token>   get_tokens();
    void                 delete_tokens();
    std::optional<token> find_token_by_id(const std::string& id);
};
// end
}

struct g {};

namespace of_locking {
// shape: store.hpp
struct s {   // besides the six operations
    g lock_token(const std::string& key, deadline until);
};
// end
struct store : of_store::s, s {};
}

namespace of_comparing {
// shape: store.hpp
struct s {   // besides the six operations
    bool replace_token(const token& expected, const token& record);
    bool remove_token(const token& expected);
};
// end
struct store : of_store::s, s {};
}

namespace of_deadlines {
using v = of_store::s;
// shape: store.hpp
struct s {   // besides the six operations
    v until(deadline end);
};
// end
struct store : of_store::s, s {};
}

namespace of_resealing {
// shape: reseal.hpp
struct s {   // besides the six operations
    bool reseal_tokens();
};
struct r {   // or, for a store that seals its rows one by one
    bool reseal_token(const std::string& id);
};
// end
struct store : of_store::s, s {};
struct row_store : of_store::s, r {};
}

namespace of_document {
// shape: document.hpp
struct d {
    std::optional<std::string> load();
    void                       save(std::string_view bytes);
};
// end
}

namespace of_files {
// shape: file_system.hpp
struct f {
    struct file {
        file_identity identity() const;
        std::size_t   read(std::uint64_t offset, char* out, std::size_t size) const;
        void          write(std::uint64_t offset, std::string_view bytes) const;
        void          truncate(std::uint64_t size) const;
        void          flush() const;
    };
    struct lock_file {
        bool try_lock(std::int64_t byte);
        bool try_lock_shared(std::int64_t byte);
        void unlock(std::int64_t byte);
    };
    std::optional<file_identity> find(const std::string& path) const;
    std::optional<file>          open(const std::string& path) const;
    file                         create(const std::string& path) const;
    void                         rename(const std::string& from, const std::string& to) const;
    void                         remove(const std::string& path) const;
    void                         flush_directory(const std::string& path) const;
    bool                         is_mount(const std::string& path) const;
    lock_file                    open_lock(const std::string& path) const;
    g lock(const std::string& path, const std::string& name, deadline until) const;
};
// end
struct policy : defaults {
    using files = f;
};
}

namespace of_sealer {
// shape: sealer.hpp
struct s {
    std::string           key_id() const;
    secret                seal(std::string_view plain, std::string_view associated) const;
    std::optional<secret> open(std::string_view sealed, std::string_view associated,
                               std::string_view key_id) const;
};
// end
namespace with_fingerprints {
// shape: sealer.hpp
struct f {   // besides the members of a sealer
    std::vector<std::string> key_ids() const;
    std::string              fingerprint(std::string_view text, std::string_view key_id) const;
};
// end
struct sealer : s, f {};
}
}

namespace of_connection {
struct st;
// shape: sql_connection.hpp
struct c {
    static constexpr sql_dialect dialect{};
    void connect(std::chrono::milliseconds patience);
    void execute(const std::string& sql);
    st   prepare(const std::string& sql);
};
struct st {
    void                            bind(std::size_t parameter, std::optional<std::string_view> value);
    bool                            step();
    std::optional<std::string_view> column(std::size_t column);
    std::uint64_t                   changes();
    void                            reset();
};
// end
}

namespace of_provider {
// shape: oauth/provider.hpp
struct p {
    http_request                exchange_request(const token& record);
    http_request                refresh_request(const token& record);
    std::optional<http_request> revoke_request(const token& record);
    token_response              read_token_response(const http_response& response, const token& record);
    void                        authorize(http_request& request, const token& record);
};
// end
}

namespace of_login_provider {
// shape: oauth/authorization.hpp
struct p {
    authorization authorization_request(const authorization_wish& wish);
};
// end
}

// clang-format on

static_assert(tokenkeep::clock<of_clock::c>);
static_assert(http_transport<of_transport::t>);
static_assert(matching_rule<of_rule::r> && matching_rules<first_applicable<of_rule::r>>);
static_assert(matching_rules<of_chain::c>);
static_assert(token_store<of_store::s>);
static_assert(locking_store<of_locking::store> && !comparing_store<of_locking::store>);
static_assert(comparing_store<of_comparing::store> && !locking_store<of_comparing::store>);
static_assert(deadline_store<of_deadlines::store> && !deadline_store<of_store::s>);
static_assert(resealing_store<of_resealing::store> && resealing_store<of_resealing::row_store>);
static_assert(!resealing_store<of_store::s>);
static_assert(document<of_document::d> && token_store<basic_document_store<of_document::d>>);
static_assert(file_system<of_files::f> && sealer<of_sealer::s>);
static_assert(fingerprinting_sealer<of_sealer::with_fingerprints::sealer> && !fingerprinting_sealer<of_sealer::s>);
struct sealed : of_files::policy {
    using sealer = of_sealer::s;
};
static_assert(token_store<basic_file_store<sealed>>);
static_assert(token_store<basic_document_store<of_document::d, json_codec, sealed>>);
static_assert(authorization_provider<of_provider::p>);
static_assert(login_provider<of_login_provider::p> && !login_provider<of_provider::p>);
static_assert(sql_connection<of_connection::c> && token_store<sql_store<of_connection::c>>);
static_assert(detail::explain_container<my_rows>() && token_store<basic_store<my_rows>>);

} // namespace shapes

namespace {

/// The Shapes in a header's comments: what lies between the heading and the next, without the comment's signs.
std::vector<std::string> shapes_in(const std::filesystem::path& header) {
    constexpr std::string_view sign = "///   ";
    std::vector<std::string> found;
    bool inside = false;
    for (const std::string& line : comments::lines_of(header)) {
        if (inside && line != comments::shape_end)
            found.back() += line.substr(std::min(sign.size(), line.size())) + "\n";
        if (line == comments::shape_begin) found.emplace_back();
        inside = line == comments::shape_begin || (inside && line != comments::shape_end);
    }
    return found;
}

/// The lines of each test that has copies of Shapes.
std::vector<std::vector<std::string>> tests_with_copies() {
    std::vector<std::vector<std::string>> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(comments::tests)) {
        if (!entry.path().string().ends_with(".test.cpp")) continue;
        if (bytes_of(entry.path().string()).find("// shape: ") == std::string::npos) continue;
        found.push_back(comments::lines_of(entry.path()));
    }
    return found;
}

/// The copies of a header's Shapes in these tests.
std::vector<std::string> copies_of(const std::string& header, const std::vector<std::vector<std::string>>& tests) {
    std::vector<std::string> found;
    for (const auto& test : tests)
        for (const auto& copy : comments::copies_in(test, "// shape: " + header)) {
            found.emplace_back();
            for (const std::string& line : copy) found.back() += line + "\n";
        }
    return found;
}

} // namespace

TEST_CASE("shapes: every concept's Shape is compiled by a test, word for word", "[shapes]") {
    const auto tests = tests_with_copies();
    std::size_t seen = 0;
    for (const std::string& header : comments::headers()) {
        std::vector<std::string> shapes = shapes_in(comments::include / header), copies = copies_of(header, tests);
        std::sort(shapes.begin(), shapes.end());
        std::sort(copies.begin(), copies.end());
        CAPTURE(header);
        CHECK(shapes == copies);
        seen += shapes.size();
    }
    CHECK(seen >= 13);
}
