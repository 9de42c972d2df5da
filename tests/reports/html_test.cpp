// The page and the LaTeX table as texts; page_test.mjs opens it in a browser.
#include "reports/html/html.h"

#include <gtest/gtest.h>

#include "reports/figure_files.h"
#include "reports/html/base64.h"
#include "reports/html/markup.h"
#include "reports/latex/latex.h"
#include "tests/reports/small_report.h"

namespace isocost::report {
namespace {

using testing::ReportDataBuilder;

TEST(Html, IsTheGoldenFile) {
  expect_golden("report.html", without_assets(to_html(small_report(), {})));
}

TEST(Html, EscapesWhatComesFromOutside) {
  const std::string html = without_assets(to_html(small_report(), {}));

  EXPECT_EQ(html.find("quoted\" <b>"), std::string::npos);
  EXPECT_EQ(html.find("<small>"), std::string::npos);
  EXPECT_EQ(html.find("<line two>"), std::string::npos);
  EXPECT_EQ(html.find("</script> not finite"), std::string::npos);
  EXPECT_EQ(escape_html("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
}

TEST(Html, AnswersFirst) {
  const std::string html = to_html(small_report(), {});

  EXPECT_LT(html.find("id=\"answer\""), html.find("id=\"failed\""));
  EXPECT_LT(html.find("<h1>What to use at which budget</h1>"), html.find("id=\"answer\""));
}

TEST(Html, LeadsWithTheCheapestSettingThatIsAsGoodAsTheBest) {
  ReportDataBuilder builder;
  for (const auto& [gflops, fid] : {std::pair{1.0, 30.0}, {2.0, 20.2}, {8.0, 20.0}})
    builder.cell({.model = "m" + std::to_string(static_cast<int>(gflops)),
                  .gflops_per_call = gflops,
                  .fid = fid});

  const std::string html = to_html(make_report(builder.data()), {});

  EXPECT_NE(html.find("use <strong>m2</strong> (DDIM trailing, 10 steps, guidance 3): FID 20.20"),
            std::string::npos);
  EXPECT_NE(html.find("What makes it uncertain:"), std::string::npos);
  EXPECT_NE(html.find("512 images are few for FID"), std::string::npos);
  EXPECT_NE(html.find("at four times the cost"), std::string::npos);
}

TEST(Html, HasASectionATask) {
  ReportDataBuilder builder;
  for (const std::string task : {"draw", "enlarge <4>"})
    for (const double gflops : {1.0, 4.0})
      builder.cell({.model = gflops == 1 ? "small" : "big",
                    .gflops_per_call = gflops,
                    .fid = 30 - gflops,
                    .task = task,
                    .method = task == "draw" ? "text-to-image" : "x4",
                    .prompts = task});
  const Report report = make_report(builder.data());

  const std::string html = without_assets(to_html(report, {built_in_figures(), {}, {}, {}}));

  EXPECT_NE(html.find("<section id=\"task-draw\" class=\"task\"><h2>draw</h2>"), std::string::npos);
  EXPECT_NE(html.find("<h2>enlarge &lt;4&gt;</h2>"), std::string::npos);
  EXPECT_NE(html.find("id=\"answer-draw\""), std::string::npos);
  EXPECT_NE(html.find("id=\"answer-enlarge-4\""), std::string::npos);
  // The figures of super-resolution are of that task alone.
  EXPECT_NE(html.find("data-figure=\"25-over-cost-by-steps-fid\" data-task=\"enlarge-4\""),
            std::string::npos);
  EXPECT_EQ(html.find("data-figure=\"25-over-cost-by-steps-fid\" data-task=\"draw\""),
            std::string::npos);
}

// One setting is no curve: what it costs and scores stands in the figure of the envelope.
TEST(Html, LeavesFiguresOutThatHadOnePoint) {
  ReportDataBuilder builder;
  builder.cell({.fid = 30, .method = "x4"});

  const std::string html =
      without_assets(to_html(make_report(builder.data()), {built_in_figures(), {}, {}, {}}));

  EXPECT_NE(html.find("data-figure=\"20-fid-over-cost\""), std::string::npos);
  for (const char* figure :
       {"25-over-cost-by-steps", "40-sampler-envelopes", "45-samplers-by-model"})
    EXPECT_EQ(html.find(std::string("data-figure=\"") + figure), std::string::npos) << figure;
}

TEST(Html, SaysWhyNoLawIsIdentified) {
  ReportDataBuilder builder;
  builder.cell({.model = "a", .fid = 30}).cell({.model = "b", .gflops_per_call = 2, .fid = 20});

  const std::string html = to_html(make_report(builder.data()), {});

  EXPECT_NE(html.find("no law is identified: 2 points for three parameters."), std::string::npos);
}

TEST(Html, SaysThatThereIsNoAnswerYet) {
  ReportDataBuilder builder;
  builder.cell({});
  builder.last().scores[0].value.reset();
  builder.last().state = CellState::kOpen;

  const std::string html = to_html(make_report(builder.data()), {});

  EXPECT_NE(html.find("no answer yet"), std::string::npos);
}

// The small picture before what was made of it, the true one behind.
TEST(Html, ShowsWhatPicturesWereMadeFrom) {
  ReportDataBuilder builder;
  for (const double gflops : {1.0, 1.1}) {
    builder.cell({.model = gflops == 1 ? "small" : "big",
                  .gflops_per_call = gflops,
                  .fid = 30 - gflops,
                  .method = "x4"});
    builder.last().pictures = {{0, sha256(gflops == 1 ? "by small" : "by big")}};
  }
  ReportData data = builder.data();
  data.items[data_of(*data.cells[0].sample)] = {{0, tasks::Slot::kSource, sha256("low")},
                                                {0, tasks::Slot::kTarget, sha256("true")}};
  PageInputs inputs;
  for (const char* name : {"by small", "by big", "low", "true"})
    inputs.pictures[sha256(name).hex()] = name;

  const std::string html = without_assets(to_html(make_report(std::move(data)), inputs));

  const auto place = [&](const std::string& name) {
    const std::size_t at = html.find("base64," + base64(name) + "\"");
    EXPECT_NE(at, std::string::npos) << name;
    return at;
  };
  EXPECT_NE(html.find("<span class=\"model\">low resolution</span>"), std::string::npos);
  EXPECT_LT(place("low"), place("by small"));
  EXPECT_LT(place("by small"), place("by big"));
  EXPECT_LT(place("by big"), place("true"));
}

// What users' figures are held to holds for those that isocost ships.
TEST(Figures, NameTablesAndColumnsThatThereAre) {
  Failure failure;
  for (const Figure& figure : built_in_figures()) check_figure(figure.spec, figure.name, failure);

  EXPECT_TRUE(failure.is_empty()) << fail(std::move(failure)).value().message();
}

std::string faults_of(const char* spec) {
  Failure failure;
  check_figure(Json::parse(spec), "f", failure);
  return failure.is_empty() ? "" : failure.message();
}

// The usual transforms of Vega-Lite, with the names that they make.
TEST(Figures, MayAggregateAndEstimate) {
  EXPECT_EQ(faults_of(R"({"data": {"name": "points"}, "mark": "bar", "encoding": {
    "x": {"field": "steps"}, "y": {"aggregate": "mean", "field": "value"}}})"),
            "");
  EXPECT_EQ(faults_of(R"({"data": {"name": "points"}, "mark": "area", "transform": [
    {"aggregate": [{"op": "mean", "field": "value", "as": "mean"}], "groupby": ["model"]},
    {"filter": "datum.mean > 3"}]})"),
            "");
  EXPECT_EQ(faults_of(R"({"data": {"name": "points"}, "mark": "area",
    "transform": [{"density": "fid", "groupby": ["model"]}],
    "encoding": {"x": {"field": "value"}, "y": {"field": "density"}}})"),
            "");
  EXPECT_EQ(faults_of(R"({"data": {"name": "points"}, "mark": "line",
    "transform": [{"quantile": "fid"}],
    "encoding": {"x": {"field": "prob"}, "y": {"field": "value"}}})"),
            "");
}

