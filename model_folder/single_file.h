// Checkpoints in one file, as the web UIs have them: recognised by the names of their tensors, and
// refused with the command that makes a model folder of them.
//
//   if (const auto fault = arch::single_file_fault("dreamshaper.safetensors")) return fail(*fault);
//
// Reads a header, never weights, and never opens a pickle. Thread: any.
#pragma once

#include <filesystem>
#include <optional>

#include "base/result.h"

namespace isocost::arch {

// What the file is, and what to do with it. Absent: it is no file, or none of weights.
[[nodiscard]] std::optional<Error> single_file_fault(const std::filesystem::path& file);
// Of the first such file that lies in the folder.
[[nodiscard]] std::optional<Error> single_file_in(const std::filesystem::path& folder);

}  // namespace isocost::arch
