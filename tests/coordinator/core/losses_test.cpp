// Artifacts that are lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/core/failures_fixture.h"

namespace isocost::core {
namespace {

using ::testing::HasSubstr;

class LossTest : public FailuresTest {
 protected:
  // All images are there, with one artifact each; the score is leased to w1.
  LossTest() {
    attach("w1");
    for (int unit = 0; unit < 8; ++unit) {
      const auto lease = want("w1").at(0);
      makers.push_back(lease);
      finish_with_rows("w1", lease);
    }
    score = want("w1").at(0);
  }
  std::vector<Message> finish_with_rows(const std::string& worker, const SendLease& lease,
                                        const std::string& content = "same") {
    ResultArrived event;
    event.session = {"s-" + worker};
    event.known = coordinator.store.find_unit(lease.name);
    event.message.attempt = lease.attempt;
    event.message.result.unit = lease.name;
    event.message.result.artifacts = {{"rows/x", sha256("rows of " + lease.name), 7}};
    event.message.result.digest = sha256(lease.name + content);
    return coordinator.hand(event);
  }

  std::vector<SendLease> makers;
  SendLease score;
};

TEST_F(LossTest, MakesAgainWhatAScoreMissesAndBlamesNobody) {
  ASSERT_EQ(score.kind, UnitKind::kScore);
  const Digest lost = sha256("rows of " + makers[3].name);

  coordinator.fail_for_want_of("s-w1", score, {lost});

  EXPECT_EQ(row(makers[3]).state, UnitState::kOpen);
  EXPECT_EQ(row(score).state, UnitState::kOpen);
  EXPECT_EQ(coordinator.core->table().waiting_count(), 1U);
  EXPECT_EQ(row(score).attempts, 0);
  EXPECT_EQ(view("w1").failures_in_a_row, 0U);
  const auto again = want("w1", 8);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].unit, makers[3].unit);
  const auto next = Coordinator::leases(finish_with_rows("w1", again[0]));
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].unit, score.unit);
  finish("w1", next[0]);
  EXPECT_TRUE(coordinator.core->is_finished());
}

TEST_F(LossTest, CountsNothingWhenTheSameIsToldAgain) {
  const Digest lost = sha256("rows of " + makers[3].name);
  coordinator.fail_for_want_of("s-w1", score, {lost});

  coordinator.fail_for_want_of("s-w1", score, {lost});
  coordinator.fail("s-w1", score);
  coordinator.start();
  attach("w1");
  coordinator.fail("s-w1", score);

  EXPECT_EQ(row(score).attempts, 0);
  EXPECT_EQ(row(makers[3]).remakes, 1);
}

TEST_F(LossTest, CountsAnAttemptWhereNothingIsLost) {
  coordinator.fail_for_want_of("s-w1", score, {sha256("nobody made this")}, false);

  EXPECT_EQ(row(score).attempts, 1);
  EXPECT_EQ(view("w1").failures_in_a_row, 1U);
}

// Two found the same loss. When the second tells, it is being made, or made already.
class LateLossTest : public LossTest, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(IsMade, LateLossTest, ::testing::Bool());

TEST_P(LateLossTest, BlamesNobody) {
  const Digest lost = sha256("rows of " + makers[3].name);
  coordinator.hand(ArtifactsLost{coordinator.store.makers({lost})});
  attach("w2");
  const auto maker = want("w2").at(0);
  const bool is_made = GetParam();
  if (is_made) finish_with_rows("w2", maker);

  coordinator.fail_for_want_of("s-w1", score, {lost}, !is_made);

  EXPECT_EQ(row(score).attempts, 0);
  EXPECT_EQ(view("w1").failures_in_a_row, 0U);
  EXPECT_EQ(row(makers[3]).remakes, 1);
}

TEST_F(LossTest, ComparesWhatIsMadeAgainWithWhatItWas) {
  coordinator.fail_for_want_of("s-w1", score, {sha256("rows of " + makers[0].name)});
  finish_with_rows("w1", want("w1").at(0), "same");
  const auto again = want("w1").at(0);
  coordinator.fail_for_want_of("s-w1", again, {sha256("rows of " + makers[0].name)});
  finish_with_rows("w1", want("w1").at(0), "another");

  Snapshot snapshot;
  coordinator.core->describe(snapshot, coordinator.now);
  EXPECT_EQ(snapshot.repeats, 2U);
  EXPECT_EQ(snapshot.mismatches, 1U);
  EXPECT_EQ(snapshot.units_made_again, 2U);
}

// Another worker holds the score meanwhile, and hands it back.
TEST_F(LossTest, ALeasedUnitWaitsOnceItIsHandedBack) {
  coordinator.hand(ArtifactsLost{coordinator.store.makers({sha256("rows of " + makers[1].name)})});
  EXPECT_EQ(coordinator.core->table().leased_count(), 1U);

  coordinator.hand(WorkerLeft{{"s-w1"}});
  attach("w2");
  const auto next = want("w2", 8);

  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].unit, makers[1].unit);
}

TEST_F(LossTest, TakesTheResultOfAScoreThatWasLeasedBefore) {
  coordinator.hand(ArtifactsLost{coordinator.store.makers({sha256("rows of " + makers[1].name)})});

  EXPECT_EQ(coordinator.verdict(finish("w1", score)), wire::Verdict::kAccepted);
  finish_with_rows("w1", want("w1").at(0));

  EXPECT_TRUE(coordinator.core->is_finished());
}

TEST_F(LossTest, FailsWhatIsLostAgainAndAgain) {
  SendLease next = score;
  for (int loss = 1; loss <= 9; ++loss) {
    coordinator.fail_for_want_of("s-w1", next, {sha256("rows of " + makers[5].name)});
    if (loss == 9) break;
    finish_with_rows("w1", want("w1").at(0));
    next = want("w1").at(0);
  }

  EXPECT_EQ(row(makers[5]).state, UnitState::kFailed);
  EXPECT_THAT(row(makers[5]).failure->reason, HasSubstr("its artifacts were lost 9 times"));
  EXPECT_EQ(row(score).state, UnitState::kFailed);
  EXPECT_TRUE(coordinator.core->is_finished());
  coordinator.hand(
      Retry{RequestId{2}, coordinator.store.units(coordinator.store.failed(std::nullopt))});
  EXPECT_EQ(row(makers[5]).state, UnitState::kOpen);
}

TEST_F(LossTest, OpensItAgainAfterARestartToo) {
  coordinator.fail_for_want_of("s-w1", score, {sha256("rows of " + makers[2].name)});

  coordinator.start();
  attach("w1");
  const auto next = want("w1", 8);

  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].unit, makers[2].unit);
}

}  // namespace
}  // namespace isocost::core
