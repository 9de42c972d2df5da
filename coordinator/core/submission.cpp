#include "coordinator/core/submission.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "coordinator/core/cover.h"
#include "schema/units/kind.h"

namespace isocost::core {
namespace {

constexpr std::uint64_t kReferencePictures = 1000;  // where a reference does not say how many
constexpr std::uint64_t kReferencePicturesMax =
    1'000'000'000;  // priced; the unit itself reads what is there

constexpr std::size_t kScoreTextsMax = 16;
constexpr double kUnitsMax = 10'000'000;               // of one submission
constexpr std::uint64_t kUnitImagesMax = 1ULL << 32U;  // so that no sum of image numbers overflows

// As far as the reference says.
std::uint64_t pictures_of(const ReferenceSpec& reference) {
  const auto count = reference.options.find("count");
  if (count == reference.options.end() || !count->is_number_unsigned()) return kReferencePictures;
  return std::clamp<std::uint64_t>(count->get<std::uint64_t>(), 1, kReferencePicturesMax);
}

// About as many as it would take were nothing there.
double units_of(const Submission& submission, const CellRequest& cell) {
  const auto size = static_cast<double>(std::max<std::uint64_t>(submission.unit_images, 1));
  return std::ceil(static_cast<double>(cell.images.end) / size) +
         static_cast<double>(cell.scores.size());
}

void check_cell(const Submission& submission, std::size_t number, Failure& failure) {
  const CellRequest& cell = submission.cells[number];
  const std::string where = "cells[" + std::to_string(number) + "]";
  const auto group = static_cast<std::uint64_t>(cell.sample.group_size);
  if (submission.unit_images == 0 || submission.unit_images > kUnitImagesMax ||
      submission.unit_images % group != 0)
    failure.add(where, "unit_images is " + std::to_string(submission.unit_images),
                "a multiple of the group size " + std::to_string(group));
  for (const ScoreSpec& score : cell.scores) {
    if (score.range.end > cell.images.end || score.range.size() == 0)
      failure.add(where + "." + score.metric, "judges images that the cell does not have",
                  "a range within [0, " + std::to_string(cell.images.end) + "]");
    if (!score.reference.empty() && !submission.references.contains(score.reference))
      failure.add(where + "." + score.metric, "the reference " + score.reference + " is missing",
                  "one of the submission's references");
  }
}

Failure faults_of(const Submission& submission) {
  Failure failure;
  try {
    static_cast<void>(Json({submission.axes, submission.input_names, submission.name}).dump());
  } catch (const Json::type_error&) {
    failure.add("names", "one of an axis or an input is not UTF-8", "names in UTF-8");
  }
  double units = 0;
  for (std::size_t i = 0; i < submission.cells.size(); ++i) {
    check_cell(submission, i, failure);
    units += units_of(submission, submission.cells[i]);
  }
  if (units > kUnitsMax)
    failure.add("cells", "they take about " + number_shown(units) + " units",
                "at most " + number_shown(kUnitsMax) + ": fewer cells or images, or larger units");
  return failure;
}

// What of that which exists a plan uses: its failed units, those that it takes up again, and the
// images that are queued already.
class Uses {
 public:
  Uses(const Existing& existing, SubmissionPlan& plan) : existing_(existing), plan_(plan) {}

  void use(const ExistingGenerate& unit) {
    use(unit.id, unit.state);
    const bool is_there = unit.state == UnitState::kDone || unit.state == UnitState::kFailed;
    const bool is_new = static_cast<std::int64_t>(unit.id) >= existing_.next.unit;
    if (!is_there && !is_new && queued_.insert(unit.id).second)
      plan_.images_queued += unit.range.size();
  }

  // A unit that exists (or was just planned) serves this submission.
  void use(UnitId unit, UnitState state) {
    switch (state) {
      case UnitState::kDone:
      case UnitState::kOpen:
        return;
      case UnitState::kFailed:
        plan_.failed.insert(unit);
        return;
      case UnitState::kCancelled:
        revive(unit);
        return;
    }
  }

