#include "base/text.h"

#include <algorithm>
#include <cstdint>

#include "base/digest.h"

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

// "\xC2\x80" to "\xC2\x9F" are control characters, too: some terminals obey them.
std::string_view character_of_a_line(std::string_view character) {
  const auto first = static_cast<std::uint8_t>(character[0]);
  if (character.size() == 1) {
    if (first == '\n') return "; ";
    if (first == '\t') return " ";
    return first < 0x20 || first >= 0x7F ? "?" : character;
  }
  return first == 0xC2 && static_cast<std::uint8_t>(character[1]) < 0xA0 ? "?" : character;
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

std::string one_line(std::string_view text, std::size_t bytes_max) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  constexpr std::string_view kMark = "...";
  std::string line;
  std::size_t whole = 0;  // bytes of it that leave room for the mark
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = std::max<std::size_t>(character_bytes(text, at), 1);
    line += character_of_a_line(text.substr(at, size));
    if (line.size() > bytes_max) return line.substr(0, whole).append(kMark, 0, bytes_max - whole);
    if (line.size() + kMark.size() <= bytes_max) whole = line.size();
    at += size;
  }
  return line;
}

std::string file_name_of(std::string_view text, std::size_t bytes_max) {
  std::string name(text.substr(0, bytes_max));
  for (char& c : name) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.') c = '-';
  }
  if (name.empty() || name.front() == '.') name.replace(0, 1, "-");
  if (name == text) return name;
  const std::string apart = "-" + sha256(text).hex().substr(0, 8);
  name.resize(std::min(name.size(), bytes_max - apart.size()));
  return name + apart;
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > kNameBytesMax) return false;
  return std::ranges::all_of(text, [](char c) {
    return c > ' ' && c <= '~' && std::string_view("\"'\\<>`").find(c) == std::string_view::npos;
  });
}

}  // namespace isocost
