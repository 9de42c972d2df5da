// UTF-8 as messages hold it: checked on arrival, repaired before sending. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace isocost::wire {

[[nodiscard]] bool is_utf8(std::string_view text);

// At most `bytes_max` bytes of `text`, cut at a character; bytes that are no UTF-8 become '?'.
[[nodiscard]] std::string clean_text(std::string_view text, std::size_t bytes_max);

}  // namespace isocost::wire
