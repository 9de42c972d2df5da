// What is painted on a terminal, and what is printed where there is none.
#include "tests/end_to_end/first_hour.h"

namespace isocost::first_hour {
namespace {

// --- terminals ----------------------------------------------------------------------------------

TEST_F(FirstHour, WatchesOnATerminalThatIsResized) {
  submission = submission_of({.models = 1, .has_reference = false});  // images come first
  serve();
  ASSERT_EQ(ask({"submit", grid(submission).string()}).status, 0);
  const Process busy(worker("a-worker-with-a-long-name", {"--unit-ms", "60000"}), folder / "w.log");
  wait_for_event("attached");
  Terminal terminal({program("isocost"), "watch", "--coordinator", url}, 100, 30);
  const auto wait_for = [&](const std::string& text) {
    wait_until([&] { return terminal.shows(text); }, 30s, text, [&] { return terminal.text(); });
  };

  wait_for("0 of 2 cells done");
  wait_for("images 0 to ");
  wait_for("attached");
  EXPECT_TRUE(terminal.has_colours());
  for (const auto& [columns, rows] : {std::pair(40, 12), {20, 5}, {1, 1}, {130, 40}}) {
    terminal.resize(columns, rows);
    const int before = terminal.pictures();
    wait_until(
        [&] {
          terminal.read();
          return terminal.pictures() >= before + 3;
        },
        60s, "other pictures", [&] { return terminal.text(); });
    EXPECT_EQ(terminal.overflows(), 0) << columns << " columns:\n" << terminal.text();
  }
  wait_for("0 of 2 cells done, 1 computing");
  terminal.type("q");

  EXPECT_EQ(terminal.wait(30s), 0);
  EXPECT_THAT(terminal.raw(), ::testing::EndsWith("\x1b[?25h\x1b[?1049l"));
}

TEST_F(FirstHour, WatchesWithoutColoursWhereNoneAreWanted) {
  serve();
  Terminal terminal({program("isocost"), "watch", "--coordinator", url}, 80, 24, {"NO_COLOR=1"});

  wait_until([&] { return terminal.shows("nothing submitted yet"); }, 30s, "the picture",
             [&] { return terminal.text(); });

  EXPECT_FALSE(terminal.has_colours());
  terminal.kill(SIGTERM);
  EXPECT_EQ(terminal.wait(30s), 0);
}

TEST_F(FirstHour, WatchesInLinesWhereItIsPiped) {
  serve();
  Process watching({program("isocost"), "watch", "--coordinator", url}, folder / "watched");
  ASSERT_EQ(ask({"submit", grid(submission).string()}).status, 0);

  wait_until([&] { return watching.log().find("submitted       study") != std::string::npos; }, 30s,
             "the event", [&] { return watching.log(); });
  wait_until(
      [&] { return watching.log().find("study: 0/2 cells, 0/7 units") != std::string::npos; }, 60s,
      "how far it is", [&] { return watching.log(); });

  EXPECT_THAT(watching.log(), Not(HasSubstr("\x1b")));
  watching.kill(SIGTERM);
  EXPECT_EQ(watching.wait(30s), 0);
}

// A line that is rewritten in place never takes two.
TEST_F(FirstHour, ShowsProgressInAsManyColumnsAsThereAre) {
  Terminal terminal(run_command(submission_of({.images = 512}),
                                {"--workers", "1", "--quiet", "--worker-argument=--unit-ms",
                                 "--worker-argument=200"}),
                    30, 40);
  EXPECT_EQ(terminal.wait(2min), 0) << terminal.text();
  EXPECT_THAT(terminal.raw(), Not(HasSubstr("\r\x1b[K")));  // quiet: no line at all
  fs::remove_all(folder / "out");

  Terminal narrow(
      run_command(submission_of({.images = 512}),
                  {"--workers", "1", "--worker-argument=--unit-ms", "--worker-argument=200"}),
      30, 40);

  EXPECT_EQ(narrow.wait(2min), 0) << narrow.text();
  std::size_t lines = 0;
  const std::string& raw = narrow.raw();
  constexpr std::string_view kBegin = "\r\x1b[K";
  for (std::size_t at = raw.find(kBegin); at != std::string::npos; at = raw.find(kBegin, at + 1)) {
    const std::size_t begin = at + kBegin.size();
    const std::string line = raw.substr(begin, raw.find_first_of("\r\n", begin) - begin);
    EXPECT_LE(line.size(), 29U) << line;
    EXPECT_THAT(line, HasSubstr(" cells"));
    ++lines;
  }
  EXPECT_GT(lines, 2U);
}

}  // namespace
}  // namespace isocost::first_hour
