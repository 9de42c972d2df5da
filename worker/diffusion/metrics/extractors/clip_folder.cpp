#include "worker/diffusion/metrics/extractors/clip_folder.h"

#include "base/check.h"
#include "worker/diffusion/image/tensors/picture_tensor.h"
#include "worker/diffusion/metrics/extractors/networks.h"

namespace isocost::diffusion {

at::Tensor unit_length(const at::Tensor& features) { return features / features.norm(2, -1, true); }

at::Tensor preprocessed(const ClipPreprocess& preprocess, const at::Tensor& pictures) {
  ISOCOST_CHECK(preprocess.height() == preprocess.width(), "networks take squares");
  const auto side = preprocess.height();
  at::Tensor pixels = at::empty({pictures.size(0), 3, side, side}, at::kFloat);
  const auto edge = static_cast<std::size_t>(side), count = 3 * edge * edge;
  for (std::int64_t i = 0; i < pictures.size(0); ++i) {
    preprocess.apply(picture_of(pictures[i]),
                     {pixels.data_ptr<float>() + static_cast<std::size_t>(i) * count, count});
  }
  return pixels;
}

at::Tensor ClipFolder::image_features(const at::Tensor& pictures) {
  return model->image_features(preprocessed(preprocess, pictures).to(device));
}

at::Tensor ClipFolder::whole_features(const at::Tensor& pictures) {
  const auto side = static_cast<int>(model->config.vision.image_size);
  std::vector<at::Tensor> all;
  all.reserve(static_cast<std::size_t>(pictures.size(0)));
  for (std::int64_t i = 0; i < pictures.size(0); ++i) {
    const FloatPicture picture =
        resize_float(picture_of(pictures[i]), side, side, Filter::kBicubic);
    all.push_back(at::tensor(picture.rgb).view({side, side, 3}).permute({2, 0, 1}));
  }
  const auto channels = [](const std::array<double, 3>& values) {
    return at::tensor({values[0], values[1], values[2]}, at::kFloat).view({1, 3, 1, 1});
  };
  const at::Tensor pixels = at::stack(all) * preprocess.rescale;
  return model->image_features(
      ((pixels - channels(preprocess.mean)) / channels(preprocess.deviation)).to(device));
}

Result<ClipFolder> ClipFolder::open(const ExtractorSource& source) {
  ClipFolder folder;
  Failure failure;
  auto model = source.settings.networks == nullptr
                   ? load_clip(source.input)
                   : source.settings.networks->clip(source.content, source.input);
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

Result<ClipTexts> ClipTexts::open(const ExtractorSource& source, const ClipFolder& folder) {
  const auto& text = folder.model->config.text;
  auto tokenizer =
      Tokenizer::load_for({text.max_position_embeddings, text.vocab_size}, source.input);
  if (!tokenizer) return fail(tokenizer.error());
  return ClipTexts(std::move(*tokenizer));
}

at::Tensor ClipTexts::embeddings(ClipFolder& folder, const std::vector<std::string>& texts) {
  std::vector<at::Tensor> all;
  all.reserve(texts.size());
  for (const std::string& text : texts) all.push_back(embedding(folder, text));
  return at::stack(all);
}

at::Tensor ClipTexts::embedding(ClipFolder& folder, const std::string& text) {
  const auto found = known_.find(text);
  if (found != known_.end()) return found->second;
  const auto ids = tokenizer_.encode(text);
  const at::Tensor features =
      folder.model->text_features(at::tensor(ids, at::kLong).unsqueeze(0).to(folder.device));
  if (known_.size() >= kCachedTextsMax) known_.clear();
  return known_[text] = unit_length(features)[0];
}

}  // namespace isocost::diffusion
