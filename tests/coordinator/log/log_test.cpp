#include "coordinator/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "tests/support/process.h"

namespace isocost::log {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::read_text;

TEST(Log, SaysWhoDidWhatAndOfWhatKindItWas) {
  const testing::ScratchFolder folder;
  Log log({.file = folder / "log"});

  log.tell(Incident::kRefusedKey, "10.0.0.7", "the key is not known");

  EXPECT_THAT(read_text(folder / "log"), HasSubstr("refused_key: 10.0.0.7: the key is not known"));
  EXPECT_EQ(log.count(Incident::kRefusedKey), 1U);
  EXPECT_EQ(log.count(Incident::kMalformed), 0U);
}

// A peer that does the same a million times fills no disk and hides no other kind.
TEST(Log, CountsAllAndWritesFew) {
  const testing::ScratchFolder folder;
  Log log({.file = folder / "log"});

  for (int i = 0; i < 100'000; ++i) log.tell(Incident::kMalformed, "peer", "no message");
  log.tell(Incident::kStalled, "another", "takes nothing");

  EXPECT_EQ(log.count(Incident::kMalformed), 100'000U);
  const std::string text = read_text(folder / "log");
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 20);
  EXPECT_THAT(text, HasSubstr("stalled: another"));
}

TEST(Log, CleansWhatAPeerSaid) {
  const testing::ScratchFolder folder;
  Log log({.file = folder / "log"});

  log.tell(Incident::kMalformed, "peer\x1b[2J", "a\nb\x07" + std::string(5000, 'x'));

  const std::string text = read_text(folder / "log");
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_LT(text.size(), 600U);
}

TEST(Log, CountsFromManyThreads) {
  Log log({.is_silent = true});
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) log.tell(Incident::kEvicted, "peer", "no room");
      });
  }

  EXPECT_EQ(log.count(Incident::kEvicted), 4000U);
}

TEST(Log, NamesAFileThatCannotBeOpened) {
  const testing::ScratchFolder folder;

  EXPECT_THROW(Log({.file = folder.path()}), std::system_error);
}

}  // namespace
}  // namespace isocost::log
