// A CLIP folder, opened, for the extractors that look through it: both towers, the tokenizer where
// texts are read, and how it wants its pictures. For the kinds alone. Thread: one at a time.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "worker/diffusion/image/clip_preprocess.h"
#include "worker/diffusion/metrics/extractors/kinds.h"
#include "worker/diffusion/models/load.h"
#include "worker/diffusion/tokenizer/tokenizer.h"

namespace isocost::diffusion {

[[nodiscard]] at::Tensor unit_length(const at::Tensor& features);  // [B, D], each row

// [B, 3, S, S] floats, as `preprocess` makes them of bytes.
[[nodiscard]] at::Tensor preprocessed(const ClipPreprocess& preprocess, const at::Tensor& pictures);

struct ClipFolder {
  Clip model{nullptr};
  ClipPreprocess preprocess;
  at::Device device = at::kCPU;

  [[nodiscard]] static Result<ClipFolder> open(const ExtractorSource& source);
  // The projected image features, [B, projection].
  [[nodiscard]] at::Tensor image_features(const at::Tensor& pictures);
  // Of pictures resized from edge to edge by Pillow's bicubic filter on floats, as CMMD's authors
  // do.
  [[nodiscard]] at::Tensor whole_features(const at::Tensor& pictures);
};

// Texts, each by itself, so that it does not depend on its neighbours, and once for all pictures
// that it has.
class ClipTexts {
 public:
  [[nodiscard]] static Result<ClipTexts> open(const ExtractorSource& source,
                                              const ClipFolder& folder);
  // Of unit length, [B, projection].
  [[nodiscard]] at::Tensor embeddings(ClipFolder& folder, const std::vector<std::string>& texts);

 private:
  explicit ClipTexts(Tokenizer tokenizer) : tokenizer_(std::move(tokenizer)) {}
  at::Tensor embedding(ClipFolder& folder, const std::string& text);

  static constexpr std::size_t kCachedTextsMax = 65'536;
  Tokenizer tokenizer_;
  std::unordered_map<std::string, at::Tensor> known_;
};

}  // namespace isocost::diffusion
