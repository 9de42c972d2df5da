// What an evaluation will read and compute, looked at before any of it is: every fault that can be
// told without a network. Thread: any.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <optional>
#include <vector>

#include "base/io/safetensors.h"
#include "worker/diffusion/metrics/evaluation/evaluate.h"
#include "worker/diffusion/metrics/evaluation/pairs.h"

namespace isocost::diffusion {

struct EvaluationPlan {
  MetricChoice choice;
  std::optional<at::Tensor> given;                     // rows that are read; else
  Pairs pairs;                                         // what they are made of
  std::vector<std::filesystem::path> reference_files;  // where rows are to be made of them
};

[[nodiscard]] Result<EvaluationPlan> plan_evaluation(const EvaluationRequest& request);

inline constexpr const char* kRowsTensor = "rows";
[[nodiscard]] bool is_safetensors(const std::filesystem::path& path);
// [n, D] float32 or float64, as the file has them.
[[nodiscard]] Result<at::Tensor> read_rows(const io::SafetensorsFile& file);

}  // namespace isocost::diffusion
