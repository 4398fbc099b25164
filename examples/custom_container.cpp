// SPDX-License-Identifier: MIT
//
// Rows where your program has them already, and rules of your own: three functions tell a store how to reach the rows,
// and one type says what makes two of them the same session.
#include <tokenkeep/tokenkeep.hpp>

#include <cstdio>
#include <list>
#include <string>
#include <utility>

using tokenkeep::token;

/// What the program has: one address book, in which some people have a token.
struct address_book {
    struct person {
        std::string street;
        token login;
    };
    std::list<person> people{};
};

template <>
struct tokenkeep::container_traits<address_book> {
    template <class Visit>
    static void for_each(const address_book& book, Visit visit) {
        for (const auto& person : book.people)
            if (!person.login.id.empty()) visit(person.login);
    }
    static void insert_or_assign(address_book& book, const token& row) {
        for (auto& person : book.people)
            if (person.login.id == row.id) return (void)(person.login = token(row));
        book.people.push_back({"unknown", row});
    }
    static void erase(address_book& book, const std::string& id) {
        for (auto& person : book.people)
            if (person.login.id == id) person.login = token();
    }
};

/// One session for each user and scope: whoever asks for another scope is another row.
struct by_user_and_scope : tokenkeep::by_user {
    static bool agrees(const token& probe, const token& row) { return probe.scope.empty() || probe.scope == row.scope; }
};
struct my_rules : tokenkeep::first_applicable<tokenkeep::by_id, tokenkeep::same_client<by_user_and_scope>> {};
struct ours : tokenkeep::defaults {
    using rules = my_rules;
};

int main() {
    tokenkeep::basic_store<address_book, ours> store;
    store.save_token({.user_name = "ada", .access_token = "may read", .scope = "read"});
    store.save_token({.user_name = "ada", .access_token = "may write", .scope = "write"});
    store.save_token({.user_name = "ada", .access_token = "may still read", .scope = "read"});

    std::printf("rows: %zu\n", store.get_tokens().size());
    const auto reader = store.find_token({.user_name = "ada", .scope = "read"});
    std::printf("ada, read: %s\n", std::string(reader->access_token.reveal()).c_str());
    try {
        (void)store.find_token({.user_name = "ada"});
    } catch (const tokenkeep::error& fault) {
        std::printf("ada: %s\n", fault.code().message().c_str());
    }
    store.delete_token(reader->id);
    std::printf("after deleting one, ada has %s\n", store.find_token({.user_name = "ada"})->scope.c_str());
}
// prints:
// rows: 2
// ada, read: may still read
// ada: ambiguous
// after deleting one, ada has write
