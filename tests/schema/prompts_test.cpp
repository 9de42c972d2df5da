#include "schema/prompts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isocost {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string fault_of(std::string_view text) {
  const auto prompts = parse_prompts(text, "p.jsonl");
  return prompts ? "no fault" : prompts.error().message();
}

TEST(Prompts, AreOneALineWhateverEndsIt) {
  const std::string a = R"({"prompt": "a red circle"})", b = R"({"prompt": "a\r\nb", "id": 3})";
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    for (const std::string between : {"", " ", "\t  "}) {
      const auto prompts = parse_prompts(a + end + between + end + b + end + end, "p.jsonl");

      ASSERT_TRUE(prompts) << prompts.error().message();
      EXPECT_THAT(*prompts, ElementsAre("a red circle", "a\r\nb"));
    }
  }
  EXPECT_THAT(*parse_prompts("\xEF\xBB\xBF" + a, "p.jsonl"), ElementsAre("a red circle"));
}

TEST(Prompts, SayOfALineWhatItHasInstead) {
  EXPECT_EQ(fault_of("{\"prompt\": \"a\"}\n\n{\"text\": \"b\", \"id\": 1}\n"),
            "p.jsonl:3: this line has no 'prompt': it has 'id', 'text'; expected {\"prompt\": "
            "\"...\"}, one object a line");
  EXPECT_THAT(fault_of("{}"), HasSubstr("p.jsonl:1: this line has no 'prompt': it has no member"));
  EXPECT_THAT(fault_of("{\"prompt\": 3}"), HasSubstr("'prompt' is no text but number"));
  EXPECT_THAT(fault_of("\"a red circle\""), HasSubstr("p.jsonl:1: this line is a string"));
  EXPECT_THAT(fault_of("a red circle"), HasSubstr("p.jsonl:1:1:1: this is not JSON"));
  EXPECT_THAT(fault_of("\n \n"), HasSubstr("p.jsonl: there is no prompt"));
}

TEST(Prompts, SayOfAnArrayThatOneObjectALineIsExpected) {
  const std::string array = "[{\"prompt\": \"a\"},\n {\"prompt\": \"b\"}]\n";

  EXPECT_EQ(fault_of(array),
            "p.jsonl:1: this begins an array; expected {\"prompt\": \"...\"}, one object a line");
  EXPECT_THAT(fault_of("[{\"prompt\": \"a\"}]"),
              AllOf(HasSubstr("this line is an array"), HasSubstr("one object a line")));
}

TEST(Prompts, ReadBackWhatIsWritten) {
  const std::vector<std::string> prompts = {"a \"red\" circle", "na\xC3\xAFve\nlines", ""};

  EXPECT_EQ(parse_prompts(prompts_text(prompts), "test").value_or(std::vector<std::string>{}),
            prompts);
}

}  // namespace
}  // namespace isocost
