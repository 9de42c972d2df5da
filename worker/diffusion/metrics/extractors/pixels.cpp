// Extractors that compare pixels and need no network, in float64.
#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "schema/metrics/extractor.h"
#include "worker/diffusion/metrics/extractors/kinds.h"

namespace isocost::diffusion {
namespace {

struct PixelOptions {
  std::int64_t border = 0;
  bool is_luma = false;
};

PixelOptions pixel_options(const ExtractorSource& source) {
  return {source.options.at("crop_border").get<std::int64_t>(),
          source.options.at("channels") == "y"};
}

// Without their border; of luma one channel, as BasicSR's to_y_channel: BT.601 in 16 to 235, not
// rounded. [B, C, h, w] float64.
at::Tensor compared(const at::Tensor& bytes, const PixelOptions& options) {
  const std::int64_t b = options.border, height = bytes.size(2), width = bytes.size(3);
  at::Tensor inner = bytes.slice(2, b, height - b).slice(3, b, width - b).to(at::kCPU, at::kDouble);
  if (!options.is_luma) return inner;
  return ((65.481 * inner.select(1, 0) + 128.553 * inner.select(1, 1) +
           24.966 * inner.select(1, 2)) /
              255 +
          16)
      .unsqueeze(1);
}

class SquaredError : public Extractor {
 public:
  explicit SquaredError(PixelOptions options) : options_(options) {}

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    const at::Tensor difference =
        compared(input.pictures, options_) - compared(input.items.targets, options_);
    return (difference * difference).flatten(1).mean(1, true);
  }

 private:
  PixelOptions options_;
};

// Wang et al. 2004 as BasicSR computes it: a Gaussian window of 11 x 11 pixels, sigma 1.5, where it
// lies within the picture; population moments; the mean over the channels.
class Structure : public Extractor {
 public:
  explicit Structure(PixelOptions options) : options_(options) {
    const at::Tensor place = at::arange(kWindow, at::kDouble) - kWindow / 2;
    const at::Tensor weights = (-(place * place) / (2 * kSigma * kSigma)).exp();
    window_ = weights / weights.sum();
  }

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    const at::Tensor x = compared(input.pictures, options_);
    const at::Tensor y = compared(input.items.targets, options_);
    const at::Tensor mean_x = blurred(x), mean_y = blurred(y);
    const at::Tensor variance_x = blurred(x * x) - mean_x * mean_x;
    const at::Tensor variance_y = blurred(y * y) - mean_y * mean_y;
    const at::Tensor covariance = blurred(x * y) - mean_x * mean_y;
    const at::Tensor map =
        (2 * mean_x * mean_y + kC1) * (2 * covariance + kC2) /
        ((mean_x * mean_x + mean_y * mean_y + kC1) * (variance_x + variance_y + kC2));
    return map.flatten(1).mean(1, true);
  }

 private:
  static constexpr std::int64_t kWindow = metrics::kStructureWindow;
  static constexpr double kSigma = 1.5;
  static constexpr double kC1 = (0.01 * 255) * (0.01 * 255), kC2 = (0.03 * 255) * (0.03 * 255);

  [[nodiscard]] at::Tensor blurred(const at::Tensor& x) const {
    const std::int64_t channels = x.size(1), height = x.size(2), width = x.size(3);
    const at::Tensor one = x.reshape({-1, 1, height, width});
    const at::Tensor across = at::conv2d(one, window_.view({1, 1, 1, kWindow}));
    return at::conv2d(across, window_.view({1, 1, kWindow, 1}))
        .view({-1, channels, height - kWindow + 1, width - kWindow + 1});
  }

  PixelOptions options_;
  at::Tensor window_;  // [11]
};

// How far a picture is from its source where nothing may change: the mean absolute and the mean
// squared difference of pixels in [0, 1].
class OutsideMask : public Extractor {
 public:
  explicit OutsideMask(std::int64_t margin) : margin_(margin) {}

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    const at::Tensor kept = widened(input.items.masks.to(at::kCPU)).logical_not().to(at::kDouble);
    const at::Tensor count = 3 * kept.flatten(1).sum(1);  // [B]
    const at::Tensor bare = count.eq(0).nonzero();
    if (bare.size(0) > 0)
      return fail("items",
                  c10::str("the mask of the ", bare[0][0].item<std::int64_t>() + 1,
                           ". picture of a group leaves no pixel as it is"),
                  "masks with pixels that must not change");
    const at::Tensor difference =
        (input.pictures.to(at::kCPU, at::kDouble) - input.items.sources.to(at::kCPU, at::kDouble)) /
        255 * kept;
    const auto mean = [&](const at::Tensor& some) { return some.flatten(1).sum(1) / count; };
    return at::stack({mean(difference.abs()), mean(difference * difference)}, 1);
  }

 private:
  // With every pixel that is at most margin_ rows and columns away.
  [[nodiscard]] at::Tensor widened(const at::Tensor& masks) const {
    if (margin_ == 0) return masks;
    const std::int64_t edge = 2 * margin_ + 1;
    const at::Tensor padded =
        at::constant_pad_nd(masks.to(at::kFloat), {margin_, margin_, margin_, margin_}, 0);
    const at::Tensor rows = at::max_pool2d(padded, {edge, 1}, {1, 1});
    return at::max_pool2d(rows, {1, edge}, {1, 1}).gt(0);
  }

  std::int64_t margin_;
};

}  // namespace

Result<std::unique_ptr<Extractor>> load_squared_error(const ExtractorSource& source) {
  return std::make_unique<SquaredError>(pixel_options(source));
}

Result<std::unique_ptr<Extractor>> load_structure(const ExtractorSource& source) {
  return std::make_unique<Structure>(pixel_options(source));
}

Result<std::unique_ptr<Extractor>> load_outside_mask(const ExtractorSource& source) {
  return std::make_unique<OutsideMask>(source.options.at("margin").get<std::int64_t>());
}

}  // namespace isocost::diffusion
