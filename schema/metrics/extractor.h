// A row of the table of extractors: what turns pictures into the rows that metrics reduce. The
// engine has a loader under the same name (worker/diffusion/metrics/extractors).
//
// Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/metrics/metric.h"

namespace isocost::metrics {

struct Extractor {
  std::string kind;   // in keys and the database: do not change
  Rows rows = Rows::kFeatures;
  std::string input;  // what its input is, for people: "a CLIP folder"
  std::string mini;   // the mini family's own, which `mini` stands for; empty: it has none
  // In a grid: the member that names the input, as in {torchscript: FILE, resize: clean}; empty:
  // the mini family's alone.
  std::string member;
  std::vector<Option> options;
  // An option `arguments`, {name: true | false | number}, handed to the network.
  bool takes_arguments = false;
};

[[nodiscard]] const std::vector<Extractor>& extractors();
[[nodiscard]] const Extractor* find_extractor(std::string_view kind);
// The kind that makes such rows of an input which a grid names by `member` ("torchscript", "clip",
// "mini"). Null: none does.
[[nodiscard]] const Extractor* extractor_for(Rows rows, std::string_view member);

}  // namespace isocost::metrics
