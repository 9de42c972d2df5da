// made_up_report FOLDER [study|tasks|many]: writes a synthetic study and its report, for the
// browser test and for looking at: one task with finalists; two tasks; twelve series of twelve
// sizes with twenty numbers of steps.
#include <cstdio>
#include <filesystem>
#include <string>

#include "reports/write_report.h"
#include "tests/support/synthetic_study.h"

namespace {

isocost::testing::SyntheticStudy study_of(const std::string& kind) {
  isocost::testing::SyntheticStudy study;
  if (kind == "large") return isocost::testing::large_study();
  if (kind == "tasks") {
    study.has_enlarging = true;
    study.has_finalists = false;
    study.series_count = 2;
    study.steps = {4, 6, 10, 20, 50};
  }
  if (kind == "many") {
    study.models.clear();
    for (int width = 8; width <= 96; width += 8)
      study.models.push_back("w" + std::to_string(width));
    study.steps.clear();
    for (int i = 0; i < 20; ++i) study.steps.push_back(i < 12 ? i + 2 : 14 + 6 * (i - 12));
    study.guidances = {2, 4};
    study.variants = {"it's plain", "restarted", "interval"};
    study.has_finalists = false;
    study.pictures = 1;
    study.shares_pictures = true;
  }
  return study;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::fputs("made_up_report FOLDER [study|tasks|many|large|again]\n", stderr);
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  const std::string kind = argc == 3 ? argv[2] : "study";
  isocost::testing::SyntheticPaths paths{folder / "isocost.sqlite", folder / "artifacts"};
  if (kind != "again") paths = isocost::testing::write_synthetic_study(folder, study_of(kind));
  const auto report = isocost::report::write_report(paths.database, paths.artifacts, {}, argv[1]);
  if (!report) {
    std::fprintf(stderr, "%s\n", report.error().message().c_str());
    return 1;
  }
  for (const std::string& line : report->answer) std::puts(line.c_str());
  std::puts(report->html.c_str());
  return 0;
}
