// How CLIP wants its pictures, read from the image_processor of processor_config.json (as
// transformers 5 saves a CLIPProcessor), or from preprocessor_config.json where there is none, and
// done as Hugging Face's PIL backend does it: shortest edge to `size` by an 8-bit resize,
// centre crop, scale to 0..1, subtract the mean, divide by the deviation.
//
//   auto preprocess = ClipPreprocess::load("clip");
//   if (!preprocess) return fail(preprocess.error());
//   preprocess->apply(picture, into);           // into: 3 x height() x width() floats
//
// Fails with: every member that is not understood or out of its limits. Thread: any.
#pragma once

#include <array>
#include <filesystem>
#include <span>
#include <string>

#include "base/io/picture.h"
#include "base/json.h"
#include "base/result.h"
#include "worker/diffusion/image/resize.h"

namespace isocost::diffusion {

struct ClipPreprocess {
  bool has_resize = true;
  int shortest_edge = 224;  // 0: resize to height and width instead
  int resize_height = 0;
  int resize_width = 0;
  Filter filter = Filter::kBicubic;
  bool has_crop = true;
  int crop_height = 224;
  int crop_width = 224;
  bool is_torchvision_crop = false;  // half a pixel goes to the even side, as torchvision's crop
  double rescale = 1.0 / 255.0;      // 1 when pixels stay as they are
  std::array<double, 3> mean = {0.48145466, 0.4578275, 0.40821073};
  std::array<double, 3> deviation = {0.26862954, 0.26130258, 0.27577711};

  [[nodiscard]] static Result<ClipPreprocess> load(const std::filesystem::path& folder);
  [[nodiscard]] static Result<ClipPreprocess> parse(const Json& json, const std::string& where);
  // As transformers' ViTImageProcessor reads the same file: both sides resized to `size`, no crop.
  [[nodiscard]] static Result<ClipPreprocess> load_vit(const std::filesystem::path& folder);
  // As DreamBooth's authors measure DINO: the shorter edge to 256 by Pillow's bicubic filter, the
  // middle 224 x 224, ImageNet's mean and deviation.
  [[nodiscard]] static ClipPreprocess dreambooth();

  // The sides of every picture that comes out; fixed by the configuration (a load without either
  // fails).
  [[nodiscard]] int height() const { return has_crop ? crop_height : resize_height; }
  [[nodiscard]] int width() const { return has_crop ? crop_width : resize_width; }

  // Whether pictures come out as a model with this image_size takes them.
  [[nodiscard]] Result<void> check_fit(std::int64_t image_size, const std::string& folder) const;

  // Resized and cropped, still 8 bits. What lies outside a picture smaller than the crop is black.
  [[nodiscard]] io::Picture crop(const io::Picture& picture) const;
  // The whole: `out` is filled as [3][height][width]. Requires: it has that size.
  void apply(const io::Picture& picture, std::span<float> out) const;
};

}  // namespace isocost::diffusion
