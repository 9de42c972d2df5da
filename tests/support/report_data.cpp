#include "tests/support/report_data.h"

#include <algorithm>
#include <utility>

namespace isocost::testing {

ReportDataBuilder& ReportDataBuilder::cell(const CellLine& line) {
  const auto& experiments = data_.experiments;
  if (std::none_of(experiments.begin(), experiments.end(),
                   [&](const auto& e) { return e.name == line.experiment; }))
    data_.experiments.push_back({line.experiment,
                                 "axes:\n  model: [<small>]\n",
                                 {"model", "sampler", "steps", "guidance"}});
  if (data_.references.empty())
    data_.references.push_back(
        {sha256("reference").hex(), {"folder", sha256("pictures").name(), {}, {{"count", 4096U}}}});
  report::Cell cell;
  cell.experiment = line.experiment;
  cell.number = static_cast<std::uint64_t>(
      std::count_if(data_.cells.begin(), data_.cells.end(),
                    [&](const auto& c) { return c.experiment == line.experiment; }));
  cell.labels = {{"model", line.model},
                 {"sampler", line.sampler},
                 {"steps", line.steps},
                 {"guidance", line.guidance}};
  if (!line.task.empty()) cell.labels["task"] = line.task;
  SampleSpec sample;
  sample.task = line.method;
  sample.inputs = {{"unet", sha256(line.model).name()}};
  sample.sampler = {
      {"sampler", line.sampler}, {"steps", line.steps}, {"timestep_spacing", line.spacing}};
  sample.guidance = line.guidance;
  sample.prompts = sha256(line.prompts).name();
  if (!line.baseline.empty()) {
    cell.labels = {{"baseline", line.baseline}};
    if (!line.task.empty()) cell.labels["task"] = line.task;
    sample.task = line.baseline;
    sample.parameters = {{"task", line.method}};
    sample.inputs.clear();
    sample.sampler = Json::object();
    sample.guidance = 1;
  }
  const Digest key = sample_key(sample);
  cell.sample_key = key.hex();
  cell.guidance = line.guidance;
  cell.sample = std::move(sample);
  if (line.baseline.empty())
    cell.cost = {.calls_per_image = line.steps * (line.guidance == 1 ? 1 : 2),
                 .steps_calls = line.steps,
                 .gflops_per_call = line.gflops_per_call,
                 .gflops_decode = 0.5,
                 .gflops_text = 0.25,
                 .parameters = 1000,
                 .weight_bytes = 4000};
  cell.images = line.images.end;
  cell.state = CellState::kDone;
  const auto add_score = [&](const std::string& metric, double value, double half) {
    report::Score score;
    ScoreSpec spec = {metric,
                      {"mini-features", sha256("features").name(), Json::object()},
                      sha256("reference").hex(),
                      line.images,
                      Json::object()};
    score.key = score_key(key, spec);
    score.spec = std::move(spec);
    score.place = cell.scores.size();
    score.value = value;
    if (half > 0) score.low = value - half, score.high = value + half;
    score.n = line.images.size();
    cell.scores.push_back(std::move(score));
  };
  add_score(line.metric, line.fid, line.half);
  for (const auto& [metric, value] : line.more) add_score(metric, value, line.half);
  if (line.seconds_per_image > 0) {
    cell.measured.images = line.images.end;
    cell.measured.seconds = line.seconds_per_image * static_cast<double>(line.images.end);
    cell.measured.times = {{cell.measured.seconds, line.images.end}};
    cell.measured.devices = {"cpu"};
    cell.measured.device_classes = {"one thread"};
  }
  if (!line.unit_seconds.empty()) {
    cell.measured = {};
    for (const double seconds : line.unit_seconds) {
      cell.measured.times.push_back({seconds, 256});
      cell.measured.seconds += seconds;
      cell.measured.images += 256;
    }
    cell.measured.devices = {"cpu"};
    cell.measured.device_classes = {"one thread"};
  }
  data_.cells.push_back(std::move(cell));
  return *this;
}

report::Study make_study(report::ReportData data) {
  auto shared = std::make_shared<const report::ReportData>(std::move(data));
  auto studies = report::make_studies(shared);
  if (!studies.empty()) return std::move(studies.front());
  report::Study study;
  study.data = std::move(shared);
  return study;
}

}  // namespace isocost::testing
