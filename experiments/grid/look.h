// What extractors are, looked at before anything runs and without LibTorch. For
// experiments/grid alone.
//
// Fails with: what the worker would fail with hours later, as far as files tell it: missing parts,
// Git LFS pointers, pickles, weights that do not fit their configuration, a tokenizer that does not
// fit its encoder. What a TorchScript module makes of pictures only a worker can tell.
// Thread: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace isocost::experiments {

struct ExtractorLook {
  int side = 0;              // that pictures must have, both ways; 0: any size
  std::int64_t columns = 0;  // of the rows; 0: not known before it runs
};
// `kind` as ExtractorSpec has it.
[[nodiscard]] Result<ExtractorLook> look_at_extractor(const std::string& kind,
                                                      const std::filesystem::path& path);

}  // namespace isocost::experiments
