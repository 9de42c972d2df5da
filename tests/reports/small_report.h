// A small report with odd names, a failure and a page, and golden files to hold texts against: for
// the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "reports/html/assets.h"
#include "reports/model/report.h"
#include "tests/support/report_data.h"

namespace isocost::report {

inline std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

inline void expect_golden(const std::string& file, const std::string& text) {
  const std::filesystem::path path =
      std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden/report" / file;
  if (std::getenv("UPDATE_GOLDEN")) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  EXPECT_EQ(text_of(path), text) << "UPDATE_GOLDEN=1 rewrites " << path;
}

inline Report small_report() {
  testing::ReportDataBuilder builder;
  builder.cell({.model = "small",
                .guidance = 1,
                .gflops_per_call = 0.1,
                .fid = 0.1 + 0.2,
                .half = 0.05,
                .seconds_per_image = 0.5});
  builder.cell({.model = "big, \"quoted\" <b>",
                .gflops_per_call = 3,
                .fid = 21.25,
                .half = 0,
                .seconds_per_image = 2});
  builder.cell({.model = "small", .steps = 4, .gflops_per_call = 0.1, .fid = 1e-7});
  Cell& failed = builder.last();
  failed.state = CellState::kFailed;
  failed.scores[0].value.reset();
  failed.scores[0].low.reset();
  failed.scores[0].high.reset();
  failed.failure = CellFailure{"generate/x", "not finite", "image 3 is </script> not finite",
                               "line one\n<line two>", 3};
  return make_report(builder.data());
}

// The page without what changes with the libraries that are bundled.
inline std::string without_assets(std::string html) {
  for (const std::string_view asset : {page_script(), page_style()})
    if (const std::size_t at = html.find(asset); at != std::string::npos)
      html.replace(at, asset.size(), "...");
  const std::size_t hash = html.find("sha256-");
  return html.replace(hash, html.find("&#39;", hash) - hash, "sha256-...");
}

}  // namespace isocost::report
