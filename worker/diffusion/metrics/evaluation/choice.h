// What a command line says of a metric, as a score's key has it: the metric's row, what makes its
// rows, every option. The same words as a grid's, checked against the same tables.
//
//   auto choice = choose({.metric = "fid", .extractor = "inception.pt", .preset = "clean-fid",
//                         .settings = {"arguments.return_features=true"}});
//
// Fails with every word that fits nothing. Pure but for where the mini family lies. Thread: any.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "schema/metrics/extractor.h"
#include "schema/spec.h"

namespace isocost::diffusion {

struct MetricWords {
  std::string metric;
  // "mini", a path ("mini/clip" is the mini family's), or MEMBER:PATH with a member of a grid's
  // extractor ("clip:models/b32"). Empty: the mini family's own, or what needs no input.
  std::string extractor{};
  std::string preset{};                 // a protocol that the field knows
  std::vector<std::string> settings{};  // "name=value": of the extractor or of the protocol
};

struct MetricChoice {
  const metrics::Metric* metric = nullptr;
  ExtractorSpec extractor;      // without its input; of no kind where nobody said what makes rows
  std::filesystem::path input;  // of the extractor
  Json protocol = Json::object();
};

// `has_rows`: rows are given, so that nothing needs to make them.
[[nodiscard]] Result<MetricChoice> choose(const MetricWords& words, bool has_rows);

}  // namespace isocost::diffusion
