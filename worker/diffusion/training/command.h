// `isocost-worker train RECIPE`: reads the recipe, makes the training, trains, exports.
//
// Thread: the process's only one; sets LibTorch's number of threads.
#pragma once

#include <filesystem>
#include <string>

namespace isocost::diffusion {

struct TrainCommand {
  std::filesystem::path recipe;
  std::filesystem::path out;     // empty: ~/.cache/isocost/training/NAME
  std::filesystem::path family;  // empty: the folder above the recipe's
  int threads = 1;
  int checkpoint_seconds = 90;  // what a kill costs at most, besides a step
};

// A step frees what the next one asks for again: kept, it costs no page faults (a tenth of the time
// of the largest U-Net). Of the whole process.
void keep_freed_memory();

// The process's exit status: 0, or 1 after one line for each fault on standard error.
[[nodiscard]] int run_train_command(const TrainCommand& command);

}  // namespace isocost::diffusion
