#include "schema/metrics/metric.h"

namespace isocost::metrics {

#define ISOCOST_ROW(name) Metric name##_row();
#include "schema/metrics/rows.inc"
#undef ISOCOST_ROW

const std::vector<Metric>& metrics() {
#define ISOCOST_ROW(name) name##_row(),
  static const std::vector<Metric> kRows = {
#include "schema/metrics/rows.inc"
  };
#undef ISOCOST_ROW
  return kRows;
}

const Metric* find_metric(std::string_view name) {
  for (const auto& row : metrics())
    if (row.name == name) return &row;
  return nullptr;
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const auto& row : metrics()) names.push_back(row.name);
  return names;
}

}  // namespace isocost::metrics
