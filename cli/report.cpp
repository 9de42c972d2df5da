// isocost report [EXPERIMENT...]: report.html, CSV, JSON and pictures, from a database alone.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "base/json.h"
#include "cli/command.h"
#include "reports/write_report.h"

namespace isocost::cli {
namespace {

struct ReportFlags {
  std::vector<std::string> experiments;
  std::string database;
  std::string artifacts;
  std::string out = ".";
  std::string figures;
  bool as_json = false;
  bool has_mark = false;
};

void print(const report::ReportPaths& paths, bool as_json) {
  if (as_json) {
    const Json json = {{"html", paths.html.string()},
                       {"cells_csv", paths.cells_csv.string()},
                       {"scores_csv", paths.scores_csv.string()},
                       {"units_csv", paths.units_csv.string()},
                       {"answer_csv", paths.answer_csv.string()},
                       {"answer_tex", paths.answer_tex.string()},
                       {"envelope_csv", paths.envelope_csv.string()},
                       {"json", paths.json.string()},
                       {"pictures", paths.pictures.string()},
                       {"pictures_left_out", paths.pictures_left_out},
                       {"cells", paths.cells},
                       {"failed", paths.failed}};
    fmt::print("{}\n", canonical(json));
    return;
  }
  for (const std::string& line : paths.answer) fmt::print("{}\n", line);
  fmt::print("report   {}\ncells    {}\n", paths.html.string(), paths.cells_csv.string());
  if (!paths.pictures.empty()) fmt::print("pictures {}\n", paths.pictures.string());
  if (paths.pictures_left_out > 0)
    fmt::print("{} more pictures lie among the artifacts alone\n", paths.pictures_left_out);
  if (paths.failed > 0)
    fmt::print("{} of {} cells failed; the report says why\n", paths.failed, paths.cells);
}

int run(const ReportFlags& flags) {
  const std::filesystem::path database = flags.database;
  warn_of_loss(database);
  const std::filesystem::path artifacts = flags.artifacts.empty()
                                              ? database.parent_path() / "artifacts"
                                              : std::filesystem::path(flags.artifacts);
  const auto paths = report::write_report(
      database, artifacts, flags.experiments, flags.out, flags.figures,
      flags.has_mark ? report::CsvEncoding::kUtf8WithMark : report::CsvEncoding::kUtf8);
  if (!paths) return complain(paths.error().message(), kExitInput);
  print(*paths, flags.as_json);
  return kExitDone;
}

}  // namespace

void add_report(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<ReportFlags>();
  CLI::App* command = app.add_subcommand(
      "report", "Write report.html, CSV, JSON and the kept pictures of experiments");
  command->add_option(
      "experiments", flags->experiments,
      "Names of experiments, a study and its finalists for instance; none: all of the database");
  command->add_option("--db", flags->database, "The coordinator's database")->required();
  command->add_option("--artifacts", flags->artifacts,
                      "The artifact store (default: artifacts beside the database)");
  command->add_option("--out", flags->out, "Where the files go")->capture_default_str();
  command->add_option("--figures", flags->figures,
                      "A folder of further Vega-Lite figures, *.vl.json");
  command->add_flag("--bom", flags->has_mark,
                    "Begin CSV files with the mark by which spreadsheets know UTF-8");
  command->add_flag("--json", flags->as_json, "Print where the files lie as JSON");
  command->callback([flags, &exit_code] { exit_code = run(*flags); });
}

}  // namespace isocost::cli
