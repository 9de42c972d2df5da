// Metrics of a cell's images: rows of features in, a value with its uncertainty out.
//
//   auto values = score("fid", {.rows = rows, .reference = &reference, .protocol = protocol});
//   if (!values) return fail(values.error());
//   double fid = values->at("value"), low = values->at("low"), high = values->at("high");
//
// A metric is a function in a table; docs/adding.md adds one.
// What each computes, what its interval covers, and every member of its protocol stand in
// docs/metrics.md. Rows are in the order of the images: [n, D] float32 or float64 on the CPU.
// A score depends on nothing else: what it draws is decided by its protocol's `seed`, the same for
// all cells, so that differences of cells can be taken draw by draw. Fails with: an unknown metric,
// protocol members that are unknown or out of range, a reference missing or of another width, too
// few images, rows that are not finite. Thread: any; uses as many threads as LibTorch is set to.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "worker/diffusion/metrics/reference.h"

namespace isocost::diffusion {

struct ScoreInput {
  at::Tensor rows;
  const Reference* reference = nullptr;
  Json protocol = Json::object();
};

// {"value", "low", "high", "n", "interval": {"method", "level", ...}, "notes": [...]} and what the
// metric adds.
[[nodiscard]] Result<Json> score(const std::string& metric, const ScoreInput& input);

// What this engine computes, which a test holds against schema/metrics.
[[nodiscard]] std::vector<std::string> computed_metrics();

}  // namespace isocost::diffusion
