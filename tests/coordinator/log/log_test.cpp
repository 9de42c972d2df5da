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

TEST(Log, WritesEventsInOneLineEachAndBoundsThoseOfAKind) {
  const testing::ScratchFolder folder;
  Log log({.file = folder / "log"});

  log.tell(Event{.kind = "lost", .who = "w1", .what = "nothing was heard of it\nfor 15 s"});
  for (std::uint64_t cell = 0; cell < 10'000; ++cell)
    log.tell(Event{.kind = "finished", .experiment = "study", .cell = cell, .labels = "steps 4"});

  const std::string text = read_text(folder / "log");
  EXPECT_THAT(text, HasSubstr("info lost: w1: nothing was heard of it; for 15 s"));
  EXPECT_THAT(text, HasSubstr("info finished: study, cell 3 (steps 4)\n"));
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 20);
}

TEST(Events, AreToldInOneLineWhateverPeersSay) {
  const Event event{.kind = "attempt_failed",
                    .who = "w1",
                    .experiment = "study",
                    .cell = 3,
                    .labels = "steps 4",
                    .what = "bug: a\nb\x1b[2J"};

  EXPECT_EQ(about_text(event), "w1: study, cell 3 (steps 4): bug: a; b?[2J");
  EXPECT_EQ(text_of(event), "attempt_failed: w1: study, cell 3 (steps 4): bug: a; b?[2J");
  EXPECT_EQ(about_text({.kind = "started", .what = "isocost 1"}), "isocost 1");
  EXPECT_EQ(about_text({.kind = "finished", .cell = 3}), "cell 3");
  EXPECT_EQ(text_of({.kind = "started"}), "started");
}

// What a peer does wrong is told once, and whoever listens hears what was written and no more.
TEST(Log, HandsIncidentsThatItWritesToWhoListens) {
  const testing::ScratchFolder folder;
  Log log({.file = folder / "log"});
  std::vector<std::string> heard;
  log.listen([&](Incident kind, const std::string& who, const std::string& what) {
    heard.push_back(std::string(incident_name(kind)) + " " + who + " " + what);
  });

  for (int i = 0; i < 1000; ++i) log.tell(Incident::kRefusedKey, "10.0.0.7", "unknown\x1b");
  log.tell(Event{.kind = "refused_key", .who = "10.0.0.7", .what = "unknown"});
  log.listen({});
  log.tell(Incident::kStalled, "other", "takes nothing");

  EXPECT_LT(heard.size(), 20U);
  ASSERT_FALSE(heard.empty());
  EXPECT_EQ(heard[0], "refused_key 10.0.0.7 unknown?");
  const std::string text = read_text(folder / "log");
  EXPECT_EQ(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')), heard.size() + 1);
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
