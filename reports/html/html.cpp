#include "reports/html/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "reports/html/assets.h"
#include "reports/html/base64.h"
#include "reports/html/sections.h"
#include "reports/model/display.h"
#include "schema/metrics/metric.h"

namespace isocost::report {
namespace {

constexpr std::size_t kTableRowsMax =
    50'000;  // of one table in the page; figures of longer ones are left out

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

// The series that most cells of the ranking have; the first of several.
std::string main_series(const Report& report) {
  std::map<std::string, std::size_t> counts;
  if (const Group* group = report.study.choice)
    for (std::size_t i = 0; i < report.study.points.size(); ++i)
      if (group->scores[i] && group->scores[i]->value) ++counts[report.study.points[i].series];
  std::string best;
  for (const std::string& series : report.study.series)
    if (best.empty() || counts[series] > counts[best]) best = series;
  return best;
}

Json meta_of(const Figure& figure) {
  if (!figure.spec.is_object() || !figure.spec.contains("usermeta")) return Json::object();
  const Json& meta = figure.spec["usermeta"];
  return meta.is_object() && meta.contains("isocost") && meta["isocost"].is_object()
             ? meta["isocost"]
             : Json::object();
}

std::string text_in(const Json& object, const char* name) {
  return object.contains(name) && object[name].is_string() ? object[name].get<std::string>() : "";
}

std::string table_of(const Figure& figure) {
  return figure.spec.is_object() && figure.spec.contains("data") && figure.spec["data"].is_object()
             ? text_in(figure.spec["data"], "name")
             : "";
}

// A figure whose table is empty, or lacks the column that it needs, is left out.
bool has_data(const Report& report, const Figure& figure) {
  const Table* table = report.table(table_of(figure));
  if (!table || table->rows.empty() || table->rows.size() > kTableRowsMax) return false;
  const std::string needs = text_in(meta_of(figure), "needs");
  if (needs.empty()) return true;
  const std::size_t column = table->index(needs);
  return column < table->columns.size() &&
         std::any_of(
             table->rows.begin(), table->rows.end(),
             [&](const auto& row) { return !row[column].is_null(); });
}

void write_figures(Markup& html, const Report& report, const std::vector<Figure>& figures) {
  if (figures.empty()) return;
  html.open("section", {{"id", "figures"}}).element("h2", "Figures");
  if (report.study.choice && report.study.judgement)
    html.element("p",
                 fmt::format("Figures show every cell on {}, where guidance was chosen; the answer "
                             "and the envelope are of {} where finalists cover them.",
                             images_text(report.study.choice->spec.range),
                             images_text(report.study.judgement->spec.range)),
                 {{"class", "soft"}});
  const auto filled = [&](const std::string& text) {
    return replaced(replaced(text, "$metric",
                             report.study.choice ? report.study.choice->metric.label : "metric"),
                    "$main_series", main_series(report));
  };
  for (const Figure& figure : figures) {
    const Json meta = meta_of(figure);
    const std::string title = text_in(meta, "title");
    html.open("figure", {{"data-figure", figure.name}})
        .element("h3", filled(title.empty() ? figure.name : title));
    html.open("div", {{"class", "plots"}})
        .close("div")
        .element("figcaption", filled(text_in(meta, "caption")))
        .close("figure");
  }
  html.raw(
          "<noscript><p class=\"note\">The figures need JavaScript, which is in this file. The "
          "tables do not.</p></noscript>")
      .close("section");
}

// Everything the script draws from. "<" never stands in it, so nothing can end the element early.
std::string page_data(const Report& report, const std::vector<Figure>& figures) {
  Json axes = Json::array(), tables = Json::object(), specs = Json::array();
  for (std::size_t axis = 0; axis < cost_axes().size(); ++axis)
    if (has_axis(report, axis))
      axes.push_back({{"column", cost_axes()[axis].column}, {"label", cost_axes()[axis].label}});
  if (axes.empty())
    axes.push_back({{"column", cost_axes()[0].column}, {"label", cost_axes()[0].label}});
  std::set<std::string> used = {"optimal", "envelope"};
  for (const Figure& figure : figures) {
    used.insert(table_of(figure));
    specs.push_back({{"name", figure.name}, {"spec", figure.spec}});
  }
  for (const Table& table : report.tables)
    if (used.contains(table.name) && table.rows.size() <= kTableRowsMax)
      tables[table.name] = to_json(table);
  const Metric metric = report.study.choice ? report.study.choice->metric
                                            : metric_of(metrics::metrics().front().name);
  const Json data = {{"axes", axes},
                     {"metric", {{"name", metric.name}, {"label", metric.label}}},
                     {"models", report.study.models},
                     {"series", report.study.series},
                     {"main_series", main_series(report)},
                     {"normalised_by", report.study.normalised_by},
                     {"tables", tables},
                     {"figures", specs}};
  return replaced(canonical(data), "<", "\\u003c");
}

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
  std::uint64_t images = 0, mismatches = 0;
};

Counts count(const Report& report) {
  Counts counts;
  std::map<std::string, std::uint64_t> images;
  for (const Point& point : report.study.points) {
    const Cell& cell = *point.cell;
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
    if (cell.measured.device_classes.size() > 1) ++counts.mixed;
    counts.mismatches += cell.measured.mismatches;
    std::uint64_t& made = images[cell.sample_key];
    made = std::max(made, cell.measured.images);
  }
  for (const auto& [key, made] : images) counts.images += made;
  return counts;
}

void write_fact(Markup& html, const std::string& number, const std::string& what) {
  html.open("li").element("b", number).text(" " + what).close("li");
}

void write_header(Markup& html, const Report& report) {
  const Counts counts = count(report);
  html.open("header", {{"class", "page"}});
  html.element("p", "isocost report: " + names_of(*report.study.data), {{"class", "eyebrow"}});
  html.element("h1", "What to use at which budget");
  html.open("ul", {{"class", "facts"}});
  write_fact(html, display(static_cast<double>(report.study.models.size())),
             report.study.models.size() == 1 ? "model" : "models");
  write_fact(html, display(static_cast<double>(counts.done), 12), "cells done");
  if (counts.open > 0)
    write_fact(html, display(static_cast<double>(counts.open), 12), "still open");
  if (counts.failed > 0)
    write_fact(html, display(static_cast<double>(counts.failed), 12), "failed");
  if (counts.cancelled > 0)
    write_fact(html, display(static_cast<double>(counts.cancelled), 12), "cancelled");
  write_fact(html, display(static_cast<double>(counts.images), 12), "images");
  html.close("ul").raw("<nav class=\"contents\" aria-label=\"Contents\"><ul>");
  for (const auto& [id, name] : {std::pair{"answer", "Answer"},
                                 {"figures", "Figures"},
                                 {"findings", "Findings"},
                                 {"pictures", "Pictures"},
                                 {"failed", "Failed cells"},
                                 {"protocol", "Protocol"},
                                 {"words", "Words"}}) {
    if (std::string_view(id) == "pictures" && report.pictures.empty()) continue;
    if (!report.study.choice &&
        (std::string_view(id) == "figures" || std::string_view(id) == "findings"))
      continue;
    html.open("li").element("a", name, {{"href", std::string("#") + id}}).close("li");
  }
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
  if (counts.mismatches > 0)
    note(fmt::format(
        "{} repeated results differ within one device class: a device or a build is at fault.",
        counts.mismatches));
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
  html.element("title", names_of(*report.study.data) + ": what to use at which budget")
      .raw("\n<style>")
      .raw(page_style())
      .raw("</style>\n</head>\n<body>\n");
}

}  // namespace

