// Whether a file is TorchScript, as far as can be told without LibTorch.
//
//   if (const auto fits = check_torchscript("inception.pt"); !fits) return fail(fits.error());
//
// Fails with: missing, a Git LFS pointer or an HTML page, pickles alone (a state_dict), cut short.
// Thread: any.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace isocost::io {

[[nodiscard]] Result<void> check_torchscript(const std::filesystem::path& file);

}  // namespace isocost::io
