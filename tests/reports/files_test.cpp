// From a database to files: loading, CSV, JSON and HTML.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <unistd.h>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/json.h"
#include "reports/csv/csv.h"
#include "reports/export_tables.h"
#include "reports/html/html.h"
#include "reports/load/load.h"
#include "reports/write_report.h"
#include "schema/units/kind.h"
#include "tests/reports/small_report.h"
#include "tests/support/report_data.h"
#include "tests/support/synthetic_study.h"

namespace isocost::report {
namespace {

namespace fs = std::filesystem;
using testing::ReportDataBuilder;

// A folder of the test's own, gone afterwards.
class Files : public ::testing::Test {
 protected:
  Files()
      : folder_(fs::temp_directory_path() /
                ("isocost-report-" + std::to_string(::getpid()) + "-" + name())) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~Files() override { fs::remove_all(folder_); }
  static std::string name() {
    return ::testing::UnitTest::GetInstance()->current_test_info()->name();
  }

  testing::SyntheticPaths small_study(testing::SyntheticStudy study = {}) {
    study.models = {"w8", "w16", "w64"};
    study.steps = {4, 10, 50};
    study.guidances = {2, 4, 8};
    study.series_count = 2;
    study.pictures = 3;
    return testing::write_synthetic_study(folder_, study);
  }

