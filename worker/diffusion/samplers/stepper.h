// A sampler as the engine runs it: where the network is called, what it is given, and what its
// output does to the picture. One driver, run(), serves all of them.
//
//   std::unique_ptr<Stepper> stepper = make_stepper(config);
//   Tensor x = stepper->init_sigma() * noise;
//   x = run(*stepper, predict, {.x = x, .draw = draw});
//
// To add one called a-b: a_b.cpp here with `std::unique_ptr<Stepper> make_a_b(config)`, its word in
// CMakeLists.txt, and its row in schema/samplers.
//
// No sampler knows a model, a task or guidance. A stepper serves one trajectory: solvers of several
// steps remember what they saw. alpha and sigma are those of x_t = alpha x0 + sigma epsilon.
// Thread: one at a time per object.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <memory>
#include <vector>

#include "schema/samplers/config.h"

namespace isocost::diffusion {

// The k-th draw beyond x_T, k = 0, 1, ...: standard normal of x's shape in float32.
using Draw = std::function<at::Tensor(int k)>;

class Stepper {
 public:
  explicit Stepper(const sampling::SamplerConfig& config);
  Stepper(const Stepper&) = delete;
  Stepper& operator=(const Stepper&) = delete;
  virtual ~Stepper() = default;

  // As the user asked for; there may be more calls.
  [[nodiscard]] int steps() const { return config_.steps; }
  // Of the network's calls, in order.
  [[nodiscard]] const std::vector<double>& timesteps() const { return timesteps_; }
  // What standard normal noise is multiplied by to become x before call 0.
  [[nodiscard]] virtual double init_sigma() const { return 1; }
  // What the network is given at call k for x.
  [[nodiscard]] virtual at::Tensor input(std::size_t k, const at::Tensor& x) const;
  // x after call k, from x before it and the network's raw output (epsilon, v or x0, as
  // prediction_type says, guidance included). Requires: the calls come in order, from any first.
  [[nodiscard]] virtual at::Tensor step(std::size_t k, const at::Tensor& x,
                                        const at::Tensor& output, const Draw& draw) = 0;
  // Clean latents z with noise as they stand before call k; z itself behind the last call.
  [[nodiscard]] virtual at::Tensor noised(std::size_t k, const at::Tensor& z,
                                          const at::Tensor& noise) const = 0;

 protected:
  [[nodiscard]] const sampling::SamplerConfig& config() const { return config_; }

 private:
  sampling::SamplerConfig config_;
  std::vector<double> timesteps_;
};

// By config.sampler, through the table that CMakeLists.txt lists. Requires: a resolved
// configuration.
[[nodiscard]] std::unique_ptr<Stepper> make_stepper(const sampling::SamplerConfig& config);
// The names of that table, which a test holds against schema/samplers.
[[nodiscard]] std::vector<std::string> stepper_names();

// The network's output for its input x [B, C, H, W] at timestep t, guidance included.
using Predict = std::function<at::Tensor(const at::Tensor& x, double t)>;
// Takes x after the update that follows call k, and may replace it.
using AfterStep = std::function<void(std::size_t k, at::Tensor& x)>;

struct Trajectory {
  at::Tensor x;                // before call `first_call`, float32 [B, C, H, W]
  std::size_t first_call = 0;  // later ones start in the middle
  Draw draw;                   // may be empty where the sampler draws nothing
  AfterStep after_step;        // may be empty
};
// x_0, float32 [B, C, H, W].
[[nodiscard]] at::Tensor run(Stepper& stepper, const Predict& predict, const Trajectory& start);

}  // namespace isocost::diffusion
