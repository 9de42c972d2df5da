#include "worker/diffusion/training/clip_quality.h"

#include <algorithm>
#include <sstream>

#include "worker/diffusion/training/pictures.h"

namespace isocost::diffusion {
namespace {

constexpr std::int64_t kComparedTogether = 256;

at::Tensor text_features(Clip& clip, const CaptionEncoder& encoder,
                         const std::vector<world::Scene>& scenes) {
  std::vector<at::Tensor> rows;
  rows.reserve(scenes.size());
  for (const auto& scene : scenes)
    rows.push_back(at::tensor(encoder.encode(world::caption(scene))));
  std::vector<at::Tensor> features;
  const auto ids = at::stack(rows);
  for (std::int64_t i = 0; i < ids.size(0); i += kComparedTogether)
    features.push_back(unit_length(clip->text_features(ids.slice(0, i, i + kComparedTogether))));
  return at::cat(features);
}

// Whether all that is told is true of a picture of the scene: of objects side by side in no told
// order it may be.
bool describes(const world::Scene& told, const world::Scene& shown) {
  const auto answers = world::agreement(told, world::labels(shown));
  return std::none_of(answers.begin(), answers.end(),
                      [](const auto& answer) { return answer == 0; });
}

at::Tensor image_features(Clip& clip, const at::Tensor& pictures) {
  std::vector<at::Tensor> features;
  for (std::int64_t i = 0; i < pictures.size(0); i += kComparedTogether)
    features.push_back(unit_length(
        clip->image_features(to_unit_range(pictures.slice(0, i, i + kComparedTogether)))));
  return at::cat(features);
}

}  // namespace

std::string ClipQuality::text() const {
  std::ostringstream out;
  out << "retrieval of 1 in " << pictures << " captions " << retrieval
      << ", told from swapped attributes " << swapped << ", cosine " << matched_cosine
      << " matched and " << other_cosine << " otherwise";
  return out.str();
}

ClipQuality clip_quality(Clip& clip, const CaptionEncoder& encoder, std::uint64_t pictures) {
  const at::NoGradGuard no_grad;
  const auto scenes = world_scenes(world::Split::kValidation, pictures);
  const auto image = image_features(clip, world_pictures(scenes));
  const auto text = text_features(clip, encoder, scenes);
  const auto cosines = at::matmul(image, text.t());
  const auto matched = cosines.diagonal();

  std::vector<world::Scene> others;
  std::vector<std::int64_t> owners;
  for (std::size_t i = 0; i < scenes.size(); ++i)
    for (const auto& other : world::swapped(scenes[i])) {
      if (describes(other, scenes[i])) continue;
      others.push_back(other);
      owners.push_back(static_cast<std::int64_t>(i));
    }
  const auto owner = at::tensor(owners);
  const auto other_cosine =
      (image.index_select(0, owner) * text_features(clip, encoder, others)).sum(1);

  ClipQuality quality;
  const double n = static_cast<double>(pictures);
  quality.pictures = static_cast<std::int64_t>(pictures);
  quality.retrieval = cosines.argmax(1)
                          .eq(at::arange(quality.pictures, at::kLong))
                          .to(at::kDouble)
                          .mean()
                          .item<double>();
  quality.swapped =
      matched.index_select(0, owner).gt(other_cosine).to(at::kDouble).mean().item<double>();
  quality.matched_cosine = matched.mean().item<double>();
  quality.other_cosine =
      (cosines.sum().item<double>() - matched.sum().item<double>()) / (n * (n - 1));
  return quality;
}

}  // namespace isocost::diffusion
