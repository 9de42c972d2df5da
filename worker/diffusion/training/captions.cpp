#include "worker/diffusion/training/captions.h"

#include <algorithm>

#include "base/check.h"
#include "worker/diffusion/training/attribute_heads.h"

namespace isocost::diffusion {

EncodedCaptions encode_captions(const CaptionEncoder& encoder,
                                const std::vector<world::Scene>& scenes) {
  const auto count = static_cast<std::int64_t>(scenes.size());
  EncodedCaptions all{at::empty({count, static_cast<std::int64_t>(kTokensMax)}, at::kLong),
                      at::empty({count, static_cast<std::int64_t>(world::kAttributes)}, at::kLong)};
  auto* id = all.ids.data_ptr<std::int64_t>();
  auto* label = all.told.data_ptr<std::int64_t>();
  for (const auto& scene : scenes) {
    const auto text = world::caption(scene);
    const auto ids = encoder.encode(text);
    const auto told = world::parse_caption(text);
    ISOCOST_CHECK(ids.size() == kTokensMax && told, "the world's captions are its own");
    id = std::copy(ids.begin(), ids.end(), id);
    const auto labels = world::labels(*told);
    for (std::size_t k = 0; k < world::kAttributes; ++k)
      *label++ = told->tells(k) ? labels.at(k) : kNotAsked;
  }
  return all;
}

void small_embeddings(torch::nn::Module& module) {
  const at::NoGradGuard no_grad;
  constexpr double kDeviation = 0.05;
  for (auto& item : module.named_parameters())
    if (item.key().find("embedding") != std::string::npos && item.value().dim() <= 2)
      item.value().normal_(0, kDeviation);
}

}  // namespace isocost::diffusion
