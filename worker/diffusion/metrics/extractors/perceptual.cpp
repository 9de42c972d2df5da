#include "worker/diffusion/models/perceptual.h"

#include <ATen/ATen.h>

#include "worker/diffusion/metrics/extractors/kinds.h"

namespace isocost::diffusion {
namespace {

class PerceptualDistance : public Extractor {
 public:
  PerceptualDistance(Perceptual network, at::Device device)
      : network_(std::move(network)), device_(device) {}

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    const auto signed_pixels = [&](const at::Tensor& bytes) {
      return bytes.to(device_).to(at::kFloat) / 127.5 - 1;
    };
    return network_->distance(signed_pixels(input.pictures), signed_pixels(input.items.targets))
        .unsqueeze(1)
        .to(at::kCPU, at::kFloat)
        .contiguous();
  }

 private:
  Perceptual network_;
  at::Device device_;
};

}  // namespace

Result<std::unique_ptr<Extractor>> load_perceptual(const ExtractorSource& source) {
  auto network = load_perceptual_network(source.input);
  if (!network) return fail(network.error());
  (*network)->to(source.settings.device);
  return std::make_unique<PerceptualDistance>(*network, source.settings.device);
}

}  // namespace isocost::diffusion
