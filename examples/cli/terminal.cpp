// SPDX-License-Identifier: MIT
#include "terminal.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

namespace cli {

namespace {

struct open_file {
    explicit open_file(const char* path, int flags) : number(::open(path, flags | O_CLOEXEC)) {}
    open_file(const open_file&) = delete;
    open_file& operator=(const open_file&) = delete;
    ~open_file() {
        if (number > STDERR_FILENO) ::close(number);
    }
    int number;
};

/// Until it ends, the terminal shows nothing of what is typed, and gives each key at once, Control-C too. So no signal
/// can leave the terminal without its echo.
class silent_terminal {
  public:
    explicit silent_terminal(int terminal) : terminal_(terminal) {
        if (::tcgetattr(terminal_, &before_) != 0) throw std::runtime_error("the terminal cannot be used");
        termios silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
        silent.c_cc[VMIN] = 1;
        silent.c_cc[VTIME] = 0;
        ::tcsetattr(terminal_, TCSAFLUSH, &silent);
    }
    silent_terminal(const silent_terminal&) = delete;
    silent_terminal& operator=(const silent_terminal&) = delete;
    ~silent_terminal() { ::tcsetattr(terminal_, TCSAFLUSH, &before_); }

  private:
    int terminal_;
    termios before_{};
};

void write_text(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(descriptor, text.data(), text.size());
        if (count <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(count));
    }
}

/// The next byte; -1 at the end. One byte at a time, so that nothing behind the line is taken.
int read_byte(int descriptor) {
    char byte = 0;
    ssize_t count = 0;
    do count = ::read(descriptor, &byte, 1);
    while (count < 0 && errno == EINTR);
    return count == 1 ? static_cast<unsigned char>(byte) : -1;
}

constexpr std::size_t longest_secret = 64 * 1024;

} // namespace

tokenkeep::secret ask_without_echo(const std::string& question) {
    const open_file terminal("/dev/tty", O_RDWR);
    if (terminal.number < 0) throw std::runtime_error("there is no terminal to ask on: " + question);
    const silent_terminal silent(terminal.number);
    write_text(terminal.number, question + ": ");
    bool is_given_up = false;
    tokenkeep::secret typed = tokenkeep::secret::build(longest_secret, [&](char* out) {
        std::size_t size = 0;
        while (size < longest_secret) {
            const int key = read_byte(terminal.number);
            is_given_up = key == -1 || key == 3 || key == 4; // Control-C, Control-D
            if (is_given_up || key == '\n' || key == '\r') break;
            if (key == 21) // Control-U
                size = 0;
            else if (key == 8 || key == 127)
                size -= size > 0;
            else
                out[size++] = static_cast<char>(key);
        }
        return size;
    });
    write_text(terminal.number, "\n");
    if (is_given_up || typed.empty()) throw std::runtime_error("nothing was typed");
    return typed;
}

tokenkeep::secret read_secret(const std::string& path) {
    const open_file file(path.c_str(), O_RDONLY);
    const int from = path == "-" ? STDIN_FILENO : file.number;
    if (from < 0) throw std::runtime_error("cannot read " + path + ": " + std::generic_category().message(errno));
    tokenkeep::secret line = tokenkeep::secret::build(longest_secret, [from](char* out) {
        std::size_t size = 0;
        for (int byte = 0; size < longest_secret && (byte = read_byte(from)) != -1 && byte != '\n';)
            out[size++] = static_cast<char>(byte);
        return size > 0 && out[size - 1] == '\r' ? size - 1 : size;
    });
    if (line.empty())
        throw std::runtime_error("there is nothing to read in " + (path == "-" ? "standard input" : path));
    return line;
}

tokenkeep::secret read_file(const std::string& path) {
    const open_file file(path.c_str(), O_RDONLY);
    const int from = path == "-" ? STDIN_FILENO : file.number;
    if (from < 0) throw std::runtime_error("cannot read " + path + ": " + std::generic_category().message(errno));
    constexpr std::size_t most = 16 * 1024 * 1024;
    return tokenkeep::secret::build(most, [&](char* out) {
        std::size_t size = 0;
        for (ssize_t count = 1; count != 0;) {
            count = ::read(from, out + size, most - size);
            if (count < 0 && errno != EINTR)
                throw std::runtime_error("cannot read " + path + ": " + std::generic_category().message(errno));
            size += static_cast<std::size_t>(count < 0 ? 0 : count);
            if (size == most) throw std::runtime_error(path + " is too large for a file of tokens");
        }
        return size;
    });
}

tokenkeep::secret read_or_ask(const std::string& question) {
    return is_terminal(STDIN_FILENO) ? ask_without_echo(question) : read_secret("-");
}

bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

progress_bar::progress_bar(std::string what)
    : what_(std::move(what)),
      is_wanted_(is_terminal(STDERR_FILENO)),
      next_(std::chrono::steady_clock::now() + std::chrono::milliseconds(200)) {}

progress_bar::~progress_bar() {
    if (is_there_) write_text(STDERR_FILENO, "\r\x1b[K");
}

void progress_bar::show(std::size_t done, std::size_t total) {
    if (!is_wanted_ || total == 0) return;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::milliseconds(100);
    constexpr std::size_t width = 30;
    const std::size_t full = (std::min)(width, done * width / total);
    write_text(STDERR_FILENO, "\r\x1b[K" + what_ + " [" + std::string(full, '#') + std::string(width - full, ' ') +
                                  "] " + std::to_string(done) + "/" + std::to_string(total));
    is_there_ = true;
}

} // namespace cli
