// The finalists' grid: the best points of a study, to be judged on images that were not used to
// choose them.
//
//   auto text = select_grid(grid_text, judged, {.metric = "fid", .per = {"model", "steps"},
//                                               .top = 2, .images = 4096}, *catalog);
//
// Choosing the lowest of k noisy values and reporting that value flatters it; the grid written here
// extends the same cells (their images are reused) and judges them from `judge_from` on. The value
// that chose a point stands beside it as a comment. Thread: the catalog's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "experiments/grid/catalog.h"
#include "schema/metrics/metric.h"

namespace isocost::experiments {

struct JudgedPoint {
  Json labels;
  double value = 0;
  std::uint64_t judged_to = 0;  // images up to here were used to judge it
};

struct SelectOptions {
  std::string metric = metrics::metrics().front().name;
  std::vector<std::string> per =
      {};  // the best within each combination of these axes; none: over all
  std::size_t top = 1;
  std::uint64_t images = 0;  // of each finalist
  std::string command = {};  // how it was asked for, written into the file
  // Where the submitted grid lies and where this one will: names of files are rewritten when the
  // two differ.
  std::filesystem::path grid_folder = ".";
  std::filesystem::path out_folder = ".";
};

// The catalog resolves names as the submitted grid does: that of its folder. Fails with: an axis
// that the points do not have, no judged points, images that leave none to judge by, a model that
// the grid's folder does not hold, tasks that would be compared with each other.
[[nodiscard]] Result<std::string> select_grid(const std::string& grid_text,
                                              const std::vector<JudgedPoint>& points,
                                              const SelectOptions& options, Catalog& catalog);

}  // namespace isocost::experiments
