// Small submissions for tests: cells over made-up models, one metric each.
//
//   Submission submission = submission_of({.name = "study", .models = 2, .images = 128});
//
// Pure, any thread.
#pragma once

#include <string>
#include <vector>

#include "schema/spec.h"

namespace isocost::testing {

struct SubmissionOptions {
  std::string name = "study";
  int models = 2;
  std::vector<int> steps{4, 8};
  std::uint64_t images = 128;
  std::uint64_t judged_from = 0;
  int group_size = 16;
  std::uint64_t unit_images = 64;
  std::uint64_t keep_pictures = 2;
  bool has_reference = true;
  std::string extractor = "mini-features";
};

[[nodiscard]] std::string input_of(const std::string& what);  // "sha256:..." of the text
[[nodiscard]] Submission submission_of(const SubmissionOptions& options = {});
// Every input that a worker needs for it.
[[nodiscard]] std::vector<std::string> inputs_of(const Submission& submission);

}  // namespace isocost::testing
