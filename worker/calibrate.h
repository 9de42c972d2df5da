// `isocost-worker calibrate`: how fast networks run on this machine, in about as many seconds as
// are given. `isocost plan --calibrate` asks it.
//
//   {"seconds": 10, "networks": [{"sample": SampleSpec, "cost": CellCost}, ...]}      the request
//   {"device": {...}, "networks": [{"unet": "sha256:...", "gflops": 850, "seconds": 2.5}, ...]}
//
// Each network draws a picture in few steps, which loads it, and then as many at once, and in as
// many steps, as its share of the time allows: the same code as a unit of a study. A network that
// takes longer for the first is judged by that. Thread: one.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "worker/serve.h"

namespace isocost::worker {

struct CalibrateOptions {
  std::string request;
  std::vector<std::filesystem::path> models;
  std::string device = "auto";
  std::string dtype = "";
  int threads = 1;
};

void add_calibrate_options(CLI::App& command, CalibrateOptions& options);

// Returns the exit code; the answer goes to standard output, each fault to standard error.
int calibrate(const CalibrateOptions& options, const MakeExecutor& make);

}  // namespace isocost::worker
