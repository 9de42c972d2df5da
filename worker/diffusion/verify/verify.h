// Compares this engine with a reference, item by item: `isocost-worker verify`.
//
//   Result<VerifyReport> report = verify({.model = "model", .reference = "model/golden"});
//
// A run is replayed, not resampled: the stored noise goes in, the stored latents are compared.
// Tolerances come from the reference alone. Fails with: the model or the reference cannot be read.
// What is wrong with one item is in the report. Thread: one.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "worker/diffusion/models/load.h"

namespace isocost::diffusion {

struct VerifyOptions {
  std::filesystem::path model;
  std::filesystem::path reference;  // empty: model/golden
  std::string run;                  // one unit or run by its id; empty: all
  at::Device device = at::kCPU;
};

struct Comparison {
  std::string item;  // the unit's or run's id
  std::string output;
  double difference = 0;
  double tolerance = 0;
  bool is_within = false;
};

struct VerifyReport {
  std::vector<Comparison> comparisons;
  std::vector<Error> faults;     // items whose inputs or outputs do not fit
  std::vector<Error> not_built;  // where: the item; what: the sampler or task that it needs
  TensorMap computed;            // under the reference's own names

  // 0: all within; 1: something is outside or at fault; 2: something is not built yet.
  [[nodiscard]] int exit_code() const;
};

[[nodiscard]] Result<VerifyReport> verify(const VerifyOptions& options);

// Writes `computed` as safetensors.
void write_tensors(const std::filesystem::path& file, const TensorMap& tensors);

}  // namespace isocost::diffusion
