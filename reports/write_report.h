// From a database to files that a person opens: report.html, tables as CSV and JSON, the answer for
// LaTeX, and the kept pictures.
//
//   auto paths = write_report("out/isocost.db", "out/artifacts", {"demo"}, "out");
//   if (!paths) return fail(paths.error());
//
// Reads the database read-only, also while a coordinator uses it. Files appear whole or not at all;
// equal data give equal bytes. Fails with: what load() fails with, a figure's file that is no JSON
// or names a table or column that there is not, an artifact store or folder that cannot be read or
// written. Thread: any.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "reports/csv/csv.h"

namespace isocost::report {

struct ReportPaths {
  std::filesystem::path html;
  std::filesystem::path cells_csv, scores_csv, units_csv, answer_csv, envelope_csv;
  std::filesystem::path answer_tex;
  std::filesystem::path json;
  std::filesystem::path pictures;     // a folder a cell; empty where none were kept
  std::size_t pictures_left_out = 0;  // of it, since there would be too many files
  std::size_t cells = 0;
  std::size_t failed = 0;
  // For a terminal: a line a setting to use, what makes it uncertain, what its metric is against.
  std::vector<std::string> answer;
};

// No experiments: all of them. `figures`: a folder with further *.vl.json files, or empty.
[[nodiscard]] Result<ReportPaths> write_report(const std::filesystem::path& database,
                                               const std::filesystem::path& artifacts,
                                               const std::vector<std::string>& experiments,
                                               const std::filesystem::path& out,
                                               const std::filesystem::path& figures = {},
                                               CsvEncoding encoding = CsvEncoding::kUtf8);

enum class ExportFormat { kCsv, kCsvWithMark, kJson };
// cells.csv or report.json of one experiment, as text.
[[nodiscard]] Result<std::string> export_experiment(const std::filesystem::path& database,
                                                    const std::string& experiment,
                                                    ExportFormat format);

}  // namespace isocost::report
