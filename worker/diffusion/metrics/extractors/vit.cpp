#include "worker/diffusion/models/vit.h"

#include <ATen/ATen.h>

#include "worker/diffusion/metrics/extractors/clip_folder.h"
#include "worker/diffusion/metrics/extractors/networks.h"

namespace isocost::diffusion {
namespace {

class VitFolder {
 public:
  static Result<VitFolder> open(const ExtractorSource& source);

  [[nodiscard]] at::Tensor features(const at::Tensor& pictures) {
    return model_->class_token(preprocessed(preprocess_, pictures).to(device_));
  }

 private:
  Vit model_{nullptr};
  ClipPreprocess preprocess_;
  at::Device device_ = at::kCPU;
};

Result<VitFolder> VitFolder::open(const ExtractorSource& source) {
  const bool is_folders = source.options.at("preprocess") == "folder";
  Failure failure;
  auto model = source.settings.networks == nullptr
                   ? load_vit(source.input)
                   : source.settings.networks->vit(source.content, source.input);
  const auto preprocess = is_folders ? ClipPreprocess::load_vit(source.input)
                                     : Result<ClipPreprocess>(ClipPreprocess::dreambooth());
  if (!model) failure.add(model.error());
  if (!preprocess) failure.add(preprocess.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  const auto fits = preprocess->check_fit((*model)->config.image_size, source.input.string());
  if (!fits) return fail(fits.error());
  VitFolder folder;
  folder.model_ = *model;
  folder.model_->to(source.settings.device);
  folder.preprocess_ = *preprocess;
  folder.device_ = source.settings.device;
  return folder;
}

class VitFeatures : public Extractor {
 public:
  explicit VitFeatures(VitFolder folder) : folder_(std::move(folder)) {}

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    return folder_.features(input.pictures).to(at::kCPU, at::kFloat).contiguous();
  }

 private:
  VitFolder folder_;
};

class VitToPicture : public Extractor {
 public:
  VitToPicture(VitFolder folder, at::Tensor Items::* other)
      : folder_(std::move(folder)), other_(other) {}

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    const at::Tensor own = unit_length(folder_.features(input.pictures));
    const at::Tensor other = unit_length(folder_.features(input.items.*other_));
    return (own * other).sum(1, true).to(at::kCPU, at::kFloat).contiguous();
  }

 private:
  VitFolder folder_;
  at::Tensor Items::* other_;
};

Result<std::unique_ptr<Extractor>> load_vit_to(const ExtractorSource& source,
                                               at::Tensor Items::* other) {
  auto folder = VitFolder::open(source);
  if (!folder) return fail(folder.error());
  return std::make_unique<VitToPicture>(std::move(*folder), other);
}

}  // namespace

Result<std::unique_ptr<Extractor>> load_vit_features(const ExtractorSource& source) {
  auto folder = VitFolder::open(source);
  if (!folder) return fail(folder.error());
  return std::make_unique<VitFeatures>(std::move(*folder));
}

Result<std::unique_ptr<Extractor>> load_vit_to_source(const ExtractorSource& source) {
  return load_vit_to(source, &Items::sources);
}

Result<std::unique_ptr<Extractor>> load_vit_to_target(const ExtractorSource& source) {
  return load_vit_to(source, &Items::targets);
}

}  // namespace isocost::diffusion
