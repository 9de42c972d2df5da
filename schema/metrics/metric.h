// A row of the table of metrics: everything about a metric that needs no LibTorch. The engine has a
// function under the same name that reduces rows (worker/diffusion/metrics).
//
// To add one called a_b: a_b.cpp here with `Metric a_b_row()`, its word in CMakeLists.txt, and the
// same in the engine; docs/adding.md walks through it. Pure, any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "schema/metrics/rows.h"
#include "schema/options.h"

namespace isocost::metrics {

// No value is none: a metric without a direction cannot exist.
enum class Direction : int { kLowerIsBetter = 1, kHigherIsBetter = 2 };

// What a metric compares with.
enum class ReferenceNeed : int {
  kNone = 0,
  kStatistics = 1,  // mean and covariance of a data set's rows; a ready npz will do
  kRows = 2,        // the rows themselves
};

// Settings under a name that the field knows: what a protocol called `name` stands for.
struct Preset {
  std::string name;
  std::string meaning;                      // a sentence for the docs, without its full stop
  Json extractor_options = Json::object();  // of the extractor that they are about
  Json protocol = Json::object();
};

struct Metric {
  Metric(std::string metric_name, std::string metric_label, Direction metric_direction)
      : name(std::move(metric_name)), label(std::move(metric_label)), direction(metric_direction) {}

  std::string name;   // in grids, keys and the database: do not change
  std::string label;  // for people
  Direction direction;
  std::string unit;                                         // empty: a bare number
  std::string explanation;                                  // whole sentences, for reports and docs
  std::string paper;                                        // where it is defined
  std::string same_as;                                      // whose numbers it gives
  double least = -std::numeric_limits<double>::infinity();  // what a value can be
  double most = std::numeric_limits<double>::infinity();
  // Of equal pictures it has no end: its value is then null, with their number as "infinite".
  bool may_be_infinite = false;
  Rows rows = Rows::kFeatures;
  ReferenceNeed reference = ReferenceNeed::kNone;
  // The fewest images that it judges; of a reference of rows as many pictures are needed.
  std::uint64_t images_min = 2;
  // More than that, where a protocol says so. Null: none does. Requires: the whole protocol.
  std::uint64_t (*images_of)(const Json& protocol) = nullptr;
  // What of the protocol a user may say.
  std::vector<Option> protocol;
  std::vector<Preset> presets;

  // What it must have of each image beside the picture itself.
  [[nodiscard]] const std::vector<tasks::Slot>& needs() const { return rows_kind(rows).needs; }
  [[nodiscard]] bool is_lower_better() const { return direction == Direction::kLowerIsBetter; }
  [[nodiscard]] std::uint64_t images_for(const Json& whole_protocol) const {
    return std::max(images_min, images_of == nullptr ? 0 : images_of(whole_protocol));
  }
};

[[nodiscard]] const std::vector<Metric>& metrics();
// Null when no metric is called so.
[[nodiscard]] const Metric* find_metric(std::string_view name);
[[nodiscard]] std::vector<std::string> metric_names();

}  // namespace isocost::metrics
