#include <ATen/ATen.h>

#include "worker/diffusion/metrics/extractors/clip_folder.h"

namespace isocost::diffusion {
namespace {

at::Tensor as_rows(const at::Tensor& rows) { return rows.to(at::kCPU, at::kFloat).contiguous(); }

class ClipFeatures : public Extractor {
 public:
  ClipFeatures(ClipFolder folder, bool is_normalised)
      : folder_(std::move(folder)), is_normalised_(is_normalised) {}

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    const at::Tensor features = folder_.image_features(input.pictures);
    return as_rows(is_normalised_ ? unit_length(features) : features);
  }

 private:
  ClipFolder folder_;
  bool is_normalised_;
};

class ClipWhole : public Extractor {
 public:
  ClipWhole(ClipFolder folder, bool is_cropped)
      : folder_(std::move(folder)), is_cropped_(is_cropped) {}

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    return as_rows(is_cropped_ ? folder_.image_features(input.pictures)
                               : folder_.whole_features(input.pictures));
  }

 private:
  ClipFolder folder_;
  bool is_cropped_;
};

class ClipScore : public Extractor {
 public:
  ClipScore(ClipFolder folder, ClipTexts texts, std::string prefix)
      : folder_(std::move(folder)), texts_(std::move(texts)), prefix_(std::move(prefix)) {}

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    std::vector<std::string> texts;
    texts.reserve(input.prompts.size());
    for (const std::string& prompt : input.prompts) texts.push_back(prefix_ + prompt);
    const at::Tensor wanted = texts_.embeddings(folder_, texts);
    const at::Tensor images = unit_length(folder_.image_features(input.pictures));
    return as_rows((images * wanted).sum(1, true));
  }

 private:
  ClipFolder folder_;
  ClipTexts texts_;
  std::string prefix_;
};

}  // namespace

Result<std::unique_ptr<Extractor>> load_clip_features(const ExtractorSource& source) {
  auto folder = ClipFolder::open(source);
  if (!folder) return fail(folder.error());
  return std::make_unique<ClipFeatures>(std::move(*folder),
                                        source.options.at("normalise").get<bool>());
}

Result<std::unique_ptr<Extractor>> load_clip_whole(const ExtractorSource& source) {
  auto folder = ClipFolder::open(source);
  if (!folder) return fail(folder.error());
  return std::make_unique<ClipWhole>(std::move(*folder), source.options.at("fit") == "crop");
}

Result<std::unique_ptr<Extractor>> load_clip_score(const ExtractorSource& source) {
  auto folder = ClipFolder::open(source);
  if (!folder) return fail(folder.error());
  auto texts = ClipTexts::open(source, *folder);
  if (!texts) return fail(texts.error());
  return std::make_unique<ClipScore>(std::move(*folder), std::move(*texts),
                                     source.options.at("prefix").get<std::string>());
}

}  // namespace isocost::diffusion
