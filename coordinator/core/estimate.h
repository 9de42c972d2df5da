// What a planned submission will cost before it is accepted: `isocost plan` prints it.
//
//   Estimate estimate = core::estimate(submission, plan);
//   double seconds = core::seconds_of(submission, plan, {.gflops_per_second = 850});
//
// Calls and FLOPs are determined by the cells; seconds follow from a speed that the caller knows
// (measured, or assumed and named so); bytes are those of rows, pictures and statistics that stay.
// Pure, any thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/json.h"
#include "coordinator/core/speeds.h"
#include "coordinator/core/submission.h"
#include "schema/devices/devices.h"

namespace isocost::core {

struct Estimate {
  std::uint64_t cells = 0;
  std::uint64_t images_wanted = 0;
  std::uint64_t images_new = 0;
  std::uint64_t images_queued = 0;  // an open experiment computes them already
  std::uint64_t units_new = 0;
  std::uint64_t generate_units = 0;
  std::uint64_t reference_units = 0;
  std::uint64_t score_units = 0;
  double network_calls = 0;  // on one picture each, guidance's second call counted; of new images
  double gflops = 0;         // of new units: U-Net, decoder and text
  double bytes = 0;          // artifacts that new units leave, roughly

  [[nodiscard]] std::uint64_t images_there() const {
    return images_wanted - std::min(images_wanted, images_new + images_queued);
  }
};

[[nodiscard]] Estimate estimate(const Submission& submission, const SubmissionPlan& plan);
[[nodiscard]] Json to_json(const Estimate& estimate);

// How fast a worker is taken to be.
struct WorkerSpeed {
  Speeds seen{};                            // wins where it knows more
  const devices::Device* device = nullptr;  // a row of the table; null: a CPU's core, or a number
  double gflops_per_second = devices::kCoreGflopsPerSecond;  // where there is no row
};
// Seconds of all that is new, on one worker. On a device of the table a network's call takes
// devices::kCallSecondsMin at least.
[[nodiscard]] double seconds_of(const Submission& submission, const SubmissionPlan& plan,
                                const WorkerSpeed& speed);

}  // namespace isocost::core
