#include "worker/diffusion/tokenizer/words.h"

#include <array>

#include "worker/diffusion/tokenizer/unicode.h"

namespace isocost::diffusion {
namespace {

// Upstream's pattern names these before all else; a later pass cuts them at the letters again, so
// that they only keep neighbouring punctuation away ("<|ENDOFTEXT|>!", which lower-cases to one
// after special tokens were looked for).
constexpr std::array<std::u32string_view, 2> kSpecialWords = {U"<|startoftext|>", U"<|endoftext|>"};
constexpr std::array<std::u32string_view, 7> kContractions = {U"'s", U"'t",  U"'re", U"'ve",
                                                              U"'m", U"'ll", U"'d"};

bool is_other(char32_t c) {
  return !unicode::is_space(c) && !unicode::is_letter(c) && !unicode::is_number(c);
}

template <class Predicate>
std::size_t run_length(std::u32string_view text, const Predicate& belongs) {
  std::size_t n = 0;
  while (n < text.size() && belongs(text[n])) ++n;
  return n;
}

// Requires: text begins with no space.
std::size_t word_length(std::u32string_view text) {
  for (const auto contraction : kContractions) {
    if (text.starts_with(contraction)) return contraction.size();
  }
  if (unicode::is_letter(text[0])) return run_length(text, unicode::is_letter);
  if (unicode::is_number(text[0])) return 1;
  return run_length(text, is_other);
}

}  // namespace

std::u32string normalise(std::u32string_view text) {
  std::u32string collapsed;
  bool was_space = false;
  for (const char32_t c : unicode::nfc(std::u32string(text))) {
    const bool is_space = unicode::is_space(c);
    if (!is_space) collapsed += c;
    if (is_space && !was_space) collapsed += U' ';
    was_space = is_space;
  }
  return unicode::lower(collapsed);
}

std::vector<std::u32string_view> split_words(std::u32string_view text) {
  std::vector<std::u32string_view> words;
  while (!text.empty()) {
    if (unicode::is_space(text[0])) {
      text.remove_prefix(1);
      continue;
    }
    std::size_t n = 0;
    for (const auto special : kSpecialWords) {
      if (text.starts_with(special)) n = special.size();
    }
    if (n > 0) {
      words.push_back(text.substr(0, 2));
      words.push_back(text.substr(2, n - 4));
      words.push_back(text.substr(n - 2, 2));
    } else {
      n = word_length(text);
      words.push_back(text.substr(0, n));
    }
    text.remove_prefix(n);
  }
  return words;
}

}  // namespace isocost::diffusion