 private:
  void revive(UnitId unit) {
    if (!plan_.revived.insert(unit).second) return;
    if (auto it = existing_.cancelled_needs.find(unit); it != existing_.cancelled_needs.end())
      for (UnitId needed : it->second) revive(needed);
  }

  const Existing& existing_;
  SubmissionPlan& plan_;
  std::set<UnitId> queued_;  // whose images are counted
};

// Keys and canonical texts of what cells share, computed once.
class Texts {
 public:
  // Computed once an extractor.
  const Digest& key_of(const ExtractorSpec& extractor) {
    for (const KnownExtractor& known : extractors_)
      if (known.spec == extractor) return known.key;
    return extractors_.emplace_back(KnownExtractor{extractor, extractor_key(extractor)}).key;
  }

  // The canonical text of a score. Cells share a handful of them: those last seen are at hand.
  const std::string& text_of(const ScoreSpec& score) {
    for (const auto& [spec, text] : score_texts_)
      if (spec == score) return text;
    if (score_texts_.size() == kScoreTextsMax) score_texts_.pop_back();
    return score_texts_.emplace_front(score, canonical(to_json(score))).second;
  }

 private:
  struct KnownExtractor {
    ExtractorSpec spec;
    Digest key;
  };
  std::deque<KnownExtractor> extractors_;  // a handful
  std::deque<std::pair<ScoreSpec, std::string>> score_texts_;
};

class Planner {
 public:
  Planner(const Submission& submission, const Existing& existing, int priority)
      : submission_(submission), existing_(existing), next_(existing.next) {
    plan_.name = submission.name;
    plan_.grid = submission.grid;
    plan_.axes = submission.axes;
    plan_.priority = priority;
    plan_.input_names = submission.input_names;
    for (const auto& [name, unused] : submission.blobs) plan_.blobs.push_back(name);
    plan_.is_new_experiment = !existing.experiment;
    plan_.experiment = existing.experiment ? *existing.experiment : ExperimentId{next_.experiment};
  }

  Result<SubmissionPlan> run() {
    failure_ = faults_of(submission_);
    if (!failure_.is_empty()) return fail(std::move(failure_));
    for (const CellRequest& cell : submission_.cells) plan_cell(cell);
    if (!failure_.is_empty()) return fail(std::move(failure_));
    return std::move(plan_);
  }

 private:
  struct Sample {
    Digest key{};
    ExistingSample known;  // grows with what is planned
    std::uint64_t images = 0;
  };

  void plan_cell(const CellRequest& cell) {
    const std::string spec = canonical(to_json(cell.sample));
    Sample& sample = find_sample(cell, spec);
    if (cell.images.end > sample.images) {
      plan_.images_wanted += cell.images.end - sample.images;
      sample.images = cell.images.end;
    }
    plan_images(cell, sample);
    CellRow row{.number = static_cast<std::int64_t>(plan_.cells.size()),
                .sample = sample.known.id,
                .labels = text_of_labels(cell.labels),
                .images = cell.images.end,
                .keep_pictures = cell.keep_pictures,
                .scores = {}};
    for (const ScoreSpec& score : cell.scores) {
      const ScoreId id = plan_score(score, sample);
      if (std::find(row.scores.begin(), row.scores.end(), id) == row.scores.end())
        row.scores.push_back(id);
    }
    plan_.cells.push_back(std::move(row));
  }

  // A label may be a file's name, which need not be a text.
  std::string text_of_labels(const Json& labels) {
    try {
      return labels.dump();
    } catch (const Json::type_error&) {
      const std::string shown = labels.dump(-1, ' ', false, Json::error_handler_t::replace);
      failure_.add("labels", shown.substr(0, 200) + " is not UTF-8", "names in UTF-8");
      return {};
    }
  }

  // `spec` is the canonical text of the cell's sample.
  Sample& find_sample(const CellRequest& cell, const std::string& spec) {
    const Digest key = sha256(spec);  // as sample_key does
    if (auto it = samples_.find(key); it != samples_.end()) return it->second;
    Sample sample;
    sample.key = key;
    if (auto it = existing_.samples.find(key); it != existing_.samples.end()) {
      sample.known = it->second;
    } else {
      sample.known.id = SampleId{next_.sample++};
      plan_.samples.push_back(
          {.id = sample.known.id, .key = key, .spec = spec, .cost = canonical(to_json(cell.cost))});
    }
    return samples_.emplace(key, std::move(sample)).first->second;
  }

