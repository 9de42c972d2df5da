// What an evaluation will compute, and all that it reads but pictures: every fault that can be told
// without a network. Thread: any.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <optional>
#include <vector>

#include "base/io/safetensors.h"
#include "worker/diffusion/metrics/evaluation/evaluate.h"
#include "worker/diffusion/metrics/evaluation/pairs.h"
#include "worker/diffusion/metrics/reference.h"

namespace isocost::diffusion {

struct EvaluationPlan {
  MetricChoice choice;
  std::optional<at::Tensor> given;                     // rows that are read; else
  Pairs pairs;                                         // what they are made of
  std::optional<Reference> reference;                  // from a file; else, where it needs one,
  std::vector<std::filesystem::path> reference_files;  // what its rows are to be made of
};

[[nodiscard]] Result<EvaluationPlan> plan_evaluation(const EvaluationRequest& request);

// What made rows that are kept, in their file.
[[nodiscard]] io::Metadata rows_metadata(const ExtractorSpec& extractor);

}  // namespace isocost::diffusion
