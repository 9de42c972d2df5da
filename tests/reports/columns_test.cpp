// docs/columns.md is the table of columns, and the files have the columns that it names.
#include "reports/model/columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "reports/model/tables.h"
#include "tests/support/report_data.h"

namespace isocost::report {
namespace {

using testing::ReportDataBuilder;

TEST(ColumnsPage, IsTheTableOfColumns) {
  const std::filesystem::path path = std::filesystem::path(ISOCOST_SOURCE_DIR) / "docs/columns.md";
  if (std::getenv("UPDATE_GOLDEN")) std::ofstream(path, std::ios::binary) << columns_page();
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();

  EXPECT_EQ(text.str(), columns_page()) << "script/tables rewrites " << path;
}

TEST(Columns, HaveATypeAndAMeaning) {
  for (const TableFacts& table : table_facts())
    for (const std::string& pattern : table.columns) {
      const std::size_t metric = pattern.find("METRIC");
      const std::string name =
          metric == std::string::npos ? pattern : "fid" + pattern.substr(metric + 6);
      const Column one = column(table.name, name);
      EXPECT_NE(one.type, "") << table.name << "." << name;
      EXPECT_GE(one.meaning.size(), 5U) << table.name << "." << name;
      EXPECT_NE(one.meaning.back(), ',') << table.name << "." << name;
    }
}

Report some_report() {
  ReportDataBuilder builder;
  for (const double gflops : {1.0, 2.0, 4.0, 8.0, 16.0, 32.0})
    builder.cell({.model = "m" + std::to_string(static_cast<int>(gflops)),
                  .gflops_per_call = gflops,
                  .fid = 10 + 20 / std::sqrt(gflops),
                  .half = 0.01,
                  .unit_seconds = {5, 5.1},
                  .more = {{"clip_score", 0.3}}});
  builder.cell({.model = "m1", .gflops_per_call = 1, .fid = 99});
  builder.last().state = CellState::kFailed;
  builder.last().failure = CellFailure{"u", "bug", "it broke", "log", 3};
  builder.last().labels["eta"] = 0.5;
  return make_report(builder.data());
}

// Whether names are those of patterns, in their order: a run of patterns with METRIC is repeated
// once a metric, and so on.
void expect_order(const Table& table, const TableFacts& facts) {
  std::size_t last = 0;
  std::set<std::string> used;
  for (const Column& one : table.columns) {
    EXPECT_TRUE(has_column(table.name, one.name)) << table.name << "." << one.name;
    for (std::size_t i = 0; i < facts.columns.size(); ++i)
      if (facts.columns[i] == one.name) {
        EXPECT_GE(i, last) << table.name << "." << one.name << " is out of its order";
        last = i;
        used.insert(one.name);
      }
  }
  for (const std::string& pattern : facts.columns) {
    const bool is_one = pattern.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos;
    EXPECT_TRUE(!is_one || used.contains(pattern)) << table.name << " lacks " << pattern;
  }
}

TEST(Tables, HaveTheColumnsOfTheTableOfColumns) {
  const Report report = some_report();
  for (const TableFacts& facts : table_facts()) {
    const Table units = table_named("units");
    const Table* table = facts.name == "units" ? &units : report.table(facts.name);
    ASSERT_NE(table, nullptr) << facts.name;
    EXPECT_TRUE(table->size > 0 || facts.name == "units") << facts.name << " has no row to check";
    expect_order(*table, facts);
    for (std::size_t i = 0; i < table->size; ++i)
      EXPECT_EQ(table->row(i).size(), table->columns.size()) << facts.name;
  }
  EXPECT_EQ(row_of(UnitRecord{}).size(), table_named("units").columns.size());
}

// A file that has no row yet is read by its columns, not by the first byte that is missing.
TEST(Tables, HaveTheirColumnsWithoutARow) {
  ReportDataBuilder builder;
  builder.cell({});
  builder.last().scores[0].value.reset();
  for (const Report& report : {make_report(builder.data()), make_report({})})
    for (const TableFacts& facts : table_facts()) {
      if (facts.name == "units") continue;
      const Table* table = report.table(facts.name);
      ASSERT_NE(table, nullptr) << facts.name;
      expect_order(*table, facts);
    }
}

// Types say what a reader may take a column for.
TEST(Tables, HoldWhatTheirTypesSay) {
  const Report report = some_report();
  for (const Table& table : report.tables)
    for (const Row& row : table.rows())
      for (std::size_t i = 0; i < row.size(); ++i) {
        const std::string& type = table.columns[i].type;
        const Json& value = row[i];
        const bool is_axis = table.columns[i].name.starts_with("axis_");
        EXPECT_TRUE(value.is_null() || is_axis ||
                    (type == "integer"         ? value.is_number_integer()
                     : type == "number"        ? value.is_number()
                     : type == "true or false" ? value.is_boolean()
                                               : value.is_string()))
            << table.name << "." << table.columns[i].name << " = " << value;
      }
}

TEST(Columns, AreKnownByTheirPatterns) {
  EXPECT_TRUE(has_column("cells", "fid_2_low"));
  EXPECT_TRUE(has_column("cells", "axis_eta"));
  EXPECT_TRUE(has_column("cells", "input_unet_name"));
  EXPECT_TRUE(has_column("optimal", "clip_score"));
  EXPECT_TRUE(has_column("cells", "axis_MY_AXIS"));
  EXPECT_FALSE(has_column("cells", "METRIC_low"));
  EXPECT_FALSE(has_column("cells", "fdi"));
  EXPECT_FALSE(has_column("optimal", "budget"));
  EXPECT_FALSE(has_column("optimum", "value"));
}

TEST(ScoresTable, IsTidy) {
  const Report report = some_report();
  const Table& scores = *report.table("scores");

  EXPECT_EQ(scores.size, 13U);
  const auto value = [&](std::size_t row, const char* column) {
    return scores.row(row)[scores.index(column)];
  };
  EXPECT_EQ(value(0, "metric"), "fid");
  EXPECT_EQ(value(0, "use"), "ranking");
  EXPECT_EQ(value(1, "metric"), "clip_score");
  EXPECT_EQ(value(1, "value"), 0.3);
  EXPECT_EQ(value(1, "is_lower_better"), false);
  EXPECT_EQ(value(1, "images_end"), 512);
}

TEST(AnswerTable, IsTidy) {
  const Report report = some_report();
  const Table& answer = *report.table("answer");
  const std::size_t role = answer.index("role");

  std::set<std::string> roles;
  for (const Row& row : answer.rows()) roles.insert(row[role].get<std::string>());

  EXPECT_EQ(roles, (std::set<std::string>{"use", "best", "runner-up", "other model"}));
}

TEST(CellsTable, MarksOptimaInputsAndPictures) {
  ReportDataBuilder builder;
  for (const double guidance : {2.0, 3.0, 5.0})
    builder.cell({.guidance = guidance, .fid = 40 - guidance});
  builder.last().pictures = {{0, sha256("picture")}};
  ReportData data = builder.data();
  data.input_names[sha256("small").name()] = "models/small/unet";
  const Report report = make_report(std::move(data));
  const Table& cells = *report.table("cells");
  const auto value = [&](std::size_t row, const char* column) {
    return cells.row(row)[cells.index(column)];
  };

  EXPECT_EQ(value(0, "is_optimum"), false);
  EXPECT_TRUE(value(0, "is_at_edge").is_null());
  EXPECT_EQ(value(2, "is_optimum"), true);
  EXPECT_EQ(value(2, "is_at_edge"), true);
  EXPECT_EQ(value(2, "is_on_envelope"), true);
  EXPECT_EQ(value(2, "input_unet"), sha256("small").name());
  EXPECT_EQ(value(2, "input_unet_name"), "models/small/unet");
  EXPECT_EQ(value(2, "height"), 64);
  EXPECT_EQ(value(2, "pictures"), "pictures/study/0002-small-DDIM-trailing-10-steps-guidance-5");
  EXPECT_TRUE(value(0, "pictures").is_null());
}

}  // namespace
}  // namespace isocost::report
