// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_KEYRING_HPP
#define TOKENKEEP_KEYRING_HPP

#if __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#error "tokenkeep needs C++20: compile with -std=c++20"
#include <tokenkeep_needs_cxx20> // does not exist: the compiler stops here
#endif

// Tokens in the keyring of the user's session, such as gnome-keyring:
//   #include <tokenkeep/keyring.hpp>
//   tokenkeep::keyring_store store{"my-app"};
//   g++ -std=c++20 -I include main.cpp $(pkg-config --cflags --libs libsecret-1)        (Debian: libsecret-1-dev)
// tokenkeep.hpp does not include this header, because it needs libsecret/secret.h.

#include <tokenkeep/clock.hpp>
#include <tokenkeep/document_store.hpp>
#include <tokenkeep/error.hpp>
#include <tokenkeep/json_codec.hpp>
#include <tokenkeep/os/os.hpp>
#include <tokenkeep/policy.hpp>
#include <tokenkeep/secret.hpp>
#include <tokenkeep/text/sha256.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <libsecret/secret.h>

namespace tokenkeep { inline namespace v1 {

namespace detail {

/// Drops a reference.
struct glib_unref {
    void operator()(GMainContext* context) const noexcept { g_main_context_unref(context); }
    void operator()(GHashTable* table) const noexcept { g_hash_table_unref(table); }
    void operator()(GVariant* value) const noexcept { g_variant_unref(value); }
    void operator()(GError* failure) const noexcept { g_error_free(failure); }
    void operator()(SecretValue* value) const noexcept { secret_value_unref(value); } // it wipes the last one
    void operator()(void* object) const noexcept { g_object_unref(object); }
};
template <class Object>
using glib_reference = std::unique_ptr<Object, glib_unref>;

/// A step of a call, and what it means if the service says no, and if the service does not answer. A step in which the
/// user may be asked for a password has no limit of its own.
struct keyring_step {
    const char* what;
    errc if_refused = errc::storage_failure;
    errc if_unanswered = errc::storage_failure;
    bool may_ask_user = false;
};

/// Runs asynchronous functions of GLib in this thread, one after the other, and waits for their ends.
class keyring_steps {
  public:
    explicit keyring_steps(std::chrono::milliseconds patience) : patience_(patience) {
        GSource* const tick = g_timeout_source_new(20); // wakes the wait
        g_source_set_callback(
            tick, [](gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr, nullptr);
        g_source_attach(tick, context_.get());
        g_source_unref(tick);
    }
    keyring_steps(const keyring_steps&) = delete;
    keyring_steps& operator=(const keyring_steps&) = delete;
    ~keyring_steps() {
        // GLib would keep what is left.
        while (g_main_context_iteration(context_.get(), FALSE) != FALSE) continue;
    }

    /// Begins a step by `begin(cancellable, callback, data)`, and gives what `finish(result, &why)` gives. Throws if
    /// the step fails, or if it does not end in time.
    /// Decision: a step that asks the user is not cancelled. The service would be told to dismiss the prompt, and
    /// gnome-keyring 42 can fail an assertion then, and end.
    template <class Begin, class Finish>
    auto run(const keyring_step& step, Begin begin, Finish finish) {
        const context_of_thread entered(context_.get());
        is_usable_ = false;
        result_.reset();
        const GAsyncReadyCallback keep = [](GObject*, GAsyncResult* result, gpointer self) {
            g_object_ref(result);
            static_cast<keyring_steps*>(self)->result_.reset(result);
        };
        begin(cancellable_.get(), keep, this);
        const deadline end = std::chrono::steady_clock::now() + patience_;
        while (!result_) {
            g_main_context_iteration(context_.get(), TRUE);
            if (step.may_ask_user || result_ || std::chrono::steady_clock::now() < end) continue;
            g_cancellable_cancel(cancellable_.get());
            if (std::chrono::steady_clock::now() >= end + std::chrono::seconds(1)) throw unanswered(step);
        }
        GError* why = nullptr;
        auto given = finish(result_.get(), &why);
        if (why != nullptr) throw failure(step, why);
        is_usable_ = true;
        return given;
    }

    /// Whether no step has failed.
    bool is_usable() const noexcept { return is_usable_; }

    /// What a step throws that failed for this reason, which is freed.
    error failure(const keyring_step& step, GError* reason) const {
        const glib_reference<GError> why(reason);
        const std::string what = std::string("tokenkeep: cannot ") + step.what + ": " + why->message;
        const auto is_one_of = [&](std::initializer_list<GDBusError> codes) {
            return why->domain == G_DBUS_ERROR && std::find(codes.begin(), codes.end(), why->code) != codes.end();
        };
        if (g_error_matches(why.get(), SECRET_ERROR, SECRET_ERROR_IS_LOCKED) != FALSE) return locked(why->message);
        if (is_one_of({G_DBUS_ERROR_ACCESS_DENIED, G_DBUS_ERROR_AUTH_FAILED}))
            return error(errc::permissions, what + "; the session bus must let this program talk to "
                                                   "org.freedesktop.secrets (in a Flatpak: --talk-name)");
        if (is_one_of({G_DBUS_ERROR_SERVICE_UNKNOWN, G_DBUS_ERROR_NAME_HAS_NO_OWNER,
                       G_DBUS_ERROR_SPAWN_SERVICE_NOT_FOUND, G_DBUS_ERROR_SPAWN_EXEC_FAILED,
                       G_DBUS_ERROR_SPAWN_CHILD_EXITED, G_DBUS_ERROR_SPAWN_FAILED}))
            return error(errc::storage_failure, what + "; start a secret service in this session, such as "
                                                       "gnome-keyring-daemon, or keep the tokens in a file_store");
        if (g_cancellable_is_cancelled(cancellable_.get()) != FALSE) return unanswered(step);
        if (why->domain == G_IO_ERROR ||
            is_one_of({G_DBUS_ERROR_NO_REPLY, G_DBUS_ERROR_TIMEOUT, G_DBUS_ERROR_TIMED_OUT, G_DBUS_ERROR_DISCONNECTED}))
            return error(step.if_unanswered, what + "; is there a session bus (DBUS_SESSION_BUS_ADDRESS), and a secret "
                                                    "service on it? Without a desktop, see dbus-run-session");
        return error(step.if_refused, what);
    }

    static error locked(const std::string& why) {
        return error(errc::permissions, "tokenkeep: the keyring is locked: " + why +
                                            "; unlock it, by logging in or when the desktop asks; without a desktop, "
                                            "see gnome-keyring-daemon --unlock");
    }

  private:
    /// What begins in this thread ends in this context.
    struct context_of_thread {
        explicit context_of_thread(GMainContext* context) : entered(context) {
            g_main_context_push_thread_default(entered);
        }
        context_of_thread(const context_of_thread&) = delete;
        context_of_thread& operator=(const context_of_thread&) = delete;
        ~context_of_thread() { g_main_context_pop_thread_default(entered); }
        GMainContext* entered;
    };

    error unanswered(const keyring_step& step) const {
        const std::string wait = "no answer within " + std::to_string(patience_.count()) + " ms";
        return error(step.if_unanswered, std::string("tokenkeep: cannot ") + step.what + ": " + wait);
    }

    std::chrono::milliseconds patience_;
    glib_reference<GMainContext> context_{g_main_context_new()};
    glib_reference<GCancellable> cancellable_{g_cancellable_new()};
    glib_reference<GAsyncResult> result_{};
    bool is_usable_ = true;
};

/// Which item of the keyring.
class keyring_item {
  public:
    keyring_item(std::string service, std::string account)
        : service_(std::move(service)), account_(std::move(account)) {
        for (const std::string* name : {&service_, &account_})
            if (name->empty() || g_utf8_validate(name->data(), static_cast<gssize>(name->size()), nullptr) == FALSE)
                throw error(errc::request_rejected,
                            "tokenkeep: the service and the account of a keyring must be UTF-8 "
                            "without NUL, and not empty, as in keyring(\"my-app\", \"tokens\")");
    }

