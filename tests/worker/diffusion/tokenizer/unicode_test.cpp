#include "worker/diffusion/tokenizer/unicode.h"

#include <gtest/gtest.h>

#include <random>

namespace isocost::unicode {
namespace {

TEST(Unicode, ComposesLettersMarksAndHangul) {
  EXPECT_EQ(nfc(U"e\u0301"), U"\u00E9");
  EXPECT_EQ(nfc(U"e\u0301\u0323"), U"\u1EB9\u0301");
  EXPECT_EQ(nfc(U"\u1100\u1161\u11A8"), U"\uAC01");
  EXPECT_EQ(nfc(U"\u212B"), U"\u00C5");
  // Excluded from composition.
  EXPECT_EQ(nfc(U"\u0958"), U"\u0915\u093C");
}

TEST(Unicode, BlockedMarksStayApart) {
  EXPECT_EQ(nfc(U"a\u0300\u0301"), U"\u00E0\u0301");
  EXPECT_EQ(nfc(U"\u1100a\u1161"), U"\u1100a\u1161");
}

TEST(Unicode, LowersCharacterByCharacter) {
  EXPECT_EQ(lower(U"ÀΣΑΣЖ\u0130\u10A0"), U"àσασжi\u0307\u2D00");
}

TEST(Unicode, ReplacesBrokenUtf8) {
  EXPECT_EQ(decode("a\xFF"
                   "b"),
            U"a\uFFFDb");
  EXPECT_EQ(decode("\xE2\x82"), U"\uFFFD");
  EXPECT_EQ(decode("\xED\xA0\x80"), U"\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(decode("\xF4\x90\x80\x80"), U"\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(decode("\xF0\x9F\x99\x82"), U"\U0001F642");
}

TEST(Unicode, WritesWhatItRead) {
  std::mt19937_64 chance(3);
  for (int round = 0; round < 10'000; ++round) {
    char32_t c = static_cast<char32_t>(chance() % 0x110000);
    if (c >= 0xD800 && c < 0xE000) c = U'x';
    std::string bytes;
    append_utf8(c, bytes);
    EXPECT_EQ(decode(bytes), std::u32string(1, c));
  }
}

TEST(Unicode, NormalFormOfANormalFormIsItself) {
  std::mt19937_64 chance(5);
  for (int round = 0; round < 20'000; ++round) {
    std::u32string text;
    for (int i = 0; i < 4; ++i)
      text += static_cast<char32_t>(chance() % 2 == 0 ? 0x41 + chance() % 0x2000
                                                      : 0x300 + chance() % 0x70);
    EXPECT_EQ(nfc(nfc(text)), nfc(text));
  }
}

}  // namespace
}  // namespace isocost::unicode
