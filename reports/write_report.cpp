#include "reports/write_report.h"

#include <fmt/format.h>

#include <optional>
#include <system_error>
#include <utility>

#include "base/io/artifact_store.h"
#include "base/io/atomic_file.h"
#include "base/io/presence.h"
#include "reports/csv/csv.h"
#include "reports/figure_files.h"
#include "reports/html/html.h"
#include "reports/latex/latex.h"
#include "reports/load/load.h"
#include "reports/model/display.h"
#include "reports/model/tables.h"
#include "reports/page_pictures.h"

namespace isocost::report {
namespace {

namespace fs = std::filesystem;

std::string as_good_as(const Answer& answer) {
  if (answer.use_is_best()) return answer.tied > 0 ? ", the best of a tie" : "";
  return fmt::format(", as good as the best at {} the cost",
                     times_in_words(answer.times_dearer(kGflopsAxis)));
}

void add_lines(const TaskReport& task, bool is_alone, std::vector<std::string>& lines) {
  if (!task.study.choice) return;
  if (!is_alone) lines.push_back(task.study.task + ":");
  std::string last;
  for (const Answer& answer : task.answers[kGflopsAxis]) {
    const Setting& use = answer.use;
    // More budget that changes nothing needs no line.
    if (std::exchange(last, describe(use)) == describe(use)) continue;
    lines.push_back(fmt::format("with {} GFLOPs an image: {}, {} {}{}", display(answer.budget),
                                describe(use), task.study.choice->metric.label,
                                display_interval(use.value, use.low, use.high),
                                as_good_as(answer)));
  }
  for (const std::string& doubt : doubts(task.answers[kGflopsAxis], task.study))
    lines.push_back("uncertain: " + doubt);
  if (const std::string told = task.study.choice->told_apart(); !told.empty())
    lines.push_back(told);
}

template <class Write>
void write_file(const fs::path& file, Write write) {
  io::AtomicFile out(file);
  write([&](std::string_view piece) { out.write(piece); });
  out.finish();
}

ReportPaths write_files(const Report& report, const PageInputs& inputs, const fs::path& out,
                        CsvEncoding encoding) {
  ReportPaths paths;
  paths.html = out / "report.html";
  paths.json = out / "report.json";
  paths.answer_tex = out / "answer.tex";
  paths.units_csv = out / "units.csv";
  for (const auto& [file, table] : {std::pair{&paths.cells_csv, "cells"},
                                    {&paths.scores_csv, "scores"},
                                    {&paths.answer_csv, "answer"},
                                    {&paths.envelope_csv, "envelope"}}) {
    *file = out / (std::string(table) + ".csv");
    write_file(*file, [&](const Sink& sink) { write_csv(*report.table(table), encoding, sink); });
  }
  write_file(paths.json, [&](const Sink& sink) { write_json(report, sink); });
  io::write_file_atomically(paths.answer_tex, answers_latex(report));
  io::write_file_atomically(paths.html, to_html(report, inputs));
  paths.cells = report.table("cells")->size;
  paths.failed = report.table("failed")->size;
  for (const TaskReport& task : report.tasks)
    add_lines(task, report.tasks.size() == 1, paths.answer);
  return paths;
}

// units.csv as it is read: it is there whole, or not at all where the database cannot be read.
Result<ReportData> load_writing_units(const fs::path& database,
                                      const std::vector<std::string>& experiments,
                                      const fs::path& file, CsvEncoding encoding) {
  std::optional<io::AtomicFile> units;
  const auto open = [&] {
    if (units) return;
    units.emplace(file);
    units->write(csv_header(table_named("units").columns, encoding));
  };
  auto data = load(database, experiments, [&](const UnitRecord& unit) {
    open();
    units->write(csv_line(row_of(unit)));
  });
  if (!data) return data;
  open();
  units->finish();
  return data;
}

}  // namespace

Result<ReportPaths> write_report(const fs::path& database, const fs::path& artifacts,
                                 const std::vector<std::string>& experiments, const fs::path& out,
                                 const fs::path& figures, CsvEncoding encoding) {
  auto specs = all_figures(figures);
  if (!specs) return fail(std::move(specs.error()));
  // Nothing is made where there is nothing to report on.
  const bool was_there = fs::exists(out);
  if (auto made = io::make_folder(out); !made) return fail(std::move(made.error()));
  try {
    auto data = load_writing_units(database, experiments, out / "units.csv", encoding);
    if (!data) {
      std::error_code ignored;
      if (!was_there) fs::remove(out, ignored);
      return fail(std::move(data.error()));
    }
    const Report report = make_report(std::move(*data));
    const io::ArtifactStore store(artifacts);
    PageInputs inputs{std::move(*specs), {}, {}, {}};
    read_pictures(report, store, inputs);
    ReportPaths paths = write_files(report, inputs, out, encoding);
    const CopiedPictures copied = write_pictures_beside(report, store, out);
    paths.pictures = copied.folder;
    paths.pictures_left_out = copied.left_out;
    return paths;
  } catch (const std::system_error& error) {
    return fail(out.string(), std::string("the report cannot be written: ") + error.what(),
                "a folder with room");
  }
}

Result<std::string> export_experiment(const fs::path& database, const std::string& experiment,
                                      ExportFormat format) {
  auto data = load(database, {experiment});
  if (!data) return fail(std::move(data.error()));
  const Report report = make_report(std::move(*data));
  if (format == ExportFormat::kJson) return to_json_text(report);
  return to_csv(*report.table("cells"), format == ExportFormat::kCsvWithMark
                                            ? CsvEncoding::kUtf8WithMark
                                            : CsvEncoding::kUtf8);
}

}  // namespace isocost::report