    static const SecretSchema* schema() {
        static const SecretSchema described = [] {
            SecretSchema made{};
            made.name = "org.tokenkeep.tokens";
            made.attributes[0] = {"service", SECRET_SCHEMA_ATTRIBUTE_STRING};
            made.attributes[1] = {"account", SECRET_SCHEMA_ATTRIBUTE_STRING};
            return made;
        }();
        return &described;
    }
    glib_reference<GHashTable> attributes() const {
        return glib_reference<GHashTable>(secret_attributes_build(schema(), "service", service_.c_str(), "account",
                                                                  account_.c_str(), static_cast<char*>(nullptr)));
    }
    std::string label() const { return "Tokens of " + service_ + " (" + account_ + ")"; }
    /// The same for every program that means this item, and without characters that a file's name cannot have.
    std::string file_name() const {
        const std::string both = std::to_string(service_.size()) + " " + service_ + account_;
        return "tokenkeep-keyring-" + text::sha256_hex(both).substr(0, 32);
    }

  private:
    std::string service_, account_;
};

/// A session with the Secret Service.
/// Decision: the SecretService of secret_service_get, which the program's parts share, is not used. It does not notice
/// that the service was started again unless a main loop runs.
/// Decision: secret_password_lookup is not used. If the user closes the prompt, it gives what it gives if there is no
/// item, and the next save would replace the tokens.
class keyring_connection {
  public:
    explicit keyring_connection(std::chrono::milliseconds patience) : steps_(patience) {
        const keyring_step opening{"reach the secret service of this session"};
        bus_.reset(steps_.run(
            opening, [&](auto... end) { g_bus_get(G_BUS_TYPE_SESSION, end...); }, &g_bus_get_finish));
        g_dbus_connection_set_exit_on_close(bus_.get(), FALSE); // or GLib would end the program with the bus
        service_.reset(steps_.run(
            opening,
            [&](auto... end) {
                secret_service_open(SECRET_TYPE_SERVICE, nullptr, SECRET_SERVICE_OPEN_SESSION, end...);
            },
            &secret_service_open_finish));
        owner_ = name_owner();
    }

