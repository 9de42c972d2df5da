#include "coordinator/core/estimate.h"

#include <gtest/gtest.h>

#include "tests/support/submission_builder.h"

namespace isocost::core {
namespace {

using testing::submission_of;

struct Planned {
  explicit Planned(Submission of) : submission(std::move(of)) {
    for (CellRequest& cell : submission.cells) cell.cost.steps_calls = 10;
    plan = *plan_submission(submission, {});
  }
  [[nodiscard]] double gflops(UnitKind kind) const {
    double sum = 0;
    for (const NewUnit& unit : plan.units)
      if (unit.kind == kind) sum += unit.gflops;
    return sum;
  }
  Submission submission;
  SubmissionPlan plan;
};

TEST(Estimate, TakesSecondsAtTheSpeedThatIsGiven) {
  const Planned study(submission_of());
  const double all = study.gflops(UnitKind::kGenerate) + study.gflops(UnitKind::kScore) +
                     study.gflops(UnitKind::kReference);

  EXPECT_NEAR(seconds_of(study.submission, study.plan, {.gflops_per_second = 50}), all / 50, 1e-9);
}

TEST(Estimate, TakesWhatWasSeenOfANetworkBeforeASpeed) {
  const Planned study(submission_of({.models = 1, .has_reference = false}));
  WorkerSpeed speed{.gflops_per_second = 1};
  const NewUnit& unit = study.plan.units.front();
  ASSERT_EQ(unit.kind, UnitKind::kGenerate);
  speed.seen.observe({UnitKind::kGenerate, unit.affinity, 1000}, 1);

  EXPECT_NEAR(seconds_of(study.submission, study.plan, speed),
              study.gflops(UnitKind::kGenerate) / 1000 + study.gflops(UnitKind::kScore) / 1, 1e-9);
}

// On a GPU a small network's kernels are started one by one, and that takes longer.
TEST(Estimate, CountsTheCallsThatADeviceStarts) {
  const devices::Device device{
      .name = "fast", .float32_tflops = 1e9, .half_tflops = 1e9, .source = "none"};
  const Planned study(submission_of({.models = 1, .images = 128, .group_size = 16}));
  const double others = study.gflops(UnitKind::kScore) + study.gflops(UnitKind::kReference);
  const double cells = static_cast<double>(study.submission.cells.size());

  EXPECT_NEAR(
      seconds_of(study.submission, study.plan, {.device = &device, .gflops_per_second = 50}),
      cells * (128.0 / 16) * 10 * devices::kCallSecondsMin + others / 50, 1e-3);
}

}  // namespace
}  // namespace isocost::core
