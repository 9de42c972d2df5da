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
#include <memory>

#include "coordinator/core/snapshot.h"
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

 private:
  struct Impl;
  explicit Reader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace isocost::storage
