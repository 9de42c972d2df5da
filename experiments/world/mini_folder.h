// Where the mini family lies, for both programs. Thread: any.
#pragma once

#include <filesystem>

namespace isocost::experiments {

// $ISOCOST_MINI, or experiments/mini found from the program's own place upwards.
[[nodiscard]] std::filesystem::path mini_folder();

}  // namespace isocost::experiments
