// Extractors turn pictures (and their prompts) into rows of numbers; every metric reduces such
// rows.
//
//   auto extractor = load_extractor(spec, "models/clip", {.device = at::kCPU});
//   if (!extractor) return fail(extractor.error());
//   auto rows = (*extractor)->extract({.pictures = pictures, .prompts = prompts});
//   // uint8 [B, 3, H, W] -> float32 [B, D] on the CPU
//
// Rounding may depend on the batch: hand over whole groups of the fixed group size, as they were
// sampled, and a row depends on its picture's group alone. A kind is a function in a table
// (extractor.cpp) and a file. Options, all with defaults; unknown ones are refused:
//   torchscript    resize: "none" | "tf1" | "torch" | "clean" to size x size (299); range: "bytes"
//   (0..255) | "unit"
//                  (0..1) | "signed" ((x - 128) / 128); arguments: {name: true | false | number}
//                  handed to forward
//   clip           prefix: text before every prompt (""); gives the cosine, one column
//   clip-features  normalise: unit length (false); gives the projected image features
//   mini-features, mini-attributes   none
// Fails with: what load_extractor or a module says is wrong; a module's answer of another shape or
// type. Out of memory passes as c10::OutOfMemoryError. Thread: one at a time per object.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "schema/spec.h"

namespace isocost::diffusion {

inline constexpr std::int64_t kColumnsMax = 16384;

// What rows are made of: pictures, and what their items had.
struct RowInput {
  at::Tensor pictures;               // uint8 [B, 3, H, W], B >= 1
  std::vector<std::string> prompts;  // as many
};

class Extractor {
 public:
  virtual ~Extractor() = default;
  [[nodiscard]] virtual Result<at::Tensor> extract(const RowInput& input) = 0;
};

struct ExtractorSettings {
  at::Device device = at::kCPU;
};

// `input` is where the digest of spec.input was found.
[[nodiscard]] Result<std::unique_ptr<Extractor>> load_extractor(
    const ExtractorSpec& spec, const std::filesystem::path& input,
    const ExtractorSettings& settings = {});
[[nodiscard]] std::vector<std::string> extractor_kinds();

}  // namespace isocost::diffusion
