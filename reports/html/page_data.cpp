// What the script draws from, as small as figures allow: the columns that they name, texts once
// each, numbers to seven digits, and no more rows than a reader of a figure could tell apart.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

#include "reports/html/figure_meta.h"
#include "reports/html/sections.h"

namespace isocost::report {
namespace {

constexpr std::size_t kRowsMax = 20'000;  // of one table in the page
constexpr std::size_t kStepsShown = 8;    // numbers of steps that remain where there are more rows

std::string without_angle(std::string text) {
  for (std::size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at))
    text.replace(at, 1, "\\u003c");
  return text;
}

double rounded(double value) {
  return std::isfinite(value) ? std::strtod(fmt::format("{:.7g}", value).c_str(), nullptr) : value;
}

// {"texts": [...], "at": [...]} where it is of texts, else [...].
Json packed_column(const std::vector<Row>& rows, std::size_t column) {
  const bool has_text = std::any_of(rows.begin(), rows.end(),
                                    [&](const Row& row) { return row[column].is_string(); });
  Json values = Json::array(), texts = Json::array();
  std::map<std::string, std::size_t> places;
  for (const Row& row : rows) {
    const Json& value = row[column];
    if (has_text && value.is_string()) {
      const auto [found, is_new] = places.emplace(value.get<std::string>(), texts.size());
      if (is_new) texts.push_back(value);
      values.push_back(found->second);
    } else if (has_text) {
      values.push_back(nullptr);
    } else {
      values.push_back(value.is_number_float() ? Json(rounded(value.get<double>())) : value);
    }
  }
  return has_text ? Json{{"texts", texts}, {"at", values}} : values;
}

// Whether a name stands in a text as a word of its own.
bool names(const std::string& text, const std::string& name) {
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    if ((at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end])))
      return true;
  }
  return false;
}

// Columns that tables share and figures take for granted.
bool is_usual(const std::string& name) {
  static const std::set<std::string> kUsual = {"task",     "cost_axis", "model", "series", "steps",
                                               "guidance", "value",     "low",   "high",   "cost"};
  return kUsual.contains(name) ||
         std::any_of(cost_axes().begin(), cost_axes().end(),
                     [&](const CostAxis& axis) { return axis.column == name; });
}

// Where there are more rows than a page bears: those of each task's main series, and then of a few
// numbers of steps.
std::vector<Row> fewer(const Report& report, const Table& table, std::vector<Row> rows) {
  const std::size_t task = table.index("task"), series = table.index("series"),
                    steps = table.index("steps");
  if (rows.size() <= kRowsMax || task == table.columns.size() || series == table.columns.size())
    return rows;
  std::map<std::string, std::string> main;
  for (const TaskReport& one : report.tasks) main[one.study.task] = one.main_series;
  std::erase_if(rows,
                [&](const Row& row) { return row[series] != main[row[task].get<std::string>()]; });
  if (rows.size() <= kRowsMax || steps == table.columns.size()) return rows;
  std::set<std::uint64_t> all, kept;
  for (const Row& row : rows)
    if (row[steps].is_number_unsigned()) all.insert(row[steps].get<std::uint64_t>());
  const std::vector<std::uint64_t> list(all.begin(), all.end());
  for (std::size_t i = 0; i < kStepsShown && !list.empty(); ++i)
    kept.insert(list[i * (list.size() - 1) / (kStepsShown - 1)]);
  std::erase_if(rows, [&](const Row& row) {
    return row[steps].is_number_unsigned() && !kept.contains(row[steps].get<std::uint64_t>());
  });
  return rows;
}

Json packed(const Report& report, const Table& table, const std::string& specs) {
  std::vector<Row> rows = fewer(report, table, table.rows());
  const bool is_thinned = rows.size() < table.size;
  Json left_out = nullptr;
  if (is_thinned) left_out = table.size - rows.size();
  if (rows.size() > kRowsMax) {
    left_out = table.size;
    rows.clear();
  }
  Json columns = Json::object();
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const std::string& name = table.columns[i].name;
    if (is_usual(name) || names(specs, name)) columns[name] = packed_column(rows, i);
  }
  return {{"size", rows.size()}, {"columns", columns}, {"left_out", left_out}};
}

Json packed_task(const TaskReport& task, const std::vector<Figure>& figures) {
  Json axes = Json::array(), specs = Json::array();
  for (std::size_t axis = 0; axis < cost_axes().size(); ++axis)
    if (has_axis(task, axis)) axes.push_back(cost_axes()[axis].column);
  for (const Figure& figure : figures)
    specs.push_back({{"name", figure.name}, {"spec", figure.spec}});
  const Study& study = task.study;
  Json metric = nullptr;
  if (study.choice)
    metric = {{"name", study.choice->metric.name},
              {"label", study.choice->metric.label},
              {"is_lower_better", study.choice->metric.is_lower_better}};
  return {{"id", study.task_id},
          {"name", study.task},
          {"axes", axes},
          {"metric", metric},
          {"models", study.models},
          {"series", study.series},
          {"main_series", task.main_series},
          {"normalised_by", study.normalised_by},
          {"figures", specs}};
}

// The titles of columns on axes, with units.
Json titles(const Report& report) {
  Json list = {{"steps", "sampling steps"},
               {"guidance", "guidance scale"},
               {"parameters", "parameters of the U-Net"},
               {"gflops_per_call", "GFLOPs of one U-Net call"}};
  for (const TaskReport& task : report.tasks)
    for (const Group& group : task.study.groups)
      list[group.metric.name] =
          group.metric.label +
          (group.metric.is_lower_better ? " (lower is better)" : " (higher is better)");
  return list;
}

}  // namespace

std::string page_data(const Report& report, const std::vector<std::vector<Figure>>& figures) {
  Json axes = Json::array(), tasks = Json::array(), tables = Json::object();
  for (const CostAxis& axis : cost_axes())
    axes.push_back({{"column", axis.column}, {"label", axis.label}});
  std::set<std::string> used;
  std::string specs;
  for (std::size_t i = 0; i < report.tasks.size(); ++i) {
    tasks.push_back(packed_task(report.tasks[i], figures[i]));
    for (const Figure& figure : figures[i]) {
      const std::string text = canonical(figure.spec);
      for (const Table& table : report.tables)
        if (text.find("\"name\":\"" + table.name + "\"") != std::string::npos)
          used.insert(table.name);
      specs += text;
    }
  }
  for (const Table& table : report.tables)
    if (used.contains(table.name)) tables[table.name] = packed(report, table, specs);
  return without_angle(canonical(
      {{"axes", axes}, {"tasks", tasks}, {"tables", tables}, {"titles", titles(report)}}));
}

}  // namespace isocost::report
