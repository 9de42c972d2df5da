// Which figures a task has data for, and what stands around them; what the script draws from is in
// page_data.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "reports/html/figure_meta.h"
#include "reports/html/sections.h"

namespace isocost::report {
namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

// Whether there is something to draw for a task: rows of it with a value of what the figure needs,
// and two values of what varies in it.
bool has_rows(const Table& table, const Study& study, const FigureMeta& meta) {
  const std::size_t none = table.columns.size();
  const std::size_t task = table.index("task");
  const std::size_t needed = meta.needs.empty() ? none : table.index(meta.needs);
  const std::size_t varying = meta.varies.empty() ? none : table.index(meta.varies);
  if (!meta.needs.empty() && needed == none) return false;
  std::optional<Json> first;
  for (std::size_t i = 0; i < table.size; ++i) {
    const Row row = table.row(i);
    if (task < row.size() && row[task] != study.task) continue;
    if (needed < row.size() && row[needed].is_null()) continue;
    if (varying == none) return true;
    if (!first) first = row[varying];
    if (*first != row[varying]) return true;
  }
  return false;
}

bool is_of_kind(const FigureMeta& meta, const Study& study) {
  return meta.kinds.empty() ||
         std::find(meta.kinds.begin(), meta.kinds.end(), study.task_kind) != meta.kinds.end();
}

// The metrics of a task over the images that rank, the ranking one first.
std::vector<Metric> metrics_of(const Study& study) {
  std::vector<Metric> metrics;
  if (!study.choice) return metrics;
  metrics.push_back(study.choice->metric);
  std::vector<const Group*> others;
  for (const Group& group : study.groups)
    if (group.spec.range == study.choice->spec.range && group.count > 0) others.push_back(&group);
  std::stable_sort(others.begin(), others.end(),
                   [](const Group* a, const Group* b) { return a->place < b->place; });
  for (const Group* group : others)
    if (std::none_of(metrics.begin(), metrics.end(),
                     [&](const Metric& metric) { return metric.name == group->metric.name; }))
      metrics.push_back(group->metric);
  return metrics;
}

Figure over_metric(const Figure& figure, const Metric& metric) {
  std::string text = canonical(figure.spec);
  const auto put = [&](const char* word, const std::string& value) {
    const std::string quoted = canonical(Json(value));
    text = replaced(text, word, quoted.substr(1, quoted.size() - 2));
  };
  put("$other_label", metric.label);
  put("$other_better", metric.is_lower_better ? "lower is better" : "higher is better");
  put("$other_explanation", metric.explanation);
  put("$other", metric.name);
  return {figure.name + "-" + metric.name, Json::parse(text)};
}

}  // namespace

std::vector<Figure> figures_of(const Report& report, const TaskReport& task,
                               const std::vector<Figure>& figures) {
  std::vector<Figure> list;
  const auto metrics = metrics_of(task.study);
  std::map<std::array<std::string, 3>, bool> known;  // of table, what is needed, what varies
  for (const Figure& figure : figures) {
    const FigureMeta meta = meta_of(figure.spec);
    if (!is_of_kind(meta, task.study)) continue;
    std::vector<Figure> drawn = {figure};
    if (!meta.metrics.empty()) {
      drawn.clear();
      for (std::size_t i = meta.metrics == "others" ? 1 : 0; i < metrics.size(); ++i)
        drawn.push_back(over_metric(figure, metrics[i]));
    }
    for (Figure& one : drawn) {
      const FigureMeta its = meta_of(one.spec);
      const Table* table = report.table(its.table);
      if (table == nullptr) continue;
      const auto [found, is_new] = known.try_emplace({its.table, its.needs, its.varies});
      if (is_new) found->second = has_rows(*table, task.study, its);
      if (found->second) list.push_back(std::move(one));
    }
  }
  return list;
}

void write_figures(Markup& html, const TaskPage& page, const std::vector<Figure>& figures) {
  if (figures.empty()) return;
  const Study& study = page.study();
  html.open("section", {{"id", page.id("figures")}, {"class", "figures"}})
      .element(page.section_heading(), "Figures");
  if (study.choice && study.judgement)
    html.element("p",
                 fmt::format("Figures show every cell on {}, where guidance was chosen; the answer "
                             "and the envelope are of {} where finalists cover them.",
                             images_text(study.choice->spec.range),
                             images_text(study.judgement->spec.range)),
                 {{"class", "soft"}});
  const auto filled = [&](const std::string& text) {
    return replaced(replaced(text, "$metric", study.choice ? study.choice->metric.label : "metric"),
                    "$main_series", page.task.main_series);
  };
  for (const Figure& figure : figures) {
    const FigureMeta meta = meta_of(figure.spec);
    html.open("figure", {{"data-figure", figure.name}, {"data-task", study.task_id}})
        .element(page.heading(), filled(meta.title.empty() ? figure.name : meta.title),
                 {{"class", "figure-title"}});
    html.open("div", {{"class", "plot"}})
        .close("div")
        .element("figcaption", filled(meta.caption))
        .close("figure");
  }
  html.raw(
          "<noscript><p class=\"note\">The figures need JavaScript, which is in this file. The "
          "tables do not.</p></noscript>")
      .close("section");
}

}  // namespace isocost::report
