// The networks that LPIPS measures with: the convolutions of torchvision's AlexNet or VGG16, and a
// weight for each channel of five of their layers (Zhang et al. 2018, version 0.1).
//
//   config.json          {"_class_name": "IsocostPerceptualNetwork", "net": "alex", "version":
//   "0.1"} model.safetensors    features.N.weight and .bias, as torchvision numbers them, and lin0
//   to lin4
//                        [channels]
//
// script/convert/lpips.py makes such a folder. Pure, any thread.
#pragma once

#include <string>
#include <vector>

#include "schema/arch/network.h"

namespace isocost::arch {

struct PerceptualLayer {
  enum class Kind { kConvolution, kPool };  // each convolution ends with a ReLU
  Kind kind = Kind::kConvolution;
  std::int64_t index = 0;  // of torchvision's `features`
  std::int64_t in = 0, out = 0;
  std::int64_t kernel = 3, stride = 1, padding = 1;
  bool is_measured = false;  // what its ReLU gives is compared
};

struct PerceptualConfig {
  std::string net;  // alex, vgg
  std::vector<PerceptualLayer> layers;
};

// The smallest picture that it was fitted on, in pixels a side.
inline constexpr std::int64_t kPerceptualSideMin = 64;

[[nodiscard]] Result<PerceptualConfig> perceptual_config_from_json(const Json& json,
                                                                   const std::string& where);
[[nodiscard]] std::vector<TensorSpec> perceptual_tensors(const PerceptualConfig& config);

}  // namespace isocost::arch
