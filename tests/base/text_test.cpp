#include "base/text.h"

#include <gmock/gmock.h>

namespace isocost {
namespace {

using ::testing::MatchesRegex;

TEST(OneLine, IsFitForATerminal) {
  EXPECT_EQ(one_line("it broke"), "it broke");
  EXPECT_EQ(one_line("first\nsecond\r\n"), "first; second");
  EXPECT_EQ(one_line("a\tb\x1b[2Jc\x07"), "a b?[2Jc?");
  EXPECT_EQ(one_line("\x7f\xc2\x9b"
                     "31m"),
            "??31m");
  EXPECT_EQ(one_line("gr\xc3\xbc\xc3\x9f"
                     "e \xff"),
            "gr\xc3\xbc\xc3\x9f"
            "e ?");
}

TEST(OneLine, IsCutAtACharacter) {
  EXPECT_EQ(one_line("abcdefgh", 8), "abcdefgh");
  EXPECT_EQ(one_line("abcdefghi", 8), "abcde...");
  EXPECT_EQ(one_line("abcd\xc3\xbc\xc3\xbc\xc3\xbc", 8), "abcd...");
  EXPECT_EQ(one_line("abc", 2), "..");
  const std::string cut = one_line(std::string(50, '\n') + "x", 20);
  EXPECT_EQ(one_line(cut, 20), cut);
  EXPECT_LE(cut.size(), 20U);
}

TEST(FileName, IsTheTextWhereThatIsOne) {
  EXPECT_EQ(file_name_of("study-1_a.b", 40), "study-1_a.b");
  EXPECT_EQ(file_name_of(std::string(40, 'x'), 40), std::string(40, 'x'));
}

// Whatever a study is called, its files lie in the folder that is theirs, and beside no other's.
TEST(FileName, LeadsNowhereElseAndMeetsNoOther) {
  EXPECT_THAT(file_name_of("..", 40), MatchesRegex("-\\.-[0-9a-f]+"));
  EXPECT_THAT(file_name_of("../../x", 40), MatchesRegex("-\\.-\\.\\.-x-[0-9a-f]+"));
  EXPECT_THAT(file_name_of("", 40), MatchesRegex("--[0-9a-f]+"));
  EXPECT_THAT(file_name_of("a/b", 40), MatchesRegex("a-b-[0-9a-f]+"));
  EXPECT_NE(file_name_of("a/b", 40), file_name_of("a b", 40));
  EXPECT_NE(file_name_of("a/b", 40), "a-b");
  EXPECT_EQ(file_name_of(std::string(41, 'x'), 40).size(), 40U);
}

}  // namespace
}  // namespace isocost
