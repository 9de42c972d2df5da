// A report of a hundred thousand cells: its time, its memory and the size of its page. Processes of
// their own, so that what is measured is the report alone.
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <filesystem>

#include "reports/write_report.h"
#include "tests/support/synthetic_study.h"

namespace isocost::report {
namespace {

namespace fs = std::filesystem;

struct Used {
  bool is_well = false;
  double cpu_seconds = 0;
  double peak_megabytes = 0;
};

template <class Work>
Used in_a_process(Work work) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work() ? 0 : 1);
  int status = 0;
  rusage usage{};
  if (child < 0 || ::wait4(child, &status, 0, &usage) != child) return {};
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return {WIFEXITED(status) && WEXITSTATUS(status) == 0,
          seconds(usage.ru_utime) + seconds(usage.ru_stime),
          static_cast<double>(usage.ru_maxrss) / 1024};
}

TEST(LargeReport, IsWrittenWithinItsBounds) {
  const fs::path folder =
      fs::temp_directory_path() / ("isocost-large-report-" + std::to_string(::getpid()));
  fs::remove_all(folder);
  const testing::SyntheticPaths paths{folder / "isocost.sqlite", folder / "artifacts"};
  ASSERT_TRUE(in_a_process([&] {
                (void)testing::write_synthetic_study(folder, testing::large_study());
                return true;
              }).is_well);

  const Used used = in_a_process([&] {
    const auto report = write_report(paths.database, paths.artifacts, {}, folder / "out");
    if (!report) std::fputs(report.error().message().c_str(), stderr);
    return report && report->cells == 99'840;
  });

  EXPECT_TRUE(used.is_well);
  const double page = static_cast<double>(fs::file_size(folder / "out/report.html")) / 1e6;
  std::printf("%.1f s of one core, %.0f MB at most, a page of %.2f MB\n", used.cpu_seconds,
              used.peak_megabytes, page);
  EXPECT_LT(used.cpu_seconds, 30);
  EXPECT_LT(used.peak_megabytes, 1000);
  EXPECT_LT(page, 8);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace isocost::report
