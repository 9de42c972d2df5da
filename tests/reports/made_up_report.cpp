// made_up_report FOLDER: writes a synthetic study and its report, for the browser test and for
// looking at.
#include <cstdio>

#include "reports/write_report.h"
#include "tests/support/synthetic_study.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("made_up_report FOLDER\n", stderr);
    return 2;
  }
  const auto paths = isocost::testing::write_synthetic_study(argv[1], {});
  const auto report = isocost::report::write_report(paths.database, paths.artifacts,
                                                    {"study", "finalists"}, argv[1]);
  if (!report) {
    std::fprintf(stderr, "%s\n", report.error().message().c_str());
    return 1;
  }
  for (const std::string& line : report->answer) std::puts(line.c_str());
  std::puts(report->html.c_str());
  return 0;
}
