// The training loop: steps, average, checkpoints, progress.
//
//   Result<std::string> note = train(recipe, *training, {.out = "~/.cache/isocost/training/w16"});
//
// In `out` lie checkpoint.safetensors (taken up by a later call, to the bit) and loss.csv, whose
// measured seconds go on where a killed call's ended. Fails with: a checkpoint of another recipe, a
// loss that is not finite. Throws on I/O faults. Thread: one.
#pragma once

#include <chrono>
#include <functional>

#include "worker/diffusion/training/training.h"

namespace isocost::diffusion {

struct LoopOptions {
  std::filesystem::path out;
  // How much work a kill costs. By time, since a step takes from milliseconds to seconds.
  std::chrono::seconds checkpoint_every{90};
  std::int64_t report_every = 50;                 // steps
  std::int64_t stop_after = -1;                   // steps done in all; -1: the recipe's. For tests.
  std::function<void(const std::string&)> print;  // one line of progress; may be empty
};

// What the finished training said; empty when stop_after came first.
[[nodiscard]] Result<std::string> train(const Recipe& recipe, Training& training,
                                        const LoopOptions& options);

}  // namespace isocost::diffusion
