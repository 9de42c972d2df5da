#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "reports/html/base64.h"
#include "reports/html/sections.h"
#include "reports/model/display.h"
#include "reports/model/pictures.h"

namespace isocost::report {
namespace {

constexpr std::size_t kFailedRowsMax = 200;

std::string in_interval(const Interval& value) {
  return display(value.value) + " (" + display(value.low) + " to " + display(value.high) + ")";
}

void write_fits(Markup& html, const TaskPage& page) {
  const auto& fits = page.task.fits;
  if (fits.empty()) return;
  html.element(page.heading(), "Power laws");
  html.element(
      "p",
      "y = E + A x^-a by weighted least squares, with 95 % intervals from a seeded "
      "bootstrap: E is what no amount of compute removes, a how fast the rest falls. A law "
      "that its points do not determine is not shown; one that is, is drawn in its figure.",
      {{"class", "soft"}});
  const auto is_law = [](const NamedFit& fit) { return fit.fit.law.has_value(); };
  if (std::any_of(fits.begin(), fits.end(), is_law)) {
    open_table(
        html, "Power laws",
        {{"Fit", false}, {"E", true}, {"A", true}, {"a", true}, {"Points", true}, {"R²", true}});
    for (const NamedFit& fit : fits) {
      if (!is_law(fit)) continue;
      const PowerLaw& law = *fit.fit.law;
      html.open("tr").element("td", fit.name);
      for (const Interval& value : {law.e, law.a_factor, law.exponent})
        html.element("td", in_interval(value), {{"class", "number"}});
      html.element("td", std::to_string(law.points), {{"class", "number"}});
      html.element("td", display(law.r_squared), {{"class", "number"}}).close("tr");
    }
    close_table(html);
  }
  for (const NamedFit& fit : fits)
    if (!is_law(fit))
      html.element("p", fit.name + ": no law is identified: " + fit.fit.refusal + ".");
}

std::string_view verdict_class(const std::string& verdict) {
  if (verdict == "holds") return "chip clear";
  return verdict == "does not hold" ? "chip bad" : "chip open";
}

void write_picture(Markup& html, const TaskPage& page, const std::optional<Digest>& digest,
                   const std::string& by, std::uint64_t number) {
  const PageInputs& inputs = page.inputs;
  html.open("td");
  const auto found = digest ? inputs.pictures.find(digest->hex()) : inputs.pictures.end();
  const std::string* prompt = page.prompt(number);
  if (found != inputs.pictures.end()) {
    const std::string alt = fmt::format("Image {} by {}{}", number, by,
                                        prompt == nullptr ? std::string() : ": " + *prompt);
    html.open("img", {{"src", "data:image/png;base64," + base64(found->second)}, {"alt", alt}});
  } else {
    const bool is_left_out = digest && inputs.left_out.contains(digest->hex());
    html.element("span", is_left_out ? "in the folder pictures" : "not kept",
                 {{"class", "soft small"}});
  }
  html.close("td");
}

// What the images were made from, or are held against.
void write_item_row(Markup& html, const TaskPage& page, const PictureBlock& block,
                    const ItemRow& row) {
  const tasks::TaskKind* task = tasks::find_task(page.study().task_row);
  const bool is_small = row.slot == tasks::Slot::kSource && task != nullptr &&
                        task->source_size != tasks::SourceSize::kPicture;
  const std::string name = is_small ? "low resolution" : std::string(tasks::slot_name(row.slot));
  html.open("tr", {{"class", "item"}})
      .open("th", {{"scope", "row"}})
      .element("span", name, {{"class", "model"}})
      .close("th");
  for (std::size_t i = 0; i < block.numbers.size(); ++i)
    write_picture(html, page, row.pictures[i], "the item's " + name, block.numbers[i]);
  html.close("tr");
}

// What tells a row from its neighbours.
std::string row_name(const PictureBlock& block, const Point& point) {
  switch (block.kind) {
    case PictureBlock::Kind::kEqualCost:
    case PictureBlock::Kind::kSize:
      return point.model;
    case PictureBlock::Kind::kSteps:
      return fmt::format("{} steps", point.steps);
    case PictureBlock::Kind::kGuidance:
      return "guidance " + display(point.guidance);
  }
  return point.model;
}

void write_row(Markup& html, const TaskPage& page, const PictureBlock& block,
               const PictureRow& row) {
  const Point& point = *row.setting.point;
  html.open("tr")
      .open("th", {{"scope", "row"}})
      .element("span", row_name(block, point), {{"class", "model"}});
  html.open("span", {{"class", "soft small"}});
  if (block.kind == PictureBlock::Kind::kEqualCost)
    html.text(fmt::format("{} steps, guidance {}", point.steps, display(point.guidance)))
        .raw("<br>");
  else if (block.kind != PictureBlock::Kind::kGuidance)
    html.text("guidance " + display(point.guidance)).raw("<br>");
  html.text(fmt::format("{} GFLOPs", display(point.costs[kGflopsAxis].value_or(0))));
  html.raw("<br>").text(
      fmt::format("{} {}", page.study().choice->metric.label, display_score(row.setting.value)));
  html.close("span").close("th");
  for (std::size_t i = 0; i < block.numbers.size(); ++i)
    write_picture(html, page, row.pictures[i], describe(row.setting), block.numbers[i]);
  html.close("tr");
}

void write_block(Markup& html, const TaskPage& page, const PictureBlock& block) {
  html.open("div", {{"class", "pictures-block"}});
  html.element(page.heading(), block.title);
  html.open("div", {{"class", "scroll"},
                    {"tabindex", "0"},
                    {"role", "region"},
                    {"aria-label", page.study().task + ": " + block.title}});
  html.open("table", {{"class", "pictures"}}).open("thead").open("tr").element("td", "");
  for (const std::uint64_t number : block.numbers) {
    const std::string* prompt = page.prompt(number);
    html.element("th", prompt == nullptr ? fmt::format("image {}", number) : *prompt,
                 {{"scope", "col"}});
  }
  html.close("tr").close("thead").open("tbody");
  const std::vector<ItemRow> items = item_rows(page.study(), block.numbers);
  for (const ItemRow& item : items)
    if (item.slot != tasks::Slot::kTarget) write_item_row(html, page, block, item);
  for (const PictureRow& row : block.rows) write_row(html, page, block, row);
  for (const ItemRow& item : items)
    if (item.slot == tasks::Slot::kTarget) write_item_row(html, page, block, item);
  html.close("tbody").close("table").close("div").close("div");
}

}  // namespace

void write_findings(Markup& html, const TaskPage& page) {
  if (page.task.findings.empty()) return;
  html.open("section", {{"id", page.id("findings")}})
      .element(page.section_heading(), "What the study says of some hypotheses");
  html.element("p",
               "Hypotheses to report on, not aims: a verdict is \"holds\" only beyond the 95 % "
               "intervals of the differences.",
               {{"class", "soft"}});
  open_table(html, "Findings: " + page.study().task,
             {{"Hypothesis", false}, {"Verdict", false}, {"Evidence", false}});
  for (const Finding& finding : page.task.findings) {
    html.open("tr").element("td", finding.hypothesis);
    html.open("td")
        .element("span", finding.verdict, {{"class", verdict_class(finding.verdict)}})
        .close("td");
    html.element("td", finding.evidence).close("tr");
  }
  close_table(html);
  write_fits(html, page);
  html.close("section");
}

void write_pictures(Markup& html, const TaskPage& page) {
  if (page.task.pictures.empty()) return;
  html.open("section", {{"id", page.id("pictures")}}).element(page.section_heading(), "Pictures");
  html.element(
      "p",
      "The first images of each setting, at its best guidance unless guidance is what "
      "differs. A column has one prompt and starts from the same noise everywhere; nothing "
      "was picked by hand.");
  for (const PictureBlock& block : page.task.pictures) write_block(html, page, block);
  html.close("section");
}

void write_failed(Markup& html, const Report& report) {
  std::vector<const Point*> failed;
  std::size_t cells = 0;
  for (const TaskReport& task : report.tasks)
    for (const auto* points : {&task.study.points, &task.study.baselines})
      for (const Point& point : *points) {
        ++cells;
        if (point.cell->failure) failed.push_back(&point);
      }
  html.open("section", {{"id", "failed"}}).element("h2", "Failed cells");
  if (failed.empty()) {
    html.element("p", "None.").close("section");
    return;
  }
  html.element("p", fmt::format("{} of {} cells failed after all attempts; they are in no figure. "
                                "isocost retry takes them up again.",
                                failed.size(), cells));
  open_table(html, "Failed cells",
             {{"Cell", false}, {"Class", false}, {"Reason", false}, {"Attempts", true}});
  for (std::size_t i = 0; i < std::min(failed.size(), kFailedRowsMax); ++i) {
    const Cell& cell = *failed[i]->cell;
    html.open("tr").open("td").element("span", failed[i]->model, {{"class", "model"}});
    html.element("span",
                 failed[i]->baseline ? failed[i]->series
                                     : fmt::format("{}, {} steps, guidance {}", failed[i]->series,
                                                   failed[i]->steps, display(failed[i]->guidance)),
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
          .element("pre", cell.failure->log_tail, {{"tabindex", "0"}})
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
