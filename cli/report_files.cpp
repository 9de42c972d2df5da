#include "cli/report_files.h"

#include <fmt/format.h>

#include "cli/command.h"
#include "reports/write_report.h"

namespace isocost::cli {

int write_report_files(const std::filesystem::path& database,
                       const std::filesystem::path& artifacts,
                       const std::vector<std::string>& experiments,
                       const std::filesystem::path& out) {
  const auto paths = report::write_report(database, artifacts, experiments, out);
  if (!paths) return complain(paths.error().message());
  for (const std::string& line : paths->answer) fmt::print("{}\n", line);
  fmt::print("\nreport    {}\n", std::filesystem::absolute(paths->html).string());
  fmt::print("cells     {}\n", std::filesystem::absolute(paths->cells_csv).string());
  // A grid may keep none, and cells that failed have none.
  if (!paths->pictures.empty())
    fmt::print("pictures  {}\n", std::filesystem::absolute(paths->pictures).string());
  if (paths->pictures_left_out > 0)
    fmt::print("{} more pictures lie among the artifacts alone\n", paths->pictures_left_out);
  return kExitDone;
}

}  // namespace isocost::cli