  // Generate units for what the cell's images lack.
  void plan_images(const CellRequest& cell, Sample& sample) {
    const auto group = static_cast<std::uint64_t>(cell.sample.group_size);
    std::map<Output, const ExtractorSpec*> extractors;
    std::map<Output, std::vector<ImageRange>> missing;
    const auto want = [&](const Output& output, ImageRange range) {
      const Cover covered = cover(
          sample.known, range, [&](const ExistingGenerate& unit) { return gives(unit, output); });
      for (const ExistingGenerate* unit : covered.units) uses_.use(*unit);
      for (ImageRange gap : covered.missing)
        missing[output].push_back({aligned_down(gap.begin, group), aligned_up(gap.end, group)});
    };
    want({}, cell.images);
    for (const ScoreSpec& score : cell.scores) {
      const Output key = texts_.key_of(score.extractor);
      extractors.emplace(key, &score.extractor);
      want(key, score.range);
    }
    const std::uint64_t kept = std::min(cell.keep_pictures, cell.images.end);
    const Cover pictures = cover(sample.known, {0, kept}, [&](const ExistingGenerate& unit) {
      return unit.keep_pictures >= std::min(kept, unit.range.end);
    });
    for (const ExistingGenerate* unit : pictures.units) uses_.use(*unit);

    std::vector<ImageRange> dark;  // without their pictures
    dark.reserve(pictures.missing.size());
    for (ImageRange gap : pictures.missing)
      dark.push_back({aligned_down(gap.begin, group), aligned_up(gap.end, group)});
    for (const auto& [range, outputs] : segments(missing, dark)) {
      std::vector<ExtractorSpec> wanted;
      for (const Output& output : outputs)
        if (output) wanted.push_back(*extractors.at(output));
      cut(cell, sample, range, std::move(wanted), overlaps(dark, range) ? kept : 0);
    }
  }

  // Pieces end at multiples of unit_images, so that the cut does not depend on where work began.
  // `extractors` by their keys.
  void cut(const CellRequest& cell, Sample& sample, ImageRange range,
           std::vector<ExtractorSpec> extractors, std::uint64_t kept) {
    const std::uint64_t size = submission_.unit_images;
    UnitBody body = GenerateUnit{cell.sample, {}, std::move(extractors), 0};
    auto& unit = std::get<GenerateUnit>(body);
    for (std::uint64_t begin = range.begin; begin < range.end;) {
      const std::uint64_t end = std::min(range.end, aligned_down(begin, size) + size);
      unit.range = {begin, end};
      unit.keep_pictures = begin < kept ? kept : 0;
      add_generate(body, cell.cost, sample);
      begin = end;
    }
  }

  void add_generate(const UnitBody& body, const CellCost& cost, Sample& sample) {
    const auto& unit = std::get<GenerateUnit>(body);
    const units::Kind& kind = units::row_of(UnitKind::kGenerate);
    std::vector<Digest> extractors;
    std::vector<std::string> ids;
    for (const ExtractorSpec& extractor : unit.extractors) {
      extractors.push_back(texts_.key_of(extractor));
      ids.push_back(extractors.back().hex());
      if (!plan_.extractors.contains(extractors.back()))
        plan_.extractors.emplace(extractors.back(), canonical(to_json(extractor)));
    }
    const std::set<std::string> inputs = kind.inputs(body);
    const auto unet = unit.sample.inputs.find("unet");
    const UnitId id =
        add_unit({.id = {},
                  .name = generate_unit_name(sample.key, unit.range, unit.keep_pictures, ids),
                  .kind = kind.kind,
                  .sample = sample.known.id,
                  .range = unit.range,
                  .keep_pictures = unit.keep_pictures,
                  .extractors = extractors,
                  .gflops = kind.price(unit.range.size(), cost),
                  .affinity = unet == unit.sample.inputs.end() ? "" : unet->second,
                  .memory_bytes = cost.weight_bytes,
                  .inputs = {inputs.begin(), inputs.end()},
                  .needs = {}});
    plan_.images_new += unit.range.size();
    sample.known.units.push_back({.id = id,
                                  .state = UnitState::kOpen,
                                  .range = unit.range,
                                  .extractors = {extractors.begin(), extractors.end()},
                                  .keep_pictures = unit.keep_pictures});
  }

