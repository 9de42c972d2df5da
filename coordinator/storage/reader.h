// Reads a coordinator's database while it may be in use: for plan, and for status where no
// coordinator runs. Never writes, never checkpoints.
//
//   auto reader = Reader::open("study/isocost.db");
//   core::Existing existing = (*reader)->existing(submission);     // then core::plan_submission
//
// Thread: one. open() fails with: no such file, no database of isocost, another schema; methods
// throw std::runtime_error on I/O faults.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/core/snapshot.h"
#include "coordinator/core/speeds.h"
#include "coordinator/core/submission.h"

namespace isocost::storage {

class Reader {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Reader>> open(const std::filesystem::path& file);
  ~Reader();

  // What is there of the things that the submission names.
  [[nodiscard]] core::Existing existing(const Submission& submission);
  // Experiments with their cells' states and failures, and counts of units; nothing of workers.
  [[nodiscard]] core::Snapshot snapshot();
  // Of its coordinators so far: who sees the same number sees the same content.
  [[nodiscard]] std::uint64_t commits();
  // What the units that are done say of the machines that did them.
  [[nodiscard]] core::Speeds speeds();

  // What happened. None in a database that an older isocost wrote.
  [[nodiscard]] std::vector<log::Event> events(const log::EventQuery& query);

  // What units that are done left behind, each file once.
  struct StoredArtifact {
    Digest digest;
    std::string name;  // "rows/<extractor>", "picture/<number>", "source/<number>", "reference"
    std::string unit;  // that made it
  };
  [[nodiscard]] std::vector<StoredArtifact> artifacts();

  // What `select` chooses from: the cells of an experiment that have a score of this metric.
  struct JudgedCell {
    Json labels;
    std::string task;  // of its sample
    double value = 0;
    ImageRange range;  // that was judged
  };
  struct Judged {
    std::string grid;  // the grid file's text
    std::vector<JudgedCell> cells;
  };
  // Fails with: no such experiment (names those that are there).
  [[nodiscard]] Result<Judged> judged(const std::string& experiment, const std::string& metric);

 private:
  struct Impl;
  explicit Reader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What the database lacks of what its coordinator acknowledged, as a sentence; absent: nothing, or
// it cannot be read at all, which open() says better.
[[nodiscard]] std::optional<std::string> what_is_missing(const std::filesystem::path& database);

}  // namespace isocost::storage