    /// Whether no call has failed, and the service is the one that opened the session.
    bool is_alive() {
        try {
            return steps_.is_usable() && name_owner() == owner_;
        } catch (const error&) {
            return false;
        }
    }

    /// The item, unlocked; null if there is none.
    glib_reference<SecretItem> find(const keyring_item& wanted) {
        glib_reference<SecretItem> item = search(wanted);
        if (item) {
            if (secret_item_get_locked(item.get()) != FALSE) unlock(item.get());
            return item;
        }
        // Some services do not find what is in a locked keyring.
        const glib_reference<SecretCollection> collection(steps_.run(
            {"find the default keyring"},
            [&](auto... end) {
                secret_collection_for_alias(service_.get(), SECRET_COLLECTION_DEFAULT, SECRET_COLLECTION_NONE, end...);
            },
            &secret_collection_for_alias_finish));
        if (!collection || secret_collection_get_locked(collection.get()) == FALSE) return nullptr;
        unlock(collection.get());
        return search(wanted);
    }

    secret read(SecretItem* item) {
        steps_.run(
            {"read the item"}, [&](auto... end) { secret_item_load_secret(item, end...); },
            [&](auto... ended) { return secret_item_load_secret_finish(item, ended...); });
        const glib_reference<SecretValue> value(secret_item_get_secret(item));
        if (!value) throw error(errc::storage_failure, "tokenkeep: the keyring gives no secret for the item");
        gsize size = 0;
        const gchar* const bytes = secret_value_get(value.get(), &size);
        return std::string_view(bytes, size);
    }

    void replace(SecretItem* item, std::string_view bytes) {
        const glib_reference<SecretValue> value = value_of(bytes);
        steps_.run(
            {"save the item", errc::not_saved, errc::indeterminate},
            [&](auto... end) { secret_item_set_secret(item, value.get(), end...); },
            [&](auto... ended) { return secret_item_set_secret_finish(item, ended...); });
    }

    /// If there is no default keyring, the service makes one, and asks the user for its password.
    void create(const keyring_item& wanted, std::string_view bytes) {
        const glib_reference<SecretValue> value = value_of(bytes);
        steps_.run(
            {"save a new item", errc::not_saved, errc::indeterminate, true},
            [&](auto... end) {
                secret_service_store(service_.get(), keyring_item::schema(), wanted.attributes().get(),
                                     SECRET_COLLECTION_DEFAULT, wanted.label().c_str(), value.get(), end...);
            },
            [&](auto... ended) { return secret_service_store_finish(service_.get(), ended...); });
    }

  private:
    static glib_reference<SecretValue> value_of(std::string_view bytes) {
        return glib_reference<SecretValue>(
            secret_value_new(bytes.data(), static_cast<gssize>(bytes.size()), "text/plain"));
    }

    std::string name_owner() {
        const glib_reference<GVariant> answer(steps_.run(
            {"ask for the secret service"},
            [&](auto... end) {
                g_dbus_connection_call(
                    bus_.get(), "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner",
                    g_variant_new("(s)", "org.freedesktop.secrets"), nullptr, G_DBUS_CALL_FLAGS_NONE, -1, end...);
            },
            [&](auto... ended) { return g_dbus_connection_call_finish(bus_.get(), ended...); }));
        const gchar* owner = nullptr;
        g_variant_get(answer.get(), "(&s)", &owner);
        return owner;
    }

