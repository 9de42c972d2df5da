// What the numbers are held against: cells of the same table that no network drew.
#include <algorithm>
#include <map>
#include <set>

#include "reports/html/sections.h"
#include "reports/model/display.h"

namespace isocost::report {
namespace {

// The first cell of a baseline that has such a score with a value: finalists may stand beside it.
const Score* score_of(const std::vector<const Point*>& cells, const Group& group) {
  for (const Point* point : cells)
    if (const Score* score = Study::score_of(*point, group); score != nullptr && score->value)
      return score;
  return nullptr;
}

void write_value(Markup& html, const std::optional<double>& value, const std::optional<double>& low,
                 const std::optional<double>& high) {
  html.open("td", {{"class", "number"}});
  if (value) html.text(display_score(*value));
  if (value && low && high)
    html.element("span", display_score(*low) + " to " + display_score(*high), {{"class", "soft"}});
  html.close("td");
}

// The best value of any cell that was drawn, which may be another cell for each metric.
void write_best(Markup& html, const std::vector<const Group*>& groups) {
  html.open("tr").open("th", {{"scope", "row"}});
  html.element("span", "The best cell of each metric", {{"class", "model"}}).close("th");
  for (const Group* group : groups) {
    const Score* best = nullptr;
    for (const Score* score : group->scores)
      if (score != nullptr && score->value &&
          (best == nullptr || (group->metric.is_lower_better ? *score->value < *best->value
                                                             : *score->value > *best->value)))
        best = score;
    if (best == nullptr)
      write_value(html, {}, {}, {});
    else
      write_value(html, best->value, best->low, best->high);
  }
  html.close("tr");
}

}  // namespace

void write_baselines(Markup& html, const TaskPage& page) {
  const Study& study = page.study();
  if (study.baselines.empty() || study.choice == nullptr) return;
  std::vector<const Group*> groups = {study.choice};
  for (const Group& group : study.groups)
    if (&group != study.choice && group.spec.range == study.choice->spec.range)
      groups.push_back(&group);
  std::vector<std::string> order;
  std::map<std::string, std::vector<const Point*>> rows;
  for (const Point& point : study.baselines) {
    auto& cells = rows[point.series];
    if (cells.empty()) order.push_back(point.series);
    cells.push_back(&point);
  }
  html.open("section", {{"id", page.id("baselines")}})
      .element(page.section_heading(), "Baselines")
      .element("p", "What no network drew, over the same " + images_text(study.choice->spec.range) +
                        ", by the same metrics. A number of a model says little without them.");
  std::vector<std::pair<std::string, bool>> columns = {{"Pictures", false}};
  for (const Group* group : groups) columns.emplace_back(group->name(), true);
  open_table(html, "Baselines: " + study.task, columns);
  for (const std::string& name : order) {
    const auto& cells = rows.at(name);
    html.open("tr").open("th", {{"scope", "row"}}).element("span", name, {{"class", "model"}});
    html.element("span", cells.front()->baseline->explanation, {{"class", "soft"}}).close("th");
    for (const Group* group : groups) {
      const Score* score = score_of(cells, *group);
      if (score == nullptr)
        write_value(html, {}, {}, {});
      else
        write_value(html, score->value, score->low, score->high);
    }
    html.close("tr");
  }
  write_best(html, groups);
  close_table(html);
  html.close("section");
}

}  // namespace isocost::report
