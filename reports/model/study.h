// From cells to what is compared: points with costs, and groups of scores that may be compared with
// each other.
//
//   const Study study = make_study(load(...));
//   study.points[i].costs[axis]      study.choice->scores[i]      study.models
//
// Two scores are compared only if metric, extractor, reference, protocol, range of images, task,
// prompts and picture size agree: FID has a bias that depends on n, so unequal n are never ranked.
// `choice` is the group that covers most cells; `judgement` is the group of finalists, judged on
// images that `choice` has not seen, if there is one. Pure: equal data give an equal study,
// whatever the order of the rows. Owns its data; pointers in it stay valid.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reports/model/data.h"

namespace isocost::report {

struct Metric {
  std::string name;   // fid
  std::string label;  // FID
  bool is_lower_better = true;
  std::string explanation;  // whole sentences
};
// From the table. Requires: it has such a metric.
[[nodiscard]] Metric metric_of(const std::string& name);
// Where the name stands among models or series; their number if it does not.
[[nodiscard]] std::size_t place_of(const std::vector<std::string>& names, const std::string& name);

// What a picture costs, in one of several currencies; `column` is its name in every table.
struct CostAxis {
  std::string column;
  std::string label;  // as a figure's axis says it
  std::string unit;   // as a sentence says it, after a number
  std::string explanation;
  bool is_measured = false;
};
[[nodiscard]] const std::vector<CostAxis>& cost_axes();
inline constexpr std::size_t kGflopsAxis = 0;  // network calls with guidance's second one
inline constexpr std::size_t kSecondsAxis = 3;

// A cell as the statistics see it.
struct Point {
  const Cell* cell = nullptr;
  std::string model;
  std::string sampler;  // as the sample names it: "ddim"
  std::string spacing;  // "trailing", "karras"
  std::string variant;  // values of axes that are none of the usual ones, "" if there are none
  std::string series;   // sampler, spacing and variant as a person reads them: "DDIM trailing"
  std::uint64_t steps = 0;
  double guidance = 1;
  std::vector<std::optional<double>> costs;  // an image, by cost_axes()
};

// Scores that may be compared; scores[i] belongs to points[i], null where there is none.
struct Group {
  Metric metric;
  ScoreSpec spec;  // of any of them
  std::string task, prompts;
  int height = 0, width = 0;
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
  std::unique_ptr<const ReportData> data;
  std::vector<Point> points;        // as data->cells
  std::vector<std::string> models;  // by cost of a call
  std::vector<std::string> series;  // by sampler, spacing, variant
  std::string normalised_by;        // the model whose call costs 1
  std::vector<Group> groups;        // by metric, then coverage
  const Group* choice = nullptr;    // null: nothing was scored yet
  const Group* judgement = nullptr;

  // The group of another metric over the same images as `group`, or null.
  [[nodiscard]] const Group* companion(const Group& group, const std::string& metric) const;
  [[nodiscard]] std::string input_name(const std::string& input) const;
};

[[nodiscard]] Study make_study(ReportData data);

}  // namespace isocost::report
