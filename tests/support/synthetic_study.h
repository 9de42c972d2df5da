// A made-up study as a coordinator's database and artifacts: to develop reports on and to test
// them, without a worker.
//
// The scores follow what studies look like: they fall with size and steps, have a valley over
// guidance whose place moves, and intervals of plausible width; the same seed gives the same bytes.
// The pictures are scenes of the picture world with a tint that fades as the score improves. Not
// thread-safe on one folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace isocost::testing {

struct SyntheticStudy {
  std::uint64_t seed = 1;
  std::vector<std::string> models = {"w8", "w16", "w24", "w32", "w48", "w64"};
  std::vector<int> steps = {4, 6, 8, 10, 20, 50};
  std::vector<double> guidances = {1.5, 2, 3, 4, 5, 6, 7, 8};
  int series_count = 4;  // of: DDIM trailing, DDIM leading, DDPM trailing, DPM-Solver++ trailing
  int images = 512;
  int pictures = 8;           // a cell
  bool has_finalists = true;  // an experiment "finalists", judged on images 512 to 4607
  int failed_cells = 2;
  int open_cells = 0;
  // An axis of the grid that has no column of its own: each value makes series of its own.
  std::vector<std::string> variants = {};
  // A second task of other data, "enlarge", with clip_score as its first metric and items that have
  // a source and a target.
  bool has_enlarging = false;
  int replicates = 0;            // of each interval of fid
  bool shares_pictures = false;  // cells of about the same score have the same ones
};

struct SyntheticPaths {
  std::filesystem::path database;
  std::filesystem::path artifacts;
};

// About 100,000 cells: 12 sizes, 4 samplers, 32 numbers of steps, 65 guidances.
[[nodiscard]] SyntheticStudy large_study();

// Writes folder/isocost.sqlite (experiments "study" and "finalists") and folder/artifacts.
SyntheticPaths write_synthetic_study(const std::filesystem::path& folder,
                                     const SyntheticStudy& study);

}  // namespace isocost::testing