    glib_reference<SecretItem> search(const keyring_item& wanted) {
        GList* const all = steps_.run(
            {"look for the item"},
            [&](auto... end) {
                secret_service_search(service_.get(), keyring_item::schema(), wanted.attributes().get(),
                                      SECRET_SEARCH_ALL, end...);
            },
            [&](auto... ended) { return secret_service_search_finish(service_.get(), ended...); });
        const bool several = all != nullptr && all->next != nullptr;
        glib_reference<SecretItem> first;
        if (all != nullptr) first.reset(static_cast<SecretItem*>(g_object_ref(all->data)));
        g_list_free_full(all, &g_object_unref);
        if (several)
            throw error(errc::ambiguous, "tokenkeep: several items of the keyrings have the attributes of \"" +
                                             wanted.label() + "\"; delete all but one");
        return first;
    }

    /// Asks the user, unless the service can do without.
    void unlock(gpointer object) {
        GList only{object, nullptr, nullptr};
        const gint unlocked = steps_.run(
            {"unlock the keyring", errc::permissions, errc::permissions, true},
            [&](auto... end) { secret_service_unlock(service_.get(), &only, end...); },
            [&](GAsyncResult* result, GError** why) {
                return secret_service_unlock_finish(service_.get(), result, nullptr, why);
            });
        if (unlocked < 1) throw keyring_steps::locked("the user has not unlocked it");
    }

    keyring_steps steps_;
    glib_reference<GDBusConnection> bus_{};
    glib_reference<SecretService> service_{};
    std::string owner_{};
};

/// The connection of one process, made when it is needed. GLib's threads are not in a child made by fork, so that a
/// call there would not end. A child leaves the connection alone.
class keyring_of_process {
  public:
    explicit keyring_of_process(std::chrono::milliseconds patience) : patience_(patience) {}
    keyring_of_process(keyring_of_process&&) noexcept = default;
    keyring_of_process& operator=(keyring_of_process&& other) noexcept {
        std::swap(connection_, other.connection_);
        patience_ = other.patience_;
        return *this;
    }
    ~keyring_of_process() {
        if (connection_ && process_id() != first_process()) static_cast<void>(connection_.release());
    }

    keyring_connection& connection() {
        if (process_id() != first_process())
            throw error(errc::storage_failure, "tokenkeep: a child made by fork cannot use the keyring that its parent "
                                               "has used; start a program with exec, or fork first");
        if (connection_ && connection_->is_alive()) return *connection_;
        connection_.reset(); // the old one would keep a bus that has gone
        connection_ = std::make_unique<keyring_connection>(patience_);
        return *connection_;
    }

  private:
    /// The process that used a keyring first.
    static std::uint64_t first_process() {
        static const std::uint64_t id = process_id();
        return id;
    }

