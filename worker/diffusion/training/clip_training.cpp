// CLIP around the family's text encoder, which stays as it is (Zhai et al. 2022, "LiT"): pictures
// learn to be read as captions are. Contrastively, each picture against every caption of the batch
// and, for each, one caption that says something else: the same words in another order (colours,
// shapes, sizes or textures exchanged, objects in reverse), or one word wrong. The pictures' tower
// also answers the attribute questions; that head only speeds up learning and is left behind.
#include <sstream>

#include "base/json_reader.h"
#include "experiments/world/chance.h"
#include "worker/diffusion/models/clip.h"
#include "worker/diffusion/models/load.h"
#include "worker/diffusion/training/attribute_heads.h"
#include "worker/diffusion/training/captions.h"
#include "worker/diffusion/training/clip_quality.h"
#include "worker/diffusion/training/family.h"
#include "worker/diffusion/training/pictures.h"
#include "worker/diffusion/training/training.h"

namespace isocost::diffusion {
namespace {

constexpr std::uint64_t kClipStream = 0x43u;  // of batch order
constexpr double kLogitScaleMax = 4.6052;     // ln 100, as CLIP clips it

// What is trained of CLIP: all but the text's tower.
struct ClipTrainerImpl : torch::nn::Module {
  explicit ClipTrainerImpl(Clip whole)
      : clip(std::move(whole)),
        heads(register_module("heads", AttributeHeads(clip->config.vision.tower.hidden_size))) {
    small_embeddings(*clip->vision_model);
    register_module("vision_model", clip->vision_model);
    register_module("visual_projection", clip->visual_projection);
    register_module("text_projection", clip->text_projection);
    register_parameter("logit_scale", clip->logit_scale);
    for (auto& parameter : clip->text_model->parameters()) parameter.requires_grad_(false);
  }

  Clip clip;
  AttributeHeads heads;
};
TORCH_MODULE(ClipTrainer);

class ClipTraining : public Training {
 public:
  ClipTraining(const Recipe& recipe, const TrainingPlaces& places, std::string built_on, Clip clip,
               CaptionEncoder encoder, double attribute_weight)
      : recipe_(recipe),
        places_(places),
        built_on_(std::move(built_on)),
        attribute_weight_(attribute_weight),
        encoder_(std::move(encoder)),
        trainer_(std::move(clip)),
        scenes_(world_scenes(world::Split::kTrain, recipe.pictures)),
        pictures_(world_pictures(scenes_)),
        labels_(world_labels(scenes_)) {}

  torch::nn::Module& module() override { return *trainer_; }
  [[nodiscard]] std::string built_on() const override { return built_on_; }

  at::Tensor loss(std::int64_t step) override {
    const auto indices =
        batch_indices(recipe_.seed ^ kClipStream, step, recipe_.batch, pictures_.size(0));
    auto& clip = trainer_->clip;
    const auto seen = clip->vision_model(to_unit_range(pictures_.index_select(0, indices))).pooled;
    const auto image = unit_length(clip->visual_projection(seen));
    const auto text = unit_length(clip->text_projection(read(step, indices)));  // [2B, C]
    const auto scale = clip->logit_scale.clamp_max(kLogitScaleMax).exp();
    const auto logits = scale * at::matmul(image, text.t());  // [B, 2B]
    const auto right = at::arange(recipe_.batch, at::kLong);
    const auto contrast =
        0.5 * (at::cross_entropy_loss(logits, right) +
               at::cross_entropy_loss(logits.slice(1, 0, recipe_.batch).t(), right));
    return contrast + attribute_weight_ *
                          attribute_loss(trainer_->heads, seen, labels_.index_select(0, indices));
  }

  Result<std::string> finish() override {
    const at::NoGradGuard no_grad;
    auto& clip = trainer_->clip;
    round_to_half(*clip);
    write_model(*clip, {places_.family / "clip", "model", recipe_.config});
    for (const char* file :
         {"vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"})
      std::filesystem::copy_file(places_.family / "models/shared/tokenizer" / file,
                                 places_.family / "clip" / file,
                                 std::filesystem::copy_options::overwrite_existing);
    write_json(places_.family / "clip/preprocessor_config.json", preprocessor());
    return clip_quality(clip, encoder_).text();
  }

