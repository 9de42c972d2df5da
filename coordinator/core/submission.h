// From a submission and what exists to what is new: rows to insert, units to compute.
//
//   Existing existing = store.existing(submission);
//   Result<SubmissionPlan> plan = plan_submission(submission, existing);
//   plan->units                      // only what is missing; `isocost plan` prices exactly these
//
// Images that exist or are under way are reused however their units were cut; an extractor that is
// missing on existing images costs a unit with this output alone; a known score costs nothing.
// New units begin and end at multiples of the group size (the last group is computed whole anyway)
// and are cut at multiples of unit_images. Same arguments, same plan. Pure, any thread.
//
// Invariants of a plan:
//   1. Ids are those from Existing::next on, without gaps, in order of the rows.
//   2. Every unit of `needs` is in the plan or in `existing`.
//   3. A score's needs cover its range with rows of its extractor.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/core/types.h"

namespace isocost::core {

struct ExistingUnit {
  UnitId id{};
  UnitState state = UnitState::kOpen;
};
struct ExistingGenerate {
  UnitId id{};
  UnitState state = UnitState::kOpen;
  ImageRange range;
  std::set<Digest> extractors;  // keys
  std::uint64_t keep_pictures = 0;
};
struct ExistingSample {
  SampleId id{};
  std::vector<ExistingGenerate> units;  // by range
};
struct ExistingScore {
  ScoreId id{};
  ExistingUnit unit;
};

// What the database holds of the things that a submission names.
struct Existing {
  std::optional<ExperimentId> experiment;  // of this name
  std::map<Digest, ExistingSample> samples;
  std::map<Digest, ExistingScore> scores;
  std::map<Digest, ExistingUnit> references;
  // needs of cancelled score units among them, to be revived together
  std::map<UnitId, std::vector<UnitId>> cancelled_needs;
  struct Next {
    std::int64_t experiment = 1;
    std::int64_t sample = 1;
    std::int64_t score = 1;
    std::int64_t unit = 1;
  } next;
};

struct NewUnit {
  UnitId id{};
  std::string name;
  UnitKind kind = UnitKind::kGenerate;
  std::optional<SampleId> sample;
  ImageRange range;
  std::uint64_t keep_pictures = 0;
  std::vector<Digest> extractors;  // keys, in order
  double gflops = 0;
  std::string affinity;
  std::uint64_t memory_bytes = 0;
  std::vector<std::string> inputs;
  std::vector<UnitId> needs;
};
struct NewSample {
  SampleId id{};
  Digest key;
  std::string spec;  // canonical text, as everywhere here
  std::string cost;
};
struct NewScore {
  ScoreId id{};
  Digest key;
  SampleId sample{};
  std::string spec;
  UnitId unit{};
};
struct NewReference {
  Digest key;
  std::string spec;
  UnitId unit{};
};
struct CellRow {
  std::int64_t number = 0;
  SampleId sample{};
  std::string labels;
  std::uint64_t images = 0;
  std::uint64_t keep_pictures = 0;
  std::vector<ScoreId> scores;
};

struct SubmissionPlan {
  ExperimentId experiment{};
  bool is_new_experiment = true;
  std::string name;
  std::string grid;
  std::vector<std::string> axes;
  int priority = 0;
  std::vector<NewSample> samples;
  std::vector<CellRow> cells;  // all of the submission's: they replace the experiment's
  std::vector<NewUnit> units;
  std::map<Digest, std::string> extractors;  // of new units: key -> spec
  std::vector<NewScore> scores;
  std::vector<NewReference> references;
  std::map<std::string, std::string> input_names;
  std::vector<std::string> blobs;  // digests; their bytes are in the artifact store already
  std::set<UnitId> revived;        // cancelled units that are wanted again
  // Failed units that the cells want: they stay failed until `retry`.
  std::set<UnitId> failed;
  std::uint64_t images_wanted = 0;  // by the cells, each sample once
  std::uint64_t images_new = 0;     // that new generate units compute
  std::uint64_t images_queued = 0;  // that units compute which are open, or taken up again
};

// Fails with: a unit size that is no multiple of a cell's group size, a score over images that the
// cell does not have, a reference that the submission does not hold; all of them at once.
[[nodiscard]] Result<SubmissionPlan> plan_submission(const Submission& submission,
                                                     const Existing& existing, int priority = 0);

}  // namespace isocost::core