    std::chrono::milliseconds patience_;
    std::unique_ptr<keyring_connection> connection_{};
};

} // namespace detail

/// An item in the keyring of the user's session, as a document: keyring_store is a store over it.
///   keyring_store store{"my-app"};
///   any_store other = open_store<file_store, keyring_store>("keyring:my-app");
/// The item has the schema org.tokenkeep.tokens and two attributes, `service` and `account`. A new item goes to the
/// default keyring. If the user moves it to another keyring, it is found there.
///
/// The keyring is a program of the session (gnome-keyring, KWallet, KeePassXC) that speaks the Secret Service API over
/// D-Bus. The tests use gnome-keyring.
///
/// Promised:
///   - Every byte is kept. The value travels encrypted over D-Bus if the keyring can do that; gnome-keyring can.
///   - save returns when the keyring has accepted the value.
///   - The processes of one user on one machine can share the item: each change holds a lock. The Secret Service API
///     has no lock of this kind. So the kernel locks a file in XDG_RUNTIME_DIR, or in /run/user/UID if that is not set.
///     The lock ends with its process. The file is empty and stays.
///   - If the keyring is locked, load and save let it ask the user for the password. If the user closes that prompt, or
///     if there is no user to ask, the call throws. The tokens are not taken for missing.
///   - The keyring may be restarted between calls.
///   - The library's copies of the tokens are wiped. libsecret wipes its own, and keeps them in memory that is not
///     swapped if the system allows that.
///
/// Not promised:
///   - A limit on the time in which the user is asked for the password: the call waits for the answer. Other calls of
///     the store wait too, and throw errc::lock_timeout at their deadline. Without a prompt, each step of a call ends
///     within `patience`.
///   - Which programs can read the item. Every program of the user's session can ask an unlocked keyring.
///   - That the tokens are on the disk. That is the keyring's part; gnome-keyring writes its file before it answers.
///   - A lock among programs with different runtime directories (Flatpak, containers) or on several machines that share
///     a home directory. Only one of these may write.
///   - That a child made by fork can use the keyring. After the parent's first call it gets errc::storage_failure. If
///     the parent has used GLib's D-Bus in another way, the child's call may hang.
///
///   errc             | when                                                    | what to do
///   -----------------|---------------------------------------------------------|-------------------------------------
///   permissions      | the keyring is locked: the user closed the prompt, or   | unlock it, then call again
///                    | there is no user to ask                                 |
///   permissions      | the session bus refuses the call, as in a sandbox       | allow org.freedesktop.secrets
///   storage_failure  | there is no session bus, no keyring, or no answer       | start one, or use a file_store
///   not_saved        | the keyring refused the value                           | read the message
///   indeterminate    | the keyring did not answer a save                       | read the row to find out
///   ambiguous        | several items have these attributes                     | delete all but one
///   request_rejected | service or account is empty or not UTF-8                | correct the configuration
///
/// All parts of a program share GLib's connection to the session bus. This class uses that connection, and tells it not
/// to end the program when the bus ends (exit-on-close). No main loop is needed.
///
/// Cost: the first call opens a session with the keyring, for some 10 ms. Each later call has four or more round trips
/// over D-Bus, for some milliseconds. A keeper remembers the access token.
class keyring {
  public:
    static constexpr std::string_view scheme = "keyring"; ///< See open_store.

    /// `service` names the program, and `account` one of its items. Nothing is opened yet. `patience` is how long a
    /// step of a load or a save may take. Throws errc::request_rejected if a name is empty or is not UTF-8.
    ///   keyring item{"my-app", "staging"};
    explicit keyring(std::string service, std::string account = "tokens",
                     std::chrono::milliseconds patience = std::chrono::seconds(10))
        : item_(std::move(service), std::move(account)),
          here_(std::clamp<std::chrono::milliseconds>(patience, std::chrono::milliseconds(1), std::chrono::hours(24))) {
    }

    /// For open_store: `service`, or `service/account`.
    ///   any_store store = open_store<file_store, keyring_store>("keyring:my-app/staging");
    static keyring from_url(std::string_view what_follows) {
        const std::size_t slash = what_follows.find('/');
        const std::string service(what_follows.substr(0, slash));
        if (slash == std::string_view::npos) return keyring(service);
        return keyring(service, std::string(what_follows.substr(slash + 1)));
    }

    /// The value of the item; nullopt if there is no item.
    std::optional<secret> load() {
        detail::keyring_connection& opened = here_.connection();
        const auto item = opened.find(item_);
        if (!item) return std::nullopt;
        return opened.read(item.get());
    }

    /// Replaces the value of the item, or makes the item. If several programs write it, hold lock("") from load to
    /// save; basic_document_store does.
    void save(std::string_view bytes) {
        detail::keyring_connection& opened = here_.connection();
        if (const auto item = opened.find(item_))
            opened.replace(item.get(), bytes);
        else
            opened.create(item_, bytes);
    }

    /// Locks a name among the user's processes on this machine that use this item, until the guard is destroyed. Throws
    /// errc::lock_timeout if the deadline passes. Many threads may call it at once.
    ///   auto guard = item.lock("import", std::chrono::steady_clock::now() + 5s);
    auto lock(std::string_view name, deadline until) const {
        return detail::file_lock(runtime_directory() + "/" + item_.file_name() + ".lock", name, until);
    }

  private:
    static std::string runtime_directory() {
        const char* const chosen = std::getenv("XDG_RUNTIME_DIR");
        if (chosen != nullptr && *chosen == '/') return chosen;
        return "/run/user/" + std::to_string(::geteuid());
    }

    detail::keyring_item item_;
    detail::keyring_of_process here_;
};

/// A store in the user's keyring, with a policy of yours:
///   basic_keyring_store<ours> store{"my-app"};
template <class Policy = defaults>
using basic_keyring_store = basic_document_store<keyring, json_codec, Policy>;
/// A store in the user's keyring: a locking_store and a comparing_store.
///   keyring_store store{"my-app"};
using keyring_store = basic_keyring_store<>;

}} // namespace tokenkeep::v1

#endif
