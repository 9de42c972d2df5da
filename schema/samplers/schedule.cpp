// Noise schedules and discretisations, in the arithmetic of diffusers: float32 tables, numpy's
// float64 grids.
#include <algorithm>
#include <cmath>

#include "schema/samplers/sampler.h"
#include "schema/samplers/schedule.h"

namespace isocost::sampling {
namespace {

// torch.linspace in float32: counted from both ends, so that it is symmetric.
std::vector<float> linspace_float(double begin, double end, int count) {
  const auto a = static_cast<float>(begin);
  const auto b = static_cast<float>(end);
  const float step = (b - a) / static_cast<float>(count - 1);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    values[static_cast<std::size_t>(i)] = i < count / 2
                                              ? a + step * static_cast<float>(i)
                                              : b - step * static_cast<float>(count - i - 1);
  }
  return values;
}

// Nichol and Dhariwal 2021, "Improved Denoising Diffusion Probabilistic Models", section 3.2.
std::vector<float> cosine_betas(int count) {
  const auto alpha_bar = [](double t) {
    const double c = std::cos((t + 0.008) / 1.008 * M_PI / 2);
    return c * c;
  };
  std::vector<float> betas;
  for (int i = 0; i < count; ++i) {
    const double ratio = alpha_bar(double(i + 1) / count) / alpha_bar(double(i) / count);
    betas.push_back(static_cast<float>(std::min(1 - ratio, 0.999)));
  }
  return betas;
}

std::vector<float> betas_of(const SamplerConfig& config) {
  if (!config.trained_betas.empty())
    return {config.trained_betas.begin(), config.trained_betas.end()};
  const int count = config.num_train_timesteps;
  if (config.beta_schedule == "linear")
    return linspace_float(config.beta_start, config.beta_end, count);
  if (config.beta_schedule == "squaredcos_cap_v2") return cosine_betas(count);
  std::vector<float> betas =
      linspace_float(std::sqrt(config.beta_start), std::sqrt(config.beta_end), count);
  for (float& beta : betas) beta *= beta;
  return betas;
}

// torch.cumprod of float32 accumulates in double.
std::vector<float> cumulative_product(const std::vector<float>& alphas) {
  std::vector<float> products;
  products.reserve(alphas.size());
  double product = 1;
  for (const float alpha : alphas)
    products.push_back(static_cast<float>(product *= static_cast<double>(alpha)));
  return products;
}

// Lin et al. 2024, "Common Diffusion Noise Schedules and Sample Steps are Flawed", algorithm 1.
std::vector<float> alphas_at_zero_snr(const std::vector<float>& alphas) {
  std::vector<float> root = cumulative_product(alphas);
  for (float& value : root) value = std::sqrt(value);
  const float first = root.front();
  const float last = root.back();
  for (float& value : root) value = (value - last) * (first / (first - last));
  std::vector<float> rescaled;
  for (std::size_t i = 0; i < root.size(); ++i) {
    const float bar = root[i] * root[i];
    const float beta = 1.0F - (i == 0 ? bar : bar / (root[i - 1] * root[i - 1]));
    rescaled.push_back(1.0F - beta);
  }
  return rescaled;
}

}  // namespace

double round_even(double value) { return std::nearbyint(value); }

std::vector<double> linspace_double(double last, int count) {
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) values.push_back(count == 1 ? 0.0 : i * (last / (count - 1)));
  if (count > 1) values.back() = last;
  return values;
}

std::vector<double> trailing(double first, int num_train_timesteps, int steps) {
  const double step = -static_cast<double>(num_train_timesteps) / steps;
  const auto count = static_cast<int>(std::ceil((0 - first) / step));
  const double delta = (first + step) - first;
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) values.push_back(round_even(first + i * delta) - 1);
  return values;
}

std::vector<double> rounded_reversed(std::vector<double> values) {
  for (double& value : values) value = round_even(value);
  std::reverse(values.begin(), values.end());
  return values;
}

std::vector<double> alpha_timesteps(const SamplerConfig& config) {
  const int T = config.num_train_timesteps;
  const int N = config.steps;
  if (config.timestep_spacing == "linspace") return rounded_reversed(linspace_double(T - 1, N));
  if (config.timestep_spacing == "trailing") return trailing(T, T, N);
  // N calls, as diffusers has it. Walking range(0, T, T / N), as another well-known implementation
  // does, makes one call more where N does not divide T: 7 for N = 6.
  const int stride = T / N;
  std::vector<double> values;
  for (int k = N - 1; k >= 0; --k) values.push_back(k * stride + config.steps_offset);
  return values;
}

std::vector<float> alphas_cumprod(const SamplerConfig& config) {
  std::vector<float> alphas = betas_of(config);
  for (float& alpha : alphas) alpha = 1.0F - alpha;
  if (config.rescale_betas_zero_snr) alphas = alphas_at_zero_snr(alphas);
  std::vector<float> products = cumulative_product(alphas);
  // At exactly zero sigma would be infinite; diffusers takes the smallest value float16 can hold.
  if (config.rescale_betas_zero_snr && row_of(config).floors_last_alpha)
    products.back() = std::ldexp(1.0F, -24);
  return products;
}

std::vector<float> sigmas_of(const SamplerConfig& config) {
  std::vector<float> sigmas;
  for (const float bar : alphas_cumprod(config)) sigmas.push_back(std::sqrt((1.0F - bar) / bar));
  return sigmas;
}

std::vector<double> karras_sigmas(double sigma_min, double sigma_max, int count) {
  constexpr double kRho = 7;
  const double low = std::pow(sigma_min, 1 / kRho);
  const double high = std::pow(sigma_max, 1 / kRho);
  std::vector<double> sigmas;
  for (const double ramp : linspace_double(1, count))
    sigmas.push_back(std::pow(high + ramp * (low - high), kRho));
  return sigmas;
}

double timestep_of_sigma(double sigma, const std::vector<float>& sigmas) {
  const double log_sigma = std::log(std::max(sigma, 1e-10));
  std::size_t low_index = 0;
  for (std::size_t i = 0; i < sigmas.size(); ++i) {
    if (log_sigma - double(std::log(sigmas[i])) >= 0) low_index = i;
  }
  low_index = std::min(low_index, sigmas.size() - 2);
  const auto low = double(std::log(sigmas[low_index]));
  const auto high = double(std::log(sigmas[low_index + 1]));
  const double w = std::clamp((low - log_sigma) / (low - high), 0.0, 1.0);
  return (1 - w) * static_cast<double>(low_index) + w * static_cast<double>(low_index + 1);
}

double interpolate(double t, const std::vector<float>& table) {
  const double clamped = std::clamp(t, 0.0, static_cast<double>(table.size() - 1));
  const auto i = std::min(static_cast<std::size_t>(clamped), table.size() - 2);
  const auto low = double(table[i]);
  const auto high = double(table[i + 1]);
  return (high - low) * (clamped - static_cast<double>(i)) + low;
}

}  // namespace isocost::sampling
