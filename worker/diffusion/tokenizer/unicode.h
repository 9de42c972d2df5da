// The little of Unicode 16 that a CLIP tokenizer needs: UTF-8, normal form C, lower case, and five
// kinds of character.
//
//   std::u32string text = unicode::nfc(unicode::decode("Cafe\u0301"));   // "Café" of four
//   characters
//
// What is no UTF-8 becomes U+FFFD, a character for each maximal broken piece. Lower case is
// character by character, as Rust's and Hugging Face's is: no final sigma. Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace isocost::unicode {

[[nodiscard]] std::u32string decode(std::string_view utf8);
void append_utf8(char32_t character, std::string& out);

[[nodiscard]] std::u32string nfc(std::u32string text);
[[nodiscard]] std::u32string lower(std::u32string_view text);

[[nodiscard]] bool is_letter(char32_t c);  // category L
[[nodiscard]] bool is_number(char32_t c);  // category N: also ², ½, Ⅷ
[[nodiscard]] bool is_word(char32_t c);    // what a pattern's \w is: also _ and marks, not ²
[[nodiscard]] bool is_space(char32_t c);   // White_Space

}  // namespace isocost::unicode
