#include "worker/diffusion/samplers/prediction.h"

namespace isocost::diffusion {

using at::Tensor;

Tensor predict_x0(const sampling::SamplerConfig& config, const Tensor& x, const Tensor& output,
                  double alpha, double sigma) {
  if (config.prediction_type == "epsilon") return (x - sigma * output) / alpha;
  if (config.prediction_type == "v_prediction") return alpha * x - sigma * output;
  return output;
}

Tensor predict_epsilon(const sampling::SamplerConfig& config, const Tensor& x, const Tensor& output,
                       double alpha, double sigma) {
  if (config.prediction_type == "epsilon") return output;
  if (config.prediction_type == "v_prediction") return alpha * output + sigma * x;
  return (x - alpha * output) / sigma;
}

Tensor bound_x0(const sampling::SamplerConfig& config, const Tensor& x0) {
  const auto is_on = [&](const char* name) {
    return config.own.contains(name) && config.flag(name);
  };
  if (is_on("thresholding")) {
    const Tensor flat = x0.reshape({x0.size(0), -1});  // [B, C H W]
    const Tensor s = at::quantile(flat.abs(), config.number("dynamic_thresholding_ratio"), 1)
                         .clamp(1.0, config.number("sample_max_value"))
                         .unsqueeze(1);  // [B, 1]
    return (flat.minimum(s).maximum(-s) / s).reshape(x0.sizes());
  }
  if (!is_on("clip_sample")) return x0;
  const double range = config.number("clip_sample_range");
  return x0.clamp(-range, range);
}

}  // namespace isocost::diffusion
