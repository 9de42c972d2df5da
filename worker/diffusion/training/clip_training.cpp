// CLIP, trained contrastively: each picture against every caption of the batch and, for each, one
// caption that says something else: the same words in another order (colours, shapes, sizes or
// textures exchanged, objects in reverse), or one word wrong. Both towers also answer the attribute
// questions from their pooled states, the text only what it tells; these heads only speed up
// learning and are left behind.
#include <sstream>

#include "base/json_reader.h"
#include "experiments/world/chance.h"
#include "worker/diffusion/models/clip.h"
#include "worker/diffusion/training/attribute_heads.h"
#include "worker/diffusion/training/clip_quality.h"
#include "worker/diffusion/training/family.h"
#include "worker/diffusion/training/pictures.h"
#include "worker/diffusion/training/tokenizer_training.h"
#include "worker/diffusion/training/training.h"

namespace isocost::diffusion {
namespace {

constexpr std::uint64_t kClipStream = 0x43u;  // of batch order
constexpr double kLogitScaleMax = 4.6052;     // ln 100, as CLIP clips it

// What captions tell: int64 [N, attributes].
at::Tensor told_labels(const std::vector<world::Scene>& scenes) {
  auto labels = world_labels(scenes);
  auto* label = labels.data_ptr<std::int64_t>();
  for (const auto& scene : scenes)
    for (std::size_t k = 0; k < world::kAttributes; ++k, ++label)
      if (!scene.tells(k)) *label = kNotAsked;
  return labels;
}

struct ClipTrainerImpl : torch::nn::Module {
  explicit ClipTrainerImpl(const arch::ClipConfig& config)
      : clip(register_module("clip", Clip(config))),
        text_heads(register_module("text_heads", AttributeHeads(config.text.tower.hidden_size))),
        vision_heads(
            register_module("vision_heads", AttributeHeads(config.vision.tower.hidden_size))) {
    const at::NoGradGuard no_grad;
    // Embeddings of unit size would drown everything else.
    for (auto& item : clip->named_parameters())
      if (item.key().find("embedding") != std::string::npos && item.value().dim() <= 2)
        item.value().normal_(0, 0.05);
  }

  Clip clip;
  AttributeHeads text_heads, vision_heads;
};
TORCH_MODULE(ClipTrainer);

class ClipTraining : public Training {
 public:
  ClipTraining(const Recipe& recipe, const TrainingPlaces& places, const arch::ClipConfig& config,
               CaptionEncoder encoder, double attribute_weight)
      : recipe_(recipe),
        places_(places),
        attribute_weight_(attribute_weight),
        encoder_(std::move(encoder)),
        trainer_(config),
        scenes_(world_scenes(world::Split::kTrain, recipe.pictures)),
        pictures_(world_pictures(scenes_)),
        labels_(world_labels(scenes_)),
        told_(told_labels(scenes_)) {}

  torch::nn::Module& module() override { return *trainer_; }

  at::Tensor loss(std::int64_t step) override {
    const auto indices =
        batch_indices(recipe_.seed ^ kClipStream, step, recipe_.batch, pictures_.size(0));
    const auto labels = labels_.index_select(0, indices);
    const auto seen =
        trainer_->clip->vision_model(to_unit_range(pictures_.index_select(0, indices))).pooled;
    const auto read = trainer_->clip->text_model(captions(step, indices)).pooled;  // [2B, C]
    const auto image = unit_length(trainer_->clip->visual_projection(seen));
    const auto text = unit_length(trainer_->clip->text_projection(read));
    const auto scale = trainer_->clip->logit_scale.clamp_max(kLogitScaleMax).exp();
    const auto logits = scale * at::matmul(image, text.t());  // [B, 2B]
    const auto right = at::arange(recipe_.batch, at::kLong);
    const auto contrast =
        0.5 * (at::cross_entropy_loss(logits, right) +
               at::cross_entropy_loss(logits.slice(1, 0, recipe_.batch).t(), right));
    const auto attributes = attribute_loss(trainer_->vision_heads, seen, labels) +
                            attribute_loss(trainer_->text_heads, read.slice(0, 0, recipe_.batch),
                                           told_.index_select(0, indices));
    return contrast + attribute_weight_ * attributes;
  }

  Result<std::string> finish() override {
    const at::NoGradGuard no_grad;
    auto& clip = trainer_->clip;
    round_to_half(*clip);
    write_model(*clip, {places_.family / "clip", "model", recipe_.config});
    write_text_encoder();
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

  // The captions of the batch, then one counterpart each.
  at::Tensor captions(std::int64_t step, const at::Tensor& indices) {
    world::Chance chance(~recipe_.seed, static_cast<std::uint64_t>(step));
    auto ids = at::empty({2 * recipe_.batch, static_cast<std::int64_t>(kTokensMax)}, at::kLong);
    for (std::int64_t i = 0; i < recipe_.batch; ++i) {
      auto scene = scenes_[static_cast<std::size_t>(indices[i].item<std::int64_t>())];
      scene.phrasing = chance.below(world::kPhrasings);
      put(ids, i, scene);
      scene = counterpart(scene, chance);
      scene.phrasing = chance.below(world::kPhrasings);
      put(ids, recipe_.batch + i, scene);
    }
    return ids;
  }

  void put(at::Tensor& ids, std::int64_t row, const world::Scene& scene) const {
    const auto tokens = encoder_.encode(world::caption(scene));
    std::copy(tokens.begin(), tokens.end(), ids.data_ptr<std::int64_t>() + row * ids.size(1));
  }

  void write_text_encoder() {
    auto config = recipe_.config.at("text_config");
    config["architectures"] = {"CLIPTextModel"};
    config["projection_dim"] = recipe_.config.at("projection_dim");
    write_model(*trainer_->clip, {places_.family / "models/shared/text_encoder", "model", config},
                [](const std::string& name) { return name.starts_with("text_model."); });
  }

  Json preprocessor() const {
    const auto side = recipe_.config.at("vision_config").at("image_size");
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
  double attribute_weight_;
  CaptionEncoder encoder_;
  ClipTrainer trainer_;
  std::vector<world::Scene> scenes_;
  at::Tensor pictures_, labels_, told_;
};

}  // namespace

Result<std::unique_ptr<Training>> make_clip_training(const Recipe& recipe,
                                                     const TrainingPlaces& places) {
  const auto config = arch::clip_config_from_json(recipe.config, recipe.name + ": config");
  if (!config) return fail(config.error());
  auto encoder = read_caption_encoder(places.family, config->text);
  if (!encoder) return fail(encoder.error());
  JsonReader reader(recipe.options, recipe.name + ": options");
  const double weight = reader.get_or<double>("attributes", 0.5);
  reader.finish();
  if (!reader.ok()) return fail(reader.take());
  at::manual_seed(recipe.seed);
  return std::make_unique<ClipTraining>(recipe, places, *config, std::move(*encoder), weight);
}

}  // namespace isocost::diffusion