 private:
  // A scene whose caption says something else, as far as there is one.
  static world::Scene counterpart(const world::Scene& scene, world::Chance& chance) {
    const auto others = world::swapped(scene);
    if (others.empty() || chance.below(2) == 0) return world::misdescribed(scene, chance.bits());
    return others[chance.below(static_cast<std::uint32_t>(others.size()))];
  }

  // The states of the batch's captions, then of one counterpart each.
  at::Tensor read(std::int64_t step, const at::Tensor& indices) {
    world::Chance chance(~recipe_.seed, static_cast<std::uint64_t>(step));
    std::vector<world::Scene> scenes, others;
    for (std::int64_t i = 0; i < recipe_.batch; ++i) {
      scenes.push_back(scenes_[static_cast<std::size_t>(indices[i].item<std::int64_t>())]);
      scenes.back().phrasing = chance.below(world::kPhrasings);
      others.push_back(counterpart(scenes.back(), chance));
      others.back().phrasing = chance.below(world::kPhrasings);
    }
    scenes.insert(scenes.end(), others.begin(), others.end());
    const at::NoGradGuard no_grad;
    return trainer_->clip->text_model(encode_captions(encoder_, scenes).ids).pooled;
  }

  Json preprocessor() const {
    const auto side = trainer_->clip->config.vision.image_size;
    return {{"crop_size", {{"height", side}, {"width", side}}},
            {"do_center_crop", true},
            {"do_convert_rgb", true},
            {"do_normalize", true},
            {"do_rescale", true},
            {"do_resize", true},
            {"feature_extractor_type", "CLIPFeatureExtractor"},
            {"image_mean", {0.5, 0.5, 0.5}},
            {"image_processor_type", "CLIPImageProcessor"},
            {"image_std", {0.5, 0.5, 0.5}},
            {"resample", 3},
            {"rescale_factor", 1.0 / 255.0},
            {"size", {{"shortest_edge", side}}}};
  }

  Recipe recipe_;
  TrainingPlaces places_;
  std::string built_on_;
  double attribute_weight_;
  CaptionEncoder encoder_;
  ClipTrainer trainer_;
  std::vector<world::Scene> scenes_;
  at::Tensor pictures_, labels_;
};

// Copies the family's text encoder into CLIP's text half.
Result<void> take_text_encoder(Clip& clip, const std::filesystem::path& family,
                               const std::string& name) {
  const auto folder = family / "models/shared/text_encoder";
  const auto encoder = load_clip_text(folder);
  if (!encoder) return fail(encoder.error());
  const auto from = (*encoder)->text_model->named_parameters();
  auto to = clip->text_model->named_parameters();
  const at::NoGradGuard no_grad;
  for (const auto& item : from) {
    auto* target = to.find(item.key());
    if (target == nullptr || target->sizes() != item.value().sizes())
      return fail(name + ": config.text_config", item.key() + " is not as in " + folder.string(),
                  "the text encoder's config");
    target->copy_(item.value());
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Training>> make_clip_training(const Recipe& recipe,
                                                     const TrainingPlaces& places) {
  const auto config = arch::clip_config_from_json(recipe.config, recipe.name + ": config");
  if (!config) return fail(config.error());
  if (config->vision.image_size != world::kSide)
    return fail(recipe.name + ": config.vision_config.image_size",
                c10::str("this is ", config->vision.image_size),
                c10::str(world::kSide, ", the pictures' side"));
  auto encoder = read_caption_encoder(places.family, config->text);
  if (!encoder) return fail(encoder.error());
  JsonReader reader(recipe.options, recipe.name + ": options");
  const double weight = reader.get_or<double>("attributes", 0.5);
  reader.finish();
  if (!reader.ok()) return fail(reader.take());
  at::manual_seed(recipe.seed);
  Clip clip(*config);
  if (const auto taken = take_text_encoder(clip, places.family, recipe.name); !taken)
    return fail(taken.error());
  auto built_on = shared_digest(places.family, {"text_encoder", "tokenizer"});
  if (!built_on) return fail(built_on.error());
  return std::make_unique<ClipTraining>(recipe, places, std::move(*built_on), std::move(clip),
                                        std::move(*encoder), weight);
}

}  // namespace isocost::diffusion