TEST(Figures, DrawATableWhoseColumnsTheirAxesName) {
  EXPECT_NE(faults_of(R"({"mark": "point"})").find("f: data: it names no table of the report"),
            std::string::npos);
  EXPECT_NE(faults_of(R"({"data": {"values": [1]}, "mark": "point"})").find("f: data:"),
            std::string::npos);
  const std::string axes = faults_of(R"({"data": {"name": "points"}, "mark": "point", "encoding": {
    "x": "$x:cost", "y": "$y:vlaue", "size": {"scale": {"domain": "$extent:guidence"}}}})");
  for (const char* column : {"vlaue", "guidence"})
    EXPECT_NE(axes.find("has no column '" + std::string(column) + "'"), std::string::npos) << axes;
  EXPECT_EQ(axes.find("'cost'"), std::string::npos) << axes;
  EXPECT_NE(faults_of(R"({"data": {"name": "findings"}, "mark": "bar", "encoding": {
    "x": "$x:cost"}})")
                .find("has no column 'cost'"),
            std::string::npos);
}

TEST(Figures, SayOfThemselvesWhatThePageCanRead) {
  const std::string faults = faults_of(R"({"data": {"name": "optimal"}, "mark": "point",
    "usermeta": {"isocost": {"legend": "sampler", "needs": ["value"], "varies": ["steps"],
      "each": 3, "height": "tall", "title": 1, "metrics": "some", "kinds": "editing",
      "need": "value"}}})");

  for (const char* member :
       {"legend: this is \"sampler\"", "needs: this is [\"value\"]", "varies: this is [\"steps\"]",
        "each: this is 3", "height: this is \"tall\"", "title: this is 1",
        "metrics: this is \"some\"", "kinds: this is \"editing\""})
    EXPECT_NE(faults.find("f: usermeta.isocost." + std::string(member)), std::string::npos)
        << member << " in " << faults;
  EXPECT_NE(faults.find("'need' is unknown"), std::string::npos) << faults;
  EXPECT_NE(faults_of(R"({"data": {"name": "findings"}, "mark": "point",
    "usermeta": {"isocost": {"legend": "model"}}})")
                .find("has no column 'model'"),
            std::string::npos);
}

