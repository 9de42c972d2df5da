#include "reports/write_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

#include "base/io/artifact_store.h"
#include "base/io/atomic_file.h"
#include "base/io/presence.h"
#include "reports/csv/csv.h"
#include "reports/html/assets.h"
#include "reports/html/html.h"
#include "reports/load/load.h"
#include "reports/model/display.h"
#include "schema/prompts.h"

namespace isocost::report {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPictureBytesMax = 24U << 20;  // of all pictures in the page
constexpr std::size_t kPictureFilesMax = 20'000;     // of all pictures beside it
constexpr std::size_t kFigureBytesMax = 1U << 20;

std::vector<Figure> built_in_figures() {
  std::vector<Figure> figures;
  const Json packed = Json::parse(shipped_figures());
  for (const Json& one : packed) figures.push_back({one["name"].get<std::string>(), one["spec"]});
  return figures;
}

// A user's figure with the name of a shipped one replaces it; all are shown in the order of their
// names.
Result<std::vector<Figure>> all_figures(const fs::path& folder) {
  std::vector<Figure> figures = built_in_figures();
  if (folder.empty()) return figures;
  if (!fs::is_directory(folder))
    return fail(folder.string(), "there is no such folder", "a folder of *.vl.json files");
  Failure failure;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string file = entry.path().filename().string();
    if (!file.ends_with(".vl.json")) continue;
    const auto text = io::read_file(entry.path(), kFigureBytesMax);
    const auto spec = text ? parse_json(*text, entry.path().string())
                           : Result<Json>(tl::unexpected(text.error()));
    if (!spec || !spec->is_object()) {
      spec ? failure.add(entry.path().string(), "this is no object", "a Vega-Lite specification")
           : failure.add(spec.error());
      continue;
    }
    const std::string name = file.substr(0, file.size() - std::string_view(".vl.json").size());
    std::erase_if(figures, [&](const Figure& figure) { return figure.name == name; });
    figures.push_back({name, *spec});
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  std::sort(figures.begin(), figures.end(),
            [](const Figure& a, const Figure& b) { return a.name < b.name; });
  return figures;
}

// Prompt `number mod n`, for each number that is asked for.
std::map<std::uint64_t, std::string> prompts_of(const std::string& text,
                                                const std::set<std::uint64_t>& numbers) {
  std::map<std::uint64_t, std::string> prompts;
  const auto texts = parse_prompts(text, "prompts");
  if (!texts) return prompts;
  for (const std::uint64_t number : numbers) prompts[number] = (*texts)[number % texts->size()];
  return prompts;
}

// Pictures and prompts that lie in the store; those that lie elsewhere are left out and the page
// says so.
void read_pictures(const Report& report, const io::ArtifactStore& store, PageInputs& inputs) {
  std::set<std::uint64_t> numbers;
  std::set<std::string> prompt_files;
  std::size_t bytes = 0;
  for (const PictureBlock& block : report.pictures) {
    numbers.insert(block.numbers.begin(), block.numbers.end());
    for (const PictureRow& row : block.rows) {
      prompt_files.insert(row.setting.point->cell->sample.prompts);
      for (const Digest& digest : row.pictures) {
        if (inputs.pictures.contains(digest.hex()) || bytes > kPictureBytesMax) continue;
        const auto png = store.get(digest);
        if (!png) continue;
        bytes += png->size();
        inputs.pictures.emplace(digest.hex(), *png);
      }
    }
  }
  if (prompt_files.size() != 1) return;
  const auto digest = Digest::parse(*prompt_files.begin());
  const auto text = digest ? store.get(*digest) : fail("prompts", "no digest");
  if (text) inputs.prompts = prompts_of(*text, numbers);
}

// "003-w16-ddim-trailing-10-steps-guidance-3"
std::string folder_name(const Point& point) {
  std::string name =
      fmt::format("{:04}-{}-{}-{}-steps-guidance-{}", point.cell->number, point.model, point.series,
                  point.steps, number_text(point.guidance));
  for (char& c : name)
    if (!(std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_')) c = '-';
  return name.substr(0, 200);
}

// Pictures as files, for people; they are copies of artifacts and may be deleted at any time.
fs::path write_pictures_beside(const Report& report, const io::ArtifactStore& store,
                               const fs::path& out) {
  std::size_t files = 0;
  for (const Point& point : report.study.points) {
    const fs::path folder = out / point.cell->experiment / folder_name(point);
    for (const Picture& picture : point.cell->pictures) {
      if (files == kPictureFilesMax) return out;
      if (!store.is_whole(picture.digest)) continue;
      fs::create_directories(folder);
      fs::copy_file(store.path(picture.digest), folder / fmt::format("{:06}.png", picture.number),
                    fs::copy_options::overwrite_existing);
      ++files;
    }
  }
  return files == 0 ? fs::path() : out;
}

std::vector<std::string> answer_lines(const Report& report) {
  std::vector<std::string> lines;
  if (!report.study.choice) return lines;
  std::string last;
  for (const Answer& answer : report.answers[kGflopsAxis]) {
    const Setting& best = answer.best;
    // More budget that changes nothing needs no line.
    if (std::exchange(last, describe(best)) == describe(best)) continue;
    lines.push_back(fmt::format("with {} GFLOPs an image: {}, {} {}{}", display(answer.budget),
                                describe(best), report.study.choice->metric.label,
                                display_interval(best.value, best.low, best.high),
                                answer.tied > 0 ? fmt::format(", tie with {}", answer.tied) : ""));
  }
  if (const std::string told = report.study.choice->told_apart(); !told.empty())
    lines.push_back(told);
  return lines;
}

ReportPaths write_files(const Report& report, const PageInputs& inputs, const fs::path& out,
                        CsvEncoding encoding) {
  ReportPaths paths{out / "report.html",        out / "cells.csv",
                    out / "answer.csv",         out / "envelope.csv",
                    out / "report.json",        {},
                    report.study.points.size(), report.table("failed")->rows.size(),
                    answer_lines(report)};
  io::write_file_atomically(paths.cells_csv, to_csv(*report.table("cells"), encoding));
  io::write_file_atomically(paths.answer_csv, to_csv(*report.table("answer"), encoding));
  io::write_file_atomically(paths.envelope_csv, to_csv(*report.table("envelope"), encoding));
  io::write_file_atomically(paths.json, to_json_text(report));
  io::write_file_atomically(paths.html, to_html(report, inputs));
  return paths;
}

}  // namespace

Result<ReportPaths> write_report(const fs::path& database, const fs::path& artifacts,
                                 const std::vector<std::string>& experiments, const fs::path& out,
                                 const fs::path& figures, CsvEncoding encoding) {
  auto data = load(database, experiments);
  if (!data) return fail(std::move(data.error()));
  auto specs = all_figures(figures);
  if (!specs) return fail(std::move(specs.error()));
  if (auto made = io::make_folder(out); !made) return fail(std::move(made.error()));
  try {
    const Report report = make_report(std::move(*data));
    const io::ArtifactStore store(artifacts);
    PageInputs inputs{std::move(*specs), {}, {}};
    read_pictures(report, store, inputs);
    ReportPaths paths = write_files(report, inputs, out, encoding);
    paths.pictures = write_pictures_beside(report, store, out / "pictures");
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
