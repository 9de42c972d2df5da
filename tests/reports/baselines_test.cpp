// Cells that no network drew: in the tables and in a table of their own, in nothing that compares.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/html/html.h"
#include "reports/model/report.h"
#include "tests/support/report_data.h"

namespace isocost::report {
namespace {

using testing::CellLine;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ReportDataBuilder;

ReportDataBuilder with_baselines() {
  ReportDataBuilder builder;
  for (const char* task : {"draw", "paint"}) {
    builder.cell({.model = "small", .fid = 30, .task = task});
    builder.cell({.model = "big", .gflops_per_call = 4, .fid = 20, .task = task});
  }
  builder.cell({.fid = 0.5, .half = 0.1, .task = "draw", .baseline = "real"});
  builder.cell({.fid = 7, .task = "paint", .baseline = "reconstruction"});
  return builder;
}

std::size_t column_of(const Table& table, const std::string& name) {
  EXPECT_LT(table.index(name), table.columns.size()) << name;
  return table.index(name);
}

TEST(ReportBaselines, StandBesideTheirTaskAndInNoComparison) {
  const Report report = make_report(with_baselines().data());

  ASSERT_EQ(report.tasks.size(), 2U);
  const TaskReport &draw = report.tasks[0], &paint = report.tasks[1];
  ASSERT_EQ(draw.study.baselines.size(), 1U);
  ASSERT_EQ(paint.study.baselines.size(), 1U);
  EXPECT_EQ(draw.study.baselines[0].baseline->name, "real");
  EXPECT_EQ(draw.study.points.size(), 2U);
  EXPECT_EQ(draw.study.models, (std::vector<std::string>{"small", "big"}));
  // Far better than any cell, and no answer.
  EXPECT_EQ(draw.answers[kGflopsAxis].back().best.point->model, "big");
  const Score* score = Study::score_of(draw.study.baselines[0], *draw.study.choice);
  ASSERT_NE(score, nullptr);
  EXPECT_EQ(score->value, 0.5);
}

TEST(ReportBaselines, AreRowsOfTheCellsWithoutWhatOnlyDrawnOnesHave) {
  const Report report = make_report(with_baselines().data());
  const Table& cells = *report.table("cells");

  ASSERT_EQ(cells.size, 6U);
  const Row drawn = cells.row(0), real = cells.row(4);
  EXPECT_TRUE(drawn[column_of(cells, "baseline")].is_null());
  EXPECT_EQ(real[column_of(cells, "baseline")], "real");
  EXPECT_EQ(real[column_of(cells, "task")], "draw");
  EXPECT_EQ(real[column_of(cells, "method")], "text-to-image");
  EXPECT_EQ(real[column_of(cells, "fid")], 0.5);
  for (const char* name : {"model", "sampler", "steps", "guidance", "gflops_per_image"})
    EXPECT_TRUE(real[column_of(cells, name)].is_null()) << name;
  const Table& scores = *report.table("scores");
  EXPECT_EQ(scores.row(4)[column_of(scores, "series")], "Real pictures");
  EXPECT_EQ(scores.row(4)[column_of(scores, "group")], scores.row(0)[column_of(scores, "group")]);
  EXPECT_TRUE(scores.row(4)[column_of(scores, "use")].is_null());
}

TEST(ReportBaselines, HaveATableOnThePageBesideTheBestCell) {
  const std::string page = to_html(make_report(with_baselines().data()), {});

  EXPECT_THAT(page, HasSubstr("id=\"baselines-draw\""));
  EXPECT_THAT(page, HasSubstr("Real pictures"));
  EXPECT_THAT(page, HasSubstr("The autoencoder&#39;s reconstruction"));
  EXPECT_THAT(page, HasSubstr("The best cell of each metric"));
  ReportDataBuilder without;
  without.cell({.fid = 30});
  EXPECT_THAT(to_html(make_report(without.data()), {}), Not(HasSubstr("id=\"baselines")));
}

}  // namespace
}  // namespace isocost::report
