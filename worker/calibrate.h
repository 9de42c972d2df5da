// `isocost-worker calibrate`: how fast networks run on this machine, in about as many seconds as
// are given. `isocost plan --calibrate` asks it.
//
//   {"seconds": 10, "networks": [{"sample": SampleSpec, "cost": CellCost}, ...],      the request,
//    "prompts": {"sha256:...": "{\"prompt\": ...}\n..."}}                              a file
//   {"device": {...}, "networks": [{"unet": "sha256:...", "gflops": 850, "seconds": 2.5}, ...]}
//
// Prompts that the request does not hold, and items, are looked for where models are. Each network
// draws a picture in few calls, which loads it, and then as many at once, and in as many calls, as
// its share of the time allows: the same code as a unit of a study, and the same price, by the
// calls that are left of its steps. A network that takes longer for the first is judged by that.
// Thread: one.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "worker/serve.h"

namespace isocost::worker {

struct CalibrateOptions {
  std::filesystem::path request;
  std::vector<std::filesystem::path> models;
  std::string device = "auto";
  std::string dtype = "";
  int threads = 1;
};

void add_calibrate_options(CLI::App& command, CalibrateOptions& options);

// Returns the exit code; the answer goes to standard output, each fault to standard error.
int calibrate(const CalibrateOptions& options, const MakeExecutor& make);

}  // namespace isocost::worker
