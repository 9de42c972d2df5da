// The noise that a stored run drew, handed out again as a task and a sampler ask for it.
//
//   StoredNoise noise(run_draws, latents);
//   group.noise = noise.source();
//   ... run the task; std::out_of_range where it asks for more or other noise than is stored
//   noise.check(take);               // faults what is stored and nobody asked for
//
// Thread: one.
#pragma once

#include "worker/diffusion/tasks/task.h"
#include "worker/diffusion/verify/reference.h"

namespace isocost::diffusion {

class StoredNoise {
 public:
  // `latents`: what the run began with where it began in noise; may be undefined.
  StoredNoise(std::map<std::string, std::vector<Tensor>> draws, Tensor latents);

  // Refers to this object.
  [[nodiscard]] NoiseOf source();
  void check(Taken& take) const;

 private:
  [[nodiscard]] Tensor draw(std::uint32_t number, at::IntArrayRef shape);
  [[nodiscard]] Tensor step(std::uint32_t number);
  [[nodiscard]] Tensor other(std::uint32_t number);

  std::map<std::string, std::vector<Tensor>> draws_;
  Tensor latents_;
  std::map<std::string, std::size_t> used_;
  // Samplers number their draws from 0 or by calls; the reference has them in order.
  std::map<std::uint32_t, std::size_t> steps_;
};

}  // namespace isocost::diffusion
