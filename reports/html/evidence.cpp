#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "reports/html/base64.h"
#include "reports/html/sections.h"
#include "reports/model/display.h"

namespace isocost::report {
namespace {

constexpr std::size_t kFailedRowsMax = 200;

std::string in_interval(const Interval& value) {
  return display(value.value) + " (" + display(value.low) + " to " + display(value.high) + ")";
}

void write_fits(Markup& html, const Report& report) {
  if (report.fits.empty()) return;
  html.element("h3", "Power laws");
  html.element("p",
               "y = E + A x^-a by weighted least squares, with 95 % intervals from a seeded "
               "bootstrap: E is what no amount of "
               "compute removes, a how fast the rest falls.",
               {{"class", "soft"}});
  open_table(
      html, "Power laws",
      {{"Fit", false}, {"E", true}, {"A", true}, {"a", true}, {"Points", true}, {"R²", true}});
  for (const NamedFit& fit : report.fits) {
    html.open("tr").element("td", fit.name);
    for (const Interval& value : {fit.law.e, fit.law.a_factor, fit.law.exponent})
      html.element("td", in_interval(value), {{"class", "number"}});
    html.element("td", std::to_string(fit.law.points), {{"class", "number"}});
    html.element("td", display(fit.law.r_squared), {{"class", "number"}}).close("tr");
  }
  close_table(html);
}

std::string_view verdict_class(const std::string& verdict) {
  if (verdict == "holds") return "chip clear";
  return verdict == "does not hold" ? "chip bad" : "chip open";
}

void write_picture(Markup& html, const PageInputs& inputs, const PictureRow& row, std::size_t at,
                   std::uint64_t number) {
  html.open("td");
  const auto found = inputs.pictures.find(row.pictures[at].hex());
  const auto prompt = inputs.prompts.find(number);
  if (found != inputs.pictures.end()) {
    const std::string alt =
        fmt::format("Image {} by {}{}", number, row.setting.point->model,
                    prompt == inputs.prompts.end() ? std::string() : ": " + prompt->second);
    html.open("img", {{"src", "data:image/png;base64," + base64(found->second)}, {"alt", alt}});
  } else {
    html.element("span", "not kept", {{"class", "soft small"}});
  }
  html.close("td");
}

void write_block(Markup& html, const Report& report, const PageInputs& inputs,
                 const PictureBlock& block) {
  html.open("div", {{"class", "pictures-block"}});
  html.element("h3", fmt::format("About {} GFLOPs an image", display(block.gflops)));
  html.open("div", {{"class", "scroll"},
                    {"tabindex", "0"},
                    {"role", "region"},
                    {"aria-label", "Pictures at equal cost"}});
  html.open("table", {{"class", "pictures"}}).open("thead").open("tr").element("th", "");
  for (const std::uint64_t number : block.numbers) {
    const auto prompt = inputs.prompts.find(number);
    html.element("th",
                 prompt == inputs.prompts.end() ? fmt::format("image {}", number) : prompt->second,
                 {{"scope", "col"}});
  }
  html.close("tr").close("thead").open("tbody");
  for (const PictureRow& row : block.rows) {
    const Point& point = *row.setting.point;
    html.open("tr")
        .open("th", {{"scope", "row"}})
        .element("span", point.model, {{"class", "model"}});
    html.open("span", {{"class", "soft small"}})
        .text(fmt::format("{} steps, guidance {}", point.steps, display(point.guidance)));
    html.raw("<br>").text(fmt::format("{} GFLOPs", display(point.costs[kGflopsAxis].value_or(0))));
    html.raw("<br>").text(
        fmt::format("{} {}", report.study.choice->metric.label, display_score(row.setting.value)));
    html.close("span").close("th");
    for (std::size_t i = 0; i < block.numbers.size(); ++i)
      write_picture(html, inputs, row, i, block.numbers[i]);
    html.close("tr");
  }
  html.close("tbody").close("table").close("div").close("div");
}

}  // namespace

void write_findings(Markup& html, const Report& report) {
  if (report.findings.empty()) return;
  html.open("section", {{"id", "findings"}}).element("h2", "What the study says of two hypotheses");
  html.element("p",
               "Hypotheses to report on, not aims: a verdict is \"holds\" only beyond the 95 % "
               "intervals of the differences.",
               {{"class", "soft"}});
  open_table(html, "Findings", {{"Hypothesis", false}, {"Verdict", false}, {"Evidence", false}});
  for (const Finding& finding : report.findings) {
    html.open("tr").element("td", finding.hypothesis);
    html.open("td")
        .element("span", finding.verdict, {{"class", verdict_class(finding.verdict)}})
        .close("td");
    html.element("td", finding.evidence).close("tr");
  }
  close_table(html);
  write_fits(html, report);
  html.close("section");
}

void write_pictures(Markup& html, const Report& report, const PageInputs& inputs) {
  if (report.pictures.empty()) return;
  html.open("section", {{"id", "pictures"}}).element("h2", "Pictures at equal cost");
  html.element(
      "p",
      fmt::format("The first images of several models at about the same cost, each at its best "
                  "guidance ({}). A column has one "
                  "prompt and starts from the same noise everywhere; nothing was picked by hand.",
                  report.pictures.front().series));
  for (const PictureBlock& block : report.pictures) write_block(html, report, inputs, block);
  html.close("section");
}

void write_failed(Markup& html, const Report& report) {
  std::vector<const Point*> failed;
  for (const Point& point : report.study.points)
    if (point.cell->failure) failed.push_back(&point);
  html.open("section", {{"id", "failed"}}).element("h2", "Failed cells");
  if (failed.empty()) {
    html.element("p", "None.").close("section");
    return;
  }
  html.element("p", fmt::format("{} of {} cells failed after all attempts; they are in no figure. "
                                "isocost retry takes them up again.",
                                failed.size(), report.study.points.size()));
  open_table(html, "Failed cells",
             {{"Cell", false}, {"Class", false}, {"Reason", false}, {"Attempts", true}});
  for (std::size_t i = 0; i < std::min(failed.size(), kFailedRowsMax); ++i) {
    const Cell& cell = *failed[i]->cell;
    html.open("tr").open("td").element("span", failed[i]->model, {{"class", "model"}});
    html.element("span",
                 fmt::format("{}, {} steps, guidance {}", failed[i]->series, failed[i]->steps,
                             display(failed[i]->guidance)),
                 {{"class", "soft"}});
    html.element("span", fmt::format("{}, cell {}", cell.experiment, cell.number),
                 {{"class", "soft"}})
        .close("td");
    html.open("td")
        .element("span", cell.failure->failure_class, {{"class", "chip bad"}})
        .close("td");
    html.open("td").text(cell.failure->reasons());
    if (!cell.failure->log_tail.empty())
      html.open("details")
          .element("summary", "last lines of the log")
          .element("pre", cell.failure->log_tail)
          .close("details");
    html.close("td")
        .element("td", std::to_string(cell.failure->attempts), {{"class", "number"}})
        .close("tr");
  }
  close_table(html);
  if (failed.size() > kFailedRowsMax)
    html.element("p", fmt::format("{} more are in report.json.", failed.size() - kFailedRowsMax),
                 {{"class", "soft"}});
  html.close("section");
}

}  // namespace isocost::report