  fs::path folder_;
};

TEST(Csv, IsTheGoldenFile) { expect_golden("cells.csv", to_csv(*small_report().table("cells"))); }

TEST(Csv, PrintsFloatsThatReadBackTheSame) {
  const std::string csv = to_csv(*small_report().table("cells"));

  EXPECT_NE(csv.find(",0.30000000000000004,"), std::string::npos);
}

Table small_table(const std::vector<std::string>& names, const std::vector<Row>& rows) {
  Table table;
  table.name = "t";
  for (const std::string& name : names) table.columns.push_back({name, "", "", ""});
  table.size = rows.size();
  table.row = [rows](std::size_t i) { return rows[i]; };
  return table;
}

// A text as a reader has it who takes one ' from every text that begins with it.
std::string read_back(std::string field) {
  if (field.starts_with('\'')) field.erase(0, 1);
  return field;
}

TEST(Csv, RunsNoTextAsAFormulaAndGivesItBack) {
  const std::vector<std::string> texts = {
      "=1+1",  "+",  "-ugly, blurry", "@sum(A1)", "\t=1", "\r=1", "'",       "'=1",         "''",
      "plain", "NA", "null",          "nan",      "-0.5", "1e5",  "a \"b\"", "\xE9\x86\x9C"};
  for (const std::string& text : texts) {
    const std::string csv = to_csv(small_table({"a", "b"}, {{text, 1}}));

    ASSERT_TRUE(csv.starts_with("a,b\r\n") && csv.ends_with(",1\r\n")) << csv;
    std::string field = csv.substr(5, csv.size() - 5 - 4);
    if (field.starts_with('"')) {
      field = field.substr(1, field.size() - 2);
      for (auto at = field.find("\"\""); at != std::string::npos; at = field.find("\"\"", at + 1))
        field.erase(at, 1);
    }
    EXPECT_EQ(std::string("=+-@\t\r").find(field[0]), std::string::npos) << field;
    EXPECT_EQ(read_back(field), text);
  }
}

TEST(Csv, WritesNumbersBareAndNothingForWhatIsMissing) {
  EXPECT_EQ(to_csv(small_table({"a", "b", "c"}, {{-0.5, Json(), -3}})), "a,b,c\r\n-0.5,,-3\r\n");
}

TEST(Csv, BeginsWithAMarkWhereThatIsAskedFor) {
  const Table table = small_table({"a"}, {{"\xC3\xBC"}});

  EXPECT_EQ(to_csv(table, CsvEncoding::kUtf8WithMark), "\xEF\xBB\xBF" + to_csv(table));
}

TEST(Csv, TellsTheNumberOfPicturesOfAReference) {
  const Report report = small_report();
  const Table& cells = *report.table("cells");
  const std::size_t column = cells.index("fid_reference_n");
  ASSERT_LT(column, cells.columns.size());

  EXPECT_EQ(cells.row(0)[column], 4096);
  EXPECT_NE(to_html(report, {}).find("n = 4096"), std::string::npos);
}

TEST_F(Files, AreEqualToTheByteForEqualData) {
  const auto paths = small_study();

  const auto a = write_report(paths.database, paths.artifacts, {}, folder_ / "a");
  const auto b = write_report(paths.database, paths.artifacts, {}, folder_ / "b");

  ASSERT_TRUE(a && b);
  for (const char* file : {"report.html", "cells.csv", "scores.csv", "units.csv", "answer.csv",
                           "answer.tex", "envelope.csv", "report.json"})
    EXPECT_EQ(text_of(folder_ / "a" / file), text_of(folder_ / "b" / file)) << file;
}

// What is asked for by name is what lies beside the report.
TEST_F(Files, AreTheTablesThatAreServed) {
  const auto paths = small_study({.has_finalists = false, .failed_cells = 0});
  ASSERT_TRUE(write_report(paths.database, paths.artifacts, {"study"}, folder_ / "out"));

  const auto tables = ExportedTables::read(paths.database, "study", "units");

  ASSERT_TRUE(tables) << tables.error().message();
  for (const char* name : {"cells", "scores", "units", "answer"}) {
    const auto table = (*tables)->find(name);
    ASSERT_TRUE(table) << name;
    EXPECT_EQ(table->csv(0, table->size()),
              text_of(folder_ / "out" / (std::string(name) + ".csv")));
    EXPECT_EQ(parse_json(table->json(0, 2), name)->size(), std::min<std::size_t>(2, table->size()));
  }
  EXPECT_EQ((*tables)->find("nothing"), nullptr);
  // Units are many, and read for their own table alone.
  const auto others = ExportedTables::read(paths.database, "study", "cells");
  ASSERT_TRUE(others) << others.error().message();
  EXPECT_TRUE((*others)->were_read_for("answer"));
  EXPECT_FALSE((*others)->were_read_for("units"));
  EXPECT_EQ((*others)->find("units"), nullptr);
}

TEST_F(Files, NameEveryColumnThatIsMeasured) {
  const auto paths = small_study({.has_finalists = false, .failed_cells = 0});
  auto slow = load(paths.database, {"study"});
  ASSERT_TRUE(slow);
  for (Cell& cell : slow->cells) {
    cell.measured.seconds *= 7;
    for (UnitTime& time : cell.measured.times) time.seconds *= 7;
    cell.measured.peak_bytes *= 2;
    cell.measured.energy_joules = 3;
    cell.measured.devices = {"another"};
    cell.measured.device_classes = {"another"};
    cell.measured.failed_attempts = cell.measured.repeats = cell.measured.mismatches = 5;
  }
  const Report a = make_report(*load(paths.database, {"study"})), b = make_report(std::move(*slow));

  const Table &fast = *a.table("cells"), &other = *b.table("cells");

  std::set<std::string> differing;
  for (std::size_t i = 0; i < fast.size; ++i) {
    const Row x = fast.row(i), y = other.row(i);
    for (std::size_t column = 0; column < fast.columns.size(); ++column)
      if (x[column] != y[column]) differing.insert(fast.columns[column].name);
  }
  EXPECT_GE(differing.size(), 8U);
  for (const std::string& column : differing)
    EXPECT_TRUE(column.starts_with("measured_")) << column;
}

TEST_F(Files, HoldEveryCellWithItsStateAndReason) {
  const auto paths = small_study({.failed_cells = 2, .open_cells = 3});

  const auto data = load(paths.database, {"study"});

  ASSERT_TRUE(data) << data.error().message();
  EXPECT_EQ(data->cells.size(), 54U);
  const auto count = [&](CellState state) {
    return std::count_if(data->cells.begin(), data->cells.end(),
                         [&](const Cell& cell) { return cell.state == state; });
  };
  EXPECT_EQ(count(CellState::kFailed), 2);
  EXPECT_EQ(count(CellState::kOpen), 3);
  const auto failed = std::find_if(data->cells.begin(), data->cells.end(),
                                   [](const Cell& cell) { return cell.failure.has_value(); });
  EXPECT_EQ(failed->failure->failure_class, "not finite");
  EXPECT_NE(failed->failure->log_tail.find("call 2 of 4"), std::string::npos);
}

TEST_F(Files, TellAllReasonsOfACellThatDiffer) {
  const auto paths = small_study({.failed_cells = 1});
  const auto failed_cell = [&] {
    const auto data = load(paths.database, {"study"});
    const auto cell = std::find_if(data->cells.begin(), data->cells.end(),
                                   [](const Cell& one) { return one.failure.has_value(); });
    return *cell->failure;
  };
  const std::string reason = failed_cell().reason;
  SQLite::Database(paths.database.string(), SQLite::OPEN_READWRITE)
      .exec(units::with_numbers(
          "INSERT INTO units (name, kind, state, sample, range_begin, range_end, attempts,"
          " failure_class, failure_reason) SELECT name || '-other', kind, state, sample,"
          " range_begin, range_end, 3, failure_class, 'out of memory' FROM units"
          " WHERE state = #failed AND kind = #generate"));

  EXPECT_EQ(failed_cell().reasons(), reason + "; also: out of memory");
}

// A log is cut at a line's beginning: not within a character, which no JSON could hold.
TEST_F(Files, ShowTheEndOfALongLogInWholeLines) {
  const auto paths = small_study({.failed_cells = 1});
  const auto tail_of = [&](const std::string& log) {
    SQLite::Database db(paths.database.string(), SQLite::OPEN_READWRITE);
    SQLite::Statement update(
        db, units::with_numbers("UPDATE units SET failure_log = ? WHERE state = #failed"));
    update.bind(1, log);
    update.exec();
    const auto report = write_report(paths.database, paths.artifacts, {"study"}, folder_ / "out");
    EXPECT_TRUE(report) << report.error().message();
    const auto data = load(paths.database, {"study"});
    const auto cell = std::find_if(data->cells.begin(), data->cells.end(),
                                   [](const Cell& one) { return one.failure.has_value(); });
    return cell->failure->log_tail;
  };
  std::string line, lines;
  for (int i = 0; i < 20'000; ++i) line += "\u00e9";
  for (int i = 0; i < 2'001; ++i) lines += "caf\u00e9 d\u00e9j\u00e0\n";

  const std::string many = tail_of(lines + "!"), one = tail_of(line + "!");

  EXPECT_TRUE(many.starts_with("caf\u00e9 d\u00e9j\u00e0\n")) << many.substr(0, 20);
  EXPECT_TRUE(one.starts_with("\u00e9\u00e9")) << one.substr(0, 4);
  EXPECT_TRUE(one.ends_with("\u00e9!"));
}

TEST_F(Files, ShowPicturesAndPromptsAtEqualCost) {
  const auto paths = small_study();

  const auto report =
      write_report(paths.database, paths.artifacts, {"study", "finalists"}, folder_ / "out");

  ASSERT_TRUE(report) << report.error().message();
  const std::string html = text_of(report->html);
  EXPECT_NE(html.find("data:image/png;base64,iVBORw0KGgo"), std::string::npos);
  EXPECT_NE(html.find("which were not used to choose it"), std::string::npos);
  EXPECT_FALSE(report->answer.empty());
  EXPECT_FALSE(fs::is_empty(report->pictures / "study"));
}

// Of the task that has them, each once, however many cells were made of them.
TEST_F(Files, ShowWhatPicturesWereMadeFrom) {
  const auto paths = small_study({.has_finalists = false, .has_enlarging = true});

  const auto data = load(paths.database, {"study"});
  const auto report = write_report(paths.database, paths.artifacts, {}, folder_ / "out");

  ASSERT_TRUE(data && report);
  ASSERT_EQ(data->items.size(), 1U);
  const auto& [key, items] = *data->items.begin();
  EXPECT_EQ(key, data_of(*data->cells.back().sample));
  ASSERT_EQ(items.size(), 3U * 2U);
  for (std::size_t i = 0; i < items.size(); ++i) {
    EXPECT_EQ(items[i].number, i / 2);
    EXPECT_EQ(items[i].slot, i % 2 == 0 ? tasks::Slot::kSource : tasks::Slot::kTarget);
  }
  const std::string html = text_of(report->html);
  EXPECT_NE(html.find("alt=\"Image 2 by the item&#39;s low resolution"), std::string::npos);
  EXPECT_NE(html.find("alt=\"Image 2 by the item&#39;s target"), std::string::npos);
  EXPECT_TRUE(fs::exists(report->pictures / "items/enlarge/000002-source.png"));
}

TEST_F(Files, TakeAUsersFigure) {
  const auto paths = small_study();
  fs::create_directories(folder_ / "figures");
  std::ofstream(folder_ / "figures/05-mine.vl.json")
      << R"({"data": {"name": "optimal"}, "mark": "point"})";

  const auto report =
      write_report(paths.database, paths.artifacts, {}, folder_ / "out", folder_ / "figures");

  ASSERT_TRUE(report) << report.error().message();
  const std::string html = text_of(report->html);
  EXPECT_LT(html.find("data-figure=\"05-mine\""), html.find("data-figure=\"10-fid-over-steps\""));
}

TEST_F(Files, NameTheUnknownTablesAndColumnsOfAUsersFigures) {
  const auto paths = small_study();
  fs::create_directories(folder_ / "figures");
  std::ofstream(folder_ / "figures/a.vl.json")
      << R"({"data": {"name": "optimum"}, "mark": "point"})";
  std::ofstream(folder_ / "figures/b.vl.json")
      << R"({"data": {"name": "optimal"}, "usermeta": {"isocost": {"needs": "fdi"}},
             "transform": [{"filter": "datum.stps > 3"}, {"calculate": "1", "as": "made"}],
             "mark": "point", "encoding": {"x": {"field": "guidence"}, "y": {"field": "made"},
             "color": {"field": "model"}, "size": {"field": "$cost"}}})";

  const auto report =
      write_report(paths.database, paths.artifacts, {}, folder_ / "out", folder_ / "figures");

  ASSERT_FALSE(report);
  const std::string said = report.error().message();
  EXPECT_NE(said.find("a.vl.json: there is no table 'optimum'; expected one of: cells, scores"),
            std::string::npos)
      << said;
  for (const char* column : {"fdi", "stps", "guidence"})
    EXPECT_NE(said.find("b.vl.json: the table 'optimal' has no column '" + std::string(column)),
              std::string::npos)
        << said;
  EXPECT_EQ(said.find("'made'"), std::string::npos) << said;
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(Files, ListEachUnitOnce) {
  const auto paths = small_study({.failed_cells = 1});

  const auto report = write_report(paths.database, paths.artifacts, {}, folder_ / "out");

  ASSERT_TRUE(report) << report.error().message();
  const std::string units = text_of(report->units_csv);
  SQLite::Database db(paths.database.string());
  const auto count = db.execAndGet("SELECT count(*) FROM units").getInt64();
  EXPECT_EQ(std::count(units.begin(), units.end(), '\n'), count + 1);
  EXPECT_NE(units.find("\r\nreference/"), std::string::npos);
  EXPECT_NE(units.find(",not finite,the latents of image 3 are not finite"), std::string::npos);
}

// A study and its finalists want the same units: what arrived again is told once.
TEST_F(Files, CountRepeatedResultsAndSharedImagesOnce) {
  const auto paths = small_study();
  const auto data = load(paths.database, {});
  ASSERT_TRUE(data);
  const auto finalist = std::find_if(data->cells.begin(), data->cells.end(), [](const Cell& cell) {
    return cell.experiment == "finalists";
  });
  ASSERT_NE(finalist, data->cells.end());
  SQLite::Database(paths.database.string(), SQLite::OPEN_READWRITE)
      .exec(units::with_numbers(
                "INSERT INTO repeats SELECT u.id, x'00', r.device_class, 'w', 0, 3 FROM units u"
                " JOIN results r ON r.unit = u.id JOIN samples s ON s.id = u.sample"
                " WHERE u.kind = #generate AND u.range_begin = 0 AND s.key = x'") +
            finalist->sample_key + "'");

  const auto again = load(paths.database, {});
  ASSERT_TRUE(again);

  EXPECT_EQ(again->repeats.results, 3U);
  EXPECT_EQ(again->repeats.mismatches, 3U);
  // Once by the study and once, with more of them, by the finalists.
  std::uint64_t images = 0;
  for (const Cell* cell : made_once(again->cells)) images += cell->measured.images;
  SQLite::Database db(paths.database.string());
  EXPECT_EQ(static_cast<std::int64_t>(images),
            db.execAndGet(units::with_numbers("SELECT sum(range_end - range_begin) FROM units"
                                              " WHERE kind = #generate AND state = #done"))
                .getInt64());
}

TEST_F(Files, SayWhatIsWrongWithAFigure) {
  const auto paths = small_study();
  fs::create_directories(folder_ / "figures");
  std::ofstream(folder_ / "figures/mine.vl.json") << "{\"mark\": }";

  const auto report =
      write_report(paths.database, paths.artifacts, {}, folder_ / "out", folder_ / "figures");

  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message().find("mine.vl.json:1:"), std::string::npos)
      << report.error().message();
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(Files, AreReadWhileACoordinatorWrites) {
  const auto paths = small_study();
  SQLite::Database writer(paths.database.string(), SQLite::OPEN_READWRITE);
  writer.exec("BEGIN IMMEDIATE; UPDATE experiments SET priority = 1");

  const auto data = load(paths.database, {"study"});

  EXPECT_TRUE(data) << data.error().message();
  writer.exec("ROLLBACK");
}

TEST_F(Files, StayAsTheyAreWhenTheyAreRead) {
  const auto paths = small_study();
  const std::string before = text_of(paths.database);

  ASSERT_TRUE(load(paths.database, {}));

  EXPECT_EQ(text_of(paths.database), before);
}

TEST_F(Files, NameTheKnownExperimentsWhenOneIsUnknown) {
  const auto paths = small_study();

  const auto data = load(paths.database, {"stduy"});

  ASSERT_FALSE(data);
  EXPECT_EQ(data.error().message(),
            "stduy: no experiment of this name; expected one of: finalists, study");
}

TEST_F(Files, OfAnotherKindAreRefused) {
  std::ofstream(folder_ / "text")
      << "this is no database, whatever its name says, and it is long enough";
  SQLite::Database(folder_ / "empty", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
      .exec("CREATE TABLE x (y)");

  EXPECT_FALSE(load(folder_ / "text", {}));
  EXPECT_FALSE(load(folder_ / "empty", {}));
  EXPECT_FALSE(load(folder_ / "missing", {}));
  EXPECT_FALSE(fs::exists(folder_ / "missing"));
}

TEST_F(Files, ExportOneExperiment) {
  const auto paths = small_study();

  const auto csv = export_experiment(paths.database, "finalists", ExportFormat::kCsv);
  const auto json = export_experiment(paths.database, "finalists", ExportFormat::kJson);

  ASSERT_TRUE(csv && json);
  EXPECT_EQ(csv->find("\r\nstudy,"), std::string::npos);
  EXPECT_NE(csv->find("\r\nfinalists,0,"), std::string::npos);
  EXPECT_TRUE(Json::parse(*json)["tables"].contains("cells"));
}

}  // namespace
}  // namespace isocost::report
