#include "reports/html/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "reports/html/assets.h"
#include "reports/html/base64.h"
#include "reports/html/sections.h"
#include "reports/model/display.h"

namespace isocost::report {
namespace {

void write_axis_bar(Markup& html, const Report& report) {
  std::vector<std::size_t> axes;
  for (std::size_t axis = 0; axis < cost_axes().size(); ++axis)
    if (has_axis(report, axis)) axes.push_back(axis);
  if (axes.size() < 2) return;
  html.open("div", {{"class", "bar"}}).open("fieldset").element("legend", "Count cost as");
  for (const std::size_t axis : axes) {
    html.open("label");
    if (axis == axes.front())
      html.open("input", {{"type", "radio"},
                          {"name", "cost-axis"},
                          {"value", cost_axes()[axis].column},
                          {"autocomplete", "off"},
                          {"checked", "checked"}});
    else
      html.open("input", {{"type", "radio"},
                          {"name", "cost-axis"},
                          {"value", cost_axes()[axis].column},
                          {"autocomplete", "off"}});
    html.text(cost_axes()[axis].label).close("label");
  }
  html.close("fieldset").close("div");
}

std::string names_of(const ReportData& data) {
  std::string names;
  for (const Experiment& experiment : data.experiments)
    names += (names.empty() ? "" : ", ") + experiment.name;
  return names;
}

struct Counts {
  std::size_t done = 0, failed = 0, open = 0, cancelled = 0, mixed = 0;
  std::uint64_t images = 0;
};

Counts count(const Report& report) {
  Counts counts;
  for (const Cell& cell : report.data->cells) {
    switch (cell.state) {
      case CellState::kDone:
        ++counts.done;
        break;
      case CellState::kFailed:
        ++counts.failed;
        break;
      case CellState::kOpen:
        ++counts.open;
        break;
      case CellState::kCancelled:
        ++counts.cancelled;
        break;
    }
  }
  for (const Cell* cell : made_once(report.data->cells)) {
    if (cell->measured.device_classes.size() > 1) ++counts.mixed;
    counts.images += cell->measured.images;
  }
  return counts;
}

void write_fact(Markup& html, const std::string& number, const std::string& what) {
  html.open("li").element("b", number).text(" " + what).close("li");
}

// Ids of sections with their names.
std::vector<std::pair<std::string, std::string>> contents(const Report& report) {
  std::vector<std::pair<std::string, std::string>> list;
  if (report.tasks.size() > 1) {
    for (const TaskReport& task : report.tasks)
      list.emplace_back("task-" + task.study.task_id, task.study.task);
  } else {
    list.emplace_back("answer", "Answer");
    for (const TaskReport& task : report.tasks) {
      if (!task.study.choice) continue;
      if (!task.study.baselines.empty()) list.emplace_back("baselines", "Baselines");
      list.emplace_back("figures", "Figures");
      if (!task.findings.empty()) list.emplace_back("findings", "Findings");
      if (!task.pictures.empty()) list.emplace_back("pictures", "Pictures");
    }
  }
  list.emplace_back("failed", "Failed cells");
  list.emplace_back("protocol", "Protocol");
  list.emplace_back("words", "Words");
  return list;
}

void write_header(Markup& html, const Report& report) {
  const Counts counts = count(report);
  html.open("header", {{"class", "page"}});
  html.element("p", "isocost report: " + names_of(*report.data), {{"class", "eyebrow"}});
  html.element("h1", "What to use at which budget");
  html.open("ul", {{"class", "facts"}});
  std::set<std::string> models;
  for (const TaskReport& task : report.tasks)
    models.insert(task.study.models.begin(), task.study.models.end());
  if (report.tasks.size() > 1) write_fact(html, std::to_string(report.tasks.size()), "tasks");
  write_fact(html, display(static_cast<double>(models.size())),
             models.size() == 1 ? "model" : "models");
  write_fact(html, display(static_cast<double>(counts.done), 12), "cells done");
  if (counts.open > 0)
    write_fact(html, display(static_cast<double>(counts.open), 12), "still open");
  if (counts.failed > 0)
    write_fact(html, display(static_cast<double>(counts.failed), 12), "failed");
  if (counts.cancelled > 0)
    write_fact(html, display(static_cast<double>(counts.cancelled), 12), "cancelled");
  write_fact(html, display(static_cast<double>(counts.images), 12), "images");
  html.close("ul").raw("<nav class=\"contents\" aria-label=\"Contents\"><ul>");
  for (const auto& [id, name] : contents(report))
    html.open("li").element("a", name, {{"href", "#" + id}}).close("li");
  html.raw("</ul></nav>").close("header");
  html.raw("\n");
}

void write_warnings(Markup& html, const Report& report) {
  const Counts counts = count(report);
  const auto note = [&](const std::string& text) {
    html.open("div", {{"class", "note"}}).element("p", text).close("div");
  };
  if (counts.open > 0)
    note(fmt::format(
        "The study is not finished: {} cells are still open, and the answer may change.",
        counts.open));
  if (counts.failed > 0)
    note(fmt::format("{} cells failed and are in no figure; their reasons are below.",
                     counts.failed));
  if (counts.mixed > 0)
    note(fmt::format(
        "{} cells mix device classes: their scores are not reproducible to the last bit.",
        counts.mixed));
  if (report.data->repeats.mismatches > 0)
    note(fmt::format(
        "{} repeated results differ within one device class: a device or a build is at fault.",
        report.data->repeats.mismatches));
}

std::string sha256_base64(std::string_view text) {
  const Digest digest = sha256(text);
  return base64({reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()});
}

void write_head(Markup& html, const Report& report, std::string_view script) {
  html.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
  const std::string policy =
      "default-src 'none'; script-src 'sha256-" + sha256_base64(script) +
      "'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'";
  html.open("meta", {{"http-equiv", "Content-Security-Policy"}, {"content", policy}}).raw("\n");
  html.raw(
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta "
      "name=\"color-scheme\" content=\"light dark\">\n");
  html.raw("<link rel=\"icon\" href=\"data:,\">\n");
  html.element("title", names_of(*report.data) + ": what to use at which budget")
      .raw("\n<style>")
      .raw(page_style())
      .raw("</style>\n</head>\n<body>\n");
}

}  // namespace

void open_table(Markup& html, const std::string& label,
                const std::vector<std::pair<std::string, bool>>& columns,
                const std::string& css_class) {
  html.open("div", {{"class", css_class.empty() ? "scroll" : "scroll " + css_class},
                    {"tabindex", "0"},
                    {"role", "region"},
                    {"aria-label", label}})
      .open("table")
      .open("thead")
      .open("tr");
  for (const auto& [name, is_number] : columns) {
    if (is_number)
      html.element("th", name, {{"scope", "col"}, {"class", "number"}});
    else
      html.element("th", name, {{"scope", "col"}});
  }
  html.close("tr").close("thead").open("tbody");
}

void close_table(Markup& html) { html.close("tbody").close("table").close("div"); }

namespace {

void write_task(Markup& html, const TaskPage& page, const std::vector<Figure>& figures) {
  if (!page.is_alone) {
    html.open("section", {{"id", "task-" + page.study().task_id}, {"class", "task"}});
    html.element("h2", page.study().task);
    html.element("p",
                 fmt::format("{}, {} x {} pixels, {} cells. Nothing here is held against another "
                             "task.",
                             page.study().task_kind, page.study().width, page.study().height,
                             page.study().points.size()),
                 {{"class", "soft"}});
  } else {
    html.open("div", {{"class", "task"}, {"id", "task-" + page.study().task_id}});
  }
  write_answer(html, page);
  if (page.is_alone) write_warnings(html, page.report);
  write_baselines(html, page);
  write_figures(html, page, figures);
  write_findings(html, page);
  write_pictures(html, page);
  html.close(page.is_alone ? "div" : "section");
}

void write_empty(Markup& html) {
  html.open("section", {{"id", "answer"}, {"class", "answer"}})
      .element("p", "No experiment has a cell yet, so there is no answer yet.",
               {{"class", "answer-sentence"}})
      .close("section");
}

}  // namespace

std::string to_html(const Report& report, const PageInputs& inputs) {
  std::vector<std::vector<Figure>> figures;
  figures.reserve(report.tasks.size());
  for (const TaskReport& task : report.tasks)
    figures.push_back(figures_of(report, task, inputs.figures));
  Markup html;
  write_head(html, report, page_script());
  write_header(html, report);
  write_axis_bar(html, report);
  html.open("main");
  if (report.tasks.empty()) write_empty(html);
  if (report.tasks.size() > 1) write_warnings(html, report);
  for (std::size_t i = 0; i < report.tasks.size(); ++i)
    write_task(html, {report, report.tasks[i], inputs, report.tasks.size() == 1}, figures[i]);
  write_failed(html, report);
  write_protocol(html, report);
  write_words(html, report);
  html.close("main");
  html.raw(
      "\n<footer><p>Made by isocost from its database alone. The same data give the same file. "
      "Beside it: cells.csv (a row a cell), scores.csv (a row a score), units.csv, answer.csv, "
      "answer.tex, envelope.csv, report.json; docs/columns.md says what each column is.</p>"
      "</footer>\n");
  html.raw("<script type=\"application/json\" id=\"isocost-data\">")
      .raw(page_data(report, figures))
      .raw("</script>\n");
  html.raw("<script>").raw(page_script()).raw("</script>\n</body>\n</html>\n");
  return html.str();
}

}  // namespace isocost::report
