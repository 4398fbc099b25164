// SPDX-License-Identifier: MIT
#ifndef TOKENKEEP_TESTS_KEYRING_BLACK_HOLE_HPP
#define TOKENKEEP_TESTS_KEYRING_BLACK_HOLE_HPP

#include <cstdlib>
#include <stdexcept>
#include <string>

#include <gio/gio.h>

namespace tests {

/// Owns a name on the session's bus, and never answers.
class black_hole {
  public:
    explicit black_hole(const std::string& name) {
        constexpr auto as_client = static_cast<GDBusConnectionFlags>(G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                                     G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION);
        connection_ = g_dbus_connection_new_for_address_sync(std::getenv("DBUS_SESSION_BUS_ADDRESS"), as_client,
                                                             nullptr, nullptr, nullptr);
        if (connection_ == nullptr) throw std::runtime_error("no bus");
        g_dbus_connection_add_filter(connection_, &swallow_calls, nullptr, nullptr);
        constexpr guint32 without_queue = 4;
        GVariant* const answer = g_dbus_connection_call_sync(
            connection_, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
            g_variant_new("(su)", name.c_str(), without_queue), nullptr, G_DBUS_CALL_FLAGS_NONE, -1, nullptr, nullptr);
        guint32 result = 0;
        if (answer != nullptr) {
            g_variant_get(answer, "(u)", &result);
            g_variant_unref(answer);
        }
        if (result != 1) throw std::runtime_error("the name is taken: " + name);
    }
    black_hole(const black_hole&) = delete;
    black_hole& operator=(const black_hole&) = delete;
    ~black_hole() {
        g_dbus_connection_close_sync(connection_, nullptr, nullptr);
        g_object_unref(connection_);
    }

  private:
    static GDBusMessage* swallow_calls(GDBusConnection*, GDBusMessage* message, gboolean incoming, gpointer) {
        if (incoming == FALSE || g_dbus_message_get_message_type(message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL)
            return message;
        g_object_unref(message);
        return nullptr;
    }

    GDBusConnection* connection_ = nullptr;
};

} // namespace tests

#endif
