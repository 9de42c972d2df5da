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

// A name as workers, hosts, sessions and units may have it: 1 to kNameBytesMax printable ASCII
// characters without blanks, quotes, backslashes and angle brackets.
[[nodiscard]] bool is_name(std::string_view text);

}  // namespace isocost
