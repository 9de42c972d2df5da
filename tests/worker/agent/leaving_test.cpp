// How a worker's session ends.
#include <gtest/gtest.h>

#include "tests/worker/agent/session_harness.h"

namespace isocost::agent {
namespace {

using namespace std::chrono_literals;

TEST(Leaving, FinishesBeforeItLeaves) {
  Harness h;
  h.attach();
  h.hear(lease("a"));

  h.on(StopRequested{});
  EXPECT_EQ(h.said<wire::Want>().back().credit, 0u + 1u);
  h.finish("a");
  EXPECT_TRUE(h.take<Exit>().empty());
  h.acknowledge("a");

  const Exit exit = h.take<Exit>().at(0);
  EXPECT_EQ(exit.reason, ExitReason::kDone);
  EXPECT_NE(exit.text.find("0 units handed back"), std::string::npos) << exit.text;
}

TEST(Leaving, HandsBackWhenTheGraceIsOver) {
  Harness h;
  h.attach();
  h.hear(lease("a"));
  h.on(StopRequested{});

  h.pass(30s);

  EXPECT_EQ(h.said<wire::Goodbye>().size(), 1u);
  EXPECT_NE(h.take<Exit>().at(0).text.find("1 units handed back"), std::string::npos);
}

TEST(Leaving, HandsBackAtOnceWhenAskedTwice) {
  Harness h;
  h.attach();
  h.hear(lease("a"));

  h.on(StopRequested{});
  h.on(StopRequested{});

  EXPECT_EQ(h.said<wire::Goodbye>().size(), 1u);
}

// A machine that is paid for by the hour.
TEST(Leaving, EndsWhenItHadNoWorkForLongEnough) {
  SessionOptions options;
  options.idle_max = 20s;
  Harness h({}, options);
  const auto pass_beside_a_coordinator = [&](Duration time) {
    for (Duration passed{}; passed < time; passed += 1s) {
      h.pass(1s);
      h.hear(wire::HeartbeatReply{});
    }
  };
  h.attach();
  pass_beside_a_coordinator(15s);
  h.hear(lease("a"));
  pass_beside_a_coordinator(60s);
  h.finish("a");
  pass_beside_a_coordinator(60s);  // its outcome is not acknowledged
  EXPECT_TRUE(h.take<Exit>().empty());
  h.acknowledge("a");
  pass_beside_a_coordinator(19s);
  EXPECT_TRUE(h.take<Exit>().empty());
  EXPECT_LE(h.session->next_deadline(), h.now + 1s);

  h.pass(1s);

  EXPECT_EQ(h.said<wire::Goodbye>().size(), 1u);
  const auto ends = h.take<Exit>();
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].reason, ExitReason::kDone);
  EXPECT_NE(ends[0].text.find("no work for 20 s"), std::string::npos) << ends[0].text;
}

TEST(Leaving, GivesUpOnlyWhenNothingComputes) {
  Harness h;
  h.attach();
  h.hear(lease("a"));
  h.on(ConnectionLost{"gone"});

  h.pass(31min);
  EXPECT_FALSE(h.session->is_over());
  h.finish("a");

  EXPECT_EQ(h.take<Exit>().at(0).reason, ExitReason::kGaveUp);
}

TEST(Leaving, EndsWhenItIsRefused) {
  Harness refused, rejected;

  refused.on(Tick{});
  refused.on(Refused{"not listed"});
  rejected.on(Tick{});
  rejected.on(Connected{"5e55"});
  rejected.hear(wire::Reject{wire::RejectCode::kProtocol, "another version"});

  EXPECT_EQ(refused.take<Exit>().at(0).reason, ExitReason::kRefused);
  EXPECT_EQ(rejected.take<Exit>().at(0).reason, ExitReason::kRefused);
}

}  // namespace
}  // namespace isocost::agent
