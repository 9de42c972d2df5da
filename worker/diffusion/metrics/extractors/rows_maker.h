// Rows of many pictures, which go through an extractor in batches.
//
//   RowsMaker maker(*extractor, 64);
//   for (...) if (auto added = maker.add(input); !added) ...   // one picture, and what it has
//   auto rows = maker.finish();                                // [n, D], in their order
//
// A batch holds neighbours of equal sizes, at most so many. Fails with: what the extractor fails
// with. Thread: one.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "worker/diffusion/metrics/extractors/extractor.h"

namespace isocost::diffusion {

class RowsMaker {
 public:
  // Requires: the extractor outlives it; a batch of one or more.
  RowsMaker(Extractor& extractor, std::size_t batch) : extractor_(extractor), batch_(batch) {}

  // Requires: one picture, with the slots that all others have.
  [[nodiscard]] Result<void> add(RowInput one);
  // Of what was made so far; nothing was while the first batch is not full.
  [[nodiscard]] std::optional<std::int64_t> columns() const;
  // Requires: one picture at least was added.
  [[nodiscard]] Result<at::Tensor> finish();

 private:
  [[nodiscard]] Result<void> flush();

  Extractor& extractor_;
  std::size_t batch_;
  std::vector<RowInput> waiting_;
  std::vector<at::Tensor> rows_;
};

}  // namespace isocost::diffusion
