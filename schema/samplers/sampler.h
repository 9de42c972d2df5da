// A row of the table of samplers: everything about a sampler that needs no LibTorch. The engine has
// a function under the same name that steps (worker/diffusion/samplers).
//
// To add one called a-b: a_b.cpp here with `Sampler a_b_row()`, its word in CMakeLists.txt, and the
// same in the engine; docs/adding.md walks through it. Pure, any thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "schema/options.h"
#include "schema/samplers/config.h"

namespace isocost::sampling {

struct Sampler {
  std::string name;                  // in grids, keys and the database: do not change
  std::string label;                 // for people
  std::string class_name;            // the diffusers scheduler that it steps as
  std::string paper;                 // for the docs
  std::string default_spacing;       // of that class
  std::vector<Option> options;       // besides shared_options()
  bool may_space_by_karras = false;  // it has an option use_karras_sigmas
  // diffusers takes 2^-24 for a last alpha_bar of 0, so that its sigma is finite.
  bool floors_last_alpha = false;

  // The timestep of every network call, in order.
  std::vector<double> (*timesteps)(const SamplerConfig&) = nullptr;
  // sigma(t) at every call and the final one behind them, each a float32; null where a sampler
  // steps between values of alpha_bar.
  std::vector<double> (*sigmas)(const SamplerConfig&) = nullptr;
  // How often noise is drawn, x_T not counted.
  std::size_t (*draws)(const SamplerConfig&) = nullptr;
  // Combinations of values that are undefined or not built; null: none beyond the common ones.
  void (*check)(const SamplerConfig&, const std::string& where, Failure&) = nullptr;
  // A stored configuration of this or another class: faults for what is not built, and what
  // diffusers reads in another way, put right; null: nothing of the kind.
  void (*adopt)(Json& stored, const std::string& where, Failure&) = nullptr;
  // Takes members without effect out of the key's JSON, so that equal pixels mean equal keys; null:
  // all have one.
  void (*drop_idle)(const SamplerConfig&, Json& key) = nullptr;
};

[[nodiscard]] const std::vector<Sampler>& samplers();
// Null when no sampler is called so.
[[nodiscard]] const Sampler* find_sampler(std::string_view name);
// Of a resolved configuration. Requires: it is one.
[[nodiscard]] const Sampler& row_of(const SamplerConfig& config);

// What every sampler has besides its own options: the training schedule and the spacing.
[[nodiscard]] const std::vector<Option>& shared_options();

}  // namespace isocost::sampling
