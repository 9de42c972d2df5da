#include <ATen/ATen.h>

#include <unordered_map>

#include "worker/diffusion/image/clip_preprocess.h"
#include "worker/diffusion/metrics/extractors/kinds.h"
#include "worker/diffusion/models/load.h"
#include "worker/diffusion/tokenizer/tokenizer.h"

namespace isocost::diffusion {
namespace {

// A CLIP folder, opened: both towers, the tokenizer, and how it wants its pictures.
struct ClipFolder {
  Clip model{nullptr};
  ClipPreprocess preprocess;
  at::Device device = at::kCPU;

  // [B, projection]: the projected image features.
  [[nodiscard]] at::Tensor image_features(const at::Tensor& pictures) {
    const auto side = preprocess.height();
    at::Tensor pixels = at::empty({pictures.size(0), 3, side, side}, at::kFloat);
    const auto edge = static_cast<std::size_t>(side), count = 3 * edge * edge;
    for (std::int64_t i = 0; i < pictures.size(0); ++i) {
      preprocess.apply(picture_of(pictures, i),
                       {pixels.data_ptr<float>() + static_cast<std::size_t>(i) * count, count});
    }
    return model->image_features(pixels.to(device));
  }
};

Result<ClipFolder> open_clip(const ExtractorSource& source) {
  ClipFolder folder;
  Failure failure;
  auto model = load_clip(source.input);
  auto preprocess = ClipPreprocess::load(source.input);
  if (!model) failure.add(model.error());
  if (!preprocess) failure.add(preprocess.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  if (auto fits = preprocess->check_fit((*model)->config.vision.image_size, source.input.string());
      !fits)
    return fail(fits.error());
  folder.model = *model;
  folder.model->to(source.settings.device);
  folder.preprocess = *preprocess;
  folder.device = source.settings.device;
  return folder;
}

at::Tensor unit_length(const at::Tensor& features) { return features / features.norm(2, -1, true); }

class ClipFeatures : public Extractor {
 public:
  ClipFeatures(ClipFolder folder, bool is_normalised)
      : folder_(std::move(folder)), is_normalised_(is_normalised) {}

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    const at::Tensor features = folder_.image_features(input.pictures);
    return (is_normalised_ ? unit_length(features) : features)
        .to(at::kCPU, at::kFloat)
        .contiguous();
  }

 private:
  ClipFolder folder_;
  bool is_normalised_;
};

class ClipScore : public Extractor {
 public:
  ClipScore(ClipFolder folder, Tokenizer tokenizer, std::string prefix)
      : folder_(std::move(folder)), tokenizer_(std::move(tokenizer)), prefix_(std::move(prefix)) {}

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    std::vector<at::Tensor> texts;
    texts.reserve(input.prompts.size());
    for (const std::string& prompt : input.prompts) texts.push_back(text_embedding(prompt));
    const at::Tensor images = unit_length(folder_.image_features(input.pictures));
    return (images * at::stack(texts)).sum(1, true).to(at::kCPU, at::kFloat).contiguous();
  }

 private:
  static constexpr std::size_t kCachedTextsMax = 65'536;

  // Each text by itself, so that it does not depend on its neighbours, and once for all pictures
  // that it has.
  at::Tensor text_embedding(const std::string& prompt) {
    const auto found = texts_.find(prompt);
    if (found != texts_.end()) return found->second;
    const auto ids = tokenizer_.encode(prefix_ + prompt);
    const at::Tensor features =
        folder_.model->text_features(at::tensor(ids, at::kLong).unsqueeze(0).to(folder_.device));
    if (texts_.size() >= kCachedTextsMax) texts_.clear();
    return texts_[prompt] = unit_length(features)[0];
  }

  ClipFolder folder_;
  Tokenizer tokenizer_;
  std::string prefix_;
  std::unordered_map<std::string, at::Tensor> texts_;
};

}  // namespace

Result<std::unique_ptr<Extractor>> load_clip_features(const ExtractorSource& source,
                                                      JsonReader& options) {
  const bool is_normalised = options.get_or<bool>("normalise", false);
  options.finish();
  if (!options.ok()) return fail(options.take());
  auto folder = open_clip(source);
  if (!folder) return fail(folder.error());
  return std::make_unique<ClipFeatures>(std::move(*folder), is_normalised);
}

Result<std::unique_ptr<Extractor>> load_clip_score(const ExtractorSource& source,
                                                   JsonReader& options) {
  std::string prefix = options.get_or<std::string>("prefix", "");
  options.finish();
  if (!options.ok()) return fail(options.take());
  auto folder = open_clip(source);
  if (!folder) return fail(folder.error());
  const auto& text = folder->model->config.text;
  auto tokenizer =
      Tokenizer::load_for({text.max_position_embeddings, text.vocab_size}, source.input);
  if (!tokenizer) return fail(tokenizer.error());
  return std::make_unique<ClipScore>(std::move(*folder), std::move(*tokenizer), std::move(prefix));
}

}  // namespace isocost::diffusion
