// Extractors turn pictures, and what belongs to them, into rows of numbers; every metric reduces
// such rows.
//
//   auto extractor = load_extractor(spec, "models/clip", {.device = at::kCPU});
//   if (!extractor) return fail(extractor.error());
//   auto rows = (*extractor)->extract({.pictures = pictures, .prompts = prompts});
//   // uint8 [B, 3, H, W] -> float32 [B, D] on the CPU; float64 from what compares pixels
//
// Rounding may depend on the batch: hand over whole groups of the fixed group size, as they were
// sampled, and a row depends on its picture's group alone. A kind is a row in
// schema/metrics/extractors.cpp, which has its options, a function in a table (extractor.cpp) and a
// file. Options that are absent hold their defaults; unknown ones are refused.
// Fails with: what load_extractor or a module says is wrong; items that the kind needs and that are
// not there, are not as many as the pictures, or have another size where pixels are compared; a
// module's answer of another shape or type. Out of memory passes as c10::OutOfMemoryError. Thread:
// one at a time per object.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "schema/spec.h"
#include "worker/diffusion/metrics/extractors/items.h"

namespace isocost::diffusion {

inline constexpr std::int64_t kColumnsMax = 16384;

// What rows are made of: pictures, and what their items had.
struct RowInput {
  at::Tensor pictures;               // uint8 [B, 3, H, W], B >= 1
  std::vector<std::string> prompts;  // as many
  Items items{};
};

class Extractor {
 public:
  virtual ~Extractor() = default;
  [[nodiscard]] virtual Result<at::Tensor> extract(const RowInput& input) = 0;
};

class ExtractorNetworks;  // networks.h

struct ExtractorSettings {
  at::Device device = at::kCPU;
  ExtractorNetworks* networks = nullptr;  // lent; without it an extractor has its own
};

// `input` is where the digest of spec.input was found; empty where the kind has none.
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_extractor(
    const ExtractorSpec& spec, const std::filesystem::path& input,
    const ExtractorSettings& settings = {});
[[nodiscard]] std::vector<std::string> extractor_kinds();

}  // namespace isocost::diffusion