void open_table(Markup& html, const std::string& label,
                const std::vector<std::pair<std::string, bool>>& columns) {
  html.open("div",
            {{"class", "scroll"}, {"tabindex", "0"}, {"role", "region"}, {"aria-label", label}})
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

std::string to_html(const Report& report, const PageInputs& inputs) {
  std::vector<Figure> figures;
  for (const Figure& figure : inputs.figures)
    if (has_data(report, figure)) figures.push_back(figure);
  Markup html;
  write_head(html, report, page_script());
  write_header(html, report);
  write_axis_bar(html, report);
  html.open("main");
  write_answer(html, report);
  write_warnings(html, report);
  write_figures(html, report, figures);
  write_findings(html, report);
  write_pictures(html, report, inputs);
  write_failed(html, report);
  write_protocol(html, report);
  write_words(html, report);
  html.close("main");
  html.raw(
      "\n<footer><p>Made by isocost from its database alone. The same data give the same file. "
      "Beside it: cells.csv (a row a cell), "
      "answer.csv, envelope.csv, report.json.</p></footer>\n");
  html.raw("<script type=\"application/json\" id=\"isocost-data\">")
      .raw(page_data(report, figures))
      .raw("</script>\n");
  html.raw("<script>").raw(page_script()).raw("</script>\n</body>\n</html>\n");
  return html.str();
}

}  // namespace isocost::report
