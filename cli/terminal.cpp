#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace isocost::cli {
namespace {

struct Letter {
  std::size_t bytes = 1;
  std::size_t columns = 1;
};

// East Asian letters and pictures take two columns; marks that stand over others take none.
std::size_t columns_of_code(unsigned code) {
  if (code < 0x20 || code == 0x7F) return 0;
  if ((code >= 0x300 && code <= 0x36F) || code == 0x200B || code == 0x200D ||
      (code >= 0xFE00 && code <= 0xFE0F))
    return 0;
  const bool is_wide = (code >= 0x1100 && code <= 0x115F) || (code >= 0x2E80 && code <= 0xA4CF) ||
                       (code >= 0xAC00 && code <= 0xD7A3) || (code >= 0xF900 && code <= 0xFAFF) ||
                       (code >= 0xFE30 && code <= 0xFE6F) || (code >= 0xFF00 && code <= 0xFF60) ||
                       (code >= 0xFFE0 && code <= 0xFFE6) || (code >= 0x1F300 && code <= 0x1FAFF) ||
                       (code >= 0x20000 && code <= 0x3FFFD);
  return is_wide ? 2 : 1;
}

// The first letter of a text that is not empty. A byte that is no UTF-8 is one by itself.
Letter first_letter(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
  if (bytes == 1 || bytes > text.size()) return {1, columns_of_code(first)};
  unsigned code = first & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {1, 1};
    code = code << 6U | (byte(i) & 0x3FU);
  }
  return {bytes, columns_of_code(code)};
}

}  // namespace

bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

TerminalSize terminal_size(int descriptor) {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    return {};
  return {size.ws_col, size.ws_row};
}

bool has_colour(int descriptor) {
  const char* no_colour = std::getenv("NO_COLOR");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  const char* terminal = std::getenv("TERM");
  return is_terminal(descriptor) && terminal != nullptr && std::string_view(terminal) != "dumb";
}

bool has_utf8() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(variable);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view text(value);
    return text.find("UTF-8") != std::string_view::npos ||
           text.find("utf8") != std::string_view::npos;
  }
  return false;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Letter letter = first_letter(text);
    columns += letter.columns;
    text.remove_prefix(letter.bytes);
  }
  return columns;
}

std::string fitting(const std::string& text, std::size_t columns, std::string_view mark) {
  if (columns_of(text) <= columns) return text;
  if (columns < 3) mark = {};
  const std::size_t room = columns - columns_of(mark);
  std::size_t bytes = 0, taken = 0;
  while (bytes < text.size()) {
    const Letter letter = first_letter(std::string_view(text).substr(bytes));
    if (taken + letter.columns > room) break;
    taken += letter.columns;
    bytes += letter.bytes;
  }
  return text.substr(0, bytes).append(mark);
}

std::string padded(const std::string& text, std::size_t columns, std::string_view mark) {
  std::string fits = fitting(text, columns, mark);
  const std::size_t taken = columns_of(fits);
  return taken < columns ? fits + std::string(columns - taken, ' ') : fits;
}

}  // namespace isocost::cli
