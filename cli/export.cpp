// isocost export EXPERIMENT: its cells as CSV, or all its tables as JSON, from a database alone.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <system_error>

#include "base/io/atomic_file.h"
#include "cli/command.h"
#include "reports/write_report.h"

namespace isocost::cli {
namespace {

struct ExportFlags {
  std::string experiment;
  std::string database;
  std::string csv;
  bool as_json = false;
  bool has_mark = false;
};

int run(const ExportFlags& flags) {
  warn_of_loss(flags.database);
  const auto format = flags.as_json    ? report::ExportFormat::kJson
                      : flags.has_mark ? report::ExportFormat::kCsvWithMark
                                       : report::ExportFormat::kCsv;
  const auto text = report::export_experiment(flags.database, flags.experiment, format);
  if (!text) return complain(text.error().message(), kExitInput);
  if (flags.csv.empty() || flags.csv == "-") {
    std::fwrite(text->data(), 1, text->size(), stdout);
    return std::fflush(stdout) == 0 ? kExitDone : kExitFailed;
  }
  try {
    io::write_file_atomically(flags.csv, *text);
  } catch (const std::system_error& error) {
    return complain(fmt::format("{}: it cannot be written: {}", flags.csv, error.what()));
  }
  return kExitDone;
}

}  // namespace

void add_export(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* command =
      app.add_subcommand("export", "Print an experiment's cells as CSV, or all its tables as JSON");
  command->add_option("experiment", flags->experiment, "Name of the experiment")->required();
  command->add_option("--db", flags->database, "The coordinator's database")->required();
  auto* csv =
      command->add_option("--csv", flags->csv, "The file to write; - or nothing: standard output");
  auto* mark = command->add_flag("--bom", flags->has_mark,
                                 "Begin the CSV with the mark by which spreadsheets know UTF-8");
  command->add_flag("--json", flags->as_json, "Tables as JSON on standard output")
      ->excludes(csv)
      ->excludes(mark);
  command->callback([flags, &exit_code] { exit_code = run(*flags); });
}

}  // namespace isocost::cli
