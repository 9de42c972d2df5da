// What a terminal can show: its size, colours, and texts that fit into a line of it.
//
//   const std::size_t columns = terminal_size(STDERR_FILENO).columns;
//   line = fitting(line, columns, cut_mark(has_utf8()));
//
// Thread: main.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace isocost::cli {

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
  bool operator==(const TerminalSize&) const = default;
};

[[nodiscard]] bool is_terminal(int descriptor);
// As it is now: a window may be resized. Of what is no terminal, or does not tell: 80 by 24.
[[nodiscard]] TerminalSize terminal_size(int descriptor);
// A terminal that is not dumb, and nobody said NO_COLOR (https://no-color.org).
[[nodiscard]] bool has_colour(int descriptor);
// Whether its characters are UTF-8, by the locale's variables.
[[nodiscard]] bool has_utf8();

// How many columns a text takes. Control characters take none.
[[nodiscard]] std::size_t columns_of(std::string_view text);
// What stands at the end of a text that is cut.
[[nodiscard]] constexpr std::string_view cut_mark(bool has_utf8_letters) {
  return has_utf8_letters ? "\u2026" : "...";
}
// The text, or its beginning with the mark at the end where it is longer.
[[nodiscard]] std::string fitting(const std::string& text, std::size_t columns,
                                  std::string_view mark);
// The same, filled up with blanks.
[[nodiscard]] std::string padded(const std::string& text, std::size_t columns,
                                 std::string_view mark);

}  // namespace isocost::cli
