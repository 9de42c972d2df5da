// How well CLIP tells the world's captions apart, on pictures it has not seen.
//
// Thread: one at a time.
#pragma once

#include <string>

#include "worker/diffusion/models/clip.h"
#include "worker/diffusion/training/tokenizer_training.h"

namespace isocost::diffusion {

struct ClipQuality {
  double retrieval = 0;  // share of pictures whose own caption is the nearest of all
  // Share of (picture, caption with the same words exchanged that is untrue of it) told apart.
  double swapped = 0;
  double matched_cosine = 0;
  double other_cosine = 0;
  std::int64_t pictures = 0;
  [[nodiscard]] std::string text() const;
};

// Each row of [..., D] divided by its length.
[[nodiscard]] inline at::Tensor unit_length(const at::Tensor& x) { return x / x.norm(2, -1, true); }

[[nodiscard]] ClipQuality clip_quality(Clip& clip, const CaptionEncoder& encoder,
                                       std::uint64_t pictures = 1024);

}  // namespace isocost::diffusion
