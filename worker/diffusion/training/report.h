// How good the mini family is: numbers and pictures, from the finished parts alone.
//
//   int exit_code = run_family_report({.family = "experiments/mini", .out = "docs/mini-family"});
//
// Writes OUT/quality.json, world.png and reconstructions.png, and a picture of samples for each
// member (snapshots have numbers alone); for those that begin with pictures rows of what they were
// given, what they made and what was wanted. Thread: the process's only one.
#pragma once

#include <filesystem>

namespace isocost::diffusion {

struct FamilyReportOptions {
  std::filesystem::path family;
  std::filesystem::path out;
};

// The process's exit status: 0, or 1 after one line for each fault on standard error.
[[nodiscard]] int run_family_report(const FamilyReportOptions& options);

}  // namespace isocost::diffusion
