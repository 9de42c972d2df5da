// The text encoder: reads from the state of a caption's last token what the caption tells of each
// object, and which attributes it leaves out. The two heads are left behind; the encoder conditions
// the U-Nets and is the text half of CLIP.
#include <sstream>

#include "base/json_reader.h"
#include "experiments/world/chance.h"
#include "worker/diffusion/models/clip.h"
#include "worker/diffusion/training/attribute_heads.h"
#include "worker/diffusion/training/captions.h"
#include "worker/diffusion/training/family.h"
#include "worker/diffusion/training/pictures.h"
#include "worker/diffusion/training/training.h"

namespace isocost::diffusion {
namespace {

constexpr std::uint64_t kTextStream = 0x54u;  // of batch order
constexpr std::uint64_t kMeasuredCaptions = 2048;

struct TextTrainerImpl : torch::nn::Module {
  explicit TextTrainerImpl(const arch::ClipTextConfig& config)
      : text(register_module("text", ClipText(config))),
        heads(register_module("heads", AttributeHeads(config.tower.hidden_size))),
        told(register_module("told",
                             torch::nn::Linear(config.tower.hidden_size,
                                               static_cast<std::int64_t>(world::kAttributes)))) {
    small_embeddings(*text);
  }

  ClipText text;
  AttributeHeads heads;
  torch::nn::Linear told;
};
TORCH_MODULE(TextTrainer);

class TextTraining : public Training {
 public:
  TextTraining(const Recipe& recipe, const TrainingPlaces& places, std::string built_on,
               const arch::ClipTextConfig& config, CaptionEncoder encoder)
      : recipe_(recipe),
        places_(places),
        built_on_(std::move(built_on)),
        encoder_(std::move(encoder)),
        trainer_(config),
        scenes_(world_scenes(world::Split::kTrain, recipe.pictures)) {}

  torch::nn::Module& module() override { return *trainer_; }
  [[nodiscard]] std::string built_on() const override { return built_on_; }

  at::Tensor loss(std::int64_t step) override {
    const auto indices = batch_indices(recipe_.seed ^ kTextStream, step, recipe_.batch,
                                       static_cast<std::int64_t>(scenes_.size()));
    world::Chance chance(~recipe_.seed, static_cast<std::uint64_t>(step));
    std::vector<world::Scene> scenes;
    for (std::int64_t i = 0; i < recipe_.batch; ++i) {
      scenes.push_back(scenes_[static_cast<std::size_t>(indices[i].item<std::int64_t>())]);
      scenes.back().phrasing = chance.below(world::kPhrasings);
    }
    const auto captions = encode_captions(encoder_, scenes);
    const auto read = trainer_->text->text_model(captions.ids).pooled;
    const auto is_told = captions.told.ne(kNotAsked).to(at::kFloat);
    return attribute_loss(trainer_->heads, read, captions.told) +
           at::binary_cross_entropy_with_logits(trainer_->told(read), is_told);
  }

  Result<std::string> finish() override {
    const at::NoGradGuard no_grad;
    round_to_half(*trainer_->text);
    auto config = recipe_.config;
    config["architectures"] = {"CLIPTextModel"};
    write_model(*trainer_->text, {places_.family / "models/shared/text_encoder", "model", config},
                [](const std::string& name) { return name.starts_with("text_model."); });
    const auto captions =
        encode_captions(encoder_, world_scenes(world::Split::kValidation, kMeasuredCaptions));
    const auto read = trainer_->text->text_model(captions.ids).pooled;
    const auto asked = captions.told.ne(kNotAsked);
    const auto right =
        likeliest_answers(trainer_->heads(read)).eq(captions.told).logical_and(asked);
    std::ostringstream note;
    note << "told attributes read right on unseen captions "
         << right.sum().item<double>() / asked.sum().item<double>();
    return note.str();
  }

 private:
  Recipe recipe_;
  TrainingPlaces places_;
  std::string built_on_;
  CaptionEncoder encoder_;
  TextTrainer trainer_;
  std::vector<world::Scene> scenes_;
};

}  // namespace

Result<std::unique_ptr<Training>> make_text_training(const Recipe& recipe,
                                                     const TrainingPlaces& places) {
  const auto config = arch::clip_text_config_from_json(recipe.config, recipe.name + ": config");
  if (!config) return fail(config.error());
  auto encoder = read_caption_encoder(places.family, *config);
  if (!encoder) return fail(encoder.error());
  JsonReader reader(recipe.options, recipe.name + ": options");
  reader.finish();
  if (!reader.ok()) return fail(reader.take());
  at::manual_seed(recipe.seed);
  auto built_on = shared_digest(places.family, {"tokenizer"});
  if (!built_on) return fail(built_on.error());
  return std::make_unique<TextTraining>(recipe, places, std::move(*built_on), *config,
                                        std::move(*encoder));
}

}  // namespace isocost::diffusion
