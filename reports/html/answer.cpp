#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "reports/html/sections.h"
#include "reports/model/display.h"

namespace isocost::report {
namespace {

std::string score_text(const Report& report, const Setting& setting) {
  return report.study.choice->metric.label + " " +
         display_interval(setting.value, setting.low, setting.high);
}

// Where the winning model changes; at most four, the first and the last among them.
std::vector<const Answer*> turning_points(const std::vector<Answer>& answers) {
  std::vector<const Answer*> points;
  for (const Answer& answer : answers)
    if (points.empty() || points.back()->best.point->model != answer.best.point->model)
      points.push_back(&answer);
  if (points.back() != &answers.back() && points.size() < 2) points.push_back(&answers.back());
  while (points.size() > 4)
    points.erase(points.begin() + static_cast<std::ptrdiff_t>(points.size() / 2));
  return points;
}

void write_sentence(Markup& html, const Report& report, std::size_t axis) {
  const CostAxis& cost = cost_axes()[axis];
  const auto& list = report.answers[axis];
  html.open("p", {{"class", "answer-sentence"}});
  bool is_first = true;
  for (const Answer* answer : turning_points(list)) {
    html.text(is_first ? "With " : " With ")
        .element("strong", display(answer->budget) + " " + cost.unit)
        .text(" use ");
    html.element("strong", answer->best.point->model);
    html.text(fmt::format(" with {}, {} steps and guidance {}: {}.", answer->best.point->series,
                          answer->best.point->steps, display(answer->best.point->guidance),
                          score_text(report, answer->best)));
    is_first = false;
  }
  html.close("p");
}

void write_way(Markup& html, const Setting& setting) {
  html.open("td").element("span", setting.point->model, {{"class", "model"}}).close("td");
  html.element("td", setting.point->series, {{"class", "keep"}});
  html.element("td", fmt::format("{}", setting.point->steps), {{"class", "number"}});
  html.element("td", display(setting.point->guidance), {{"class", "number"}});
}

void write_runner_up(Markup& html, const Answer& answer) {
  html.open("td", {{"class", "keep"}});
  if (!answer.runner_up) {
    html.element("span", "nothing else fits", {{"class", "soft"}})
        .close("td")
        .open("td")
        .close("td");
    return;
  }
  const Setting& second = *answer.runner_up;
  html.text(fmt::format("{}, {}, {} steps", second.point->model, second.point->series,
                        second.point->steps));
  html.element("span", display_interval(second.value, second.low, second.high), {{"class", "soft"}})
      .close("td");
  html.open("td", {{"class", "keep"}});
  if (answer.tied == 0 && answer.runner_up_is_resolved)
    html.element("span", "clear", {{"class", "chip clear"}});
  else
    html.element(
        "span",
        answer.tied > 0 ? fmt::format("tie with {}", answer.tied) : std::string("no interval"),
        {{"class", "chip open"}});
  if (answer.other_model && answer.other_model->point->model != answer.best.point->model)
    html.element("span",
                 (answer.other_model_is_resolved ? "clear against " : "open against ") +
                     answer.other_model->point->model,
                 {{"class", "soft"}});
  if (answer.cheapest_tied)
    html.element(
        "span",
        fmt::format(
            "as good for {}: {}, {}, {} steps",
            display(answer.cheapest_tied->point->costs[kGflopsAxis].value_or(0)) + " GFLOPs",
            answer.cheapest_tied->point->model, answer.cheapest_tied->point->series,
            answer.cheapest_tied->point->steps),
        {{"class", "soft"}});
  html.close("td");
}

void write_table(Markup& html, const Report& report, std::size_t axis) {
  const std::string& metric = report.study.choice->metric.label;
  open_table(html, "What to use at which budget",
             {{"Budget, " + cost_axes()[axis].unit, true},
              {"Model", false},
              {"Sampler", false},
              {"Steps", true},
              {"Guidance", true},
              {metric + " (95 % interval)", true},
              {"Costs", true},
              {"Runner-up", false},
              {"How sure", false}});
  for (const Answer& answer : report.answers[axis]) {
    html.open("tr").element("td", display(answer.budget), {{"class", "number"}});
    write_way(html, answer.best);
    html.element("td", display_interval(answer.best.value, answer.best.low, answer.best.high),
                 {{"class", "number"}});
    html.element("td", display(*answer.best.point->costs[axis]), {{"class", "number"}});
    write_runner_up(html, answer);
    html.close("tr");
  }
  close_table(html);
}

// What flatters these numbers, said where they stand.
void write_bias(Markup& html, const Report& report) {
  const Setting& any = report.candidates.front();
  std::size_t most = 0;
  for (const Setting& setting : report.candidates) most = std::max(most, setting.candidates);
  const std::string& metric = report.study.choice->metric.label;
  html.open("p", {{"class", "soft"}});
  if (any.source == Source::kJudgedOnOtherImages) {
    html.text(
        fmt::format("Guidance was chosen among up to {} values on {}; every value above is of {}, "
                    "which were not used to choose it. "
                    "That the table shows the best of several settings a budget still flatters its "
                    "first column a little.",
                    most, images_text(report.study.choice->spec.range),
                    images_text(report.study.judgement->spec.range)));
  } else if (most > 1) {
    html.text(
        fmt::format("Each value is the best of up to {} guidances on the same {} images that it is "
                    "reported on, which flatters it "
                    "a little (min-of-{} bias). isocost select writes a grid of finalists that are "
                    "judged on other images.",
                    most, report.study.choice->spec.range.size(), most));
  } else {
    html.text(
        fmt::format("Every {} is of {}.", metric, images_text(report.study.choice->spec.range)));
  }
  html.text(
      " A lead is called clear if the two 95 % intervals do not overlap; a tie counts the settings "
      "whose interval overlaps the "
      "best one's. Costs of one setting are the same on every machine, measured ones are not.");
  html.close("p");
}

}  // namespace

bool has_axis(const Report& report, std::size_t axis) { return !report.answers[axis].empty(); }

void write_answer(Markup& html, const Report& report) {
  html.open("section", {{"id", "answer"}});
  if (report.candidates.empty()) {
    html.element("p", "No cell has a score yet, so there is no answer yet.",
                 {{"class", "answer-sentence"}})
        .close("section");
    return;
  }
  bool is_first = true;
  for (std::size_t axis = 0; axis < cost_axes().size(); ++axis) {
    if (!has_axis(report, axis)) continue;
    if (is_first)
      html.open("div", {{"data-axis", cost_axes()[axis].column}});
    else
      html.open("div", {{"data-axis", cost_axes()[axis].column}, {"hidden", "hidden"}});
    is_first = false;
    write_sentence(html, report, axis);
    write_table(html, report, axis);
    html.close("div");
  }
  write_bias(html, report);
  html.close("section");
}

}  // namespace isocost::report
