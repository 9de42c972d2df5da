// Which files a model component's weights are: the one answer for digests, plan and the loader.
//
//   auto weights = find_weight_files("sd15/unet", kDiffusersBase);            // the plain ones
//   auto halves = find_weight_files("sd15/unet", kDiffusersBase, "fp16");     // a variant
//
// Chosen as upstream chooses, which is not alike for both libraries:
//   diffusers      BASE.safetensors.index.json and its parts, else BASE.safetensors
//   transformers   BASE.safetensors, else BASE.safetensors.index.json and its parts
// With a variant BASE.fp16.safetensors, BASE.safetensors.index.fp16.json, and for diffusers the
// older BASE.safetensors.fp16.index.json; the index says how its parts are spelled. Beyond
// upstream, where there are no plain weights in any format, the lone variant of another precision
// (fp16, bf16, fp32) is taken without being named; others (non_ema) are other weights and must be.
//
// Fails with: weights missing, cut into parts without an index, pickled, links to nothing, an index
// that is none or leaves the folder; what could be named instead. Thread: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace isocost::io {

inline constexpr const char* kDiffusersBase = "diffusion_pytorch_model";
inline constexpr const char* kTransformersBase = "model";

struct WeightFiles {
  std::vector<std::filesystem::path> files{};  // in the order of their names
  std::string variant{};                       // whose they are; empty: the plain ones
  std::uint64_t bytes = 0;
  std::optional<std::filesystem::path> index{};     // that names them
  std::map<std::string, std::string> weight_map{};  // of the index: tensor -> file's name
};

[[nodiscard]] Result<WeightFiles> find_weight_files(const std::filesystem::path& folder,
                                                    const std::string& base,
                                                    const std::string& variant = {});

// The variants of which there are files in a folder, in the order of their names; none of a folder
// that cannot be read.
[[nodiscard]] std::vector<std::string> weight_variants(const std::filesystem::path& folder,
                                                       const std::string& base);

// Whether a diffusers pipeline that is loaded with a variant asks this component for it; from the
// others it takes the plain weights.
[[nodiscard]] bool asks_for_variant(const std::filesystem::path& component,
                                    const std::string& variant);

}  // namespace isocost::io
