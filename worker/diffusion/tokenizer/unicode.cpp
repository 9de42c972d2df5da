#include "worker/diffusion/tokenizer/unicode.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "worker/diffusion/tokenizer/unicode_tables.h"

namespace isocost::unicode {
namespace {

using unicode_tables::CombiningClass;
using unicode_tables::Decomposition;
using unicode_tables::LowerCase;
using unicode_tables::Range;

// The entry of a sorted table whose range [first, last] holds c, or null.
template <class Entry, std::size_t n>
const Entry* find_range(const std::array<Entry, n>& table, char32_t c) {
  const auto after =
      std::upper_bound(table.begin(), table.end(), static_cast<std::uint32_t>(c),
                       [](std::uint32_t value, const Entry& entry) { return value < entry.first; });
  if (after == table.begin()) return nullptr;
  const Entry& entry = *std::prev(after);
  return c <= entry.last ? &entry : nullptr;
}

int combining_class(char32_t c) {
  if (c < 0x300) return 0;
  const CombiningClass* entry = find_range(unicode_tables::kCombiningClasses, c);
  return entry == nullptr ? 0 : entry->value;
}

// Hangul syllables are composed by arithmetic, section 3.12 of the Unicode standard.
constexpr char32_t kSBase = 0xAC00, kLBase = 0x1100, kVBase = 0x1161, kTBase = 0x11A7;
constexpr char32_t kLCount = 19, kVCount = 21, kTCount = 28, kSCount = kLCount * kVCount * kTCount;

void append_decomposed(char32_t c, std::u32string& out) {
  if (c >= kSBase && c < kSBase + kSCount) {
    const char32_t s = c - kSBase;
    out.push_back(kLBase + s / (kVCount * kTCount));
    out.push_back(kVBase + s % (kVCount * kTCount) / kTCount);
    if (s % kTCount != 0) out.push_back(kTBase + s % kTCount);
    return;
  }
  const auto& table = unicode_tables::kDecompositions;
  const auto found = std::lower_bound(
      table.begin(), table.end(), static_cast<std::uint32_t>(c),
      [](const Decomposition& entry, std::uint32_t value) { return entry.character < value; });
  if (found == table.end() || found->character != c) {
    out += c;
    return;
  }
  append_decomposed(found->first, out);
  if (found->second != 0) append_decomposed(found->second, out);
}

// Canonical order: within each run of combining characters, by their class.
void reorder(std::u32string& text) {
  for (std::size_t begin = 0; begin < text.size();) {
    if (combining_class(text[begin]) == 0) {
      ++begin;
      continue;
    }
    std::size_t end = begin;
    while (end < text.size() && combining_class(text[end]) != 0) ++end;
    std::stable_sort(text.begin() + static_cast<std::ptrdiff_t>(begin),
                     text.begin() + static_cast<std::ptrdiff_t>(end), [](char32_t a, char32_t b) {
                       return combining_class(a) < combining_class(b);
                     });
    begin = end;
  }
}

struct Composition {
  std::pair<std::uint32_t, std::uint32_t> pair;
  std::uint32_t character;
};

const std::vector<Composition>& compositions() {
  static const std::vector<Composition> kCompositions = [] {
    std::vector<Composition> list;
    for (const Decomposition& entry : unicode_tables::kDecompositions) {
      if (entry.composes != 0) list.push_back({{entry.first, entry.second}, entry.character});
    }
    std::sort(list.begin(), list.end(),
              [](const auto& a, const auto& b) { return a.pair < b.pair; });
    return list;
  }();
  return kCompositions;
}

// The character that two compose to, or 0.
char32_t composed(char32_t first, char32_t second) {
  if (first >= kLBase && first < kLBase + kLCount && second >= kVBase &&
      second < kVBase + kVCount) {
    return kSBase + ((first - kLBase) * kVCount + (second - kVBase)) * kTCount;
  }
  const bool is_open_syllable =
      first >= kSBase && first < kSBase + kSCount && (first - kSBase) % kTCount == 0;
  if (is_open_syllable && second > kTBase && second < kTBase + kTCount)
    return first + (second - kTBase);
  const auto& list = compositions();
  const std::pair<std::uint32_t, std::uint32_t> pair(first, second);
  const auto found = std::lower_bound(
      list.begin(), list.end(), pair,
      [](const Composition& entry, const auto& value) { return entry.pair < value; });
  return found != list.end() && found->pair == pair ? static_cast<char32_t>(found->character) : 0;
}

std::u32string compose(const std::u32string& text) {
  std::u32string out;
  std::size_t starter = std::u32string::npos;
  int last_class =
      -1;  // of the character before, if it stands between the starter and this one; -1: none does
  for (const char32_t c : text) {
    const int c_class = combining_class(c);
    // Blocked when a character of the same or a higher class stands between.
    if (starter != std::u32string::npos && last_class < c_class) {
      if (const char32_t whole = composed(out[starter], c); whole != 0) {
        out[starter] = whole;
        continue;
      }
    }
    if (c_class == 0) {
      starter = out.size();
      last_class = -1;
    } else {
      last_class = c_class;
    }
    out += c;
  }
  return out;
}

struct Decoded {
  char32_t character;
  std::size_t bytes;
};

constexpr char32_t kReplacement = 0xFFFD;

// Requires: text is not empty.
Decoded decode_one(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xF0 && lead <= 0xF4  ? 4
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xC2 && lead < 0xE0 ? 2
                                                           : 0;
  if (length == 0) return {kReplacement, 1};
  char32_t c = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= text.size() || (byte(i) & 0xC0U) != 0x80) return {kReplacement, i};
    // Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte.
    const bool is_bad =
        i == 1 && ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F) ||
                   (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F));
    if (is_bad) return {kReplacement, 1};
    c = (c << 6) | (byte(i) & 0x3FU);
  }
  return {c, length};
}

}  // namespace

std::u32string decode(std::string_view utf8) {
  std::u32string out;
  while (!utf8.empty()) {
    const Decoded one = decode_one(utf8);
    out += one.character;
    utf8.remove_prefix(one.bytes);
  }
  return out;
}

void append_utf8(char32_t c, std::string& out) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80U | ((c >> shift) & 0x3FU)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0U | (c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0U | (c >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0U | (c >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

std::u32string nfc(std::u32string text) {
  // Characters below U+0300 are their own normal form, in any sequence.
  if (std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0x300; })) return text;
  std::u32string decomposed;
  for (const char32_t c : text) append_decomposed(c, decomposed);
  reorder(decomposed);
  return compose(decomposed);
}

std::u32string lower(std::u32string_view text) {
  std::u32string out;
  for (const char32_t c : text) {
    if (c == 0x130) {  // İ, the one character that grows
      out += U"i\u0307";
      continue;
    }
    const LowerCase* run = find_range(unicode_tables::kLowerCase, c);
    const bool changes = run != nullptr && (c - run->first) % run->step == 0;
    out += changes ? static_cast<char32_t>(static_cast<std::int32_t>(c) + run->difference) : c;
  }
  return out;
}

bool is_letter(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return find_range(unicode_tables::kLetters, c) != nullptr;
}

bool is_number(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  return find_range(unicode_tables::kNumbers, c) != nullptr;
}

bool is_word(char32_t c) { return find_range(unicode_tables::kWords, c) != nullptr; }

bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

}  // namespace isocost::unicode
