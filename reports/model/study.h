// From cells to what is compared: points with costs, and groups of scores that may be compared with
// each other.
//
//   for (const Study& study : make_studies(load(...)))
//     study.points[i].costs[axis]      study.choice->scores[i]      study.models
//
// There is a study for each task: a name in a grid, what is done, and the data that it is done with
// (data_of). Cells of different tasks or data never meet: not in a group, an envelope, an answer,
// nor in what costs are normalised by. Two scores are compared only if metric, extractor,
// reference, protocol, range of images and all that agree: FID has a bias that depends on n, so
// unequal n are never ranked. `choice` ranks: of the metric that the grid names first, the group
// that covers most cells; `judgement` is the group of finalists, judged on images that `choice` has
// not seen, if there is one. Cells of baselines (schema/tasks/baseline.h) stand beside the task
// whose items they are made of. Pure: equal data give equal studies, whatever the order of the
// rows. Studies share their data; pointers in them stay valid.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reports/model/costs.h"
#include "reports/model/data.h"
#include "schema/tasks/baseline.h"

namespace isocost::report {

struct Metric {
  std::string name;   // fid
  std::string label;  // FID
  bool is_lower_better = true;
  std::string explanation;  // whole sentences
};
// From the table. Requires: it has such a metric.
[[nodiscard]] Metric metric_of(const std::string& name);
// Axes that a point has members of, whatever else a grid has.
[[nodiscard]] bool is_usual_axis(const std::string& name);
// Where the name stands among models or series; their number if it does not.
[[nodiscard]] std::size_t place_of(const std::vector<std::string>& names, const std::string& name);

// A cell as the statistics see it.
struct Point {
  const Cell* cell = nullptr;
  const tasks::Baseline* baseline = nullptr;  // null: a network drew it
  std::string model;                          // empty of a baseline, as all but its series is
  std::string sampler;                        // as the sample names it: "ddim"
  std::string spacing;                        // "trailing", "karras"
  std::string variant;  // values of axes that are none of the usual ones, "" if there are none
  std::string series;   // sampler, spacing and variant as a person reads them: "DDIM trailing"
  std::uint64_t steps = 0;
  double guidance = 1;
  std::vector<std::optional<double>> costs;           // an image, by cost_axes()
  std::vector<std::optional<CostRange>> cost_ranges;  // 95 % interval, where it was measured
};

// Scores that may be compared; scores[i] belongs to points[i], null where there is none.
struct Group {
  Metric metric;
  ScoreSpec spec;         // of any of them
  std::size_t place = 0;  // the first that it has among the metrics of a cell
  std::vector<const Score*> scores;
  std::size_t count = 0;  // of scores with a value
  std::string id;         // short, stable: "fid-1a2b3c4d"
  // Where the study has several groups of its metric over the same images, what tells this one
  // apart: "against coco-val (n = 5000)".
  std::string apart{};

  [[nodiscard]] std::string name() const {
    return apart.empty() ? metric.label : metric.label + " " + apart;
  }
  // "FID here is against coco-val (n = 5000)."; empty where nothing needs to be told.
  [[nodiscard]] std::string told_apart() const {
    return apart.empty() ? std::string() : metric.label + " here is " + apart + ".";
  }
};

struct Study {
  std::shared_ptr<const ReportData> data;
  std::string task;       // as a person reads it: its name in the grid, else what it does
  std::string task_id;    // of letters, digits and hyphens; once a report
  std::string task_row;   // of schema/tasks
  std::string task_kind;  // "super-resolution"
  std::string prompts;    // "sha256:..."
  std::string data_key;   // data_of() its cells
  int height = 0, width = 0;
  std::vector<Point> points;        // as data->cells, those of the task that a network drew
  std::vector<Point> baselines;     // and those that none did: in no group, envelope or answer
  std::vector<std::string> models;  // by cost of a call
  std::vector<std::string> series;  // by sampler, spacing, variant
  std::string normalised_by;        // the model whose call costs 1
  std::vector<Group> groups;        // by metric, then coverage
  const Group* choice = nullptr;    // null: nothing was scored yet
  const Group* judgement = nullptr;

  // A score of the group's metric, protocol and images; null where the point has none.
  [[nodiscard]] static const Score* score_of(const Point& point, const Group& group);
  // The group of another metric over the same images as `group`, or null.
  [[nodiscard]] const Group* companion(const Group& group, const std::string& metric) const;
  [[nodiscard]] std::string input_name(const std::string& input) const;
};

// In the order in which the experiments' cells name the tasks; none where there is no cell.
[[nodiscard]] std::vector<Study> make_studies(const std::shared_ptr<const ReportData>& data);

}  // namespace isocost::report