  ScoreId plan_score(const ScoreSpec& score, Sample& sample) {
    const std::string& spec = texts_.text_of(score);
    const Digest score_name = score_key(sample.key, spec);
    if (auto it = planned_scores_.find(score_name); it != planned_scores_.end()) return it->second;
    if (auto it = existing_.scores.find(score_name); it != existing_.scores.end()) {
      uses_.use(it->second.unit.id, it->second.unit.state);
      return planned_scores_[score_name] = it->second.id;
    }
    std::set<UnitId> needs;
    const Output rows = texts_.key_of(score.extractor);
    for (const ExistingGenerate* unit :
         cover(sample.known, score.range, [&](const ExistingGenerate& u) {
           return gives(u, rows);
         }).units) {
      needs.insert(unit->id);
      uses_.use(*unit);
    }
    if (!score.reference.empty()) needs.insert(plan_reference(score.reference));
    const units::Kind& kind = units::row_of(UnitKind::kScore);
    const UnitId unit_id = add_unit({.id = {},
                                     .name = score_unit_name(score_name),
                                     .kind = kind.kind,
                                     .sample = sample.known.id,
                                     .range = score.range,
                                     .keep_pictures = 0,
                                     .extractors = {},
                                     .gflops = kind.price(score.range.size(), {}),
                                     .affinity = {},
                                     .memory_bytes = 0,
                                     .inputs = {},
                                     .needs = {needs.begin(), needs.end()}});
    const ScoreId score_id{next_.score++};
    plan_.scores.push_back({.id = score_id,
                            .key = score_name,
                            .sample = sample.known.id,
                            .spec = spec,
                            .unit = unit_id});
    return planned_scores_[score_name] = score_id;
  }

  UnitId plan_reference(const std::string& hex) {
    if (auto it = planned_references_.find(hex); it != planned_references_.end()) return it->second;
    const ReferenceSpec& spec = submission_.references.at(hex);
    const Digest key = reference_key(spec);
    if (auto it = existing_.references.find(key); it != existing_.references.end()) {
      uses_.use(it->second.id, it->second.state);
      return planned_references_[hex] = it->second.id;
    }
    const units::Kind& kind = units::row_of(UnitKind::kReference);
    const std::set<std::string> inputs = kind.inputs(ReferenceUnit{spec});
    const UnitId id = add_unit({.id = {},
                                .name = reference_unit_name(key),
                                .kind = kind.kind,
                                .sample = {},
                                .range = {},
                                .keep_pictures = 0,
                                .extractors = {},
                                .gflops = kind.price(pictures_of(spec), {}),
                                .affinity = {},
                                .memory_bytes = 0,
                                .inputs = {inputs.begin(), inputs.end()},
                                .needs = {}});
    plan_.references.push_back({.key = key, .spec = canonical(to_json(spec)), .unit = id});
    return planned_references_[hex] = id;
  }

  UnitId add_unit(NewUnit unit) {
    unit.id = UnitId{next_.unit++};
    plan_.units.push_back(std::move(unit));
    return plan_.units.back().id;
  }

  const Submission& submission_;
  const Existing& existing_;
  Existing::Next next_;
  SubmissionPlan plan_;
  Uses uses_{existing_, plan_};
  Texts texts_;
  Failure failure_;
  std::map<Digest, Sample> samples_;
  std::map<Digest, ScoreId> planned_scores_;
  std::map<std::string, UnitId> planned_references_;  // by the hex of its key
};

}  // namespace

Result<SubmissionPlan> plan_submission(const Submission& submission, const Existing& existing,
                                       int priority) {
  return Planner(submission, existing, priority).run();
}

}  // namespace isocost::core
