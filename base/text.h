// Texts and names that cross a process: checked on arrival, repaired before sending. Pure, any
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace isocost {

inline constexpr std::size_t kNameBytesMax = 256;

[[nodiscard]] bool is_utf8(std::string_view text);

// At most `bytes_max` bytes of `text`, cut at a character; bytes that are no UTF-8 become '?'.
[[nodiscard]] std::string clean_text(std::string_view text, std::size_t bytes_max);

// Fit for a line of a terminal, a log or a page, whoever chose it: line breaks become "; ", tabs
// blanks, other control characters and what is no UTF-8 '?'. At most `bytes_max` bytes, with "..."
// at the end of what is longer. What is such a line already stays as it is.
[[nodiscard]] std::string one_line(std::string_view text, std::size_t bytes_max = 4096);

// A file's name for a text: its ASCII letters, digits, '-', '_' and '.', others '-', no '.' at the
// beginning. Where that is not the text itself, a part of its SHA-256 keeps it apart from others.
// At most `bytes_max` bytes. Requires: 16 at least.
[[nodiscard]] std::string file_name_of(std::string_view text, std::size_t bytes_max);

// A name as workers, hosts, sessions and units may have it: 1 to kNameBytesMax printable ASCII
// characters without blanks, quotes, backslashes and angle brackets.
[[nodiscard]] bool is_name(std::string_view text);

}  // namespace isocost
