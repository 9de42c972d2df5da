// How fast a plan's units will run: what was measured of its networks, else what is known of a
// device. For `isocost plan`.
//
//   Result<PlanSpeed> speed = plan_speed(wishes, input, seen);
//   double seconds = core::seconds_of(submission, planned, speed->worker);   // on one
//
// Thread: main; asking a worker program takes seconds.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/grid_input.h"
#include "coordinator/core/estimate.h"
#include "coordinator/core/submission.h"

namespace isocost::cli {

struct SpeedWishes {
  std::filesystem::path worker_program;
  std::vector<std::filesystem::path> models;  // further ones
  std::string device;                         // "H100", "cpu"; empty: what is here
  double gflops_per_second = 0;               // as given; 0: not
  bool is_calibrated = false;                 // networks are measured on this machine
  std::optional<unsigned> workers;
};

struct PlanSpeed {
  core::WorkerSpeed worker{};
  std::string source{};  // where the speeds are from, for people
  bool is_measured = false;
  std::string machines{};  // "4 x H100", for people; empty: nothing to say
  unsigned workers = 1;
};

// `seen`: of a study's database. Fails with: a device that is not known, no worker program where
// one is needed, a calibration that fails.
[[nodiscard]] Result<PlanSpeed> plan_speed(const SpeedWishes& wishes, const GridInput& input,
                                           const core::Speeds& seen);
// Networks whose weights are larger than the device's memory, a sentence each.
[[nodiscard]] std::vector<std::string> too_large(const Submission& submission,
                                                 const PlanSpeed& speed);

}  // namespace isocost::cli
