#include "base/text.h"

#include <algorithm>
#include <cstdint>

namespace isocost {
namespace {

// Bytes of the character that begins at `at`, or 0 when none does: no overlong forms, no
// surrogates, up to U+10FFFF.
std::size_t character_bytes(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[at + i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;
  if (lead == 0xED && byte(1) > 0x9F) return 0;
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;
  return size;
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character_bytes(text, at);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

std::string clean_text(std::string_view text, std::size_t bytes_max) {
  std::string clean;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character_bytes(text, at);
    if (clean.size() + std::max<std::size_t>(size, 1) > bytes_max) break;
    if (size == 0)
      clean += '?';
    else
      clean.append(text.substr(at, size));
    at += std::max<std::size_t>(size, 1);
  }
  return clean;
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > kNameBytesMax) return false;
  return std::ranges::all_of(text, [](char c) {
    return c > ' ' && c <= '~' && std::string_view("\"'\\<>`").find(c) == std::string_view::npos;
  });
}

}  // namespace isocost