TEST(Latex, IsATableOfTheAnswer) {
  ReportDataBuilder builder;
  builder.cell({.model = "w_8 & co", .gflops_per_call = 1, .fid = 20.2})
      .cell({.model = "big", .gflops_per_call = 4, .fid = 20});
  const Report report = make_report(builder.data());

  const std::string latex = answers_latex(report);

  EXPECT_NE(latex.find("\\begin{tabular}{rllrrrrll}"), std::string::npos) << latex;
  EXPECT_NE(latex.find("    $80$ & w\\_8 \\& co & DDIM trailing & 10 & $3$ & $20$ & $20.20$ & "
                       "$19.20$ to $21.20$ & big, 10 steps, at four times the cost \\\\\n"),
            std::string::npos)
      << latex;
  EXPECT_EQ(escape_latex("50% of $x^2_{a}~\\ <b>|#&"),
            "50\\% of \\$x\\textasciicircum{}2\\_\\{a\\}\\textasciitilde{}\\textbackslash{} "
            "\\textless{}b\\textgreater{}\\textbar{}\\#\\&");
}

TEST(Latex, GivesTheEndsOfAnIntervalTheDecimalsOfItsValue) {
  ReportDataBuilder builder;
  builder.cell({.fid = 99.5, .half = 4.25});
  const Report report = make_report(builder.data());

  EXPECT_NE(answers_latex(report).find("& $99.50$ & $95.25$ to $103.75$ &"), std::string::npos)
      << answers_latex(report);
  EXPECT_NE(to_html(report, {}).find("99.50<span class=\"soft\">95.25 to 103.75</span>"),
            std::string::npos);
}

}  // namespace
}  // namespace isocost::report
