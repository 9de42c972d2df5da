#include "coordinator/core/estimate.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace isocost::core {
namespace {

// Rows of the mini family's features; a user's extractor may be wider.
constexpr double kRowBytes = 64 * 4.0;
// A PNG of a generated picture is a little smaller than half its pixels' bytes.
constexpr double kPictureBytesAPixel = 1.3;

using CellsBySample = std::map<SampleId, const CellRequest*>;

// A cell of each sample, the first.
CellsBySample cells_by_sample(const Submission& submission, const SubmissionPlan& plan) {
  CellsBySample cells;
  for (std::size_t i = 0; i < submission.cells.size(); ++i)
    cells.emplace(plan.cells[i].sample, &submission.cells[i]);
  return cells;
}

}  // namespace

Estimate estimate(const Submission& submission, const SubmissionPlan& plan) {
  Estimate result;
  result.cells = submission.cells.size();
  result.images_wanted = plan.images_wanted;
  result.images_new = plan.images_new;
  result.images_queued = plan.images_queued;
  result.units_new = plan.units.size();
  const CellsBySample by_sample = cells_by_sample(submission, plan);
  for (const NewUnit& unit : plan.units) {
    if (unit.kind == UnitKind::kReference) ++result.reference_units;
    if (unit.kind == UnitKind::kScore) ++result.score_units;
    if (unit.kind != UnitKind::kGenerate) continue;
    ++result.generate_units;
    result.gflops += unit.gflops;
    const CellRequest& request = *by_sample.at(*unit.sample);
    const auto images = static_cast<double>(unit.range.size());
    result.network_calls += images * static_cast<double>(request.cost.calls_per_image);
    const double kept = std::clamp(
        static_cast<double>(request.keep_pictures) - static_cast<double>(unit.range.begin), 0.0,
        images);
    result.bytes +=
        images * kRowBytes * static_cast<double>(std::max<std::size_t>(request.scores.size(), 1));
    result.bytes += kept * kPictureBytesAPixel * request.sample.height * request.sample.width;
  }
  return result;
}

double seconds_of(const Submission& submission, const SubmissionPlan& plan,
                  const WorkerSpeed& speed) {
  const CellsBySample by_sample = cells_by_sample(submission, plan);
  double seconds = 0;
  for (const NewUnit& unit : plan.units) {
    const Speeds::Work work{.kind = unit.kind, .affinity = unit.affinity, .gflops = unit.gflops};
    if (speed.device == nullptr || unit.kind != UnitKind::kGenerate) {
      seconds += speed.seen.seconds(work, speed.gflops_per_second);
      continue;
    }
    const CellRequest& cell = *by_sample.at(*unit.sample);
    const double rate = devices::gflops_per_second(*speed.device, cell.sample.dtype);
    const double groups =
        std::ceil(static_cast<double>(unit.range.size()) / std::max(1, cell.sample.group_size));
    const double starts =
        groups * static_cast<double>(cell.cost.steps_calls) * devices::kCallSecondsMin;
    seconds += std::max(speed.seen.seconds(work, rate), starts);
  }
  return seconds;
}

Json to_json(const Estimate& estimate) {
  return {{"cells", estimate.cells},
          {"images_wanted", estimate.images_wanted},
          {"images_new", estimate.images_new},
          {"images_queued", estimate.images_queued},
          {"images_there", estimate.images_there()},
          {"units_new", estimate.units_new},
          {"generate_units", estimate.generate_units},
          {"reference_units", estimate.reference_units},
          {"score_units", estimate.score_units},
          {"network_calls", estimate.network_calls},
          {"gflops", estimate.gflops},
          {"gigabytes", estimate.bytes * 1e-9}};
}

}  // namespace isocost::core
