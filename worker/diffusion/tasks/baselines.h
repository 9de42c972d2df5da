// Pictures that no network draws: the engine's side of schema/tasks/baseline.h.
//
//   BaselineMaker maker(*tasks::find_baseline(spec.task), spec, {vae, items});
//   Result<RowInput> made = maker.make(group);
//
// A group has its items. Fails with: items that lack what the row is made of, or cannot be read; an
// autoencoder whose answers are not finite. Thread: one at a time per object.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "schema/tasks/baseline.h"
#include "worker/diffusion/items/items.h"
#include "worker/diffusion/pipeline/shared_autoencoder.h"
#include "worker/diffusion/tasks/task.h"

namespace isocost::diffusion {

struct BaselineParts {
  std::shared_ptr<SharedAutoencoder> autoencoder;  // where the row has one
  std::shared_ptr<const ItemSet> items;            // of the sample
};

class BaselineMaker {
 public:
  // Requires: the row outlives it.
  BaselineMaker(const tasks::Baseline& row, const SampleSpec& spec, BaselineParts parts)
      : row_(row), size_{spec.height, spec.width}, parts_(std::move(parts)) {}

  // Pictures of spec.height x spec.width.
  [[nodiscard]] Result<RowInput> make(const Group& group);

  // Of all items' targets, pixel by pixel, rounded half up: uint8 [3, H, W]. Computed once.
  [[nodiscard]] Result<at::Tensor> mean();
  [[nodiscard]] PictureSize size() const { return size_; }
  [[nodiscard]] SharedAutoencoder& autoencoder() { return *parts_.autoencoder; }

 private:
  const tasks::Baseline& row_;
  PictureSize size_;
  BaselineParts parts_;
  at::Tensor mean_;
};

// What this engine makes, which a test holds against the table.
[[nodiscard]] std::vector<std::string> engine_baselines();

}  // namespace isocost::diffusion
