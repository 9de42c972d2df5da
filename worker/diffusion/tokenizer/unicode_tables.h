// What Unicode says of characters, as far as a CLIP tokenizer asks. Made by make_unicode_tables.py;
// sorted by character.
//
// For the sources of this folder alone; unicode.h has the questions. Thread: any, nothing here
// changes.
#pragma once

#include <array>
#include <cstdint>

namespace isocost::unicode_tables {

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};
// Of first, first + step, ..., last, each becomes itself + difference.
struct LowerCase {
  std::uint32_t first;
  std::uint32_t last;
  std::uint32_t step;
  std::int32_t difference;
};
struct CombiningClass {
  std::uint32_t first;
  std::uint32_t last;
  std::uint8_t value;
};
// second is 0 where a character stands for one other; composes tells whether NFC makes it of the
// two again.
struct Decomposition {
  std::uint32_t character;
  std::uint32_t first;
  std::uint32_t second;
  std::uint8_t composes;
};

extern const std::array<Range, 677> kLetters;
extern const std::array<Range, 144> kNumbers;
extern const std::array<Range, 796> kWords;
extern const std::array<LowerCase, 185> kLowerCase;
extern const std::array<CombiningClass, 393> kCombiningClasses;
extern const std::array<Decomposition, 2081> kDecompositions;

}  // namespace isocost::unicode_tables
